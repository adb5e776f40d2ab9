/* The header is C, and the library answers a C caller: a bad handle, a bad path, null pointers. */
#include <stdio.h>
#include <string.h>

#include "bindings/dpi/quasim_dpi.h"

static int checks = 0;
static int failures = 0;

static void expect(int condition, const char* what) {
  ++checks;
  if (!condition) {
    ++failures;
    printf("FAIL %s (last error: %s)\n", what, quasim_dpi_last_error());
  }
}

int main(void) {
  int handle = 0, value = 0;
  expect(strcmp(quasim_dpi_last_error(), "") == 0, "no error before the first call");
  expect(quasim_dpi_open(NULL, &handle) == QUASIM_DPI_BAD_INPUT, "null path");
  expect(quasim_dpi_open("/nonexistent", NULL) == QUASIM_DPI_BAD_INPUT, "null handle");
  expect(quasim_dpi_open("/nonexistent", &handle) == QUASIM_DPI_BAD_INPUT, "missing file");
  expect(strstr(quasim_dpi_last_error(), "/nonexistent") != NULL, "the message names the file");
  expect(handle == 0, "a failed open leaves the handle alone");
  expect(quasim_dpi_silu(1, 0, &value) == QUASIM_DPI_BAD_HANDLE, "handle that was never opened");
  printf("%s: %d checks\n", failures == 0 ? "PASS" : "FAIL", checks);
  return failures == 0 && checks > 0 ? 0 : 1;
}
