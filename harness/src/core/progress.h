// What a run tells on stdout while it goes on: a line for people, JSON for programs, or nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/options.h"

namespace mlperf_bake {

class Progress {
 public:
  explicit Progress(ProgressStyle style);

  // What begins now: verify, load, warm-up, run, record.
  void Phase(std::string_view phase);
  // At most one line a second. `expected`: samples of the whole run, where that is known beforehand.
  void Update(std::uint64_t samples, std::optional<std::uint64_t> expected, double elapsed_s,
              double minimum_s);
  // `validity` is empty where there is none.
  void Done(std::string_view run, std::string_view status, std::string_view validity,
            std::string_view summary);

 private:
  void EndLine();

  ProgressStyle style_;
  bool terminal_;
  bool line_open_ = false;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace mlperf_bake
