#include "core/leak_watch.h"

#include <charconv>
#include <fstream>

namespace mlperf_bake {
namespace {

constexpr std::uint64_t kBytesPerSample = 256;

// The number of `Key:   123 kB`, in bytes; nullopt for another key.
std::optional<std::uint64_t> Kilobytes(std::string_view line, std::string_view key) {
  if (!line.starts_with(key)) return std::nullopt;
  const std::size_t digits = line.find_first_not_of(" \t", key.size());
  if (digits == std::string_view::npos) return std::nullopt;
  std::uint64_t number = 0;
  std::from_chars(line.data() + digits, line.data() + line.size(), number);
  return number * 1024;
}

std::string Megabytes(std::uint64_t bytes) {
  return std::to_string(bytes >> 20) + " MB";
}

}  // namespace

MemoryUse ReadMemoryUse() {
  MemoryUse use;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (const auto bytes = Kilobytes(line, "VmHWM:")) use.peak = *bytes;
    if (const auto bytes = Kilobytes(line, "VmRSS:")) use.resident = *bytes;
    if (const auto bytes = Kilobytes(line, "RssAnon:")) use.own += *bytes;
    if (const auto bytes = Kilobytes(line, "RssShmem:")) use.own += *bytes;
  }
  return use;
}

std::optional<Failure> LeakWatch::Look(const MemoryUse& use, std::uint64_t answered) {
  if (slack_bytes_ == 0 || answered < settled_) return std::nullopt;
  if (!start_) start_ = Start{use.own, answered};
  const std::uint64_t allowed = samples_bytes_ + kBytesPerSample * answered + slack_bytes_ + start_->own / 10;
  if (use.own <= start_->own + allowed) return std::nullopt;
  return Failure(ExitCode::kLeak,
                 "Backend " + backend_ + " leaks memory: " + Megabytes(start_->own) + " became " +
                     Megabytes(use.own) + " over " + std::to_string(answered - start_->answered) +
                     " samples, where " + Megabytes(allowed) +
                     " more may come; nothing is recorded. If it is meant to keep that much, "
                     "give a larger --leak-limit-mb (0: no limit).");
}

}  // namespace mlperf_bake
