#include "backends/backend.h"
#include "core/failure.h"
#include "core/suggest.h"

namespace mlperf_bake {

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

}  // namespace mlperf_bake
