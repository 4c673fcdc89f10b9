// SIGTERM and SIGINT: the first asks the run to end well, the second ends the process at once.
#pragma once

#include <atomic>
#include <thread>

#include "core/run_control.h"

namespace mlperf_bake {

// Must be created before any other thread, so that all threads inherit the blocked signals and only this
// one's takes them. In a container the program is process 1, which the kernel spares default actions: without
// this, `docker stop` would wait out its grace period and kill.
class SignalWatch {
 public:
  explicit SignalWatch(RunControl& control);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  std::atomic<bool> ending_{false};
  std::thread watcher_;
};

}  // namespace mlperf_bake
