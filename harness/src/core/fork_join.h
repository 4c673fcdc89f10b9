// Queries that are there all at once: SingleStream, MultiStream, Offline.
#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "core/dispatcher.h"

namespace mlperf_bake {

// LoadGen's own thread answers on the first lane and returns when the query is answered: a hand-off through a
// sleeping thread costs about 30 us, which a single stream would feel. The other lanes help with queries of
// more than `grain` samples: every lane takes the next `grain` of them by one atomic addition until none is
// left. Nothing is copied: LoadGen keeps the query until the call returns.
class ForkJoin final : public Dispatcher {
 public:
  ForkJoin(std::string name, const DispatchSettings& settings, Lanes& lanes, RunControl& control);
  ~ForkJoin() override;

 private:
  void Dispatch(std::span<const mlperf::QuerySample> samples) override;
  // Both answer samples of the query until none is left; false when they left some because a stop was
  // requested. What was answered is delivered.
  bool AnswerAlone(std::span<const mlperf::QuerySample> samples);
  bool AnswerWithHelp(std::span<const mlperf::QuerySample> samples);
  // One lane's part of the open query.
  void Pull(Lane& lane);
  void Help(Lane& lane);
  void WakeHelpers();

  std::size_t grain_, hold_;
  Lanes& lanes_;
  bool pinned_ = false;  // LoadGen's thread

  // Written by LoadGen's thread while no helper is inside.
  std::span<const mlperf::QuerySample> query_;
  alignas(kNoSharing) std::atomic<std::size_t> next_{0};
  alignas(kNoSharing) std::atomic<bool> open_{false};  // helpers may enter the query
  std::atomic<int> helpers_inside_{0};
  alignas(kNoSharing) std::atomic<int> round_{0};  // changes with every query; helpers sleep on it
  std::atomic<bool> ending_{false};
  std::vector<std::thread> helpers_;
};

}  // namespace mlperf_bake
