# Included for ${target} by harness_backends(). OpenVINO comes from its wheel: openvino/include, openvino/libs.
set(OPENVINO_INCLUDE_DIR "" CACHE PATH "Directory of openvino/openvino.hpp")
set(OPENVINO_LIBRARY "" CACHE FILEPATH "libopenvino.so under its versioned name, plugins and TBB beside it")
runtime_library(openvino OPENVINO_INCLUDE_DIR openvino/openvino.hpp "${OPENVINO_LIBRARY}")
target_link_libraries(${target} PRIVATE openvino)
