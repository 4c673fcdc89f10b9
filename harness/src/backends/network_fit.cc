#include "backends/network_fit.h"

#include "core/failure.h"

namespace mlperf_bake {
namespace {

bool Fits(std::int64_t declared, std::int64_t wanted) {
  return declared < 0 || declared == wanted;
}

}  // namespace

void Mismatch(const Cell& cell, const std::string& problem) {
  throw Failure(ExitCode::kCell, cell.conf.string() + " does not describe " + cell.weights.string() + ": " +
                                     problem + "; correct cell.conf or the weights.");
}

void NoSuchName(const Cell& cell, End end, std::span<const std::string> found) {
  const bool input = end == End::kInput;
  std::string names;
  for (const std::string& name : found) names += (names.empty() ? "" : ", ") + name;
  Mismatch(cell, std::string("the network has no ") + (input ? "input" : "output") + " \"" +
                     (input ? cell.input_name : cell.output_name) + "\", only " +
                     (names.empty() ? "unnamed ones" : names));
}

void CheckInput(const Cell& cell, const DeclaredShape& declared, int batch) {
  bool fits = declared.size() == cell.input_shape.size() + 1;
  for (std::size_t i = 1; fits && i < declared.size(); ++i) {
    fits = Fits(declared[i], cell.input_shape[i - 1]);
  }
  if (!fits) Mismatch(cell, "input_shape " + ToString(cell.input_shape) + " is another than the network's");
  if (!Fits(declared[0], batch)) {
    throw Failure(ExitCode::kUsage, "The network takes batches of exactly " + std::to_string(declared[0]) +
                                        "; give --batch " + std::to_string(declared[0]) + ".");
  }
}

void CheckOutput(const Cell& cell, const DeclaredShape& declared) {
  if (cell.output_kind == OutputKind::kArgmax) {
    if (declared.size() != 1) Mismatch(cell, "output_kind argmax needs N");
  } else if (declared.size() != 2 || !Fits(declared[1], static_cast<std::int64_t>(cell.classes))) {
    Mismatch(cell, "output_kind scores needs an output of N x classes, with classes " +
                       std::to_string(cell.classes));
  }
}

void CheckElements(const Cell& cell, End end, bool fits) {
  if (fits) return;
  if (end == End::kInput) Mismatch(cell, "input_dtype is another than the network's");
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

std::vector<std::int64_t> BatchShape(const Cell& cell, std::size_t count) {
  std::vector<std::int64_t> shape = {static_cast<std::int64_t>(count)};
  shape.insert(shape.end(), cell.input_shape.begin(), cell.input_shape.end());
  return shape;
}

std::size_t AnswerBytes(const Cell& cell, std::size_t count) {
  return cell.output_kind == OutputKind::kScores ? count * cell.classes * sizeof(float)
                                                 : count * sizeof(std::int64_t);
}

Output AnswerAt(const Cell& cell, const void* values, std::size_t count) {
  if (cell.output_kind == OutputKind::kScores) {
    return {OutputKind::kScores, std::span(static_cast<const float*>(values), count * cell.classes), {}};
  }
  return {OutputKind::kArgmax, {}, std::span(static_cast<const std::int64_t*>(values), count)};
}

OutputMemory::OutputMemory(const Cell& cell, int batch)
    : cell_(cell),
      scores_(cell.output_kind == OutputKind::kScores ? static_cast<std::size_t>(batch) * cell.classes : 0),
      argmax_(cell.output_kind == OutputKind::kArgmax ? static_cast<std::size_t>(batch) : 0) {}

std::vector<std::int64_t> OutputMemory::ShapeFor(std::size_t count) const {
  const auto n = static_cast<std::int64_t>(count);
  if (cell_.output_kind == OutputKind::kArgmax) return {n};
  return {n, static_cast<std::int64_t>(cell_.classes)};
}

}  // namespace mlperf_bake
