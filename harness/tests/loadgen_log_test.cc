#include "core/loadgen_log.h"

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

TEST_CASE("an accuracy log is whole once LoadGen has closed its bracket") {
  const auto whole = [](const std::string& text) {
    const Scratch scratch;
    WriteFile(scratch.path() / "accuracy", text);
    return IsWholeAccuracyLog(scratch.path() / "accuracy");
  };
  const std::string entry = "{ \"seq_id\" : 1, \"qsl_idx\" : 1, \"data\" : \"00\" }";
  CHECK(whole("[\n" + entry + "\n]\n"));
  CHECK(whole("[\n]\n"));
  CHECK(whole("[]"));
  CHECK_FALSE(whole(""));
  CHECK_FALSE(whole("[\n"));
  CHECK_FALSE(whole("[\n" + entry + ",\n{ \"seq_id\" : 2, \"qsl"));
  CHECK_FALSE(whole("[\n" + entry + "\n"));
  CHECK_FALSE(IsWholeAccuracyLog("/nowhere"));
}

}  // namespace
}  // namespace mlperf_bake::testing
