#include "core/tensor.h"

#include <array>
#include <charconv>
#include <utility>

namespace mlperf_bake {
namespace {

struct DTypeFacts {
  DType dtype;
  std::string_view name;
  std::size_t bytes;
};

constexpr std::array<DTypeFacts, 6> kDTypes = {{
    {DType::kFloat32, "float32", 4},
    {DType::kFloat16, "float16", 2},
    {DType::kUint8, "uint8", 1},
    {DType::kInt8, "int8", 1},
    {DType::kInt32, "int32", 4},
    {DType::kInt64, "int64", 8},
}};

const DTypeFacts& FactsOf(DType dtype) {
  return kDTypes[static_cast<std::size_t>(dtype)];
}

}  // namespace

std::optional<DType> ParseDType(std::string_view name) {
  for (const DTypeFacts& facts : kDTypes) {
    if (facts.name == name) return facts.dtype;
  }
  return std::nullopt;
}

std::string_view NameOf(DType dtype) {
  return FactsOf(dtype).name;
}

std::size_t BytesOf(DType dtype) {
  return FactsOf(dtype).bytes;
}

std::optional<Shape> ParseShape(std::string_view text) {
  constexpr std::int64_t kMostElements = std::int64_t{1} << 40;
  Shape shape;
  std::int64_t elements = 1;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    std::int64_t extent = 0;
    const auto [stop, error] = std::from_chars(at, end, extent);
    if (error != std::errc{} || extent < 1 || extent > kMostElements / elements) return std::nullopt;
    elements *= extent;
    shape.push_back(extent);
    if (stop == end) return shape;
    if (*stop != 'x') return std::nullopt;
    at = stop + 1;
  }
}

std::string ToString(const Shape& shape) {
  std::string text;
  for (const std::int64_t extent : shape) {
    if (!text.empty()) text += 'x';
    text += std::to_string(extent);
  }
  return text;
}

std::size_t ElementCount(const Shape& shape) {
  std::size_t count = 1;
  for (const std::int64_t extent : shape) count *= static_cast<std::size_t>(extent);
  return count;
}

}  // namespace mlperf_bake
