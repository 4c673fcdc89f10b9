#include "core/leak_watch.h"

#include <cstring>

#include "core/memory.h"
#include "support.h"

namespace mlperf_bake::testing {
namespace {

constexpr std::uint64_t kMega = std::uint64_t{1} << 20;

MemoryUse Own(std::uint64_t megabytes) {
  return {.own = megabytes * kMega};
}

TEST_CASE("growth counts from when all lanes have settled, and is named when it is too much") {
  LeakWatch watch("pipe", 100, 0, 64 * kMega);
  CHECK_FALSE(watch.Look(Own(10), 0));
  CHECK_FALSE(watch.Look(Own(1000), 99));   // work space
  CHECK_FALSE(watch.Look(Own(1000), 100));  // from here on: 64 and 100 may come
  CHECK_FALSE(watch.Look(Own(1164), 100));
  const auto leak = watch.Look(Own(1165), 100);
  REQUIRE(leak);
  CHECK(leak->exit_code() == ExitCode::kLeak);
  CHECK(Contains(leak->what(), "Backend pipe leaks memory: 1000 MB became 1165 MB"));
}

TEST_CASE("samples loaded, and what LoadGen keeps of each one answered, are no leak") {
  LeakWatch watch("pipe", 0, 50 * kMega, 64 * kMega);
  CHECK_FALSE(watch.Look(Own(0), 0));
  CHECK_FALSE(watch.Look(Own(114), 0));
  CHECK(watch.Look(Own(115), 0));
  CHECK_FALSE(watch.Look(Own(114 + 256), kMega));
  CHECK(watch.Look(Own(115 + 256), kMega));
}

TEST_CASE("samples answered before the first look count: they may be delivered after it") {
  LeakWatch watch("pipe", 0, 0, 64 * kMega);
  CHECK_FALSE(watch.Look(Own(0), kMega));
  CHECK_FALSE(watch.Look(Own(64 + 256), kMega));
  CHECK(watch.Look(Own(65 + 256), kMega));
}

TEST_CASE("a limit of zero is none") {
  LeakWatch watch("pipe", 0, 0, 0);
  CHECK_FALSE(watch.Look(Own(1), 0));
  CHECK_FALSE(watch.Look(Own(1'000'000), 0));
}

TEST_CASE("the process's own memory is seen to grow with what it writes") {
  const MemoryUse before = ReadMemoryUse();
  CHECK(before.resident >= before.own);
  CHECK(before.peak >= before.resident);
  Memory memory = Memory::Allocate(64 * kMega);
  std::memset(memory.writable().data(), 1, memory.bytes().size());
  const MemoryUse after = ReadMemoryUse();
  CHECK(after.own >= before.own + 60 * kMega);
  CHECK(after.peak >= after.own);
}

}  // namespace
}  // namespace mlperf_bake::testing
