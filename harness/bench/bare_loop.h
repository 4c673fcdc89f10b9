// A bare loop over a runtime: workers in threads, each running one batch after the other and nothing else.
// What the harness adds to this is its cost.
//
//   PROGRAM --cell FILE --data DIR|synthetic --scenario Offline|SingleStream --workers N --threads M --batch
//   B
//           --duration SECONDS
//
// prints {"samples": N, "samples_per_second": x, "median_batch_ns": x, "cpu_ns_per_sample": x}.
#pragma once

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "arguments.h"
#include "core/cell.h"
#include "core/cpu_time.h"
#include "core/dataset.h"
#include "core/json.h"

namespace mlperf_bake {

// Runs the batch of float32 samples that begins at its argument. Called by one thread at a time.
using RunBatch = std::function<void(const float* samples)>;
// What one worker runs, with `threads` threads and batches of `batch`.
using OpenWorker = std::function<RunBatch(const Cell& cell, int threads, std::size_t batch)>;

// One worker's loop: batch after batch over the samples where they lie, until `stop`.
class BareLoop {
 public:
  BareLoop(RunBatch run, const DataSet& data, std::size_t batch)
      : run_(std::move(run)), data_(data), batch_(batch) {
    batch_ns_.reserve(1 << 20);
  }

  // Warms up in the thread that will run (runtimes keep some things for each thread), meets the others, runs.
  void Run(std::barrier<>& ready, const std::atomic<bool>& stop) {
    using Clock = std::chrono::steady_clock;
    constexpr int kWarmUp = 8;
    for (int warm = 0; warm < kWarmUp; ++warm) RunOnce();
    ready.arrive_and_wait();
    while (!stop.load(std::memory_order_relaxed)) {
      const auto start = Clock::now();
      RunOnce();
      batch_ns_.push_back(std::chrono::duration<double, std::nano>(Clock::now() - start).count());
    }
  }

  const std::vector<double>& batch_ns() const { return batch_ns_; }

 private:
  void RunOnce() {
    run_(reinterpret_cast<const float*>(data_.sample(next_)));
    next_ = next_ + 2 * batch_ > data_.count() ? 0 : next_ + batch_;
  }

  RunBatch run_;
  const DataSet& data_;
  std::size_t batch_;
  std::vector<double> batch_ns_;
  std::size_t next_ = 0;
};

inline void MeasureBareLoop(int argc, char** argv, const OpenWorker& open) {
  const Arguments arguments(argc, argv,
                            {{"--cell", ""},
                             {"--data", "synthetic"},
                             {"--scenario", "Offline"},
                             {"--workers", "1"},
                             {"--threads", "1"},
                             {"--batch", "1"},
                             {"--duration", "2"}});
  const Cell cell = ReadCell(arguments.Text("--cell"));
  if (cell.inputs.size() != 1 || cell.inputs.front().dtype != DType::kFloat32 ||
      cell.output_kind != OutputKind::kScores) {
    throw Failure(ExitCode::kUsage, "The bare loop is for float32 in, scores out.");
  }
  const DataSet data = arguments.Text("--data") == "synthetic"
                           ? DataSet::Synthesize(DataSet::SyntheticCount(cell), cell)
                           : DataSet::Open(arguments.Text("--data"), cell, false);
  const bool single_stream = arguments.Text("--scenario") == "SingleStream";
  const int workers = single_stream ? 1 : arguments.Whole("--workers");
  const auto batch = static_cast<std::size_t>(single_stream ? 1 : arguments.Whole("--batch"));
  std::vector<std::unique_ptr<BareLoop>> loops;
  for (int i = 0; i < workers; ++i) {
    loops.push_back(std::make_unique<BareLoop>(open(cell, arguments.Whole("--threads"), batch), data, batch));
  }

  std::atomic<bool> stop{false};
  std::barrier<> ready(workers + 1);
  std::vector<std::thread> threads;
  for (const auto& loop : loops) {
    threads.emplace_back([&ready, &stop, &loop = *loop] { loop.Run(ready, stop); });
  }
  ready.arrive_and_wait();
  const double cpu_before = CpuSeconds();
  const auto start = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(std::chrono::duration<double>(arguments.Number("--duration")));
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double cpu_seconds = CpuSeconds() - cpu_before;

  std::vector<double> batch_ns;
  for (const auto& loop : loops)
    batch_ns.insert(batch_ns.end(), loop->batch_ns().begin(), loop->batch_ns().end());
  const auto middle = batch_ns.begin() + static_cast<std::ptrdiff_t>(batch_ns.size() / 2);
  std::nth_element(batch_ns.begin(), middle, batch_ns.end());
  const double samples = static_cast<double>(batch_ns.size() * batch);
  JsonWriter json;
  json.BeginObject().Member("samples", samples).Member("samples_per_second", samples / seconds);
  json.Member("median_batch_ns", *middle)
      .Member("cpu_ns_per_sample", 1e9 * cpu_seconds / samples)
      .EndObject();
  std::fputs(json.Text().c_str(), stdout);
}

// The whole of a bare loop's main().
inline int BareLoopMain(int argc, char** argv, const OpenWorker& open) {
  try {
    MeasureBareLoop(argc, argv, open);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
}

}  // namespace mlperf_bake
