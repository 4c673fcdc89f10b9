#include "core/output_rule.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "core/failure.h"

namespace mlperf_bake {
namespace {

Failure Wrong(std::string_view backend, const std::string& found, std::size_t count,
              const std::string& expected, const char* keys = "output_kind and classes") {
  return Failure(ExitCode::kWrongAnswer, "Backend " + std::string(backend) + " answered a batch of " +
                                             std::to_string(count) + " with " + found + "; expected " +
                                             expected + "; nothing is recorded. Compare the network with " +
                                             keys + " in cell.conf, or try another --backend.");
}

std::string Described(DType dtype, const Shape& shape) {
  return std::string(NameOf(dtype)) + " of shape " + (shape.empty() ? "()" : ToString(shape));
}

bool AllFinite(const TensorView& tensor) {
  std::size_t count = 1;
  for (const std::int64_t extent : tensor.shape) count *= static_cast<std::size_t>(extent);
  if (tensor.dtype == DType::kFloat32) {
    const std::span values(static_cast<const float*>(tensor.data), count);
    return std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
  }
  if (tensor.dtype == DType::kFloat16) {
    constexpr unsigned kExponent = 0x7c00;
    const std::span values(static_cast<const std::uint16_t*>(tensor.data), count);
    return std::all_of(values.begin(), values.end(),
                       [](std::uint16_t value) { return (value & kExponent) != kExponent; });
  }
  return true;
}

// Whether a shape is the one wanted; `any`, below 0 at first, becomes what its extents of the network's own
// are.
bool HasShape(std::span<const std::int64_t> found, const Shape& wanted, std::int64_t* any) {
  if (found.size() != wanted.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == kAnyExtent && *any < 0) *any = found[i];
    if (found[i] < 0 || found[i] != (wanted[i] == kAnyExtent ? *any : wanted[i])) return false;
  }
  return true;
}

}  // namespace

void OutputRule::RefuseSize(const Output& output, std::size_t count) const {
  if (output.kind == OutputKind::kArgmax)
    throw Wrong(backend, std::to_string(output.argmax.size()) + " classes", count, std::to_string(count));
  throw Wrong(backend, std::to_string(output.scores.size()) + " scores", count,
              std::to_string(count) + " x " + std::to_string(classes));
}

void OutputRule::CheckValues(const Output& output, std::size_t count) const {
  if (output.kind == OutputKind::kArgmax) {
    const auto most = static_cast<std::int64_t>(classes) - 1;
    for (const std::int64_t found : output.argmax) {
      if (found < 0 || found > most)
        throw Wrong(backend, "class " + std::to_string(found), count, "0 to " + std::to_string(most));
    }
  } else if (!std::all_of(output.scores.begin(), output.scores.end(),
                          [](float score) { return std::isfinite(score); })) {
    throw Wrong(backend, "a score that is infinite or no number", count, "finite ones");
  }
}

void OutputRule::CheckTensors(const Output& output, std::size_t count) const {
  constexpr const char* kKeys = "output_kind, output_shape and output_dtype";
  if (tensors.empty()) throw Wrong(backend, "named tensors", count, "scores or classes");
  if (output.kind != OutputKind::kTensors) {
    throw Wrong(backend, output.kind == OutputKind::kScores ? "scores" : "classes", count, "named tensors",
                kKeys);
  }
  if (output.tensors.size() != tensors.size()) {
    throw Wrong(backend, std::to_string(output.tensors.size()) + " tensors", count,
                std::to_string(tensors.size()), kKeys);
  }
  const bool open_ended =
      std::any_of(tensors.begin(), tensors.end(), [](const NamedTensor& one) { return IsOpen(one.shape); });
  std::int64_t any = -1;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const TensorView& found = output.tensors[i];
    const NamedTensor& wanted = tensors[i];
    const bool counted =
        open_ended || (!found.shape.empty() && found.shape.front() == static_cast<std::int64_t>(count));
    const auto of_sample = open_ended || !counted ? found.shape : found.shape.subspan(1);
    if (found.dtype != wanted.dtype || !counted || !HasShape(of_sample, wanted.shape, &any)) {
      throw Wrong(
          backend,
          Described(found.dtype, {found.shape.begin(), found.shape.end()}) + " as \"" + wanted.name + "\"",
          count,
          Described(wanted.dtype, open_ended ? wanted.shape : BatchShape(wanted, count)) +
              (open_ended ? ", n being one number" : ""),
          kKeys);
    }
    if (values && !AllFinite(found)) {
      throw Wrong(backend, "a value of \"" + wanted.name + "\" that is infinite or no number", count,
                  "finite ones", kKeys);
    }
  }
}

}  // namespace mlperf_bake
