# Faults for tests to find: copies of the RTL with one place broken. The copy is made while building, so that an edit of the RTL
# never stops the configuration; where the place is gone, the copy is whole, and the one test that needs it fails and says so.

set(QUASIM_PLANT_FAULT ${CMAKE_CURRENT_LIST_DIR}/plant_fault.py)

# quasim_plant_fault(OUT NAME FILE MATCH REPLACEMENT): OUT becomes the list of RTL sources with MATCH replaced in rtl/FILE.
function(quasim_plant_fault OUT NAME FILE MATCH REPLACEMENT)
  set(directory ${CMAKE_CURRENT_BINARY_DIR}/${NAME})
  file(CONFIGURE OUTPUT ${directory}/match CONTENT "${MATCH}" @ONLY)
  file(CONFIGURE OUTPUT ${directory}/replacement CONTENT "${REPLACEMENT}" @ONLY)
  add_custom_command(OUTPUT ${directory}/${FILE} ${directory}/note
    COMMAND ${Python3_EXECUTABLE} ${QUASIM_PLANT_FAULT} ${PROJECT_SOURCE_DIR}/rtl/${FILE} ${directory}
    DEPENDS ${QUASIM_PLANT_FAULT} ${PROJECT_SOURCE_DIR}/rtl/${FILE} ${directory}/match ${directory}/replacement
    COMMENT "Planting the fault ${NAME} in ${FILE}" VERBATIM)
  set_property(GLOBAL PROPERTY QUASIM_FAULT_NOTE_${NAME} ${directory}/note)
  set(sources ${QUASIM_RTL_SOURCES})
  list(TRANSFORM sources REPLACE ".*/${FILE}$" "${directory}/${FILE}")
  set(${OUT} ${sources} PARENT_SCOPE)
endfunction()

# quasim_fault_test(TEST NAME COMMAND...): a test that needs the fault NAME; where it was not planted, the test fails and says why.
function(quasim_fault_test TEST NAME)
  get_property(note GLOBAL PROPERTY QUASIM_FAULT_NOTE_${NAME})
  add_test(NAME ${TEST} COMMAND ${Python3_EXECUTABLE} ${QUASIM_PLANT_FAULT} --planted ${note} ${ARGN})
endfunction()
