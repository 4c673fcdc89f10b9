# Included for ${target} by harness_backends(). TensorFlow comes from its wheel: tensorflow/include, and two libraries.
set(TENSORFLOW_INCLUDE_DIR "" CACHE PATH "Directory of tensorflow/c/c_api.h")
set(TENSORFLOW_LIBRARY_DIR "" CACHE PATH "Directory of libtensorflow_cc.so.2 and libtensorflow_framework.so.2")
runtime_library(tensorflow TENSORFLOW_INCLUDE_DIR tensorflow/c/c_api.h
  "${TENSORFLOW_LIBRARY_DIR}/libtensorflow_cc.so.2" "${TENSORFLOW_LIBRARY_DIR}/libtensorflow_framework.so.2")
target_link_libraries(${target} PRIVATE tensorflow)
