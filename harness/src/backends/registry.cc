#include <algorithm>

#include "backends/backend.h"
#include "core/failure.h"
#include "core/suggest.h"

namespace mlperf_bake {
namespace {

std::string Listed(std::span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text.empty() ? "none" : text;
}

// Whether `name` is `known`, or one of the family that `known` ends in '*' for.
bool IsOne(std::string_view name, std::string_view known) {
  if (!known.ends_with('*')) return name == known;
  known.remove_suffix(1);
  return name.size() > known.size() && name.starts_with(known);
}

}  // namespace

// Each backend's file defines `const BackendEntry kBackend_NAME`; CMake writes the list from
// MLPERF_BAKE_BACKENDS.
#define MLPERF_BAKE_BACKEND(name) extern const BackendEntry kBackend_##name;
#include "backend_list.inc"
#undef MLPERF_BAKE_BACKEND

std::span<const BackendEntry> Backends() {
  static const std::vector<BackendEntry> entries = {
#define MLPERF_BAKE_BACKEND(name) kBackend_##name,
#include "backend_list.inc"
#undef MLPERF_BAKE_BACKEND
  };
  return entries;
}

const BackendEntry& FindBackend(std::string_view name) {
  std::vector<std::string_view> names;
  for (const BackendEntry& entry : Backends()) {
    if (entry.name == name) return entry;
    names.push_back(entry.name);
  }
  throw Failure(ExitCode::kUsage, "Backend \"" + std::string(name) + "\" is not in this program" +
                                      DidYouMean(name, names) + "; --version lists those that are.");
}

BackendConfiguration Configure(const BackendEntry& entry, const Cell& cell, const Options& options) {
  BackendConfiguration configuration{options.precision.value_or(cell.precision), options.backend_options};
  if (entry.name == cell.backend) {
    configuration.options.insert(cell.backend_options.begin(), cell.backend_options.end());
  }
  const std::string backend = "Backend \"" + std::string(entry.name) + "\"";
  for (const auto& [name, value] : configuration.options) {
    const auto fits = [&](std::string_view known) { return IsOne(name, known); };
    if (std::any_of(entry.options.begin(), entry.options.end(), fits)) continue;
    throw Failure(ExitCode::kUsage, backend + " has no option \"" + name + "\"" +
                                        DidYouMean(name, entry.options) + "; it has " +
                                        Listed(entry.options) + ".");
  }
  const auto& precisions = entry.precisions;
  if (configuration.precision != cell.precision &&
      std::find(precisions.begin(), precisions.end(), configuration.precision) == precisions.end()) {
    throw Failure(ExitCode::kUsage, backend + " cannot compute in " + configuration.precision +
                                        " with weights of " + cell.precision +
                                        "; besides the weights' own it has " + Listed(precisions) + ".");
  }
  return configuration;
}

}  // namespace mlperf_bake
