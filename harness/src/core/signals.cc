#include "core/signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "core/failure.h"

namespace mlperf_bake {
namespace {

constexpr int kEndWatch = SIGUSR1;

sigset_t Watched() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, kEndWatch}) sigaddset(&set, signal);
  return set;
}

void Say(std::string_view text) {
  if (write(STDERR_FILENO, text.data(), text.size()) < 0) return;  // nobody listens
}

void Watch(RunControl& control, const std::atomic<bool>& ending) {
  const sigset_t set = Watched();
  for (bool first = true;;) {
    int signal = 0;
    if (sigwait(&set, &signal) != 0 || ending.load()) return;
    if (signal == kEndWatch) continue;  // somebody else's: SIGTERM must still be heard
    if (!first) {
      Say("mlperf-harness: interrupted again; nothing is recorded.\n");
      std::_Exit(static_cast<int>(ExitCode::kInterrupted));
    }
    Say("\nmlperf-harness: interrupted; finishing what is under way (again to end at once).\n");
    control.RequestStop();
    first = false;
  }
}

}  // namespace

SignalWatch::SignalWatch(RunControl& control) {
  const sigset_t set = Watched();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);  // a reader of stdout that goes away does not end the run
  watcher_ = std::thread([this, &control] { Watch(control, ending_); });
}

SignalWatch::~SignalWatch() {
  ending_.store(true);
  pthread_kill(watcher_.native_handle(), kEndWatch);
  watcher_.join();
}

}  // namespace mlperf_bake
