#include "core/warmup.h"

#include <algorithm>
#include <thread>
#include <vector>

#include "core/cpus.h"

namespace mlperf_bake {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostTimes = 100'000;  // enough for a percentile

// Runs one lane's share; the seconds its measured batches took.
std::vector<double> Rehearse(Lane& lane, std::size_t lane_number, std::size_t sample_count,
                             std::uint64_t batches, std::chrono::milliseconds at_least, RunControl& control) {
  PinThisThread(lane.cpus());
  std::vector<mlperf::QuerySample> batch(lane.batch());
  std::vector<double> warming, measured;
  std::size_t next = lane_number * lane.batch();
  const auto run = [&](std::vector<double>& seconds) {
    for (mlperf::QuerySample& sample : batch) sample = {0, next++ % sample_count};
    const auto start = Clock::now();
    lane.Rehearse(batch);
    seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  };
  while (warming.size() < batches && !control.stop_requested()) run(warming);
  if (at_least.count() > 0) {
    const auto deadline = Clock::now() + at_least;
    while (Clock::now() < deadline && measured.size() < kMostTimes && !control.stop_requested())
      run(measured);
  }
  return measured.empty() ? warming : measured;
}

constexpr std::size_t kKeptTimes = 1000;

// Every n-th of the values, so that their distribution stays.
std::vector<double> Thinned(const std::vector<std::vector<double>>& lanes) {
  std::size_t all = 0;
  for (const auto& lane : lanes) all += lane.size();
  const std::size_t step = (all + kKeptTimes - 1) / kKeptTimes;
  std::vector<double> kept;
  for (std::size_t i = 0; const auto& lane : lanes) {
    for (const double value : lane) {
      if (i++ % step == 0) kept.push_back(std::max(value, 1e-9));
    }
  }
  return kept;
}

double TenthPercentile(std::vector<double>& values) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 10);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace

Measured WarmUp(Lanes& lanes, std::size_t sample_count, std::uint64_t batches,
                std::chrono::milliseconds at_least, RunControl& control) {
  std::vector<std::vector<double>> seconds(lanes.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    threads.emplace_back([&, i] {
      try {
        seconds[i] = Rehearse(*lanes[i], i, sample_count, batches, at_least, control);
      } catch (...) {  // rethrown below
        control.Fail(std::current_exception());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  control.RethrowFailure();
  Measured measured;
  if (control.stop_requested()) return measured;
  measured.batch_times = Thinned(seconds);
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    if (seconds[i].empty()) return {};
    const double batch_seconds = std::max(TenthPercentile(seconds[i]), 1e-9);
    measured.samples_per_second += static_cast<double>(lanes[i]->batch()) / batch_seconds;
    if (measured.batch_seconds == 0 || batch_seconds < measured.batch_seconds)
      measured.batch_seconds = batch_seconds;
  }
  return measured;
}

}  // namespace mlperf_bake
