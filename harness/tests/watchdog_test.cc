#include "core/watchdog.h"

#include "support.h"

namespace mlperf_bake::testing {
namespace {

using Seconds = Watchdog::Seconds;

// A watchdog that tells what it noticed instead of ending the process.
struct Kennel {
  std::atomic<int> barks{0};
  std::string said;
  Watchdog watchdog;

  explicit Kennel(double limit)
      : watchdog("dog", Seconds(limit), [this](const Failure& hung) {
          if (barks.load() == 0) said = hung.what();
          ++barks;
        }) {}
  bool BarksWithin(int milliseconds) const {
    for (int i = 0; i < milliseconds && barks.load() == 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return barks.load() > 0;
  }
};

TEST_CASE("a call that stands still is noticed and named, one that ended is not") {
  Kennel kennel(0.05);
  {
    const CallCount::Call ended(kennel.watchdog.Watch("finish"));
  }
  CHECK_FALSE(kennel.BarksWithin(200));
  const CallCount::Call hanging(kennel.watchdog.Watch("answer a batch of 3"));
  CHECK(kennel.BarksWithin(10'000));
  CHECK(Contains(kennel.said, "Backend dog did not answer a batch of 3 within 0.05 s"));
}

TEST_CASE("many short calls are not one long one") {
  Kennel kennel(2);
  CallCount& calls = kennel.watchdog.Watch("answer");
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  while (std::chrono::steady_clock::now() < end) {
    const CallCount::Call call(calls);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  CHECK(kennel.barks.load() == 0);
}

TEST_CASE("some calls may take a multiple of the limit, the limit can be raised, and zero is none") {
  Kennel patient(0.02), raised(0.02), off(0);
  const CallCount::Call loading(patient.watchdog.Watch("load", 1e6));
  raised.watchdog.AllowAtLeast(Seconds(1000));
  const CallCount::Call slow(raised.watchdog.Watch("answer"));
  const CallCount::Call forever(off.watchdog.Watch("answer"));
  CHECK_FALSE(patient.BarksWithin(300));
  CHECK(raised.barks.load() == 0);
  CHECK(off.barks.load() == 0);
}

}  // namespace
}  // namespace mlperf_bake::testing
