// fuzz-readers [READER|all [SECONDS [SEED]]]: feeds broken files to the readers until the time is over, a
// thousand at a time, each thousand from the next seed. Best built with sanitizers. Ends with 1 and the seed
// to try again with when a reader does what it must not.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "reader_trials.h"

namespace {

using namespace mlperf_bake::testing;

bool Fuzz(std::string_view reader, double seconds, std::uint64_t seed) {
  constexpr std::uint64_t kFiles = 1000;
  Trials sum;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  const std::string name(reader);
  for (; std::chrono::steady_clock::now() < end; ++seed) {
    try {
      const Trials trials = TryReader(reader, seed, kFiles);
      sum.taken += trials.taken;
      sum.refused += trials.refused;
    } catch (const std::exception& error) {
      std::printf("%s: seed %llu: %s\n", name.c_str(), static_cast<unsigned long long>(seed), error.what());
      return false;
    }
  }
  std::printf("%s: %llu files, %llu taken, %llu refused\n", name.c_str(),
              static_cast<unsigned long long>(sum.taken + sum.refused),
              static_cast<unsigned long long>(sum.taken), static_cast<unsigned long long>(sum.refused));
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  doctest::Context assertions;  // support.cc's, outside of any test case
  assertions.setAsDefaultForAssertsOutOfTestCases();
  const std::string reader = argc > 1 ? argv[1] : "all";
  const double seconds = argc > 2 ? std::strtod(argv[2], nullptr) : 10;
  const std::uint64_t seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1;
  if (reader != "all" && std::find(kReaders.begin(), kReaders.end(), reader) == kReaders.end()) {
    std::fputs("usage: fuzz-readers [all|cell|dataset|conversion|loadgen-log [SECONDS [SEED]]]\n", stderr);
    return 2;
  }
  bool sound = true;
  for (const std::string_view each : kReaders) {
    if (reader == "all" || reader == each) sound = Fuzz(each, seconds, seed) && sound;
  }
  return sound ? 0 : 1;
}
