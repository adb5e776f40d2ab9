# Verilated classes as ordinary build steps: nothing of the RTL is read while CMake configures, an edit of the RTL rebuilds what
# it must, and a class is three source files (fast, slow, trace) instead of a dozen that all parse the same headers.

find_program(VERILATOR_BIN verilator_bin HINTS $ENV{VERILATOR_ROOT}/bin REQUIRED)
file(REAL_PATH ${VERILATOR_BIN} verilator_bin)
cmake_path(GET verilator_bin PARENT_PATH verilator_prefix)
find_path(VERILATOR_INCLUDE_DIR verilated.h REQUIRED
  HINTS $ENV{VERILATOR_ROOT}/include ${verilator_prefix}/../share/verilator/include ${verilator_prefix}/../include)
cmake_path(GET VERILATOR_INCLUDE_DIR PARENT_PATH VERILATOR_ROOT)
file(STRINGS ${VERILATOR_INCLUDE_DIR}/verilated_config.h verilator_version REGEX "define VERILATOR_VERSION +\"")
string(REGEX REPLACE ".*\"([0-9]+\\.[0-9]+).*" "\\1" verilator_version "${verilator_version}")
if(NOT verilator_version VERSION_GREATER_EQUAL 5.006)
  message(FATAL_ERROR "Verilator: expected 5.006 or later; ${VERILATOR_BIN} is ${verilator_version}")
endif()
message(STATUS "Verilator ${verilator_version}: ${VERILATOR_BIN}")

set(verilator_compiler clang)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  set(verilator_compiler gcc)
endif()

# What every Verilated class calls.
add_library(verilated_runtime STATIC ${VERILATOR_INCLUDE_DIR}/verilated.cpp ${VERILATOR_INCLUDE_DIR}/verilated_dpi.cpp
  ${VERILATOR_INCLUDE_DIR}/verilated_fst_c.cpp ${VERILATOR_INCLUDE_DIR}/verilated_threads.cpp
  ${PROJECT_SOURCE_DIR}/testbench/cosim/fst_errors.cpp)
target_include_directories(verilated_runtime PRIVATE ${PROJECT_SOURCE_DIR}/testbench)
# The FST writer looks at no result of its writes: see fst_errors.hpp.
set_source_files_properties(${VERILATOR_INCLUDE_DIR}/verilated_fst_c.cpp PROPERTIES
  COMPILE_OPTIONS "-include;cosim/fst_writer_includes.hpp")
target_include_directories(verilated_runtime SYSTEM PUBLIC ${VERILATOR_INCLUDE_DIR} ${VERILATOR_INCLUDE_DIR}/vltstd)
target_compile_definitions(verilated_runtime PUBLIC VM_COVERAGE=0 VM_SC=0 VM_TRACE=1 VM_TRACE_FST=1 VM_TRACE_VCD=0)
target_compile_options(verilated_runtime PRIVATE -O1 -w)
target_link_libraries(verilated_runtime PUBLIC Threads::Threads z)

# Verilates every class and compiles nothing, for tools that read sources.
add_custom_target(verilated_sources)

