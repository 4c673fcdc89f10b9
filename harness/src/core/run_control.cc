#include "core/run_control.h"

#include <thread>

namespace mlperf_bake {

void RunControl::RequestStop() {
  const std::lock_guard lock(mutex_);
  stop_requested_.store(true, std::memory_order_seq_cst);
  changed_.notify_all();
}

void RunControl::Fail(std::exception_ptr failure) {
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = failure;
  stop_requested_.store(true, std::memory_order_seq_cst);
  changed_.notify_all();
}

void RunControl::RethrowFailure() {
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
}

void RunControl::Begin() {
  Phase expected = Phase::kStarting;
  phase_.compare_exchange_strong(expected, Phase::kIssuing);
}

void RunControl::Finish() {
  const std::lock_guard lock(mutex_);
  finished_.store(true);
  changed_.notify_all();
}

bool RunControl::MayIssue() {
  Phase phase = phase_.load(std::memory_order_acquire);
  if (phase == Phase::kIssuing) return true;
  // The next series of a test of several (accuracy in sets, find-peak).
  return phase == Phase::kFlushed && phase_.compare_exchange_strong(phase, Phase::kIssuing);
}

bool RunControl::MayFlush() {
  Phase expected = Phase::kIssuing;
  return phase_.compare_exchange_strong(expected, Phase::kFlushed);
}

void RunControl::Park() {
  while (true) std::this_thread::sleep_for(std::chrono::hours(1));
}

RunControl::Event RunControl::Wait(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [&] { return finished_ || stop_requested_; });
  if (failure_) return Event::kFailed;
  if (finished_) return Event::kFinished;
  return stop_requested_ ? Event::kStopRequested : Event::kNothing;
}

bool RunControl::TryClose(bool unanswered) {
  Phase expected = Phase::kIssuing;
  if (phase_.compare_exchange_strong(expected, Phase::kClosed)) return true;
  expected = Phase::kFlushed;
  return unanswered && phase_.compare_exchange_strong(expected, Phase::kClosed);
}

}  // namespace mlperf_bake
