// Queries that arrive on LoadGen's schedule: Server and Interactive.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "core/dispatcher.h"
#include "core/query_ring.h"

namespace mlperf_bake {

// LoadGen's thread must go back to its schedule at once, so it only puts samples into a ring; every lane has
// a thread that takes them. Batches form by themselves from what waits when a lane gets free; with a
// time-out, a lane waits that long for a batch to fill.
class Serving final : public Dispatcher {
 public:
  Serving(std::string name, const DispatchSettings& settings, Lanes& lanes, RunControl& control);
  ~Serving() override;

 private:
  void Dispatch(std::span<const mlperf::QuerySample> samples) override;
  void Serve(Lane& lane);
  // At least one sample, or none when the run ends.
  std::size_t Collect(std::span<mlperf::QuerySample> batch);
  // Blocks until the ring may hold something; false when the run ends.
  bool AwaitSamples();
  void Wake();
  bool Ending() const { return ending_.load(std::memory_order_relaxed); }

  std::size_t grain_;
  std::chrono::microseconds batch_timeout_;
  QueryRing ring_;
  alignas(kNoSharing) std::atomic<int> sleepers_{0};
  std::atomic<int> spinners_{0};
  alignas(kNoSharing) std::atomic<int> wakes_{0};  // changes with every wake-up; lanes sleep on it
  std::atomic<bool> ending_{false};
  std::mutex collecting_;  // held while a batch fills, never while one runs
  std::vector<std::thread> servers_;
};

}  // namespace mlperf_bake
