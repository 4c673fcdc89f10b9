// The system under test that LoadGen sees: how queries reach the lanes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/lane.h"
#include "core/run_control.h"
#include "core/scenario.h"
#include "system_under_test.h"

namespace mlperf_bake {

// What both dispatchers share: LoadGen's interface with the gate of RunControl in front of it.
class Dispatcher : public mlperf::SystemUnderTest {
 public:
  Dispatcher(std::string name, RunControl& control) : name_(std::move(name)), control_(control) {}

  // LoadGen asks for the name once its logs are open: the first sign that a test runs.
  const std::string& Name() final {
    control_.Begin();
    return name_;
  }
  void IssueQuery(const std::vector<mlperf::QuerySample>& samples) final;
  void FlushQueries() final;

  // Samples handed over by LoadGen so far, and queries they came in.
  std::uint64_t issued_samples() const { return issued_samples_.load(std::memory_order_relaxed); }
  std::uint64_t issued_queries() const { return issued_queries_.load(std::memory_order_relaxed); }
  // Whether LoadGen said, after the last query, that none will follow.
  bool flushed() const { return flushed_queries_.load(std::memory_order_relaxed) == issued_queries(); }

 protected:
  // Answers the samples or hands them on. `samples` lives until the call returns.
  virtual void Dispatch(std::span<const mlperf::QuerySample> samples) = 0;
  RunControl& control() { return control_; }

 private:
  std::string name_;
  RunControl& control_;
  std::atomic<std::uint64_t> issued_samples_{0};
  std::atomic<std::uint64_t> issued_queries_{0};
  std::atomic<std::uint64_t> flushed_queries_{~std::uint64_t{0}};
};

struct DispatchSettings {
  std::uint64_t batch_timeout_us = 0;
  // Samples a lane takes at once. Chosen from the measured time of a sample, so that taking them costs
  // nothing beside answering them, and yet all lanes end together and progress and signals are seen soon.
  std::size_t grain = 1;
  // Offline: answers a lane holds before it reports them. LoadGen stamps a completion when it is told and
  // does its bookkeeping afterwards, on the lane's thread: kept out of the run's time where it can wait.
  std::size_t hold = 1;
};

// SingleStream, MultiStream and Offline: LoadGen's thread itself is the first lane, the others help it.
// Server and Interactive: a queue between LoadGen's thread and the lanes.
// Lanes and control must outlive the dispatcher, whose destructor ends its threads.
std::unique_ptr<Dispatcher> OpenDispatcher(std::string name, Scenario scenario,
                                           const DispatchSettings& settings, Lanes& lanes,
                                           RunControl& control);

}  // namespace mlperf_bake
