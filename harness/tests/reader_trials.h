// The readers of files that come from elsewhere, each fed with a broken file: it must take it, or refuse it
// in a sentence with its own exit code, and never do anything else.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace mlperf_bake::testing {

// cell.conf; dataset.conf with samples.bin and labels.bin; a conversion's record; LoadGen's detail log.
inline constexpr std::array<std::string_view, 4> kReaders = {"cell", "dataset", "conversion", "loadgen-log"};

struct Trials {
  std::uint64_t taken = 0, refused = 0;
};

// `count` files drawn from `seed`. Throws what a reader threw that is no proper refusal, or a runtime_error
// that says what is wrong with what it took.
Trials TryReader(std::string_view reader, std::uint64_t seed, std::uint64_t count);

}  // namespace mlperf_bake::testing
