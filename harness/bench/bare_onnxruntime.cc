// The least that a program can do with ONNX Runtime: sessions in threads, each running one batch after the
// other. What the harness adds to this is its cost.
//
//   bare-onnxruntime --cell FILE --data DIR|synthetic --scenario Offline|SingleStream --workers N --threads M
//   --batch B
//                    --duration SECONDS
//
// prints {"samples": N, "samples_per_second": x, "median_batch_ns": x, "cpu_ns_per_sample": x}.
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include "arguments.h"
#include "core/cell.h"
#include "core/cpu_time.h"
#include "core/dataset.h"
#include "core/json.h"

namespace {

using Clock = std::chrono::steady_clock;
using mlperf_bake::Cell;
using mlperf_bake::DataSet;

// One thread's loop: batch after batch over the samples where they lie, until `stop`.
class Loop {
 public:
  Loop(const Ort::Env& env, const Cell& cell, const DataSet& data, int threads, std::size_t batch)
      : cell_(cell), data_(data), batch_(batch), session_(env, cell.weights.c_str(), Options(threads)) {
    shape_.push_back(static_cast<std::int64_t>(batch));
    shape_.insert(shape_.end(), cell.input_shape.begin(), cell.input_shape.end());
    scores_.resize(batch * cell.classes);
    batch_ns_.reserve(1 << 20);
  }

  void Run(const std::atomic<bool>& stop) {
    while (!stop.load(std::memory_order_relaxed)) {
      const auto start = Clock::now();
      RunBatch();
      batch_ns_.push_back(std::chrono::duration<double, std::nano>(Clock::now() - start).count());
    }
  }

  void RunBatch() {
    const std::size_t elements = batch_ * mlperf_bake::ElementCount(cell_.input_shape);
    auto* const samples = reinterpret_cast<float*>(const_cast<std::byte*>(data_.sample(next_)));
    next_ = next_ + 2 * batch_ > data_.count() ? 0 : next_ + batch_;
    const Ort::Value input =
        Ort::Value::CreateTensor<float>(memory_, samples, elements, shape_.data(), shape_.size());
    const std::array<std::int64_t, 2> output_shape = {shape_[0], static_cast<std::int64_t>(cell_.classes)};
    Ort::Value output =
        Ort::Value::CreateTensor<float>(memory_, scores_.data(), scores_.size(), output_shape.data(), 2);
    const char* const input_name = cell_.input_name.c_str();
    const char* const output_name = cell_.output_name.c_str();
    session_.Run(run_options_, &input_name, &input, 1, &output_name, &output, 1);
  }

  std::vector<double>& batch_ns() { return batch_ns_; }

 private:
  static Ort::SessionOptions Options(int threads) {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(threads);
    options.SetInterOpNumThreads(1);
    options.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
    return options;
  }

  const Cell& cell_;
  const DataSet& data_;
  std::size_t batch_;
  Ort::MemoryInfo memory_ = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  Ort::RunOptions run_options_;
  Ort::Session session_;
  std::vector<std::int64_t> shape_;
  std::vector<float> scores_;
  std::vector<double> batch_ns_;
  std::size_t next_ = 0;
};

int Main(int argc, char** argv) {
  const mlperf_bake::Arguments arguments(argc, argv,
                                         {{"--cell", ""},
                                          {"--data", "synthetic"},
                                          {"--scenario", "Offline"},
                                          {"--workers", "1"},
                                          {"--threads", "1"},
                                          {"--batch", "1"},
                                          {"--duration", "2"}});
  const Cell cell = mlperf_bake::ReadCell(arguments.Text("--cell"));
  if (cell.input_dtype != mlperf_bake::DType::kFloat32 ||
      cell.output_kind != mlperf_bake::OutputKind::kScores) {
    throw mlperf_bake::Failure(mlperf_bake::ExitCode::kUsage, "The bare loop is for float32 in, scores out.");
  }
  const DataSet data = arguments.Text("--data") == "synthetic"
                           ? DataSet::Synthesize(DataSet::SyntheticCount(cell), cell)
                           : DataSet::Open(arguments.Text("--data"), cell, false);
  const bool single_stream = arguments.Text("--scenario") == "SingleStream";
  const int workers = single_stream ? 1 : arguments.Whole("--workers");
  const auto batch = static_cast<std::size_t>(single_stream ? 1 : arguments.Whole("--batch"));

  const Ort::Env env(ORT_LOGGING_LEVEL_ERROR, "bare");
  std::vector<std::unique_ptr<Loop>> loops;
  for (int i = 0; i < workers; ++i) {
    loops.push_back(std::make_unique<Loop>(env, cell, data, arguments.Whole("--threads"), batch));
    for (int warm = 0; warm < 8; ++warm) loops.back()->RunBatch();
  }

  std::atomic<bool> stop{false};
  const double cpu_before = mlperf_bake::CpuSeconds();
  const auto start = Clock::now();
  std::vector<std::thread> threads;
  for (const auto& loop : loops) threads.emplace_back([&stop, &loop = *loop] { loop.Run(stop); });
  std::this_thread::sleep_for(std::chrono::duration<double>(arguments.Number("--duration")));
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  const double cpu_seconds = mlperf_bake::CpuSeconds() - cpu_before;

  std::vector<double> batch_ns;
  for (const auto& loop : loops)
    batch_ns.insert(batch_ns.end(), loop->batch_ns().begin(), loop->batch_ns().end());
  const auto middle = batch_ns.begin() + static_cast<std::ptrdiff_t>(batch_ns.size() / 2);
  std::nth_element(batch_ns.begin(), middle, batch_ns.end());
  const double samples = static_cast<double>(batch_ns.size() * batch);
  mlperf_bake::JsonWriter json;
  json.BeginObject().Member("samples", samples).Member("samples_per_second", samples / seconds);
  json.Member("median_batch_ns", *middle)
      .Member("cpu_ns_per_sample", 1e9 * cpu_seconds / samples)
      .EndObject();
  std::fputs(json.Text().c_str(), stdout);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bare-onnxruntime: %s\n", error.what());
    return 1;
  }
}
