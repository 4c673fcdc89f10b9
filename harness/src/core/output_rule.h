// What a backend's answer to a batch must look like: checked at one place, for every backend.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "backends/backend.h"

namespace mlperf_bake {

struct OutputRule {
  std::string_view backend;  // its name
  std::size_t classes = 1;
  // Look at the values, too (accuracy runs): no score or value is NaN or infinite, every class is one of
  // `classes`.
  bool values = false;
  // What output_kind tensors must be; empty for scores and argmax.
  std::span<const NamedTensor> tensors{};

  // Failure kWrongAnswer unless `output` answers `count` samples.
  void Check(const Output& output, std::size_t count) const {
    if (output.kind == OutputKind::kTensors || !tensors.empty()) return CheckTensors(output, count);
    const bool scores = output.kind == OutputKind::kScores;
    const std::size_t size = scores ? output.scores.size() : output.argmax.size();
    if (size != (scores ? count * classes : count)) [[unlikely]]
      RefuseSize(output, count);
    if (values) CheckValues(output, count);
  }

 private:
  [[noreturn]] void RefuseSize(const Output& output, std::size_t count) const;
  void CheckValues(const Output& output, std::size_t count) const;
  void CheckTensors(const Output& output, std::size_t count) const;
};

}  // namespace mlperf_bake
