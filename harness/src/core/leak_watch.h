// Notices a backend that takes more and more memory while it answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/failure.h"

namespace mlperf_bake {

// What this process has in memory, in bytes. Mapped files (samples, weights) are in `resident` and `peak`,
// not in `own`.
struct MemoryUse {
  std::uint64_t resident = 0;  // now
  std::uint64_t peak = 0;      // the most so far
  std::uint64_t own = 0;       // now, of pages no file backs
};

// From /proc/self/status; all zero where that cannot be read.
MemoryUse ReadMemoryUse();

// Growth is counted from the first look at which every lane has settled: by then LoadGen has its queries and
// the backend its work space. From there on may come
// - what is loaded of the samples (`samples_bytes`: another set of an accuracy run),
// - 256 bytes a sample answered, before the first look, too, as it may have been held back till then: LoadGen
// keeps 8 and, until its log thread gets to it, about 150; an answer
//   held back takes 40. No backend that forgets a tensor a batch stays below that,
// - `slack_bytes` and a tenth of what there was.
class LeakWatch {
 public:
  // `settled`: samples after which all lanes have their work space. `slack_bytes` of zero: nothing is
  // noticed.
  LeakWatch(std::string_view backend, std::uint64_t settled, std::uint64_t samples_bytes,
            std::uint64_t slack_bytes)
      : backend_(backend), settled_(settled), samples_bytes_(samples_bytes), slack_bytes_(slack_bytes) {}

  // The Failure kLeak to end the run with, once more has come than may.
  std::optional<Failure> Look(const MemoryUse& use, std::uint64_t answered);

 private:
  struct Start {
    std::uint64_t own, answered;
  };

  std::string backend_;
  std::uint64_t settled_, samples_bytes_, slack_bytes_;
  std::optional<Start> start_;
};

}  // namespace mlperf_bake
