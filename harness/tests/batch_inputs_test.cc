#include "backends/batch_inputs.h"

#include <array>

#include "support.h"

namespace mlperf_bake::testing {
namespace {

// Two samples of the cell's three inputs of four int64, each value its place.
std::array<std::int64_t, 24> Samples() {
  std::array<std::int64_t, 24> samples{};
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<std::int64_t>(i);
  return samples;
}

std::int64_t At(const std::byte* piece, std::size_t element) {
  return reinterpret_cast<const std::int64_t*>(piece)[element];
}

TEST_CASE("the inputs of one sample, and a batch of one input, are used where they lie") {
  const Scratch scratch;
  const auto samples = Samples();
  const auto* const bytes = reinterpret_cast<const std::byte*>(samples.data());
  const Cell spans = ReadCell(WriteCell(scratch.path(), SpanCellText()));
  BatchInputs three(spans, 2);
  const auto pieces = three.Locate(bytes, 1);
  REQUIRE(pieces.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) CHECK(pieces[i] == bytes + 32 * i);
  CHECK(three.bytes(2) == 32);
  BatchInputs one(ReadCell(WriteCell(scratch.path())), 4);
  CHECK(one.Locate(bytes, 4).front() == bytes);
}

TEST_CASE("a batch of several inputs is gathered, each input in one piece") {
  const Scratch scratch;
  const auto samples = Samples();
  const Cell spans = ReadCell(WriteCell(scratch.path(), SpanCellText()));
  BatchInputs inputs(spans, 2);
  const auto pieces = inputs.Locate(reinterpret_cast<const std::byte*>(samples.data()), 2);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t at = 0; at < 4; ++at) {
      CHECK(At(pieces[i], at) == static_cast<std::int64_t>(4 * i + at));
      CHECK(At(pieces[i], 4 + at) == static_cast<std::int64_t>(12 + 4 * i + at));
    }
  }
}

}  // namespace
}  // namespace mlperf_bake::testing
