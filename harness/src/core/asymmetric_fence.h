// A pair of fences of which one costs nothing: for a flag set a million times a second and looked at once.
//
// Two threads each write their own flag and then read the other's. With SetBeforeReading() on one side, and
// on the other a sequentially consistent store followed by FenceAllThreads(), at least one of them sees what
// the other wrote. The price is all on the second side, which interrupts every thread (membarrier(2)). Where
// the kernel or a seccomp profile does not have it, the first side pays with a sequentially consistent store.
#pragma once

#include <atomic>

namespace mlperf_bake {

// Decided before main(): membarrier(2) is there and this process is registered for it.
extern const bool kCanFenceAllThreads;

// Sets `flag`; no later sequentially consistent load of this thread comes before it.
inline void SetBeforeReading(std::atomic<bool>& flag) {
  if (kCanFenceAllThreads) {
    flag.store(true, std::memory_order_relaxed);
    std::atomic_signal_fence(
        std::memory_order_seq_cst);  // the compiler's order; FenceAllThreads() does the rest
  } else {
    flag.store(true, std::memory_order_seq_cst);
  }
}

// What any thread wrote or read before now is before what this thread reads from now on.
void FenceAllThreads();

}  // namespace mlperf_bake
