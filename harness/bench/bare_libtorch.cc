// The least that a program can do with libtorch (bare_loop.h).
#include <ATen/Parallel.h>
#include <torch/script.h>

#include "bare_loop.h"

int main(int argc, char** argv) {
  return mlperf_bake::BareLoopMain(
      argc, argv, [](const mlperf_bake::Cell& cell, int threads, std::size_t batch) -> mlperf_bake::RunBatch {
        torch::jit::Module loaded = torch::jit::load(cell.weights.string());
        loaded.eval();
        std::vector<std::int64_t> shape = {static_cast<std::int64_t>(batch)};
        shape.insert(shape.end(), cell.input_shape.begin(), cell.input_shape.end());
        at::set_num_threads(threads);
        return [network = torch::jit::optimize_for_inference(loaded), shape](const float* samples) mutable {
          const c10::InferenceMode no_gradients;
          at::init_num_threads();
          network.forward({at::from_blob(const_cast<float*>(samples), shape, at::kFloat)}).toTensor();
        };
      });
}
