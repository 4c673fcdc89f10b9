#include "core/tensor.h"

#include <algorithm>
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

namespace {

std::optional<Shape> Parse(std::string_view text, bool may_be_open) {
  constexpr std::int64_t kMostElements = std::int64_t{1} << 40;
  Shape shape;
  std::int64_t elements = 1;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    std::int64_t extent = 0;
    const char* stop = at;
    if (may_be_open && at != end && *at == 'n') {
      shape.push_back(kAnyExtent);
      ++stop;
    } else {
      const auto read = std::from_chars(at, end, extent);
      if (read.ec != std::errc{} || extent < 1 || extent > kMostElements / elements) return std::nullopt;
      elements *= extent;
      shape.push_back(extent);
      stop = read.ptr;
    }
    if (stop == end) return shape;
    if (*stop != 'x') return std::nullopt;
    at = stop + 1;
  }
}

template <typename Text>
std::string Joined(const std::vector<NamedTensor>& tensors, Text text) {
  std::string joined;
  for (const NamedTensor& tensor : tensors) {
    if (!joined.empty()) joined += ", ";
    joined += text(tensor);
  }
  return joined;
}

}  // namespace

std::optional<Shape> ParseShape(std::string_view text) {
  return Parse(text, false);
}

std::optional<Shape> ParseOpenShape(std::string_view text) {
  return Parse(text, true);
}

std::string ToString(const Shape& shape) {
  std::string text;
  for (const std::int64_t extent : shape) {
    if (!text.empty()) text += 'x';
    text += extent == kAnyExtent ? "n" : std::to_string(extent);
  }
  return text;
}

std::size_t ElementCount(const Shape& shape) {
  std::size_t count = 1;
  for (const std::int64_t extent : shape) count *= static_cast<std::size_t>(extent);
  return count;
}

bool IsOpen(const Shape& shape) {
  return std::find(shape.begin(), shape.end(), kAnyExtent) != shape.end();
}

Shape BatchShape(const NamedTensor& tensor, std::size_t count) {
  Shape shape = {static_cast<std::int64_t>(count)};
  shape.insert(shape.end(), tensor.shape.begin(), tensor.shape.end());
  return shape;
}

bool AllAlike(const std::vector<NamedTensor>& tensors) {
  return std::all_of(tensors.begin(), tensors.end(), [&](const NamedTensor& tensor) {
    return tensor.shape == tensors.front().shape && tensor.dtype == tensors.front().dtype;
  });
}

std::string DTypesOf(const std::vector<NamedTensor>& tensors) {
  return Joined(tensors, [](const NamedTensor& tensor) { return std::string(NameOf(tensor.dtype)); });
}

std::string ShapesOf(const std::vector<NamedTensor>& tensors) {
  return Joined(tensors, [](const NamedTensor& tensor) { return ToString(tensor.shape); });
}

}  // namespace mlperf_bake
