#include "core/fork_join.h"

#include <algorithm>
#include <chrono>

#include "core/cpus.h"
#include "core/spin.h"

namespace mlperf_bake {
namespace {

// LoadGen issues the next query of a stream within microseconds of the last answer: worth waiting awake for.
constexpr std::chrono::microseconds kSpin{50};

}  // namespace

ForkJoin::ForkJoin(std::string name, const DispatchSettings& settings, Lanes& lanes, RunControl& control)
    : Dispatcher(std::move(name), control), grain_(settings.grain), hold_(settings.hold), lanes_(lanes) {
  for (const auto& lane : lanes) lane->Reserve(hold_ + grain_);
  for (std::size_t i = 1; i < lanes.size(); ++i) {
    helpers_.emplace_back([this, &lane = *lanes[i]] { Help(lane); });
  }
}

ForkJoin::~ForkJoin() {
  ending_.store(true);
  WakeHelpers();
  for (std::thread& helper : helpers_) helper.join();
}

void ForkJoin::WakeHelpers() {
  round_.fetch_add(1);
  round_.notify_all();
}

void ForkJoin::Dispatch(std::span<const mlperf::QuerySample> samples) {
  if (!pinned_) {
    // Not before the first query: the thread that LoadGen starts for its logs must not inherit this lane's
    // CPU.
    PinThisThread(lanes_.front()->cpus());
    pinned_ = true;
  }
  const bool alone = helpers_.empty() || samples.size() <= grain_;
  const bool all = alone ? AnswerAlone(samples) : AnswerWithHelp(samples);
  if (!all) control().Park();
}

bool ForkJoin::AnswerAlone(std::span<const mlperf::QuerySample> samples) {
  Lane& lane = *lanes_.front();
  const Lane::Shift shift(lane);
  while (!samples.empty() && !control().stop_requested()) {
    const std::size_t count = std::min(grain_, samples.size());
    lane.Answer(samples.first(count));
    samples = samples.subspan(count);
    if (lane.held() >= hold_ || samples.empty()) lane.Deliver();
  }
  if (lane.held() > 0) lane.Deliver();
  return samples.empty();
}

bool ForkJoin::AnswerWithHelp(std::span<const mlperf::QuerySample> samples) {
  query_ = samples;
  next_.store(0, std::memory_order_relaxed);
  open_.store(true, std::memory_order_seq_cst);
  WakeHelpers();
  Pull(*lanes_.front());
  // Nothing is left to take. A helper that comes only now finds the query closed; those inside finish what
  // they took.
  open_.store(false, std::memory_order_seq_cst);
  const auto empty = [&] { return helpers_inside_.load(std::memory_order_seq_cst) == 0; };
  while (!SpinUntil(empty, kSpin)) {
    const int inside = helpers_inside_.load();
    if (inside != 0) helpers_inside_.wait(inside);
  }
  return next_.load() >= samples.size();
}

void ForkJoin::Pull(Lane& lane) {
  const Lane::Shift shift(lane);
  while (!control().stop_requested()) {
    const std::size_t first = next_.fetch_add(grain_, std::memory_order_relaxed);
    if (first >= query_.size()) break;
    lane.Answer(query_.subspan(first, std::min(grain_, query_.size() - first)));
    if (lane.held() >= hold_) lane.Deliver();
  }
  if (lane.held() > 0) lane.Deliver();
}

void ForkJoin::Help(Lane& lane) {
  try {
    PinThisThread(lane.cpus());
    int seen = 0;
    while (true) {
      if (!SpinUntil([&] { return round_.load(std::memory_order_acquire) != seen; }, kSpin))
        round_.wait(seen);
      seen = round_.load(std::memory_order_acquire);
      if (ending_.load()) return;
      helpers_inside_.fetch_add(1, std::memory_order_seq_cst);
      // Either this sees the query closed, or Dispatch() sees this helper inside and waits for it.
      if (open_.load(std::memory_order_seq_cst)) Pull(lane);
      helpers_inside_.fetch_sub(1, std::memory_order_seq_cst);
      helpers_inside_.notify_one();
    }
  } catch (...) {  // the controlling thread rethrows it
    control().Fail(std::current_exception());
  }
}

}  // namespace mlperf_bake
