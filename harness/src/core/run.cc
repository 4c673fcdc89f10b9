#include "core/run.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <thread>

#include "backends/backend.h"
#include "core/cell.h"
#include "core/cpu_time.h"
#include "core/cpus.h"
#include "core/dataset.h"
#include "core/dispatcher.h"
#include "core/host.h"
#include "core/image.h"
#include "core/lane.h"
#include "core/leak_watch.h"
#include "core/loadgen_log.h"
#include "core/loadgen_run.h"
#include "core/manifest.h"
#include "core/progress.h"
#include "core/run_control.h"
#include "core/run_directory.h"
#include "core/signals.h"
#include "core/stall_watch.h"
#include "core/verdict.h"
#include "core/warmup.h"
#include "core/watchdog.h"
#include "core/weights.h"
#include "version.h"

namespace mlperf_bake {
namespace {

constexpr std::string_view kSynthetic = "synthetic";

DataSet OpenData(const Options& options, const Cell& cell) {
  if (options.data == kSynthetic) {
    return DataSet::Synthesize(options.samples.value_or(DataSet::SyntheticCount(cell)), cell);
  }
  DataSet data = DataSet::Open(options.data, cell, options.verify);
  if (options.samples) data.Limit(*options.samples);
  return data;
}

// Loading may take this many times as long as a batch: some backends compile then.
constexpr double kOpeningTimes = 10;
// A batch may take this many times as long in the run as in the warm-up, whatever --watchdog says.
constexpr double kBatchTimes = 20;

// One lane a worker, opened side by side, each on its own CPUs so that its memory is near them.
Lanes OpenLanes(Backend& backend, Task& task, const SampleLibrary& library, const Options& options,
                const Execution& execution, const OutputRule& rule, Watchdog& watchdog) {
  const auto pinning = PlanPinning(options.pin, execution.workers, execution.threads, AllowedCpus());
  Lanes lanes(pinning.size());
  std::vector<std::exception_ptr> failures(pinning.size());
  const auto open = [&](std::size_t i) {
    try {
      const std::vector<int> own =
          pinning[i].empty() ? std::vector<int>() : std::vector<int>{pinning[i].front()};
      PinThisThread(own);
      const std::string worker =
          "worker " + std::to_string(i + 1) + " of " + std::to_string(execution.workers);
      CallCount& opening = watchdog.Watch("load the network for " + worker, kOpeningTimes);
      CallCount& running =
          watchdog.Watch("answer a batch of " + std::to_string(execution.batch) + " on " + worker);
      const auto open_instance = [&] {
        const CallCount::Call call(opening);
        return backend.OpenInstance({execution.threads, pinning[i], execution.batch, execution.share_cpus});
      };
      lanes[i] = std::make_unique<Lane>(open_instance(), task.OpenDecoder(), library,
                                        static_cast<std::size_t>(execution.batch), own, rule, running);
    } catch (...) {  // rethrown below, on the controlling thread
      failures[i] = std::current_exception();
    }
  };
  // As many at a time as can compute at a time.
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> openers;
  const auto at_a_time = std::min<std::size_t>(pinning.size(), static_cast<std::size_t>(UsableCpus()));
  for (std::size_t i = 0; i < at_a_time; ++i) {
    openers.emplace_back([&] {
      for (std::size_t lane = next++; lane < lanes.size(); lane = next++) open(lane);
    });
  }
  for (std::thread& opener : openers) opener.join();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
  return lanes;
}

// Batches after which a lane has all its work space.
constexpr std::size_t kSettledBatches = 8;

// How long to measure when the speed is not given: a twentieth of the run, from half a second to three.
std::chrono::milliseconds MeasuringTime(const Options& options) {
  if (!NeedsMeasurement(options)) return std::chrono::milliseconds(0);
  constexpr double kDefaultSeconds = 600;
  const double twentieth = options.duration_s.value_or(kDefaultSeconds) * 1000 / 20;
  return std::chrono::milliseconds(static_cast<int>(std::clamp(twentieth, 500.0, 3000.0)));
}

void StopBetweenSteps(const RunControl& control) {
  if (!control.stop_requested()) return;
  throw Failure(ExitCode::kInterrupted,
                "The run was interrupted before its clock started; nothing is recorded.");
}

// LoadGen's thread is parked or waits for samples nobody answers, so no destructor may run.
[[noreturn]] void EndProcess(ExitCode exit_code) {
  std::fflush(nullptr);
  std::_Exit(static_cast<int>(exit_code));
}

// A figure as people read it: latencies in milliseconds, rates in samples/s, everything else as LoadGen names
// it.
std::string Headline(double value, std::string metric) {
  constexpr std::string_view kNanoseconds = "_ns";
  constexpr std::string_view kRate = "samples_per_second";
  char figure[96];
  if (metric.ends_with(kNanoseconds)) {
    metric.resize(metric.size() - kNanoseconds.size());
    std::replace(metric.begin(), metric.end(), '_', ' ');
    std::snprintf(figure, sizeof figure, "%s %.4g ms", metric.c_str(), value / 1e6);
  } else if (metric.ends_with(kRate)) {
    std::snprintf(figure, sizeof figure, value < 1000 ? "%.4g samples/s%s" : "%.0f samples/s%s", value,
                  metric.size() > kRate.size() ? " completed" : "");
  } else {
    std::snprintf(figure, sizeof figure, "%.6g %s", value, metric.c_str());
  }
  return figure;
}

std::span<const NamedTensor> TensorsOf(const Cell& cell) {
  if (cell.output_kind != OutputKind::kTensors) return {};
  return cell.outputs;
}

void RequireBatches(const Cell& cell) {
  if (!cell.IsOpenEnded()) return;
  throw Failure(ExitCode::kUsage, "The network of " + cell.id +
                                      " decides for each sample how much it answers (output_shape " +
                                      ShapesOf(cell.outputs) + "); give --batch 1.");
}

// The fewest samples that the run will have when it ends; 0 where LoadGen searches a rate.
std::uint64_t SamplesToCome(const Options& options, const Settings& settings,
                            const mlperf::TestSettings& test, const DataSet& data,
                            const Dispatcher& dispatcher) {
  if (options.mode == Mode::kAccuracy) return data.count();
  if (options.mode == Mode::kFindPeak) return 0;
  if (options.scenario == Scenario::kOffline) return dispatcher.issued_samples();
  const bool many = options.scenario == Scenario::kMultiStream;
  return settings.min_query_count * (many ? test.multi_stream_samples_per_query : 1);
}

std::string Summary(const Manifest& manifest, const std::string& where, const std::string& accuracy) {
  std::string text;
  if (manifest.interrupted) text = "interrupted after " + std::to_string(manifest.samples) + " samples";
  if (manifest.result) {
    text = manifest.result->valid ? "VALID" : "INVALID";
    if (manifest.result->value) text += ": " + Headline(*manifest.result->value, manifest.result->metric);
  } else if (manifest.accuracy) {
    text = manifest.accuracy->metric + ": " + std::to_string(manifest.accuracy->correct) + " of " +
           std::to_string(manifest.accuracy->total) + " correct";
  } else if (!manifest.interrupted && !manifest.data.synthetic && !accuracy.empty()) {
    text = "finished\naccuracy: measured by " + accuracy;
  } else if (!manifest.interrupted) {
    text = "finished; accuracy not measured (no labels)";
  }
  const auto reasons = DemonstrationReasons(manifest);
  if (!reasons.empty()) {
    text += "\ndemonstration:";
    for (const std::string& reason : reasons) text += " " + reason + (&reason == &reasons.back() ? "" : ";");
  }
  text += "\nrecorded in " + where;
  if (GoesWithTheContainer(where)) {
    text +=
        "\nThat lies in the container alone and goes with it: mount a volume, docker run -v results:/results "
        "...";
  }
  return text;
}

}  // namespace

ExitCode Run(const Options& options) {
  RunControl control;
  const SignalWatch signals(control);
  Progress progress(options.progress);
  const Cell cell = ReadCell(options.cell.value_or(DefaultCellFile()));
  const std::optional<Audit> audit =
      options.mode == Mode::kCompliance
          ? std::optional(FindAudit(cell, options.compliance_test, options.scenario))
          : std::nullopt;
  const BackendEntry& entry = FindBackend(options.backend.value_or(cell.backend));
  const BackendConfiguration configuration = Configure(entry, cell, options);
  const std::string run_id = options.run_id.value_or(NewRunId(NameOf(options.scenario), ModeText(options)));
  RunDirectory directory(options.results, run_id);

  progress.Phase("verify");
  const DataSet data = OpenData(options, cell);
  StopBetweenSteps(control);
  std::optional<Weights> weights;
  if (entry.needs_weights) weights = OpenWeights(cell);
  StopBetweenSteps(control);

  progress.Phase("load");
  const int usable_cpus = UsableCpus();
  const std::unique_ptr<Task> task = OpenTask(cell, data, options.mode == Mode::kAccuracy);
  const auto give_up = [&](const Failure& hung) {
    directory.Discard();
    std::fprintf(stderr, "mlperf-harness: %s\n", hung.what());
    EndProcess(hung.exit_code());
  };
  Watchdog watchdog(entry.name, Watchdog::Seconds(options.watchdog_s), give_up);
  const std::unique_ptr<Backend> backend = [&] {
    const CallCount::Call call(watchdog.Watch("open", kOpeningTimes));
    return entry.open(
        {cell, weights ? weights->memory.bytes() : std::span<const std::byte>(), configuration});
  }();
  const Execution execution =
      ResolveExecution(options, backend->Facts(usable_cpus).preferred_workers, usable_cpus);
  if (execution.batch > 1) RequireBatches(cell);
  const std::size_t performance_count = std::min(cell.performance_sample_count, data.count());
  // Packing pays where batches can be contiguous: everywhere but in Server, whose order is random.
  const bool pack = execution.batch > 1 && !ArrivesOnSchedule(options.scenario);
  if (audit) RequireSamples(*audit, performance_count);
  SampleLibrary library(data, performance_count, pack);
  Lanes lanes =
      OpenLanes(*backend, *task, library, options, execution,
                {entry.name, cell.classes, options.mode == Mode::kAccuracy, TensorsOf(cell)}, watchdog);
  StopBetweenSteps(control);

  progress.Phase("warm-up");
  const Measured measured = WarmUp(lanes, data.count(), options.warmup, MeasuringTime(options), control);
  StopBetweenSteps(control);
  watchdog.AllowAtLeast(Watchdog::Seconds(kBatchTimes * measured.batch_seconds));

  const Settings settings =
      ResolveSettings(options, cell, execution, data.count(), measured, AvailableMemory() / 4, audit);
  if (settings.memory_bound) {
    std::fprintf(
        stderr,
        "mlperf-harness: the backend is so quick that LoadGen's queries for the whole duration would not fit "
        "into memory; the run may end early (shorten --duration).\n");
  }
  directory.Write("user.conf", UserConf(settings, options.scenario));
  const mlperf::TestSettings test =
      ConfigureLoadGen(directory.path() / "user.conf", cell, options.scenario, options.mode, audit);
  const auto audit_file = audit ? directory.path() / kAuditFile : std::filesystem::path();
  if (audit) directory.Write(std::string(kAuditFile), AuditConfig(*audit, options.scenario));

  progress.Phase("run");
  const DispatchSettings dispatch{options.batch_timeout_us, Grain(options.scenario, execution, measured),
                                  Hold(options.scenario, execution, measured, task->response_bytes())};
  Manifest manifest{.run_id = run_id,
                    .cell = cell,
                    .options = options,
                    .execution = execution,
                    .settings = settings,
                    .seeds = {test.qsl_rng_seed, test.sample_index_rng_seed, test.schedule_rng_seed},
                    .data = data,
                    .backend = backend->Facts(usable_cpus),  // with what it loaded
                    .configuration = configuration,
                    .weights = weights ? std::optional(weights->facts) : std::nullopt,
                    .started_at = UtcNow(),
                    .memory_after_load = ReadMemoryUse()};
  LeakWatch leaks(entry.name, kSettledBatches * lanes.size() * static_cast<std::size_t>(execution.batch),
                  (pack ? performance_count * library.sample_bytes() : 0) +
                      lanes.size() * (dispatch.hold + dispatch.grain) * task->response_bytes(),
                  options.mode == Mode::kFindPeak ? 0 : options.leak_limit_mb << 20);
  StallWatch stalls(mlperf::LoadgenVersion(), StallWatch::Seconds(options.watchdog_s));
  const double cpu_before = CpuSeconds();
  auto dispatcher = OpenDispatcher(cell.id, options.scenario, dispatch, lanes, control);
  LoadGenRun loadgen(*dispatcher, library, test, directory.path(), audit_file, lanes, control);
  const bool ended = loadgen.Supervise([&](std::uint64_t answered, double elapsed_s) {
    const std::uint64_t all = SamplesToCome(options, settings, test, data, *dispatcher);
    if (const auto leak = leaks.Look(ReadMemoryUse(), answered)) control.Fail(std::make_exception_ptr(*leak));
    const Advance advance{dispatcher->flushed(), dispatcher->issued_samples() - answered,
                          dispatcher->issued_samples(), CpuSeconds(), directory.Bytes()};
    if (const auto stalled = stalls.Look(advance, StallWatch::Clock::now())) give_up(*stalled);
    progress.Update(answered, all > 0 ? std::optional(std::max(all, answered)) : std::nullopt, elapsed_s,
                    options.mode == Mode::kAccuracy ? 0 : static_cast<double>(settings.duration_ms) / 1000);
  });
  manifest.ended_at = UtcNow();
  manifest.cpu_seconds = CpuSeconds() - cpu_before;
  manifest.memory_at_end = ReadMemoryUse();

  progress.Phase("record");
  try {
    control.RethrowFailure();
    const LoadGenLog log = LoadGenLog::Read(directory.path() / "mlperf_log_detail.txt");
    if (ended && !IsWholeAccuracyLog(directory.path() / "mlperf_log_accuracy.json"))
      throw loadgen.NoResult(log);
    if (ended && audit) RequireEffective(*audit, log);
    manifest.interrupted = !ended;
    manifest.samples = Answered(lanes);
    manifest.queries = dispatcher->issued_queries();
    if (const auto samples = log.Number("generated_samples_per_query")) {
      manifest.samples_per_query = static_cast<std::uint64_t>(*samples);
    }
    if (ended && options.mode != Mode::kAccuracy) {
      manifest.result = ReadResult(log, options.scenario);
      if (!manifest.result) throw loadgen.NoResult(log);
      manifest.advice = AdviceFor(log, *manifest.result, settings, options.scenario, execution, measured);
    }
    if (ended && options.mode == Mode::kAccuracy) manifest.accuracy = task->Measure();
    // LoadGen creates its trace file even when told to keep no trace.
    std::error_code missing;
    std::filesystem::remove(directory.path() / "mlperf_log_trace.json", missing);
    directory.Write("manifest.json", ToJson(manifest));
    directory.Commit();
    const std::string validity = !manifest.result ? "" : manifest.result->valid ? "VALID" : "INVALID";
    progress.Done(run_id, ended ? "finished" : "interrupted", validity,
                  Summary(manifest, directory.final_path().string(),
                          task->AccuracyCommand(directory.final_path().string())));
    if (!ended) EndProcess(ExitCode::kInterrupted);
    if (!manifest.result || manifest.result->valid) return ExitCode::kDone;
    std::fprintf(stderr, "mlperf-harness: LoadGen calls the run INVALID. %s\n",
                 manifest.advice->Sentence().c_str());
    return ExitCode::kInvalid;
  } catch (const std::exception& error) {
    if (ended) throw;
    directory.Discard();
    std::fprintf(stderr, "mlperf-harness: %s\n", error.what());
    EndProcess(ExitCodeOf(error));
  }
}

}  // namespace mlperf_bake
