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

// Each extent is 1 or more and the product fits; nullopt otherwise.
std::optional<Shape> ParseShape(std::string_view text);
std::string ToString(const Shape& shape);
std::size_t ElementCount(const Shape& shape);

}  // namespace mlperf_bake
