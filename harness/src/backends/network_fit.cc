#include "backends/network_fit.h"

#include <algorithm>

#include "core/failure.h"

namespace mlperf_bake {
namespace {

bool Fits(std::int64_t declared, std::int64_t wanted) {
  return declared < 0 || wanted == kAnyExtent || declared == wanted;
}

bool AllFit(std::span<const std::int64_t> declared, const Shape& wanted) {
  return std::equal(declared.begin(), declared.end(), wanted.begin(), wanted.end(), Fits);
}

std::string Joined(std::span<const std::string> names) {
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : ", ") + name;
  return joined;
}

// Which of several is meant.
std::string Of(const std::vector<NamedTensor>& tensors, const NamedTensor& tensor) {
  return tensors.size() == 1 ? "" : " of \"" + tensor.name + "\"";
}

}  // namespace

void Mismatch(const Cell& cell, const std::string& problem) {
  throw Failure(ExitCode::kCell, cell.conf.string() + " does not describe " + cell.weights.string() + ": " +
                                     problem + "; correct cell.conf or the weights.");
}

void NoSuchName(const Cell& cell, End end, const std::string& wanted, std::span<const std::string> found) {
  Mismatch(cell, std::string("the network has no ") + (end == End::kInput ? "input" : "output") + " \"" +
                     wanted + "\", only " + (found.empty() ? "unnamed ones" : Joined(found)));
}

void CheckAllNamed(const Cell& cell, std::span<const std::string> found) {
  std::vector<std::string> left(found.begin(), found.end());
  for (const NamedTensor& input : cell.inputs) std::erase(left, input.name);
  if (!left.empty()) Mismatch(cell, "the network needs as inputs also " + Joined(left));
}

void CheckInput(const Cell& cell, const NamedTensor& input, const DeclaredShape& declared, int batch) {
  if (declared.size() != input.shape.size() + 1 || !AllFit(std::span(declared).subspan(1), input.shape)) {
    Mismatch(cell, "input_shape " + ToString(input.shape) + Of(cell.inputs, input) +
                       " is another than the network's");
  }
  if (!Fits(declared[0], batch)) {
    throw Failure(ExitCode::kUsage, "The network takes batches of exactly " + std::to_string(declared[0]) +
                                        "; give --batch " + std::to_string(declared[0]) + ".");
  }
}

void CheckOutput(const Cell& cell, const NamedTensor& output, const DeclaredShape& declared) {
  if (cell.output_kind == OutputKind::kArgmax) {
    if (declared.size() != 1) Mismatch(cell, "output_kind argmax needs N");
  } else if (cell.output_kind == OutputKind::kScores) {
    if (declared.size() != 2 || !AllFit(std::span(declared).subspan(1), output.shape)) {
      Mismatch(cell, "output_kind scores needs an output of N x classes, with classes " +
                         std::to_string(cell.classes));
    }
  } else {
    const std::span<const std::int64_t> sample = declared;
    const std::size_t batch_extents = cell.IsOpenEnded() ? 0 : 1;
    if (declared.size() != output.shape.size() + batch_extents ||
        !AllFit(sample.subspan(batch_extents), output.shape)) {
      Mismatch(cell, "output_shape " + ToString(output.shape) + Of(cell.outputs, output) +
                         " is another than the network's");
    }
  }
}

void CheckElements(const Cell& cell, End end, const NamedTensor& tensor, bool fits) {
  if (fits) return;
  if (end == End::kInput || cell.output_kind == OutputKind::kTensors) {
    const bool input = end == End::kInput;
    Mismatch(cell, (input ? "input_dtype" : "output_dtype") + Of(input ? cell.inputs : cell.outputs, tensor) +
                       " is another than the network's");
  }
  Mismatch(cell,
           cell.output_kind == OutputKind::kScores ? "scores must be float32" : "an argmax must be int64");
}

namespace {

// Runtimes explain themselves over many lines; a Failure is one sentence.
std::string OneLine(std::string_view reason) {
  std::string line;
  for (const char c : reason) {
    const bool blank = c == ' ' || c == '\n' || c == '\t';
    if (!blank) line += c;
    if (blank && !line.empty() && line.back() != ' ') line += ' ';
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

}  // namespace

Failure LoadFailure(const Cell& cell, std::string_view runtime, std::string_view reason) {
  return Failure(ExitCode::kBackend,
                 std::string(runtime) + " could not load " + cell.weights.string() + ": " + OneLine(reason));
}

Failure RunFailure(std::string_view runtime, std::size_t count, std::string_view reason) {
  return Failure(ExitCode::kBackend, std::string(runtime) + " could not run a batch of " +
                                         std::to_string(count) + ": " + OneLine(reason));
}

}  // namespace mlperf_bake
