// A worker's lane: everything one worker needs to answer samples, owned by it alone, so that lanes share
// nothing while the clock runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backends/backend.h"
#include "core/memory.h"
#include "core/sample_library.h"
#include "query_sample.h"
#include "tasks/task.h"

namespace mlperf_bake {

// Two cache lines: neighbours are fetched in pairs.
inline constexpr std::size_t kNoSharing = 128;

class alignas(kNoSharing) Lane {
 public:
  // `most_pending`: samples that one Answer() may be given.
  Lane(std::unique_ptr<Instance> instance, std::unique_ptr<Decoder> decoder, const SampleLibrary& library,
       std::size_t batch, std::size_t most_pending, std::vector<int> cpus);

  // Runs `samples` through the backend, batch by batch, and reports them all to LoadGen.
  void Answer(std::span<const mlperf::QuerySample> samples);
  // Runs one batch and throws the output away (warm-up).
  void Rehearse(std::span<const mlperf::QuerySample> batch) { Compute(batch); }

  std::uint64_t answered() const { return answered_.load(std::memory_order_relaxed); }
  std::size_t batch() const { return batch_; }
  const std::vector<int>& cpus() const { return cpus_; }

  // While one exists, the lane is at work. Whoever creates one must then look at RunControl's stop flag: both
  // are sequentially consistent, so that after a stop was requested a lane seen idle stays idle.
  class Shift {
   public:
    explicit Shift(Lane& lane) : lane_(lane) { lane_.busy_.store(true, std::memory_order_seq_cst); }
    ~Shift() { lane_.busy_.store(false, std::memory_order_release); }
    Shift(const Shift&) = delete;
    Shift& operator=(const Shift&) = delete;

   private:
    Lane& lane_;
  };
  bool busy() const { return busy_.load(std::memory_order_seq_cst); }

 private:
  Output Compute(std::span<const mlperf::QuerySample> batch);
  // Where the batch lies in one piece: where it is, when its samples are neighbours, otherwise in a copy.
  const std::byte* InOnePiece(std::span<const mlperf::QuerySample> batch);

  std::unique_ptr<Instance> instance_;
  std::unique_ptr<Decoder> decoder_;
  const SampleLibrary& library_;
  std::size_t batch_;
  std::vector<int> cpus_;
  Memory staging_;  // room for a batch; empty when batches are of one
  std::vector<mlperf::QuerySampleResponse> responses_;
  std::atomic<std::uint64_t> answered_{0};
  std::atomic<bool> busy_{false};
};

using Lanes = std::vector<std::unique_ptr<Lane>>;

// Samples answered by all lanes.
std::uint64_t Answered(const Lanes& lanes);
bool AnyBusy(const Lanes& lanes);

}  // namespace mlperf_bake
