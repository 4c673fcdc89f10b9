# Included for ${target} by harness_backends(). ONNX Runtime comes as a library (from its wheel or a package) and the C++ headers of the same or an older version.
if(NOT EXISTS "${ONNXRUNTIME_INCLUDE_DIR}/onnxruntime_cxx_api.h")
  message(FATAL_ERROR "Set -DONNXRUNTIME_INCLUDE_DIR: '${ONNXRUNTIME_INCLUDE_DIR}' has no onnxruntime_cxx_api.h")
endif()
if(NOT EXISTS "${ONNXRUNTIME_LIBRARY}")
  message(FATAL_ERROR "Set -DONNXRUNTIME_LIBRARY: '${ONNXRUNTIME_LIBRARY}' does not exist")
endif()
# The wheel carries libonnxruntime.so.1.N.N without the name that programs ask the loader for.
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
file(CREATE_LINK "${ONNXRUNTIME_LIBRARY}" ${PROJECT_BINARY_DIR}/lib/libonnxruntime.so.1 SYMBOLIC)
if(NOT TARGET onnxruntime)
  add_library(onnxruntime SHARED IMPORTED GLOBAL)
  set_target_properties(onnxruntime PROPERTIES
    IMPORTED_LOCATION ${PROJECT_BINARY_DIR}/lib/libonnxruntime.so.1
    INTERFACE_INCLUDE_DIRECTORIES "${ONNXRUNTIME_INCLUDE_DIR}")
endif()
target_link_libraries(${target} PRIVATE onnxruntime)
