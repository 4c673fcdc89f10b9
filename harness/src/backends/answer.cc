#include "backends/answer.h"

namespace mlperf_bake {

std::size_t OutputBytes(const NamedTensor& output, std::size_t count) {
  return count * output.SampleBytes();
}

Output ClassesAt(const Cell& cell, const void* values, std::size_t count) {
  if (cell.output_kind == OutputKind::kScores) {
    return {OutputKind::kScores, std::span(static_cast<const float*>(values), count * cell.classes), {}};
  }
  return {OutputKind::kArgmax, {}, std::span(static_cast<const std::int64_t*>(values), count)};
}

OutputMemory::OutputMemory(const Cell& cell, int batch) : cell_(cell), answer_(cell) {
  constexpr std::size_t kUnit = sizeof(std::max_align_t);
  for (std::size_t i = 0; i < cell.outputs.size(); ++i) {
    const std::size_t bytes = OutputBytes(cell.outputs[i], static_cast<std::size_t>(batch));
    memory_.emplace_back((bytes + kUnit - 1) / kUnit);
    answer_.Set(i, BatchShape(cell.outputs[i], static_cast<std::size_t>(batch)), memory_.back().data());
  }
}

}  // namespace mlperf_bake
