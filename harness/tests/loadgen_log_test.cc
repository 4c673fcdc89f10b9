#include "core/loadgen_log.h"

#include "core/verdict.h"
#include "support.h"

namespace mlperf_bake::testing {
namespace {

std::string Line(const std::string& key, const std::string& value, bool error = false) {
  return ":::MLLOG {\"key\": \"" + key + "\", \"value\": " + value +
         ", \"time_ms\": 1.000000, \"namespace\": \"mlperf::logging\", \"event_type\": \"POINT_IN_TIME\", "
         "\"metadata\": {\"is_error\": " +
         (error ? "true" : "false") + ", \"is_warning\": false}}\n";
}

LoadGenLog Log(const std::string& text) {
  const Scratch scratch;
  WriteFile(scratch.path() / "detail", text);
  return LoadGenLog::Read(scratch.path() / "detail");
}

TEST_CASE("values are read as LoadGen writes them, the last one counting") {
  const LoadGenLog log =
      Log("noise\n" + Line("a", "1.5") + Line("a", "2.5") + Line("b", "\"x \"quoted\", y\"") +
          Line("c", "false") + Line("error_runtime", "\"it broke\"", true) + ":::MLLOG {\"key\": \"cut");
  CHECK(log.Number("a") == 2.5);
  CHECK(log.Text("b") == "x \"quoted\", y");
  CHECK(log.False("c"));
  CHECK_FALSE(log.Number("b"));
  CHECK_FALSE(log.Text("cut"));
  CHECK(log.errors() == std::vector<std::string>{"it broke"});
  CHECK_FALSE(LoadGenLog::Read("/nowhere").Text("a"));
}

const std::string kEnd = Line("num_errors", "0");

TEST_CASE("a log that was cut off has no result") {
  CHECK_FALSE(ReadResult(Log(""), Scenario::kOffline));
  CHECK_FALSE(ReadResult(Log(Line("result_validity", "\"VALID\"")), Scenario::kOffline));
}

TEST_CASE("each scenario has its own figure, and MultiStream the latencies of its queries") {
  const LoadGenLog log =
      Log(Line("result_validity", "\"VALID\"") + Line("result_samples_per_second", "318.4") +
          Line("result_completed_samples_per_sec", "99") + Line("early_stopping_latency_ss", "10") +
          Line("early_stopping_latency_ms", "20") + Line("result_mean_latency_ns", "1") +
          Line("result_99.00_percentile_latency_ns", "2") + Line("result_mean_query_latency_ns", "3") +
          Line("result_99.00_percentile_per_query_latency_ns", "4") + kEnd);
  CHECK(ReadResult(log, Scenario::kOffline)->value == 318.4);
  CHECK(ReadResult(log, Scenario::kServer)->value == 99);
  CHECK(ReadResult(log, Scenario::kInteractive)->metric == "completed_samples_per_second");
  CHECK(ReadResult(log, Scenario::kSingleStream)->value == 10);
  CHECK(ReadResult(log, Scenario::kMultiStream)->value == 20);
  CHECK(ReadResult(log, Scenario::kSingleStream)->latency_ns.p99 == 2);
  CHECK(ReadResult(log, Scenario::kMultiStream)->latency_ns.p99 == 4);
  CHECK(ReadResult(log, Scenario::kMultiStream)->latency_ns.mean == 3);
  CHECK(ReadResult(log, Scenario::kOffline)->valid);
  CHECK(ReadResult(log, Scenario::kOffline)->reasons.empty());
}

TEST_CASE("an invalid run says which constraint failed and which option to change to what") {
  struct Miss {
    Scenario scenario;
    const char *key, *reason, *advice;
  };
  for (const Miss& miss :
       {Miss{Scenario::kOffline, "result_min_duration_met", "minimum duration not met", "--target-qps 350"},
        Miss{Scenario::kSingleStream, "result_min_duration_met", "minimum duration not met",
             "--target-latency-ms 2"},
        Miss{Scenario::kServer, "result_perf_constraints_met", "latency limit exceeded", "--target-qps 80"},
        Miss{Scenario::kSingleStream, "early_stopping_met", "too few queries for early stopping",
             "--duration 77"},
        Miss{Scenario::kServer, "result_min_queries_met", "minimum query count not met", "--min-queries"}}) {
    CAPTURE(miss.key);
    const LoadGenLog log = Log(
        Line("result_validity", "\"INVALID\"") + Line(miss.key, "false") +
        Line("result_samples_per_second", "318") + Line("result_mean_latency_ns", "4000000") +
        Line("early_stopping_result",
             "\" * Only processed 10 queries.  * Need to process at least 64 queries for early stopping.\"") +
        Line("result_query_count", "10") + kEnd);
    const auto result = ReadResult(log, miss.scenario);
    REQUIRE(result);
    CHECK_FALSE(result->valid);
    CHECK(result->reasons == std::vector<std::string>{miss.reason});
    Settings settings;
    settings.duration_ms = 10'000;
    settings.target_qps = Target{100, Source::kUser};
    settings.target_latency_ms = Target{15, Source::kCell};
    const std::string advice = Advice(log, *result, settings, miss.scenario);
    CHECK_MESSAGE(Contains(advice, miss.advice), advice);
  }
}

}  // namespace
}  // namespace mlperf_bake::testing
