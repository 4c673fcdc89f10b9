#include "core/progress.h"

#include <unistd.h>

#include <cstdio>

#include "core/json.h"

namespace mlperf_bake {

Progress::Progress(ProgressStyle style) : style_(style), terminal_(isatty(STDOUT_FILENO) == 1) {}

void Progress::EndLine() {
  if (line_open_) std::fputc('\n', stdout);
  line_open_ = false;
}

void Progress::Phase(std::string_view phase) {
  if (style_ == ProgressStyle::kNone) return;
  if (style_ == ProgressStyle::kJson) {
    std::printf("{\"event\":\"phase\",\"phase\":%s}\n", JsonString(phase).c_str());
  } else {
    EndLine();
    std::printf("%.*s\n", static_cast<int>(phase.size()), phase.data());
  }
  std::fflush(stdout);
}

void Progress::Update(std::uint64_t samples, std::optional<std::uint64_t> expected, double elapsed_s,
                      double minimum_s) {
  const auto now = std::chrono::steady_clock::now();
  if (style_ == ProgressStyle::kNone || now - last_ < std::chrono::seconds(1)) return;
  last_ = now;
  const std::string of = expected ? std::to_string(*expected) : "null";
  if (style_ == ProgressStyle::kJson) {
    std::printf(
        "{\"event\":\"progress\",\"samples\":%llu,\"expected\":%s,\"elapsed_s\":%.3f,\"minimum_s\":%.3f}\n",
        static_cast<unsigned long long>(samples), of.c_str(), elapsed_s, minimum_s);
  } else {
    std::printf("%s%llu%s samples, %.0f s", terminal_ ? "\r\033[K" : "",
                static_cast<unsigned long long>(samples), expected ? (" of " + of).c_str() : "", elapsed_s);
    if (minimum_s > 0) std::printf(" of at least %.0f s", minimum_s);
    line_open_ = terminal_;
    if (!terminal_) std::fputc('\n', stdout);
  }
  std::fflush(stdout);
}

void Progress::Done(std::string_view run, std::string_view status, std::string_view validity,
                    std::string_view summary) {
  if (style_ == ProgressStyle::kNone) return;
  if (style_ == ProgressStyle::kJson) {
    std::printf("{\"event\":\"done\",\"run\":%s,\"status\":%s,\"validity\":%s}\n", JsonString(run).c_str(),
                JsonString(status).c_str(), validity.empty() ? "null" : JsonString(validity).c_str());
  } else {
    EndLine();
    std::printf("%.*s\n", static_cast<int>(summary.size()), summary.data());
  }
  std::fflush(stdout);
}

}  // namespace mlperf_bake
