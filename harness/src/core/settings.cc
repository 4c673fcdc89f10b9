#include "core/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/failure.h"
#include "core/loadgen_version.h"
#include "core/queue_model.h"

namespace mlperf_bake {
namespace {

// LoadGen's own cost of a query (a stream: issue and completion; a served one: schedule, queue, completion)
// and of an Offline sample, in seconds, as measured with a bare null system. Without it the speed of a very
// quick backend would be overestimated many times.
constexpr double kStreamQueryCost = 0.7e-6;
constexpr double kServedQueryCost = 2e-6;
constexpr double kOfflineSampleCost = 0.08e-6;

// What LoadGen keeps in memory for each query (each Offline sample) it generates, in bytes, with its vectors'
// growth; in Offline also the answer that a lane holds.
constexpr double kQueryBytes = 640;
constexpr double kOfflineSampleBytes = 160;

// Offline: LoadGen issues 1.1 x duration x target samples in one query and wants them to last `duration`. A
// machine that speeds up after the warm-up must still be busy that long.
constexpr double kOfflineMargin = 1.25;
// Streams: LoadGen generates 2 x duration / latency queries, so 0.5 would do.
constexpr double kStreamMargin = 0.8;
// Server: no more than this share of the measured throughput, and of the rate that a simulated queue keeps
// within the latency limit: a machine that slows down after the warm-up must still keep up.
constexpr double kServedShare = 0.5;
constexpr double kQueueShare = 0.8;
// Server, when even a lone query is too late: the run will be INVALID, and says why soon.
constexpr double kHopelessShare = 0.1;

std::string Number(double value) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

// Three significant digits, towards zero: a target read by people.
double Rounded(double value) {
  const double unit = std::pow(10, std::floor(std::log10(value)) - 2);
  return std::floor(value / unit) * unit;
}

double LatencyLimit(const Options& options, const Cell& cell, Source* source) {
  if (options.target_latency_ms) {
    if (std::floor(*options.target_latency_ms) != *options.target_latency_ms) {
      throw Failure(ExitCode::kUsage,
                    "LoadGen takes whole milliseconds as latency limit; round --target-latency-ms " +
                        Number(*options.target_latency_ms) + ".");
    }
    *source = Source::kUser;
    return *options.target_latency_ms;
  }
  *source = Source::kCell;
  const bool server = options.scenario == Scenario::kServer;
  const std::optional<double>& limit =
      server ? cell.server_target_latency_ms : cell.interactive_target_latency_ms;
  if (limit) return *limit;
  throw Failure(ExitCode::kUsage, "Cell " + cell.id + " has no latency limit for " +
                                      (server ? "Server" : "Interactive") + "; give --target-latency-ms.");
}

// A rate of queries that is likely to stay within the latency limit.
double ServedRate(const Measured& measured, const Execution& execution, double limit_ms) {
  std::vector<double> seconds = measured.batch_times;
  if (seconds.empty()) seconds.push_back(measured.batch_seconds);
  for (double& batch : seconds) batch += kServedQueryCost;
  const double capacity = 1 / (1 / measured.samples_per_second + kServedQueryCost);
  const double queued =
      QueueModel(std::move(seconds), execution.workers, execution.batch).HighestRate(limit_ms / 1000, 1);
  if (queued == 0) return kHopelessShare * capacity;
  return std::min(kServedShare * capacity, kQueueShare * queued);
}

// The target that a warm-up speaks for; lowered where LoadGen's queries would not fit into `memory_bytes`.
double MeasuredTarget(double target, double seconds, double bytes_per_second_of_target,
                      std::uint64_t memory_bytes, bool* memory_bound) {
  const double most = static_cast<double>(memory_bytes) / (seconds * bytes_per_second_of_target);
  *memory_bound = target > most;
  return std::min(target, most);
}

// Whole batches that take a lane `seconds`, at least one, and at most about `most` samples.
std::size_t SamplesIn(double seconds, std::size_t most, const Execution& execution,
                      const Measured& measured) {
  const auto batch = static_cast<std::size_t>(execution.batch);
  if (measured.samples_per_second <= 0) return batch;
  const double samples = seconds * measured.samples_per_second / execution.workers;
  const auto whole = static_cast<std::size_t>(std::min(samples, static_cast<double>(most)));
  return std::max<std::size_t>(1, whole / batch) * batch;
}

[[noreturn]] void RefuseAudited(const Audit& audit, const std::string& option, const std::string& value) {
  throw Failure(ExitCode::kUsage, audit.test + " fixes what " + option + " would set at " + value +
                                      "; leave " + option + " out.");
}

// What an audit fixes is what is official then; user.conf leaves it out, since the audit is read after it.
void ApplyAudit(const Audit& audit, const Options& options, Settings* settings) {
  if (const auto duration = audit.Value("min_duration")) {
    if (options.duration_s) RefuseAudited(audit, "--duration", std::to_string(*duration) + " ms");
    settings->duration_ms = settings->official_duration_ms = *duration;
  }
  if (const auto queries = audit.Value("min_query_count")) {
    if (options.min_queries) RefuseAudited(audit, "--min-queries", std::to_string(*queries));
    settings->min_query_count = settings->official_min_query_count = *queries;
    settings->override_min_query_count = false;
  }
}

}  // namespace

std::string_view NameOf(Source source) {
  constexpr std::array<std::string_view, 4> kNames = {"user", "cell", "warm-up", "loadgen"};
  return kNames[static_cast<std::size_t>(source)];
}

Execution ResolveExecution(const Options& options, int preferred_workers, int usable_cpus) {
  Execution execution;
  execution.batch = options.batch.value_or(1);
  if (options.scenario == Scenario::kSingleStream) {
    if (options.workers.value_or(1) != 1) {
      throw Failure(ExitCode::kUsage,
                    "SingleStream has one query at a time and so one worker; use --threads " +
                        std::to_string(*options.workers) + " instead of --workers.");
    }
    if (execution.batch != 1) {
      throw Failure(ExitCode::kUsage, "SingleStream has one sample at a time; leave --batch out.");
    }
    execution.threads = options.threads.value_or(preferred_workers);
  } else {
    if (options.scenario == Scenario::kMultiStream && execution.batch > kMultiStreamSamples) {
      throw Failure(ExitCode::kUsage, "MultiStream has " + std::to_string(kMultiStreamSamples) +
                                          " samples a query; give a --batch of at most that.");
    }
    execution.threads = options.threads.value_or(1);
    execution.workers = options.workers.value_or(std::max(1, preferred_workers / execution.threads));
  }
  execution.share_cpus = execution.workers * execution.threads > usable_cpus;
  return execution;
}

mlperf::TestSettings LoadGenDefaults(const Cell& cell, Scenario scenario) {
  mlperf::TestSettings settings;
  SetCompiledIn(cell.loadgen_model, std::string(LoadGenName(scenario)), &settings);
  return settings;
}

bool NeedsMeasurement(const Options& options) {
  if (ArrivesOnSchedule(options.scenario)) return !options.target_qps;
  if (options.mode == Mode::kAccuracy) return false;
  return options.scenario == Scenario::kOffline ? !options.target_qps : !options.target_latency_ms;
}

Settings ResolveSettings(const Options& options, const Cell& cell, const Execution& execution,
                         std::size_t sample_count, const Measured& measured, std::uint64_t memory_bytes,
                         const std::optional<Audit>& audit) {
  const mlperf::TestSettings defaults = LoadGenDefaults(cell, options.scenario);
  Settings settings;
  settings.official_duration_ms = defaults.min_duration_ms;
  settings.official_min_query_count = defaults.min_query_count;
  settings.duration_ms = options.duration_s
                             ? static_cast<std::uint64_t>(std::llround(*options.duration_s * 1000))
                             : defaults.min_duration_ms;
  const bool shortened = settings.duration_ms < defaults.min_duration_ms;
  settings.min_query_count = defaults.min_query_count;
  if (options.min_queries) {
    settings.min_query_count = *options.min_queries;
  } else if (shortened && options.scenario == Scenario::kOffline) {
    // LoadGen's Offline count is of samples: 24,576 would turn "10 seconds" into minutes.
    settings.min_query_count = 1;
  }
  settings.override_min_query_count = settings.min_query_count != defaults.min_query_count;
  if (audit) ApplyAudit(*audit, options, &settings);

  const std::size_t wanted = defaults.performance_sample_count_override != 0
                                 ? defaults.performance_sample_count_override
                                 : cell.performance_sample_count;
  settings.performance_sample_count = std::min(wanted, sample_count);
  settings.override_performance_sample_count =
      settings.performance_sample_count != defaults.performance_sample_count_override;

  const double seconds = static_cast<double>(settings.duration_ms) / 1000;
  const bool known = measured.samples_per_second > 0;
  const double lane_rate = known ? measured.samples_per_second / execution.workers : 0;
  switch (options.scenario) {
    case Scenario::kOffline: {
      if (options.target_qps) {
        settings.target_qps = Target{*options.target_qps, Source::kUser};
      } else if (IsTimed(options.mode) && known) {
        const double rate = execution.workers / (1 / lane_rate + kOfflineSampleCost);
        settings.target_qps = Target{MeasuredTarget(kOfflineMargin * rate, 1.1 * seconds, kOfflineSampleBytes,
                                                    memory_bytes, &settings.memory_bound),
                                     Source::kWarmUp};
      }
      break;
    }
    case Scenario::kSingleStream:
    case Scenario::kMultiStream: {
      if (options.target_latency_ms) {
        settings.target_latency_ms = Target{*options.target_latency_ms, Source::kUser};
      } else if (IsTimed(options.mode) && known) {
        const int samples = options.scenario == Scenario::kMultiStream ? kMultiStreamSamples : 1;
        const int rounds =
            (samples + execution.batch * execution.workers - 1) / (execution.batch * execution.workers);
        const double latency = kStreamMargin * (rounds * measured.batch_seconds) + kStreamQueryCost;
        const double rate =
            MeasuredTarget(1 / latency, 2 * seconds, kQueryBytes, memory_bytes, &settings.memory_bound);
        settings.target_latency_ms = Target{1000 / rate, Source::kWarmUp};
      }
      break;
    }
    case Scenario::kServer:
    case Scenario::kInteractive: {
      Source source = Source::kCell;
      const double limit = LatencyLimit(options, cell, &source);
      settings.target_latency_ms = Target{limit, source};
      settings.override_latency_limit = limit * 1e6 != static_cast<double>(defaults.server_target_latency_ns);
      if (options.target_qps) {
        settings.target_qps = Target{*options.target_qps, Source::kUser};
      } else if (known) {
        settings.target_qps =
            Target{Rounded(MeasuredTarget(ServedRate(measured, execution, limit), seconds, kQueryBytes,
                                          memory_bytes, &settings.memory_bound)),
                   Source::kWarmUp};
      }
      break;
    }
  }
  return settings;
}

std::string UserConf(const Settings& settings, Scenario scenario) {
  const std::string prefix = "*." + std::string(LoadGenName(scenario)) + ".";
  std::string text = "# Written by mlperf-harness for this run.\n";
  const auto line = [&](const std::string& key, const std::string& value) {
    text += prefix + key + " = " + value + "\n";
  };
  if (settings.duration_ms != settings.official_duration_ms)
    line("min_duration", std::to_string(settings.duration_ms));
  if (settings.override_min_query_count) line("min_query_count", std::to_string(settings.min_query_count));
  if (settings.override_performance_sample_count) {
    line("performance_sample_count_override", std::to_string(settings.performance_sample_count));
  }
  if (settings.target_qps) line("target_qps", Number(settings.target_qps->value));
  if (settings.target_latency_ms && (IsStream(scenario) || settings.override_latency_limit)) {
    line("target_latency", Number(settings.target_latency_ms->value));
  }
  return text;
}

mlperf::TestSettings ConfigureLoadGen(const std::filesystem::path& user_conf, const Cell& cell,
                                      Scenario scenario, Mode mode, const std::optional<Audit>& audit) {
  mlperf::TestSettings settings;
  if (settings.FromConfig(user_conf.string(), cell.loadgen_model, std::string(LoadGenName(scenario))) != 0) {
    throw Failure(ExitCode::kLoadGen, "LoadGen did not take " + user_conf.string() + ".");
  }
  settings.scenario = LoadGenScenario(scenario);
  settings.mode = LoadGenMode(mode);
  const Seeds seeds{settings.qsl_rng_seed, settings.sample_index_rng_seed, settings.schedule_rng_seed};
  if (seeds != cell.seeds) {
    throw Failure(ExitCode::kLoadGen,
                  "LoadGen's seeds (" + std::to_string(seeds.qsl) + ", " +
                      std::to_string(seeds.sample_index) + ", " + std::to_string(seeds.schedule) +
                      ") are not those of round " + cell.round + " in " + cell.conf.string() + " (" +
                      std::to_string(cell.seeds.qsl) + ", " + std::to_string(cell.seeds.sample_index) + ", " +
                      std::to_string(cell.seeds.schedule) + "); build the image with the round's LoadGen.");
  }
  if (audit) SetSeeds(*audit, &settings);
  return settings;
}

std::size_t Grain(Scenario scenario, const Execution& execution, const Measured& measured) {
  if (ArrivesOnSchedule(scenario)) return SamplesIn(10e-6, 64, execution, measured);
  return SamplesIn(500e-6, 4096, execution, measured);
}

std::size_t Hold(Scenario scenario, const Execution& execution, const Measured& measured,
                 std::size_t response_bytes) {
  if (scenario != Scenario::kOffline) return Grain(scenario, execution, measured);
  constexpr std::size_t kMostBytes = std::size_t{128} << 20;
  return SamplesIn(0.5, kMostBytes / response_bytes, execution, measured);
}

}  // namespace mlperf_bake
