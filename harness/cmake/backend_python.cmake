# Included for ${target} by harness_backends(). CPython is embedded through its C API: the machine's own by default, or the one
# that PYTHON_INCLUDE_DIR and PYTHON_LIBRARY_DIR name (a cross build, an image's own).
set(PYTHON_INCLUDE_DIR "" CACHE PATH "Directory of Python.h")
set(PYTHON_LIBRARY_DIR "" CACHE PATH "Directory of libpython3.N.so.1.0")
if(NOT PYTHON_INCLUDE_DIR AND NOT PYTHON_LIBRARY_DIR)
  find_package(Python3 3.11 REQUIRED COMPONENTS Development.Embed)
  list(GET Python3_INCLUDE_DIRS 0 python_include_dir)
  list(GET Python3_LIBRARIES 0 python_library)
else()
  set(python_include_dir "${PYTHON_INCLUDE_DIR}")
  file(GLOB python_library "${PYTHON_LIBRARY_DIR}/libpython3.*.so.1.0")
endif()
if(NOT EXISTS "${python_include_dir}/Python.h")
  message(FATAL_ERROR "Set -DPYTHON_INCLUDE_DIR: '${python_include_dir}' has no Python.h")
endif()
if(NOT EXISTS "${python_library}")
  message(FATAL_ERROR "Set -DPYTHON_LIBRARY_DIR: '${PYTHON_LIBRARY_DIR}' has no libpython3.N.so.1.0, or several")
endif()
if(NOT TARGET embedded_python)
  add_library(embedded_python SHARED IMPORTED GLOBAL)
  set_target_properties(embedded_python PROPERTIES
    IMPORTED_LOCATION "${python_library}" INTERFACE_INCLUDE_DIRECTORIES "${python_include_dir}")
endif()
# DT_RPATH, not DT_RUNPATH: it holds, too, for the libraries that libpython and its modules ask for.
get_filename_component(python_library_file "${python_library}" REALPATH)
get_filename_component(python_library_directory "${python_library_file}" DIRECTORY)
target_link_libraries(${target} PRIVATE embedded_python)
target_sources(${target} PRIVATE
  ${PROJECT_SOURCE_DIR}/src/backends/python_interpreter.cc ${PROJECT_SOURCE_DIR}/src/backends/python_instance.cc)
target_link_options(${target} PRIVATE LINKER:--disable-new-dtags LINKER:-rpath-link,${python_library_directory})
# The Python half, as text.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/backends/python_host.py)
file(READ ${PROJECT_SOURCE_DIR}/src/backends/python_host.py python_host)
file(CONFIGURE OUTPUT ${target}.backends/python_host.inc CONTENT "R\"python(${python_host})python\"\n" @ONLY)
