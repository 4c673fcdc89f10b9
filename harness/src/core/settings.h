// The effective settings of a run: what the user asked for, completed from the cell, the machine and the
// warm-up; and how they are told to LoadGen.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "core/audit.h"
#include "core/cell.h"
#include "core/options.h"
#include "core/warmup.h"
#include "test_settings.h"

namespace mlperf_bake {

// Decided before the backend is opened.
struct Execution {
  int workers = 1;
  int threads = 1;
  int batch = 1;
  bool share_cpus = false;
};

// Failure kUsage where the scenario cannot use what was asked for.
Execution ResolveExecution(const Options& options, int preferred_workers, int usable_cpus);

// Where a target comes from.
enum class Source { kUser, kCell, kWarmUp, kLoadGen };
std::string_view NameOf(Source source);

struct Target {
  double value;
  Source source;
};

struct Settings {
  std::uint64_t duration_ms = 0;
  std::uint64_t min_query_count = 0;
  std::optional<Target> target_qps;         // Offline, Server, Interactive
  std::optional<Target> target_latency_ms;  // streams: expected; Server, Interactive: limit
  std::size_t performance_sample_count = 0;
  bool override_min_query_count = false;
  bool override_latency_limit = false;
  bool override_performance_sample_count = false;
  bool memory_bound = false;  // the target was lowered so that LoadGen's queries fit into memory
  std::uint64_t official_duration_ms = 0;
  std::uint64_t official_min_query_count = 0;
};

// What LoadGen's built-in configuration says for the cell's model in this scenario.
mlperf::TestSettings LoadGenDefaults(const Cell& cell, Scenario scenario);

// `measured` may be all zero when no target has to come from it; `memory_bytes` is what LoadGen's queries may
// take. What the audit of a compliance test fixes, the user cannot choose: Failure kUsage.
Settings ResolveSettings(const Options& options, const Cell& cell, const Execution& execution,
                         std::size_t sample_count, const Measured& measured, std::uint64_t memory_bytes,
                         const std::optional<Audit>& audit = std::nullopt);

// Whether ResolveSettings() will need a measured speed.
bool NeedsMeasurement(const Options& options);

// The user.conf that makes LoadGen use the settings.
std::string UserConf(const Settings& settings, Scenario scenario);

// Writes nothing; reads `user_conf` the one time LoadGen allows. Failure kLoadGen when LoadGen does not take
// it or its seeds are not those of the cell's round.
mlperf::TestSettings ConfigureLoadGen(const std::filesystem::path& user_conf, const Cell& cell,
                                      Scenario scenario, Mode mode,
                                      const std::optional<Audit>& audit = std::nullopt);

// Samples a lane should take at once (DispatchSettings::grain), a multiple of the batch.
std::size_t Grain(Scenario scenario, const Execution& execution, const Measured& measured);
// Answers a lane should hold before it reports them (DispatchSettings::hold), of `response_bytes` each: in
// Offline as many as take half a second, within 128 MiB, elsewhere those of a grain.
std::size_t Hold(Scenario scenario, const Execution& execution, const Measured& measured,
                 std::size_t response_bytes);

}  // namespace mlperf_bake
