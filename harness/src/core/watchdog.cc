#include "core/watchdog.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace mlperf_bake {
namespace {

std::string InSeconds(Watchdog::Seconds seconds) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.3g s", seconds.count());
  return text.data();
}

}  // namespace

Watchdog::Watchdog(std::string_view backend, Seconds limit, std::function<void(const Failure&)> expire)
    : backend_(backend), expire_(std::move(expire)), limit_(limit) {
  if (limit > Seconds(0)) thread_ = std::thread([this] { Run(); });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  ending_.notify_all();
  if (thread_.joinable()) thread_.join();
}

CallCount& Watchdog::Watch(std::string what, double times) {
  const std::lock_guard lock(mutex_);
  return posts_.emplace_back(std::move(what), times).calls;
}

void Watchdog::AllowAtLeast(Seconds seconds) {
  const std::lock_guard lock(mutex_);
  limit_ = std::max(limit_, seconds);
}

void Watchdog::Run() {
  std::unique_lock lock(mutex_);
  while (!ended_) {
    for (Post& post : posts_) Look(post);
    // Late by an eighth at most, and never more than four times a second.
    ending_.wait_for(lock, std::clamp(limit_ / 8, Seconds(0.01), Seconds(0.25)), [this] { return ended_; });
  }
}

void Watchdog::Look(Post& post) {
  const auto now = std::chrono::steady_clock::now();
  const std::uint64_t steps = post.calls.steps();
  const bool inside = steps % 2 == 1;
  if (!inside || steps != post.seen) {
    post.seen = steps;
    post.since = now;
    return;
  }
  const Seconds limit = limit_ * post.times;
  if (now - post.since < limit) return;
  expire_(Failure(ExitCode::kHung, "Backend " + backend_ + " did not " + post.what + " within " +
                                       InSeconds(limit) +
                                       "; nothing is recorded. If it may take that long, give a larger "
                                       "--watchdog SECONDS (0: wait for ever)."));
}

}  // namespace mlperf_bake
