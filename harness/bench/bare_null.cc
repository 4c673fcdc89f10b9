// LoadGen with a system under test that answers at once, on the thread that asks: the ceiling of any harness.
//
//   bare-null --scenario NAME --duration SECONDS --target-qps Q | --target-latency-ms L --outdir DIR [--chunk
//   N]
//
// prints one JSON object: validity, metric, value, latencies and queries as LoadGen has them, and the CPU
// time of LoadGen and all its threads, cpu_seconds.
//
// --chunk N completes at most N samples at once. LoadGen takes the time when it is called and does its
// bookkeeping afterwards; all of an Offline query completed at once therefore costs no measured bookkeeping
// at all, in chunks all but the last chunk's.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <vector>

#include "arguments.h"
#include "core/cpu_time.h"
#include "core/json.h"
#include "core/loadgen_log.h"
#include "core/loadgen_version.h"
#include "core/scenario.h"
#include "loadgen.h"
#include "query_sample_library.h"
#include "system_under_test.h"

namespace {

using mlperf_bake::Scenario;

class NullSystem final : public mlperf::SystemUnderTest {
 public:
  // `chunk`: samples completed at once; 0 for all of a query.
  explicit NullSystem(std::size_t chunk) : chunk_(chunk) {}

  const std::string& Name() override { return name_; }
  void IssueQuery(const std::vector<mlperf::QuerySample>& samples) override {
    const std::size_t chunk = chunk_ == 0 ? samples.size() : chunk_;
    for (std::size_t first = 0; first < samples.size(); first += chunk) {
      const std::size_t end = std::min(first + chunk, samples.size());
      responses_.clear();
      for (std::size_t i = first; i < end; ++i) {
        responses_.emplace_back(samples[i].id, reinterpret_cast<std::uintptr_t>(&answer_), sizeof(answer_));
      }
      mlperf::QuerySamplesComplete(responses_.data(), responses_.size());
    }
  }
  void FlushQueries() override {}

 private:
  std::string name_ = "bare-null";
  std::size_t chunk_;
  std::int64_t answer_ = 0;
  std::vector<mlperf::QuerySampleResponse> responses_;
};

class NullLibrary final : public mlperf::QuerySampleLibrary {
 public:
  const std::string& Name() override { return name_; }
  std::size_t TotalSampleCount() override { return 1024; }
  std::size_t PerformanceSampleCount() override { return 1024; }
  void LoadSamplesToRam(const std::vector<mlperf::QuerySampleIndex>& /*samples*/) override {}
  void UnloadSamplesFromRam(const std::vector<mlperf::QuerySampleIndex>& /*samples*/) override {}

 private:
  std::string name_ = "null";
};

int Main(int argc, char** argv) {
  const mlperf_bake::Arguments arguments(argc, argv,
                                         {{"--scenario", "SingleStream"},
                                          {"--duration", "2"},
                                          {"--target-qps", "100000"},
                                          {"--target-latency-ms", "0.001"},
                                          {"--outdir", "."},
                                          {"--chunk", "0"}});
  Scenario scenario = Scenario::kSingleStream;
  while (mlperf_bake::NameOf(scenario) != arguments.Text("--scenario")) {
    if (scenario == Scenario::kOffline) {
      throw mlperf_bake::Failure(mlperf_bake::ExitCode::kUsage, "--scenario must be one of LoadGen's four.");
    }
    scenario = static_cast<Scenario>(static_cast<int>(scenario) + 1);
  }
  mlperf::TestSettings settings;
  // LoadGen's built-in settings for resnet50, then what user.conf would say.
  mlperf_bake::SetCompiledIn("resnet50", std::string(mlperf_bake::LoadGenName(scenario)), &settings);
  settings.scenario = mlperf_bake::LoadGenScenario(scenario);
  settings.mode = mlperf::TestMode::PerformanceOnly;
  settings.min_duration_ms = static_cast<std::uint64_t>(1000 * arguments.Number("--duration"));
  settings.server_target_qps = settings.offline_expected_qps = arguments.Number("--target-qps");
  settings.single_stream_expected_latency_ns = settings.multi_stream_expected_latency_ns =
      1e6 * arguments.Number("--target-latency-ms");
  mlperf::LogSettings log_settings;
  log_settings.enable_trace = false;
  log_settings.log_output.outdir = arguments.Text("--outdir");
  log_settings.log_output.copy_summary_to_stdout = false;

  NullSystem system(static_cast<std::size_t>(arguments.Number("--chunk")));
  NullLibrary library;
  const double cpu_before = mlperf_bake::CpuSeconds();
  mlperf::StartTest(&system, &library, settings, log_settings, "/dev/null/audit.config");
  const double cpu_seconds = mlperf_bake::CpuSeconds() - cpu_before;

  const auto log = mlperf_bake::LoadGenLog::Read(arguments.Text("--outdir") + "/mlperf_log_detail.txt");
  const auto result = mlperf_bake::ReadResult(log, scenario);
  if (!result) throw mlperf_bake::Failure(mlperf_bake::ExitCode::kLoadGen, "LoadGen left no result.");
  mlperf_bake::JsonWriter json;
  json.BeginObject().Member("validity", result->valid ? "VALID" : "INVALID").Member("metric", result->metric);
  json.Member("value", result->value).Member("latency_ns_mean", result->latency_ns.mean);
  json.Member("latency_ns_p50", result->latency_ns.p50).Member("queries", log.Number("result_query_count"));
  json.Member("cpu_seconds", cpu_seconds);
  json.Member("qps_with_loadgen_overhead", log.Number("result_qps_with_loadgen_overhead")).EndObject();
  std::fputs(json.Text().c_str(), stdout);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bare-null: %s\n", error.what());
    return 1;
  }
}
