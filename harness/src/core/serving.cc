#include "core/serving.h"

#include <algorithm>

#include "core/cpus.h"
#include "core/spin.h"

namespace mlperf_bake {
namespace {

// 4 MiB of samples. LoadGen's thread waits when that many are unanswered: a run so far behind is lost, and
// latencies count from the scheduled time, so waiting hides nothing.
constexpr unsigned kLog2Capacity = 18;

// Shorter than falling asleep and being woken takes; one lane at a time, so that the others' CPUs stay free.
constexpr std::chrono::microseconds kSpin{20};

}  // namespace

Serving::Serving(std::string name, const DispatchSettings& settings, Lanes& lanes, RunControl& control)
    : Dispatcher(std::move(name), control),
      // A lane that waits for a batch to fill waits for one batch.
      grain_(settings.batch_timeout_us > 0 ? lanes.front()->batch() : settings.grain),
      batch_timeout_(settings.batch_timeout_us),
      ring_(kLog2Capacity) {
  for (const auto& lane : lanes) lane->Reserve(grain_);
  for (const auto& lane : lanes) {
    servers_.emplace_back([this, &lane = *lane] { Serve(lane); });
  }
}

Serving::~Serving() {
  ending_.store(true);
  Wake();
  for (std::thread& server : servers_) server.join();
}

void Serving::Wake() {
  wakes_.fetch_add(1, std::memory_order_seq_cst);
  wakes_.notify_all();
}

void Serving::Dispatch(std::span<const mlperf::QuerySample> samples) {
  for (const mlperf::QuerySample& sample : samples) {
    while (!ring_.Push(sample)) {
      if (control().stop_requested()) control().Park();
      std::this_thread::yield();
    }
  }
  // Either a lane about to sleep sees the sample, or this sees the sleeper: both look after they have spoken,
  // in one order for all.
  if (sleepers_.load(std::memory_order_seq_cst) > 0) {
    wakes_.fetch_add(1, std::memory_order_seq_cst);
    wakes_.notify_one();
  }
}

void Serving::Serve(Lane& lane) {
  try {
    PinThisThread(lane.cpus());
    std::vector<mlperf::QuerySample> batch(grain_);
    while (AwaitSamples()) {
      const Lane::Shift shift(lane);
      if (control().stop_requested()) return;  // nothing is taken any more
      const std::size_t count = Collect(batch);
      if (count == 0) continue;
      lane.Answer(std::span(batch).first(count));
      lane.Deliver();
    }
  } catch (...) {  // the controlling thread rethrows it
    control().Fail(std::current_exception());
  }
}

bool Serving::AwaitSamples() {
  while (!Ending()) {
    if (!ring_.Empty()) return true;
    if (spinners_.fetch_add(1, std::memory_order_relaxed) == 0) {
      SpinUntil([&] { return !ring_.Empty() || Ending(); }, kSpin);
    }
    spinners_.fetch_sub(1, std::memory_order_relaxed);
    if (!ring_.Empty()) return true;
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    const int seen = wakes_.load(std::memory_order_seq_cst);
    if (ring_.Empty() && !ending_.load(std::memory_order_seq_cst)) wakes_.wait(seen);
    sleepers_.fetch_sub(1, std::memory_order_seq_cst);
  }
  return false;
}

std::size_t Serving::Collect(std::span<mlperf::QuerySample> batch) {
  if (batch_timeout_.count() == 0) return ring_.Take(batch);
  // One lane at a time fills a batch: two that share the arrivals would both run half empty.
  const std::lock_guard lock(collecting_);
  std::size_t count = ring_.Take(batch);
  if (count == 0) return 0;
  const auto deadline = std::chrono::steady_clock::now() + batch_timeout_;
  while (count < batch.size() && !control().stop_requested()) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= std::chrono::nanoseconds(0)) break;
    if (!SpinUntil([&] { return !ring_.Empty(); }, std::min<std::chrono::nanoseconds>(left, kSpin))) {
      // Arrivals wake no one here: sleep in steps that are short beside the time-out.
      std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(left, batch_timeout_ / 16));
    }
    count += ring_.Take(batch.subspan(count));
  }
  return count;
}

}  // namespace mlperf_bake