# quasim_verilated_class(TARGET PREFIX TOP [TRACE_FST] [OPT_FAST -O3] SOURCES... [FLAGS...] [DEPENDS...]): adds the class PREFIX, verilated
# from the module TOP, to the library TARGET. Warnings are for lint (scripts/check_rtl.sh): its waivers name files, and Verilator loses a
# file's path behind the first space.
function(quasim_verilated_class TARGET PREFIX TOP)
  cmake_parse_arguments(ARG "TRACE_FST" "OPT_FAST" "SOURCES;FLAGS;DEPENDS" ${ARGN})
  set(parts fast slow)
  set(trace)
  if(ARG_TRACE_FST)
    list(APPEND parts trace)
    set(trace --trace-fst)
  endif()
  if(NOT ARG_OPT_FAST)
    set(ARG_OPT_FAST -O3)
  endif()
  set(directory ${CMAKE_CURRENT_BINARY_DIR}/${PREFIX}.dir)
  set(outputs)
  foreach(part ${parts})
    list(APPEND outputs ${directory}/${PREFIX}_${part}.cpp)
  endforeach()
  add_custom_command(OUTPUT ${outputs} ${directory}/${PREFIX}.h ${directory}/${PREFIX}___024root.h
    COMMAND ${CMAKE_COMMAND} -DPREFIX=${PREFIX} -DDIRECTORY=${directory} -P ${PROJECT_SOURCE_DIR}/testbench/cosim/run_verilator.cmake --
      ${CMAKE_COMMAND} -E env VERILATOR_ROOT=${VERILATOR_ROOT} ${VERILATOR_BIN} --cc --compiler ${verilator_compiler} --prefix ${PREFIX}
      --top-module ${TOP} ${trace} -O3 --x-assign fast --x-initial fast -Wno-fatal ${ARG_FLAGS} ${ARG_SOURCES}
    DEPENDS ${PROJECT_SOURCE_DIR}/testbench/cosim/run_verilator.cmake ${VERILATOR_BIN} ${ARG_SOURCES} ${ARG_DEPENDS} ${QUASIM_SPEC_STAMP}
    COMMENT "Verilating ${PREFIX}" VERBATIM)
  add_custom_target(${PREFIX}_sources DEPENDS ${outputs})
  add_dependencies(verilated_sources ${PREFIX}_sources)
  foreach(part ${parts})
    set_source_files_properties(${directory}/${PREFIX}_${part}.cpp PROPERTIES COMPILE_OPTIONS "-w;-O0")
  endforeach()
  set_source_files_properties(${directory}/${PREFIX}_fast.cpp PROPERTIES COMPILE_OPTIONS "-w;${ARG_OPT_FAST}")
  target_sources(${TARGET} PRIVATE ${outputs})
  target_include_directories(${TARGET} SYSTEM PUBLIC ${directory})
  get_target_property(type ${TARGET} TYPE)
  if(type STREQUAL EXECUTABLE)
    target_link_libraries(${TARGET} PRIVATE verilated_runtime)
  else()
    target_link_libraries(${TARGET} PUBLIC verilated_runtime)
  endif()
endfunction()

# Adds abi_of_PREFIX() to TARGET; PORTS is the function of verilated_class.hpp that lists the top module's.
function(quasim_verilated_abi TARGET QUASIM_PREFIX QUASIM_TRACED QUASIM_PORTS)
  configure_file(${PROJECT_SOURCE_DIR}/testbench/cosim/verilated_class.cpp.in ${CMAKE_CURRENT_BINARY_DIR}/abi_of_${QUASIM_PREFIX}.cpp @ONLY)
  target_sources(${TARGET} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/abi_of_${QUASIM_PREFIX}.cpp)
endfunction()

# quasim_verilate(TARGET PREFIX LANES ...): verilates quasim_top and adds abi_of_PREFIX() to TARGET; the rest as above.
function(quasim_verilate TARGET PREFIX LANES)
  cmake_parse_arguments(ARG "TRACE_FST;ASSERT" "OPT_FAST" "SOURCES;FLAGS" ${ARGN})
  set(traced false)
  set(options OPT_FAST ${ARG_OPT_FAST})
  if(ARG_TRACE_FST)
    set(traced true)
    list(APPEND options TRACE_FST)
  endif()
  set(assert --noassert)
  if(ARG_ASSERT)
    set(assert --assert)
  endif()
  quasim_verilated_class(${TARGET} ${PREFIX} quasim_top ${options}
    SOURCES ${PROJECT_SOURCE_DIR}/testbench/cosim/public.vlt ${ARG_SOURCES}
    FLAGS ${assert} -GLANES=${LANES} ${ARG_FLAGS})
  quasim_verilated_abi(${TARGET} ${PREFIX} ${traced} of_unit)
endfunction()

# quasim_verilate_tail(TARGET PREFIX ...): verilates quasim_tail_harness and adds abi_of_PREFIX() to TARGET; the rest as above.
function(quasim_verilate_tail TARGET PREFIX)
  cmake_parse_arguments(ARG "" "OPT_FAST" "SOURCES;FLAGS" ${ARGN})
  quasim_verilated_class(${TARGET} ${PREFIX} quasim_tail_harness OPT_FAST ${ARG_OPT_FAST}
    SOURCES ${ARG_SOURCES} ${PROJECT_SOURCE_DIR}/testbench/cosim/quasim_tail_harness.sv FLAGS --noassert ${ARG_FLAGS})
  quasim_verilated_abi(${TARGET} ${PREFIX} false of_tail)
endfunction()
