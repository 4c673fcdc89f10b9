// A worker's lane: everything one worker needs to answer samples, owned by it alone, so that lanes share
// nothing while the clock runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backends/backend.h"
#include "core/asymmetric_fence.h"
#include "core/memory.h"
#include "core/output_rule.h"
#include "core/sample_library.h"
#include "core/watchdog.h"
#include "query_sample.h"
#include "tasks/task.h"

namespace mlperf_bake {

// Two cache lines: neighbours are fetched in pairs.
inline constexpr std::size_t kNoSharing = 128;

class alignas(kNoSharing) Lane {
 public:
  Lane(std::unique_ptr<Instance> instance, std::unique_ptr<Decoder> decoder, const SampleLibrary& library,
       std::size_t batch, std::vector<int> cpus, const OutputRule& rule, CallCount& calls);

  // Makes room for the answers to `most_held` samples; before the first Answer(), and while none is held.
  void Reserve(std::size_t most_held);
  // Runs `samples` through the backend, batch by batch, and holds the answers.
  void Answer(std::span<const mlperf::QuerySample> samples);
  // Reports the answers held to LoadGen.
  void Deliver();
  std::size_t held() const { return held_; }
  // Runs one batch and throws the output away (warm-up).
  void Rehearse(std::span<const mlperf::QuerySample> batch) { Compute(batch); }

  std::uint64_t answered() const { return answered_.load(std::memory_order_relaxed); }
  std::size_t batch() const { return batch_; }
  const std::vector<int>& cpus() const { return cpus_; }

  // While one exists, the lane is at work. Whoever creates one must then look at RunControl's stop flag:
  // after a stop was requested, a lane that AnyBusy() saw idle stays idle (asymmetric_fence.h).
  class Shift {
   public:
    explicit Shift(Lane& lane) : lane_(lane) { SetBeforeReading(lane_.busy_); }
    ~Shift() { lane_.busy_.store(false, std::memory_order_release); }
    Shift(const Shift&) = delete;
    Shift& operator=(const Shift&) = delete;

   private:
    Lane& lane_;
  };
  bool busy() const { return busy_.load(std::memory_order_seq_cst); }

 private:
  // Failure kWrongAnswer when the backend's answer breaks the rule.
  Output Compute(std::span<const mlperf::QuerySample> batch);
  // Where the batch lies in one piece: where it is, when its samples are neighbours, otherwise in a copy.
  const std::byte* InOnePiece(std::span<const mlperf::QuerySample> batch);

  std::unique_ptr<Instance> instance_;
  std::unique_ptr<Decoder> decoder_;
  const SampleLibrary& library_;
  std::size_t batch_;
  std::vector<int> cpus_;
  OutputRule rule_;
  CallCount& calls_;  // of the backend
  Memory staging_;    // room for a batch; empty when batches are of one
  Memory responses_memory_;
  std::span<mlperf::QuerySampleResponse> responses_;
  std::size_t held_ = 0;
  std::atomic<std::uint64_t> answered_{0};
  std::atomic<bool> busy_{false};
};

using Lanes = std::vector<std::unique_ptr<Lane>>;

// Samples answered by all lanes.
std::uint64_t Answered(const Lanes& lanes);
// After a stop was requested; not for the hot path (FenceAllThreads).
bool AnyBusy(const Lanes& lanes);

}  // namespace mlperf_bake
