// The least that a program can do with ONNX Runtime (bare_loop.h).
#include <onnxruntime_cxx_api.h>

#include <array>

#include "bare_loop.h"

namespace {

using mlperf_bake::Cell;

// A session with its own memory for answers.
class Worker {
 public:
  Worker(const Ort::Env& env, const Cell& cell, int threads, std::size_t batch)
      : input_name_(cell.inputs.front().name),
        output_name_(cell.outputs.front().name),
        session_(env, cell.weights.c_str(), Options(threads)),
        output_shape_{static_cast<std::int64_t>(batch), static_cast<std::int64_t>(cell.classes)},
        elements_(batch * mlperf_bake::ElementCount(cell.inputs.front().shape)),
        scores_(batch * cell.classes) {
    shape_.push_back(static_cast<std::int64_t>(batch));
    const auto& sample = cell.inputs.front().shape;
    shape_.insert(shape_.end(), sample.begin(), sample.end());
  }

  void Run(const float* samples) {
    const Ort::Value input = Ort::Value::CreateTensor<float>(memory_, const_cast<float*>(samples), elements_,
                                                             shape_.data(), shape_.size());
    Ort::Value output = Ort::Value::CreateTensor<float>(memory_, scores_.data(), scores_.size(),
                                                        output_shape_.data(), output_shape_.size());
    const char* const input_name = input_name_.c_str();
    const char* const output_name = output_name_.c_str();
    session_.Run(run_options_, &input_name, &input, 1, &output_name, &output, 1);
  }

 private:
  static Ort::SessionOptions Options(int threads) {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(threads);
    options.SetInterOpNumThreads(1);
    options.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
    return options;
  }

  std::string input_name_, output_name_;
  Ort::MemoryInfo memory_ = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  Ort::RunOptions run_options_;
  Ort::Session session_;
  std::vector<std::int64_t> shape_;
  std::array<std::int64_t, 2> output_shape_;
  std::size_t elements_;
  std::vector<float> scores_;
};

}  // namespace

int main(int argc, char** argv) {
  const Ort::Env env(ORT_LOGGING_LEVEL_ERROR, "bare");
  return mlperf_bake::BareLoopMain(argc, argv, [&](const Cell& cell, int threads, std::size_t batch) {
    const auto worker = std::make_shared<Worker>(env, cell, threads, batch);
    return [worker](const float* samples) { worker->Run(samples); };
  });
}
