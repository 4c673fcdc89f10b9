// A network's own input and output held against cell.conf, in the same words for every backend; and the
// memory of an instance's output.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "core/failure.h"

namespace mlperf_bake {

// A shape as a network declares it, the batch first; an extent below 0 takes any size.
using DeclaredShape = std::vector<std::int64_t>;

// The two ends of a network, as cell.conf's keys begin.
enum class End { kInput, kOutput };

// Failure kCell: cell.conf and the weights contradict each other.
[[noreturn]] void Mismatch(const Cell& cell, const std::string& problem);
// The same where the network has no such input or output; `found` are those it has.
[[noreturn]] void NoSuchName(const Cell& cell, End end, std::span<const std::string> found);

// Failure kCell unless samples of cell.conf's shape fit; kUsage where the network takes another fixed batch.
void CheckInput(const Cell& cell, const DeclaredShape& declared, int batch);
// Failure kCell unless it is N x classes (scores) or N (argmax).
void CheckOutput(const Cell& cell, const DeclaredShape& declared);

// The element type that an output of this kind must have: float32 scores, an int64 argmax.
inline DType OutputDType(OutputKind kind) {
  return kind == OutputKind::kScores ? DType::kFloat32 : DType::kInt64;
}
// Failure kCell for another element type than cell.conf's, or than OutputDType().
void CheckElements(const Cell& cell, End end, bool fits);

// Failure kBackend: the weights cannot be loaded, with the runtime's own reason.
Failure LoadFailure(const Cell& cell, std::string_view runtime, std::string_view reason);
// Failure kBackend: a batch cannot be run.
Failure RunFailure(std::string_view runtime, std::size_t count, std::string_view reason);

// The shape of a batch: the count, then cell.conf's input_shape.
std::vector<std::int64_t> BatchShape(const Cell& cell, std::size_t count);

// What the answer to `count` samples takes, in bytes.
std::size_t AnswerBytes(const Cell& cell, std::size_t count);
// The answer to a batch that lies at `values`: `count` x classes scores, or `count` classes.
Output AnswerAt(const Cell& cell, const void* values, std::size_t count);

// Memory for the answers to `batch` samples, allocated once.
class OutputMemory {
 public:
  OutputMemory(const Cell& cell, int batch);

  void* data() {
    return cell_.output_kind == OutputKind::kScores ? static_cast<void*>(scores_.data()) : argmax_.data();
  }
  // The shape of `count` answers: count x classes, or count.
  std::vector<std::int64_t> ShapeFor(std::size_t count) const;
  Output First(std::size_t count) { return AnswerAt(cell_, data(), count); }

 private:
  const Cell& cell_;
  std::vector<float> scores_;
  std::vector<std::int64_t> argmax_;
};

}  // namespace mlperf_bake
