// Notices a call into the backend that does not return. Nothing can end a thread, so the process is ended.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "core/failure.h"

namespace mlperf_bake {

// Counts the calls that one thread makes. Counting costs it two plain stores a call and no clock: the
// watchdog's own says how long a count has stood still. On cache lines of its own.
class alignas(128) CallCount {
 public:
  // Lives as long as the call.
  class Call {
   public:
    explicit Call(CallCount& calls) : calls_(calls) { calls_.Step(); }
    ~Call() { calls_.Step(); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    CallCount& calls_;
  };

  // Odd while a call is under way.
  std::uint64_t steps() const { return steps_.load(std::memory_order_relaxed); }

 private:
  void Step() { steps_.store(steps() + 1, std::memory_order_relaxed); }

  std::atomic<std::uint64_t> steps_{0};
};

class Watchdog {
 public:
  using Seconds = std::chrono::duration<double>;

  // `limit` of zero: nothing is ever noticed. `expire` gets a Failure kHung on the watchdog's thread and must
  // end the process.
  Watchdog(std::string_view backend, Seconds limit, std::function<void(const Failure&)> expire);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // Watches calls that may each take `times` the limit. `what`: what the backend does in one, as in "answer a
  // batch". The count lives as long as the watchdog. Thread-safe.
  CallCount& Watch(std::string what, double times = 1);

  // Raises the limit where it is below `seconds`: calls that are known to take long must not end a run.
  void AllowAtLeast(Seconds seconds);

 private:
  struct Post {
    std::string what;
    double times;
    CallCount calls{};
    std::uint64_t seen = 0;
    std::chrono::steady_clock::time_point since{};  // `seen` was seen first
  };

  void Run();
  void Look(Post& post);

  std::string backend_;
  std::function<void(const Failure&)> expire_;
  std::mutex mutex_;
  std::condition_variable ending_;
  bool ended_ = false;
  Seconds limit_;
  std::deque<Post> posts_;  // never moved
  std::thread thread_;
};

}  // namespace mlperf_bake
