// manifest.json: everything about a run that a submission or a reader may need (docs/contracts.md, "Result").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "core/cell.h"
#include "core/dataset.h"
#include "core/host.h"
#include "core/leak_watch.h"
#include "core/loadgen_log.h"
#include "core/options.h"
#include "core/settings.h"
#include "core/verdict.h"
#include "core/weights.h"
#include "tasks/task.h"

namespace mlperf_bake {

struct Manifest {
  std::string run_id;
  bool interrupted = false;
  const Cell& cell;
  const Options& options;
  const Execution& execution;
  const Settings& settings;
  Seeds seeds;  // those that LoadGen ran with
  const DataSet& data;
  BackendFacts backend;
  BackendConfiguration configuration;
  std::optional<WeightsFacts> weights;
  std::string started_at;  // UTC, ISO 8601
  MemoryUse memory_after_load{}, memory_at_end{};
  std::string ended_at{};
  std::optional<std::uint64_t> samples_per_query{};
  std::uint64_t samples = 0, queries = 0;  // answered, issued
  double cpu_seconds = 0;                  // of the whole process, from started_at to ended_at
  std::optional<Result> result{};
  std::optional<Advice> advice{};  // for an INVALID result
  std::optional<Accuracy> accuracy{};
};

// Why the run cannot be more than a demonstration; empty when nothing speaks against it.
std::vector<std::string> DemonstrationReasons(const Manifest& manifest);

// The document. Reads the host's facts and the image's identity from its environment.
std::string ToJson(const Manifest& manifest);

// Now, as 2026-11-22T09:15:00.123Z.
std::string UtcNow();

}  // namespace mlperf_bake
