#include "core/synthetic.h"

#include <algorithm>
#include <cstdint>

namespace mlperf_bake {
namespace {

// splitmix64 (Steele, Lea, Flood 2014): the next of a sequence of 64-bit numbers.
std::uint64_t NextRandom(std::uint64_t& state) {
  std::uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// In [0, 1), of 24 bits: a float holds it exactly.
float NextShare(std::uint64_t& state) {
  return static_cast<float>(NextRandom(state) >> 40) * 0x1p-24F;
}

template <typename Element, typename Draw>
void Fill(std::span<std::byte> bytes, Draw draw) {
  auto* const elements = reinterpret_cast<Element*>(bytes.data());
  std::generate_n(elements, bytes.size() / sizeof(Element), draw);
}

template <typename Integer>
void FillIntegers(std::span<std::byte> bytes, const ValueRange& range, std::uint64_t& state) {
  const auto least = static_cast<std::int64_t>(range.least);
  const auto values = static_cast<std::uint64_t>(static_cast<std::int64_t>(range.most) - least) + 1;
  Fill<Integer>(bytes, [&] {
    return static_cast<Integer>(least + static_cast<std::int64_t>(NextRandom(state) % values));
  });
}

void FillRange(std::span<std::byte> bytes, DType dtype, const ValueRange& range, std::uint64_t& state) {
  switch (dtype) {
    case DType::kFloat16:  // cell.conf takes no range for it
      return;
    case DType::kFloat32: {
      const auto least = static_cast<float>(range.least), width = static_cast<float>(range.most) - least;
      return Fill<float>(bytes, [&] { return least + width * NextShare(state); });
    }
    case DType::kUint8:
      return FillIntegers<std::uint8_t>(bytes, range, state);
    case DType::kInt8:
      return FillIntegers<std::int8_t>(bytes, range, state);
    case DType::kInt32:
      return FillIntegers<std::int32_t>(bytes, range, state);
    case DType::kInt64:
      return FillIntegers<std::int64_t>(bytes, range, state);
  }
}

// Values a network sees in practice.
void FillAny(std::span<std::byte> bytes, DType dtype, std::uint64_t& state) {
  switch (dtype) {
    case DType::kFloat32:
      return Fill<float>(bytes, [&] { return 2 * NextShare(state) - 1; });
    case DType::kFloat16:  // [1, 2): exponent 15, random mantissa
      return Fill<std::uint16_t>(
          bytes, [&] { return static_cast<std::uint16_t>(0x3c00U | (NextRandom(state) >> 54)); });
    case DType::kUint8:
    case DType::kInt8:
      return Fill<std::uint8_t>(bytes, [&] { return static_cast<std::uint8_t>(NextRandom(state) >> 57); });
    case DType::kInt32:
      return Fill<std::int32_t>(bytes, [&] { return static_cast<std::int32_t>(NextRandom(state) >> 57); });
    case DType::kInt64:
      return Fill<std::int64_t>(bytes, [&] { return static_cast<std::int64_t>(NextRandom(state) >> 57); });
  }
}

}  // namespace

void FillSynthetic(const Cell& cell, std::span<std::byte> samples) {
  std::uint64_t state = 0;
  while (!samples.empty()) {
    for (std::size_t i = 0; i < cell.inputs.size(); ++i) {
      const NamedTensor& input = cell.inputs[i];
      const auto bytes = samples.first(input.SampleBytes());
      samples = samples.subspan(bytes.size());
      if (const auto& range = cell.input_values[i]) {
        FillRange(bytes, input.dtype, *range, state);
      } else {
        FillAny(bytes, input.dtype, state);
      }
    }
  }
}

}  // namespace mlperf_bake
