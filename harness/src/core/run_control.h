// How a run is stopped before its end, and how a failure anywhere in it is brought home.
//
// LoadGen cannot be stopped from outside: AbortTest() only flushes its logs and ends its I/O thread; the
// thread that issues queries must never come back to LoadGen afterwards. So that thread passes a gate in
// IssueQuery() and FlushQueries(). Stopping closes the gate; a thread that finds it closed is parked until
// the process ends.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>

namespace mlperf_bake {

class RunControl {
 public:
  enum class Event { kNothing, kFinished, kStopRequested, kFailed };

  // Asked for by a signal; workers take no new work from now on. Safe from any thread.
  void RequestStop();
  bool stop_requested() const { return stop_requested_.load(std::memory_order_seq_cst); }

  // A worker or LoadGen's thread failed: keeps the first exception and stops the run.
  void Fail(std::exception_ptr failure);
  // Rethrows what Fail() kept, if anything.
  void RethrowFailure();

  // LoadGen's thread: StartTest() has opened its logs; returned; is about to issue; has issued the last of a
  // series.
  void Begin();
  void Finish();
  bool MayIssue();
  bool MayFlush();
  [[noreturn]] void Park();

  // The controlling thread: the next event, or kNothing after `patience`.
  Event Wait(std::chrono::milliseconds patience);
  // After a stop was requested: tries to close the gate for good. False while LoadGen's thread is not at a
  // place where it will meet the gate again; `unanswered` tells that it waits for samples nobody will answer.
  bool TryClose(bool unanswered);
  bool finished() const { return finished_.load(); }

 private:
  enum class Phase : int { kStarting, kIssuing, kFlushed, kClosed };

  std::atomic<Phase> phase_{Phase::kStarting};
  std::atomic<bool> stop_requested_{false};
  std::atomic<bool> finished_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::exception_ptr failure_;
};

}  // namespace mlperf_bake
