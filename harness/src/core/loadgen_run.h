// LoadGen at work: its thread, the supervision of it, and the way to stop it.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <thread>

#include "core/dispatcher.h"
#include "core/failure.h"
#include "core/lane.h"
#include "core/loadgen_log.h"
#include "core/run_control.h"
#include "core/sample_library.h"
#include "test_settings.h"

namespace mlperf_bake {

class LoadGenRun {
 public:
  // Starts the test at once, on a thread of its own. Logs go to `outdir`; `audit` is a compliance test's
  // file, or empty. All arguments must outlive the process's use of LoadGen: when Supervise() returns false,
  // its thread never ends.
  LoadGenRun(Dispatcher& dispatcher, SampleLibrary& library, const mlperf::TestSettings& settings,
             const std::filesystem::path& outdir, const std::filesystem::path& audit, const Lanes& lanes,
             RunControl& control);
  ~LoadGenRun();
  LoadGenRun(const LoadGenRun&) = delete;
  LoadGenRun& operator=(const LoadGenRun&) = delete;

  // Calls `report` with the samples answered and the seconds gone by, four times a second, until the test
  // ends (true), or a stop or failure was handled: work under way is finished, LoadGen's logs are flushed,
  // its thread is parked (false).
  bool Supervise(const std::function<void(std::uint64_t, double)>& report);

  // The reason why a finished test left no result in its log.
  Failure NoResult(const LoadGenLog& log) const;

 private:
  // False when the test ended by itself meanwhile.
  bool Stop();

  Dispatcher& dispatcher_;
  const Lanes& lanes_;
  RunControl& control_;
  std::filesystem::path outdir_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::thread thread_;
};

}  // namespace mlperf_bake
