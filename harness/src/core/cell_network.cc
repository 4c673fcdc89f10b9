#include "core/cell_network.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace mlperf_bake {
namespace {

constexpr const char* kDTypes = "float32, float16, uint8, int8, int32 or int64";

std::string Which(std::size_t item, std::size_t items) {
  return items == 1 ? "" : " as item " + std::to_string(item + 1);
}

// The list under `key`, which has one item for each of `names`.
std::vector<std::string> ListFor(const ConfFile& conf, const std::string& key,
                                 const std::vector<std::string>& names, const std::string& names_key) {
  std::vector<std::string> items = conf.List(key);
  if (items.size() != names.size()) {
    conf.Reject(key, std::to_string(names.size()) + " of them, one for each of " + names_key);
  }
  return items;
}

DType ReadDType(const ConfFile& conf, const std::string& key, const std::string& text, std::size_t item,
                std::size_t items) {
  const auto dtype = ParseDType(text);
  if (!dtype) conf.Reject(key, kDTypes + Which(item, items));
  return *dtype;
}

void CheckNames(const ConfFile& conf, const std::string& key, std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  if (std::adjacent_find(names.begin(), names.end()) != names.end()) conf.Reject(key, "each name once");
}

bool IsFloat(DType dtype) {
  return dtype == DType::kFloat32 || dtype == DType::kFloat16;
}

// The least and the largest number of an integer type.
ValueRange Limits(DType dtype) {
  switch (dtype) {
    case DType::kUint8:
      return {0, 255};
    case DType::kInt8:
      return {-128, 127};
    case DType::kInt32:
      return {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
    default: {
      constexpr double kExact = 9007199254740992;  // 2^53: up to there a double is every whole number
      return {-kExact, kExact};
    }
  }
}

bool ParseNumber(std::string_view text, double* number) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc{} && stop == text.data() + text.size() && std::isfinite(*number);
}

// `any`, `VALUE` or `LEAST..MOST`.
std::optional<ValueRange> ReadValues(const ConfFile& conf, const std::string& text, DType dtype) {
  constexpr const char* kKey = "input_values";
  if (text == "any") return std::nullopt;
  if (dtype == DType::kFloat16) conf.Reject(kKey, "any for a float16 input");
  const std::size_t dots = text.find("..");
  const std::string_view least = std::string_view(text).substr(0, dots);
  const std::string_view most = dots == std::string::npos ? least : std::string_view(text).substr(dots + 2);
  ValueRange range;
  if (!ParseNumber(least, &range.least) || !ParseNumber(most, &range.most) || range.least > range.most) {
    conf.Reject(kKey, "any, a number or LEAST..MOST for each input");
  }
  if (IsFloat(dtype)) return range;
  const ValueRange limits = Limits(dtype);
  const bool whole = std::floor(range.least) == range.least && std::floor(range.most) == range.most;
  if (!whole || range.least < limits.least || range.most > limits.most) {
    conf.Reject(kKey, "whole numbers that " + std::string(NameOf(dtype)) + " holds");
  }
  return range;
}

// Runtimes read an input where it lies, so its elements must lie where the machine wants them.
void CheckAlignment(const ConfFile& conf, const std::vector<NamedTensor>& inputs) {
  std::size_t at = 0, widest = 1;
  for (const NamedTensor& input : inputs) widest = std::max(widest, BytesOf(input.dtype));
  for (const NamedTensor& input : inputs) {
    if (at % BytesOf(input.dtype) != 0) {
      conf.Reject("input_dtype", "an order in which each input begins at a multiple of its element size (\"" +
                                     input.name + "\" would begin at byte " + std::to_string(at) + ")");
    }
    at += input.SampleBytes();
  }
  if (inputs.size() > 1 && at % widest != 0) {
    conf.Reject("input_shape", "samples whose size is a multiple of the widest element's (" +
                                   std::to_string(at) + " bytes is none of " + std::to_string(widest) + ")");
  }
}

OutputKind ReadOutputKind(const ConfFile& conf) {
  const std::string& kind = conf.Text("output_kind");
  if (kind == "scores") return OutputKind::kScores;
  if (kind == "argmax") return OutputKind::kArgmax;
  if (kind == "tensors") return OutputKind::kTensors;
  conf.Reject("output_kind", "scores, argmax or tensors");
}

// The one output of a network that tells classes apart.
NamedTensor ClassOutput(const ConfFile& conf, const Cell& cell) {
  for (const char* key : {"output_shape", "output_dtype"}) {
    if (conf.Has(key)) conf.Reject(key, "no such line: it goes with output_kind tensors");
  }
  if (conf.List("output_name").size() != 1) {
    conf.Reject("output_name", "one name, or output_kind tensors for several");
  }
  if (cell.output_kind == OutputKind::kArgmax) return {conf.Text("output_name"), {}, DType::kInt64};
  return {conf.Text("output_name"), {static_cast<std::int64_t>(cell.classes)}, DType::kFloat32};
}

std::vector<NamedTensor> TensorOutputs(const ConfFile& conf) {
  const auto names = conf.List("output_name");
  CheckNames(conf, "output_name", names);
  const auto shapes = ListFor(conf, "output_shape", names, "output_name");
  const auto dtypes = ListFor(conf, "output_dtype", names, "output_name");
  std::vector<NamedTensor> outputs;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto shape = ParseOpenShape(shapes[i]);
    if (!shape) {
      conf.Reject("output_shape", "extents of one sample joined by x, as nx4" + Which(i, names.size()));
    }
    outputs.push_back({names[i], *shape, ReadDType(conf, "output_dtype", dtypes[i], i, names.size())});
  }
  return outputs;
}

}  // namespace

void ReadInputs(const ConfFile& conf, Cell* cell) {
  const auto names = conf.List("input_name");
  CheckNames(conf, "input_name", names);
  const auto shapes = ListFor(conf, "input_shape", names, "input_name");
  const auto dtypes = ListFor(conf, "input_dtype", names, "input_name");
  const auto values = conf.Has("input_values") ? ListFor(conf, "input_values", names, "input_name")
                                               : std::vector<std::string>(names.size(), "any");
  std::size_t elements = 0;
  constexpr std::size_t kMostElements = std::size_t{1} << 40;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto shape = ParseShape(shapes[i]);
    if (!shape || (elements += ElementCount(*shape)) > kMostElements) {
      conf.Reject("input_shape", "extents of one sample joined by x, as 3x224x224" + Which(i, names.size()));
    }
    const DType dtype = ReadDType(conf, "input_dtype", dtypes[i], i, names.size());
    cell->inputs.push_back({names[i], *shape, dtype});
    cell->input_values.push_back(ReadValues(conf, values[i], dtype));
  }
  CheckAlignment(conf, cell->inputs);
}

void ReadOutputs(const ConfFile& conf, Cell* cell) {
  constexpr std::uint64_t kMostClasses = 100'000'000;
  constexpr std::int64_t kLargestOffset = 1'000'000;
  cell->output_kind = ReadOutputKind(conf);
  const bool tensors = cell->output_kind == OutputKind::kTensors;
  if (!tensors || conf.Has("classes")) cell->classes = conf.Number("classes", 1, kMostClasses);
  if (!tensors || conf.Has("label_offset")) {
    cell->label_offset = conf.SignedNumber("label_offset", -kLargestOffset, kLargestOffset);
  }
  cell->outputs = tensors ? TensorOutputs(conf) : std::vector{ClassOutput(conf, *cell)};
}

}  // namespace mlperf_bake
