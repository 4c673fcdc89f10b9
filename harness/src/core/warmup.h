// Warm-up: every lane runs batches before the clock starts, side by side, and what that took is measured.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "core/lane.h"
#include "core/run_control.h"

namespace mlperf_bake {

// How fast the lanes were together, seen in their quick batches (the tenth percentile of each lane's times):
// a machine that slows down for a moment must not make the estimate too low.
struct Measured {
  double samples_per_second = 0;
  double batch_seconds = 0;  // of the quickest lane
  // What batches took on all lanes, quick and slow ones in their true proportion: a thousand at most.
  std::vector<double> batch_times{};
};

// Runs `batches` on each lane and then, when `at_least` is not zero, goes on for that long. The first
// `batches` are not measured unless they are all there is. All zero when nothing ran or a stop was requested.
Measured WarmUp(Lanes& lanes, std::size_t sample_count, std::uint64_t batches,
                std::chrono::milliseconds at_least, RunControl& control);

}  // namespace mlperf_bake
