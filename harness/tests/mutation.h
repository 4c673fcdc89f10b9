// Broken versions of a text: what a fuzzer feeds to a reader.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace mlperf_bake::testing {

// Draws the same versions from the same seed on every machine.
class Mutation {
 public:
  explicit Mutation(std::uint64_t seed) : random_(seed) {}

  // `text` after one to four small accidents: bytes changed, inserted, removed, repeated, cut off; numbers
  // and words replaced by such as readers stumble over; lines swapped or repeated.
  std::string Of(std::string text);
  // A number below `end`.
  std::size_t Below(std::size_t end) { return end == 0 ? 0 : random_() % end; }

 private:
  void Break(std::string& text);

  std::mt19937_64 random_;
};

}  // namespace mlperf_bake::testing
