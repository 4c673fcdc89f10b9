#include "core/verdict.h"

#include <algorithm>
#include <iterator>

#include "support.h"

namespace mlperf_bake::testing {
namespace {

std::string Line(const std::string& key, const std::string& value) {
  return ":::MLLOG {\"key\": \"" + key + "\", \"value\": " + value + ", \"time_ms\": 1.000000, \"x\": 0}\n";
}

// An INVALID run of 10 s, two lanes of 6 ms, a limit of 15 ms, 100 queries a second.
struct Missed {
  Scenario scenario;
  std::string lines;  // of the log: what failed and what was measured
  Execution execution{.workers = 2};
  Measured measured{.samples_per_second = 333, .batch_seconds = 0.006, .batch_times = {0.006}};
  Settings settings;

  Missed(Scenario in, std::string log) : scenario(in), lines(std::move(log)) {
    settings.duration_ms = 10'000;
    settings.min_query_count = 500;
    settings.target_qps = Target{100, Source::kUser};
    settings.target_latency_ms = Target{15, Source::kCell};
  }
  Advice Ask() const {
    const Scratch scratch;
    WriteFile(scratch.path() / "detail",
              Line("result_validity", "\"INVALID\"") + lines + Line("num_errors", "0"));
    const LoadGenLog log = LoadGenLog::Read(scratch.path() / "detail");
    const auto result = ReadResult(log, scenario);
    REQUIRE(result);
    const auto advice = AdviceFor(log, *result, settings, scenario, execution, measured);
    REQUIRE(advice);
    return *advice;
  }
};

using Words = std::vector<std::string>;

// The value that the advice gives for an option; 0 where it does not name it.
double Value(const Advice& advice, const std::string& option) {
  const auto found = std::find(advice.options.begin(), advice.options.end(), option);
  return found == advice.options.end() ? 0 : std::stod(*std::next(found));
}

std::string Latencies(double p50_ms, double p99_ms) {
  return Line("result_50.00_percentile_latency_ns", std::to_string(p50_ms * 1e6)) +
         Line("result_99.00_percentile_latency_ns", std::to_string(p99_ms * 1e6));
}

const std::string kTooLate = Line("result_perf_constraints_met", "false") +
                             Line("early_stopping_met", "false") + Line("result_query_count", "1000") +
                             Line("result_overlatency_query_count", "30");

TEST_CASE("a valid run needs no advice") {
  Result result;
  result.valid = true;
  CHECK_FALSE(AdviceFor(LoadGenLog(), result, {}, Scenario::kOffline, {}, {}));
}

TEST_CASE("an Offline run that was too short wants more samples than were answered in time") {
  const Advice advice = Missed(Scenario::kOffline, Line("result_min_duration_met", "false") +
                                                       Line("result_samples_per_second", "318"))
                            .Ask();
  CHECK(advice.options == Words{"--target-qps", "350"});
  CHECK(advice.Sentence() ==
        "The samples were answered in less than 10 s; more of them must be expected; give --target-qps 350.");
}

TEST_CASE("a stream that ran out of queries wants half the measured latency expected") {
  const std::string failed = Line("result_min_duration_met", "false");
  CHECK(Missed(Scenario::kSingleStream, failed + Line("result_mean_latency_ns", "4000000")).Ask().options ==
        Words{"--target-latency-ms", "2"});
  CHECK(Missed(Scenario::kMultiStream, failed + Line("result_mean_query_latency_ns", "30000000"))
            .Ask()
            .options == Words{"--target-latency-ms", "15"});
}

TEST_CASE("too late queries want a rate at which a queue of lanes as slow as these keeps the limit") {
  const Advice mild = Missed(Scenario::kServer, kTooLate + Latencies(7, 18)).Ask();
  const Advice worse = Missed(Scenario::kServer, kTooLate + Latencies(9, 24)).Ask();
  CHECK(Contains(mild.because, "3 % of the queries took longer than the limit of 15 ms"));
  const double rate = Value(mild, "--target-qps");
  CHECK(rate <= 90);
  CHECK(rate > 50);
  CHECK(Value(worse, "--target-qps") < rate);
  CHECK(Value(worse, "--target-qps") > 0);
}

TEST_CASE("a lower rate comes with a duration in which early stopping has its queries") {
  Missed missed(Scenario::kInteractive, kTooLate + Latencies(7, 18));
  missed.settings.duration_ms = 1000;
  const Advice advice = missed.Ask();
  const double queries = Value(advice, "--target-qps") * Value(advice, "--duration");
  CHECK(queries >= 940);
  CHECK(queries < 1100);
  CHECK(Contains(advice.because,
                 "took longer than the limit of 15 ms, and early stopping needs about 956 queries"));
  missed.settings.duration_ms = 60'000;
  CHECK(Value(missed.Ask(), "--duration") == 0);
}

TEST_CASE("rare stalls do not make the advice say that nothing helps") {
  CHECK(Value(Missed(Scenario::kServer, kTooLate + Latencies(7, 60)).Ask(), "--target-qps") == 50);
}

TEST_CASE("lanes that did not keep up are not asked for more than they answered") {
  const std::string answered = Line("result_completed_samples_per_sec", "40");
  const Advice advice = Missed(Scenario::kServer, kTooLate + answered + Latencies(9, 24)).Ask();
  CHECK(Value(advice, "--target-qps") <= 36);
}

TEST_CASE("without a warm-up the advice is a fifth less") {
  Missed missed(Scenario::kInteractive, kTooLate + Latencies(7, 18));
  missed.measured = {};
  CHECK(missed.Ask().options == Words{"--target-qps", "80", "--duration", "12"});
}

TEST_CASE("where a lone query is too late, a rate is no advice but what makes a query quicker") {
  Missed missed(Scenario::kServer, kTooLate + Latencies(40, 42));
  missed.measured.batch_times = {0.04};
  missed.settings.target_qps = Target{10, Source::kUser};
  missed.settings.duration_ms = 600'000;
  CHECK(missed.Ask().options == Words{"--workers", "1", "--threads", "2"});
  CHECK(Contains(missed.Ask().because, "even when it need not wait"));
  missed.execution.batch = 4;
  CHECK(missed.Ask().options == Words{"--batch", "1"});
  missed.execution = {.workers = 1};
  CHECK(missed.Ask().options.front() == "--target-latency-ms");
  CHECK(Value(missed.Ask(), "--target-latency-ms") > 15);
  missed.settings.duration_ms = 10'000;
  CHECK(Value(missed.Ask(), "--duration") == 96);
}

TEST_CASE("too few queries want a longer run, by as much as the late ones ask for") {
  const auto ask = [](const char* late) {
    return Missed(Scenario::kServer,
                  Line("early_stopping_met", "false") + Line("result_query_count", "300") +
                      Line("result_overlatency_query_count", late) +
                      Line("early_stopping_result", "\"Would need to run at least 159 more queries, with\"") +
                      Latencies(7, 14))
        .Ask();
  };
  CHECK(ask("0").options == Words{"--duration", "7"});  // 1.2 x 540 queries at 100 a second
  CHECK(ask("1").options.front() == "--duration");
  CHECK(std::stod(ask("1").options.back()) > 7);
  CHECK(ask("3").options.front() == "--target-qps");  // 1 %: no run is long enough
}

TEST_CASE("a stream with too few queries for early stopping wants as many as it takes") {
  CHECK(Missed(Scenario::kSingleStream,
               Line("early_stopping_met", "false") + Line("result_query_count", "10") +
                   Line("early_stopping_result",
                        "\" * Need to process at least 64 queries for early stopping.\""))
            .Ask()
            .options == Words{"--min-queries", "64"});
}

TEST_CASE("a stream that was too short and has too few queries is told both") {
  const std::string failed =
      Line("result_min_duration_met", "false") + Line("early_stopping_met", "false") +
      Line("early_stopping_result", "\" * Need to process at least 64 queries for early stopping.\"");
  const Advice slow =
      Missed(Scenario::kSingleStream, failed + Line("result_mean_latency_ns", "400000000")).Ask();
  CHECK(slow.options == Words{"--target-latency-ms", "200", "--min-queries", "64"});
  CHECK(Contains(slow.because, "early stopping needs 64 queries"));
  const Advice quick =
      Missed(Scenario::kSingleStream, failed + Line("result_mean_latency_ns", "4000000")).Ask();
  CHECK(quick.options == Words{"--target-latency-ms", "2"});
}

TEST_CASE("a run with fewer queries than the minimum says how many there were") {
  const Advice advice = Missed(Scenario::kMultiStream,
                               Line("result_min_queries_met", "false") + Line("result_query_count", "120"))
                            .Ask();
  CHECK(advice.because == "Only 120 of 500 queries that are the minimum were answered");
  CHECK(advice.options == Words{"--min-queries", "120"});
}

TEST_CASE("an unknown reason is passed on without an option") {
  const Missed missed(Scenario::kOffline, "");
  CHECK(missed.Ask().options.empty());
  CHECK(missed.Ask().Sentence() == "mlperf_log_summary.txt says why.");
}

}  // namespace
}  // namespace mlperf_bake::testing
