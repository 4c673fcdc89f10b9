# Target mlperf_loadgen: compiled from the untouched source distribution, whose generated/version_generated.cc names the
# revision and an empty git status. (Regenerating it inside another git tree would make LoadGen log
# error_uncommitted_loadgen_changes, which blocks accuracy runs.)
if(NOT EXISTS "${LOADGEN_DIR}/loadgen.h")
  message(FATAL_ERROR "Set -DLOADGEN_DIR to the unpacked mlcommons_loadgen source distribution: '${LOADGEN_DIR}' has no loadgen.h")
endif()

# The seeds of the round, where the caller names them: qsl, sample index and schedule, joined by ";". They must be those
# that are compiled in from mlperf_conf.h.
if(LOADGEN_SEEDS)
  set(compiled_seeds "")
  set(conf "")
  if(EXISTS "${LOADGEN_DIR}/mlperf_conf.h")
    file(READ "${LOADGEN_DIR}/mlperf_conf.h" conf)
  endif()
  foreach(name qsl sample_index schedule)
    if(conf MATCHES "\n\"[*][.][*][.]${name}_rng_seed = ([0-9]+)")
      list(APPEND compiled_seeds "${CMAKE_MATCH_1}")
    endif()
  endforeach()
  if(NOT compiled_seeds STREQUAL LOADGEN_SEEDS)
    message(FATAL_ERROR "The seeds in ${LOADGEN_DIR}/mlperf_conf.h (${compiled_seeds}) are not those of the round (${LOADGEN_SEEDS}); "
      "compile the LoadGen release of that round.")
  endif()
endif()

if(LOADGEN_LIB)
  if(NOT EXISTS "${LOADGEN_LIB}")
    message(FATAL_ERROR "LOADGEN_LIB is '${LOADGEN_LIB}', which does not exist")
  endif()
  add_library(mlperf_loadgen STATIC IMPORTED)
  set_target_properties(mlperf_loadgen PROPERTIES IMPORTED_LOCATION "${LOADGEN_LIB}")
else()
  file(READ "${LOADGEN_DIR}/VERSION.txt" loadgen_version)
  if(NOT loadgen_version MATCHES "^([0-9]+)\\.([0-9]+)")
    message(FATAL_ERROR "${LOADGEN_DIR}/VERSION.txt does not start with MAJOR.MINOR: '${loadgen_version}'")
  endif()
  add_library(mlperf_loadgen STATIC
    ${LOADGEN_DIR}/early_stopping.cc
    ${LOADGEN_DIR}/issue_query_controller.cc
    ${LOADGEN_DIR}/loadgen.cc
    ${LOADGEN_DIR}/logging.cc
    ${LOADGEN_DIR}/results.cc
    ${LOADGEN_DIR}/test_settings_internal.cc
    ${LOADGEN_DIR}/utils.cc
    ${LOADGEN_DIR}/version.cc
    ${LOADGEN_DIR}/generated/version_generated.cc)
  target_compile_definitions(mlperf_loadgen PRIVATE MAJOR_VERSION=${CMAKE_MATCH_1} MINOR_VERSION=${CMAKE_MATCH_2})
  target_compile_options(mlperf_loadgen PRIVATE -w)  # not our code
  set_target_properties(mlperf_loadgen PROPERTIES CXX_STANDARD 17)
endif()
target_include_directories(mlperf_loadgen SYSTEM INTERFACE "${LOADGEN_DIR}")
target_link_libraries(mlperf_loadgen INTERFACE Threads::Threads)
