#include "core/cpus.h"

#include "support.h"

namespace mlperf_bake::testing {
namespace {

using Plan = std::vector<std::vector<int>>;

TEST_CASE("workers get CPUs of their own, in order") {
  CHECK(PlanPinning("none", 2, 2, {0, 1}) == Plan{{}, {}});
  CHECK(PlanPinning("compact", 2, 2, {4, 5, 6, 7, 8}) == Plan{{4, 5}, {6, 7}});
  CHECK(PlanPinning("6,4-5", 3, 1, {4, 5, 6}) == Plan{{6}, {4}, {5}});
}

TEST_CASE("what cannot be pinned is refused") {
  const auto refusal = [](const char* how) {
    return FailureOf(ExitCode::kUsage, [&] { PlanPinning(how, 2, 1, {0, 1, 2}); });
  };
  CHECK(Contains(refusal("0"), "2 workers of 1 threads need 2"));
  CHECK(Contains(refusal("0,9"), "CPU 9, which this process may not use"));
  for (const char* how : {"", "a", "1-", "2-1", "0,,1", "0-99999999", "-1"}) {
    CAPTURE(how);
    CHECK(Contains(refusal(how), "expected none, compact, or CPUs"));
  }
}

TEST_CASE("this process has CPUs, and no more usable than allowed ones") {
  const auto allowed = AllowedCpus();
  CHECK_FALSE(allowed.empty());
  CHECK(UsableCpus() >= 1);
  CHECK(UsableCpus() <= static_cast<int>(allowed.size()));
}

}  // namespace
}  // namespace mlperf_bake::testing
