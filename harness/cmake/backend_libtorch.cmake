# Included for ${target} by harness_backends(). libtorch comes from PyTorch's wheel: torch/include, torch/lib.
set(TORCH_INCLUDE_DIR "" CACHE PATH "Directory of torch/script.h")
set(TORCH_LIBRARY_DIR "" CACHE PATH "Directory of libtorch_cpu.so, libc10.so and libgomp.so.1")
runtime_library(libtorch TORCH_INCLUDE_DIR torch/script.h
  "${TORCH_LIBRARY_DIR}/libtorch_cpu.so" "${TORCH_LIBRARY_DIR}/libc10.so" "${TORCH_LIBRARY_DIR}/libgomp.so.1")
target_include_directories(${target} SYSTEM PRIVATE "${TORCH_INCLUDE_DIR}/torch/csrc/api/include")
target_link_libraries(${target} PRIVATE libtorch)
# at::parallel_for is OpenMP in a header: without this it would run in one thread. The OpenMP is libtorch's own.
target_compile_options(${target} PRIVATE -fopenmp)
