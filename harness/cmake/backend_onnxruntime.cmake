# ONNX Runtime comes as a library (from its wheel or a package) and the C++ headers of the same or an older version.
if(NOT EXISTS "${ONNXRUNTIME_INCLUDE_DIR}/onnxruntime_cxx_api.h")
  message(FATAL_ERROR "Set -DONNXRUNTIME_INCLUDE_DIR: '${ONNXRUNTIME_INCLUDE_DIR}' has no onnxruntime_cxx_api.h")
endif()
if(NOT EXISTS "${ONNXRUNTIME_LIBRARY}")
  message(FATAL_ERROR "Set -DONNXRUNTIME_LIBRARY: '${ONNXRUNTIME_LIBRARY}' does not exist")
endif()
if(NOT TARGET onnxruntime)
  add_library(onnxruntime SHARED IMPORTED)
  set_target_properties(onnxruntime PROPERTIES
    IMPORTED_LOCATION "${ONNXRUNTIME_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${ONNXRUNTIME_INCLUDE_DIR}")
endif()
target_link_libraries(harness_core PUBLIC onnxruntime)
