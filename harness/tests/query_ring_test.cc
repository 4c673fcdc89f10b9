#include "core/query_ring.h"

#include <thread>
#include <vector>

#include "support.h"

namespace mlperf_bake::testing {
namespace {

TEST_CASE("samples come out in order, and a full ring takes no more") {
  QueryRing ring(2);
  std::vector<mlperf::QuerySample> taken(8);
  CHECK(ring.Take(taken) == 0);
  for (std::size_t round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < 4; ++i) CHECK(ring.Push({100 * round + i, i}));
    CHECK_FALSE(ring.Push({99, 99}));
    CHECK(ring.Take(std::span(taken).first(3)) == 3);
    CHECK(taken[2].id == 100 * round + 2);
    CHECK(ring.Take(taken) == 1);
    CHECK(taken[0].id == 100 * round + 3);
    CHECK(ring.Empty());
  }
}

TEST_CASE("of many takers each sample reaches exactly one") {
  constexpr std::size_t kSamples = 200'000;
  QueryRing ring(6);  // small, so that it wraps thousands of times
  std::vector<std::atomic<int>> seen(kSamples);
  std::atomic<std::size_t> total{0};
  std::vector<std::thread> takers;
  for (std::size_t size : {1, 3, 8}) {
    takers.emplace_back([&, size] {
      std::vector<mlperf::QuerySample> taken(size);
      while (total.load() < kSamples) {
        const std::size_t count = ring.Take(taken);
        for (std::size_t i = 0; i < count; ++i)
          seen[taken[i].index].fetch_add(taken[i].id == taken[i].index + 7 ? 1 : 100);
        total.fetch_add(count);
        if (count == 0) std::this_thread::yield();
      }
    });
  }
  for (std::size_t i = 0; i < kSamples; ++i) {
    while (!ring.Push({i + 7, i})) std::this_thread::yield();
  }
  for (std::thread& taker : takers) taker.join();
  std::size_t once = 0;
  for (const auto& count : seen) once += count.load() == 1 ? 1 : 0;
  CHECK(once == kSamples);
}

}  // namespace
}  // namespace mlperf_bake::testing
