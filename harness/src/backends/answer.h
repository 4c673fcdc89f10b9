// The memory of an instance's answers, and how they are handed on as an Output.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "backends/backend.h"

namespace mlperf_bake {

// What an output takes for `count` samples, in bytes. Not for an output with an extent of the network's own.
std::size_t OutputBytes(const NamedTensor& output, std::size_t count);
// The answer to `count` samples that lies at `values`, where the cell has scores or an argmax.
Output ClassesAt(const Cell& cell, const void* values, std::size_t count);

// An answer of named tensors that lie where the runtime put them; set anew for each batch, without
// allocating.
class TensorAnswer {
 public:
  explicit TensorAnswer(const Cell& cell) : shapes_(cell.outputs.size()), views_(cell.outputs.size()) {
    for (std::size_t i = 0; i < views_.size(); ++i) views_[i].dtype = cell.outputs[i].dtype;
  }

  // Output `i`, in cell.conf's order; `shape` as the runtime has it, of any integers.
  template <typename Extents>
  void Set(std::size_t i, const Extents& shape, const void* data) {
    shapes_[i].assign(std::begin(shape), std::end(shape));
    views_[i].shape = shapes_[i];
    views_[i].data = data;
  }
  // The first extent of every output.
  void SetCount(std::size_t count) {
    for (Shape& shape : shapes_) shape.front() = static_cast<std::int64_t>(count);
  }
  Output output() const { return {OutputKind::kTensors, {}, {}, views_}; }

 private:
  std::vector<Shape> shapes_;
  std::vector<TensorView> views_;
};

// Memory for the answers to `batch` samples, allocated once. Not for an open-ended cell.
class OutputMemory {
 public:
  OutputMemory(const Cell& cell, int batch);

  // Where output `i` begins.
  void* data(std::size_t i) { return memory_[i].data(); }
  // The answer to the first `count` samples.
  Output First(std::size_t count) {
    if (cell_.output_kind != OutputKind::kTensors) return ClassesAt(cell_, data(0), count);
    answer_.SetCount(count);
    return answer_.output();
  }

 private:
  const Cell& cell_;
  std::vector<std::vector<std::max_align_t>> memory_;
  TensorAnswer answer_;
};

}  // namespace mlperf_bake
