// Element types and shapes of samples and outputs, as cell.conf and dataset.conf spell them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mlperf_bake {

enum class DType { kFloat32, kFloat16, kUint8, kInt8, kInt32, kInt64 };

std::optional<DType> ParseDType(std::string_view name);
std::string_view NameOf(DType dtype);
std::size_t BytesOf(DType dtype);

// The shape of one sample, without the batch dimension; written `3x224x224`.
using Shape = std::vector<std::int64_t>;

// An extent of an output that the network decides anew in every answer; written `n`.
inline constexpr std::int64_t kAnyExtent = -1;

// Each extent is 1 or more and the product fits; nullopt otherwise.
std::optional<Shape> ParseShape(std::string_view text);
// The same, and `n` is an extent too.
std::optional<Shape> ParseOpenShape(std::string_view text);
std::string ToString(const Shape& shape);
// Of a shape without kAnyExtent.
std::size_t ElementCount(const Shape& shape);
bool IsOpen(const Shape& shape);  // has a kAnyExtent

// An input or output of a network: the shape is of one sample.
struct NamedTensor {
  std::string name;
  Shape shape;
  DType dtype = DType::kFloat32;

  std::size_t SampleBytes() const { return ElementCount(shape) * BytesOf(dtype); }
};

// The shape of a batch: the count, then the sample's.
Shape BatchShape(const NamedTensor& tensor, std::size_t count);

// Whether all have one shape and one element type.
bool AllAlike(const std::vector<NamedTensor>& tensors);
// Their dtypes and shapes as cell.conf and dataset.conf list them: joined by ", ".
std::string DTypesOf(const std::vector<NamedTensor>& tensors);
std::string ShapesOf(const std::vector<NamedTensor>& tensors);

}  // namespace mlperf_bake
