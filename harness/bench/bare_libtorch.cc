// The least that a program can do with libtorch (bare_loop.h), with the allocator set as the harness sets it:
// without that it takes half as long again.
#include <ATen/Parallel.h>
#include <malloc.h>
#include <torch/script.h>

#include <limits>

#include "bare_loop.h"

int main(int argc, char** argv) {
  return mlperf_bake::BareLoopMain(
      argc, argv, [](const mlperf_bake::Cell& cell, int threads, std::size_t batch) -> mlperf_bake::RunBatch {
        mallopt(M_MMAP_THRESHOLD, 32 << 20);
        mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
        torch::jit::Module loaded = torch::jit::load(cell.weights.string());
        loaded.eval();
        std::vector<std::int64_t> shape = {static_cast<std::int64_t>(batch)};
        const auto& sample = cell.inputs.front().shape;
        shape.insert(shape.end(), sample.begin(), sample.end());
        at::set_num_threads(threads);
        return [network = torch::jit::optimize_for_inference(loaded), shape](const float* samples) mutable {
          const c10::InferenceMode no_gradients;
          at::init_num_threads();
          network.forward({at::from_blob(const_cast<float*>(samples), shape, at::kFloat)}).toTensor();
        };
      });
}
