// Notices a LoadGen that does not end although nothing is left to do.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "core/failure.h"

namespace mlperf_bake {

// How far a run has come.
struct Advance {
  bool flushed = false;          // LoadGen said that no query will follow
  std::uint64_t unanswered = 0;  // samples under way
  std::uint64_t issued = 0;      // samples so far
  double cpu_seconds = 0;        // of this process
  std::uint64_t log_bytes = 0;   // of LoadGen's logs
};

// A thread that logs more than 1,024 entries between two looks of LoadGen's log thread (every 10 ms) shares
// its buffers with that thread for one entry (logging.cc, TlsLogger::FinishReadingEntries calls Log): two
// requests to swap them may then come at once, and no request after them. LoadGen waits for the last entries
// for ever. Only a backend that answers within about ten microseconds comes there, and seldom.
//
// Stalled is a run in which nothing is left to answer, and for `limit` nothing was issued or logged and less
// than a tenth of a processor was used.
class StallWatch {
 public:
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;

  // `limit` of zero: nothing is noticed.
  StallWatch(std::string loadgen_version, Seconds limit)
      : loadgen_version_(std::move(loadgen_version)), limit_(limit) {}

  // The Failure kLoadGen to end the process with. Looked at a few times a second.
  std::optional<Failure> Look(const Advance& now, Clock::time_point time);

 private:
  bool Moved(const Advance& now, Clock::time_point time) const;

  std::string loadgen_version_;
  Seconds limit_;
  std::optional<Clock::time_point> since_;
  Advance start_;
};

}  // namespace mlperf_bake
