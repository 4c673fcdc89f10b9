#include "core/stall_watch.h"

#include <algorithm>
#include <cmath>

namespace mlperf_bake {
namespace {

constexpr double kIdleShare = 0.1;         // of one processor
constexpr double kJudgedAfterSeconds = 1;  // one look's work is no share of anything

}  // namespace

bool StallWatch::Moved(const Advance& now, Clock::time_point time) const {
  if (!now.flushed || now.unanswered > 0) return true;
  if (now.issued != start_.issued || now.log_bytes != start_.log_bytes) return true;
  const double seconds = std::max(kJudgedAfterSeconds, Seconds(time - *since_).count());
  return now.cpu_seconds - start_.cpu_seconds > kIdleShare * seconds;
}

std::optional<Failure> StallWatch::Look(const Advance& now, Clock::time_point time) {
  if (limit_.count() <= 0) return std::nullopt;
  if (!since_ || Moved(now, time)) {
    since_ = time;
    start_ = now;
    return std::nullopt;
  }
  if (time - *since_ < limit_) return std::nullopt;
  return Failure(
      ExitCode::kLoadGen,
      "LoadGen " + loadgen_version_ + " did not end: all is answered, and for " +
          std::to_string(std::lround(limit_.count())) +
          " s it neither worked nor logged. Its logger can lose its last entries when queries take "
          "microseconds; nothing is recorded. Run again.");
}

}  // namespace mlperf_bake
