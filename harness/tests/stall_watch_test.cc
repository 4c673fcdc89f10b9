#include "core/stall_watch.h"

#include "support.h"

namespace mlperf_bake::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Advance kDone{.flushed = true, .issued = 100, .cpu_seconds = 5, .log_bytes = 4000};

// Looks four times a second at a run that stays as `later` is.
std::optional<Failure> LookFor(StallWatch& watch, const Advance& later, milliseconds span) {
  std::optional<Failure> stalled;
  const auto start = StallWatch::Clock::time_point() + seconds(1000);
  for (milliseconds gone{0}; gone <= span && !stalled; gone += milliseconds(250)) {
    stalled = watch.Look(later, start + gone);
  }
  return stalled;
}

TEST_CASE("a run in which nothing is left to do and nothing is done has stalled") {
  StallWatch watch("6.0.17", seconds(10));
  CHECK_FALSE(LookFor(watch, kDone, milliseconds(9750)));
  StallWatch longer("6.0.17", seconds(10));
  const auto stalled = LookFor(longer, kDone, seconds(10));
  REQUIRE(stalled);
  CHECK(stalled->exit_code() == ExitCode::kLoadGen);
  CHECK(Contains(stalled->what(), "LoadGen 6.0.17 did not end"));
  CHECK(Contains(stalled->what(), "for 10 s it neither worked nor logged"));
}

TEST_CASE("a run that waits for its next query, for answers or for a limit of zero has not stalled") {
  Advance waiting = kDone;
  SUBCASE("more queries may come") {
    waiting.flushed = false;
  }
  SUBCASE("a sample is under way") {
    waiting.unanswered = 1;
  }
  StallWatch watch("6.0.17", seconds(10));
  CHECK_FALSE(LookFor(watch, waiting, seconds(100)));
  StallWatch never("6.0.17", seconds(0));
  CHECK_FALSE(LookFor(never, kDone, seconds(100)));
}

TEST_CASE("what works, logs or issues in the end has not stalled") {
  StallWatch watch("6.0.17", seconds(10));
  Advance now = kDone;
  const auto start = StallWatch::Clock::time_point();
  for (int second = 0; second < 60; ++second) {
    SUBCASE("sorting latencies") {
      now.cpu_seconds = 5 + 0.5 * second;
    }
    SUBCASE("writing the accuracy log") {
      now.log_bytes = 4000 + 100U * static_cast<unsigned>(second);
    }
    SUBCASE("the next of find-peak's tests") {
      now.issued = 100 + static_cast<unsigned>(second);
    }
    CHECK_FALSE(watch.Look(now, start + seconds(second)));
  }
}

TEST_CASE("what LoadGen's log thread takes to look every 10 ms is no work") {
  StallWatch watch("6.0.17", seconds(10));
  Advance now = kDone;
  std::optional<Failure> stalled;
  for (int second = 0; second <= 10; ++second) {
    now.cpu_seconds = 5 + 0.02 * second;
    stalled = watch.Look(now, StallWatch::Clock::time_point() + seconds(second));
  }
  CHECK(stalled);
}

}  // namespace
}  // namespace mlperf_bake::testing
