# runtime_library(NAME INCLUDE_VARIABLE HEADER LIBRARY...): an imported target NAME out of the headers under
# ${INCLUDE_VARIABLE}, which must hold HEADER, and the library files LIBRARY.... Programs that link it find what those
# libraries themselves need where the libraries say ($ORIGIN), not when they are linked.
function(runtime_library name include_variable header)
  if(NOT EXISTS "${${include_variable}}/${header}")
    message(FATAL_ERROR "Set -D${include_variable}: '${${include_variable}}' has no ${header}")
  endif()
  if(TARGET ${name})
    return()
  endif()
  foreach(library IN LISTS ARGN)
    if(NOT EXISTS "${library}")
      message(FATAL_ERROR "Backend ${name} needs the library '${library}', which does not exist")
    endif()
  endforeach()
  add_library(${name} INTERFACE IMPORTED GLOBAL)
  set_target_properties(${name} PROPERTIES
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${${include_variable}}"
    INTERFACE_INCLUDE_DIRECTORIES "${${include_variable}}"
    INTERFACE_LINK_LIBRARIES "${ARGN}"
    INTERFACE_LINK_OPTIONS "LINKER:--allow-shlib-undefined")
endfunction()
