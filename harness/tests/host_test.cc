#include "core/host.h"

#include "support.h"

namespace mlperf_bake::testing {
namespace {

TEST_CASE("what the kernel says about this machine hangs together") {
  const HostFacts host = DetectHost();
  CHECK(host.logical_cpus >= host.usable_cpus);
  CHECK(host.usable_cpus >= 1);
  REQUIRE(host.memory_bytes);
  CHECK(AvailableMemory() <= *host.memory_bytes);
  CHECK(AvailableMemory() > 0);
  if (host.memory_limit_bytes) CHECK(*host.memory_limit_bytes < *host.memory_bytes);
  CHECK_FALSE(host.kernel.empty());
  CHECK_FALSE(host.architecture.empty());
}

}  // namespace
}  // namespace mlperf_bake::testing
