#include "core/dispatcher.h"

#include <utility>

#include "core/fork_join.h"
#include "core/serving.h"

namespace mlperf_bake {

void Dispatcher::IssueQuery(const std::vector<mlperf::QuerySample>& samples) {
  if (!control_.MayIssue()) control_.Park();
  // LoadGen issues from one thread: this is the only writer of the counters.
  issued_samples_.store(issued_samples() + samples.size(), std::memory_order_relaxed);
  issued_queries_.store(issued_queries() + 1, std::memory_order_relaxed);
  try {
    Dispatch(samples);
  } catch (...) {  // must not cross LoadGen; the controlling thread rethrows it
    control_.Fail(std::current_exception());
    control_.Park();
  }
}

void Dispatcher::FlushQueries() {
  flushed_queries_.store(issued_queries(), std::memory_order_relaxed);
  if (!control_.MayFlush()) control_.Park();
}

std::unique_ptr<Dispatcher> OpenDispatcher(std::string name, Scenario scenario,
                                           const DispatchSettings& settings, Lanes& lanes,
                                           RunControl& control) {
  if (ArrivesOnSchedule(scenario))
    return std::make_unique<Serving>(std::move(name), settings, lanes, control);
  return std::make_unique<ForkJoin>(std::move(name), settings, lanes, control);
}

}  // namespace mlperf_bake
