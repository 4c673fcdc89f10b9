#include "core/output_rule.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "core/failure.h"

namespace mlperf_bake {
namespace {

Failure Wrong(std::string_view backend, const std::string& found, std::size_t count,
              const std::string& expected) {
  return Failure(ExitCode::kWrongAnswer,
                 "Backend " + std::string(backend) + " answered a batch of " + std::to_string(count) +
                     " with " + found + "; expected " + expected +
                     "; nothing is recorded. Compare the network with output_kind and classes in "
                     "cell.conf, or try another --backend.");
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

}  // namespace mlperf_bake
