#include "core/verdict.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "core/queue_model.h"

namespace mlperf_bake {
namespace {

// LoadGen's Server scenario: 99 % of the queries within the limit, and 99 % certain of it
// (early_stopping.cc).
constexpr double kShareInTime = 0.99;
constexpr double kQuantileOfCertainty = 2.33;

std::string ThreeDigits(double value) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), value >= 1000 ? "%.0f" : "%.3g", value);
  return text.data();
}

// The N of "Need to process at least N queries" or of "Would need to run at least N more queries", which also
// assumes that all of them are in time.
double QueriesNeeded(const LoadGenLog& log) {
  const std::string text = log.Text("early_stopping_result").value_or("");
  constexpr std::string_view kBefore = "at least ";
  const std::size_t found = text.find(kBefore);
  if (found == std::string::npos) return 0;
  double number = 0;
  std::from_chars(text.data() + found + kBefore.size(), text.data() + text.size(), number);
  const bool more = text.find(" more queries") != std::string::npos;
  return more ? number + log.Number("result_query_count").value_or(0) : number;
}

// Queries after which LoadGen is certain, when `late` of them are late: the binomial's normal approximation.
double QueriesForCertainty(double late) {
  const double allowed = 1 - kShareInTime;
  if (late >= allowed) return HUGE_VAL;
  return kQuantileOfCertainty * kQuantileOfCertainty * allowed * kShareInTime /
         ((allowed - late) * (allowed - late));
}

struct ServedRun {
  double issued;   // queries a second
  double limit_s;  // of latency
  double queries;
  double late;  // share of them
};

// A lone query takes too long: what makes one quicker.
Advice Quicker(const Execution& execution, double limit_ms, double lone_ms) {
  Advice advice{"A query takes about " + ThreeDigits(lone_ms) +
                    " ms even when it need not wait, so no rate keeps the limit of " + ThreeDigits(limit_ms) +
                    " ms",
                {}};
  if (execution.batch > 1) {
    advice.options = {"--batch", "1"};
  } else if (execution.workers > 1) {
    advice.options = {"--workers", std::to_string((execution.workers + 1) / 2), "--threads",
                      std::to_string(2 * execution.threads)};
  } else {
    advice.options = {"--target-latency-ms", ThreeDigits(std::ceil(1.2 * lone_ms))};
    advice.because += "; another limit counts in the open division only";
  }
  return advice;
}

// The same with a longer run, where `rate` for the run's duration gives so few queries that LoadGen could not
// be certain although a quarter of the late ones it allows were all: the next run would end INVALID for that
// alone.
Advice WithEnoughQueries(Advice advice, double rate, const Settings& settings) {
  constexpr double kLate = (1 - kShareInTime) / 4;
  const double needed = QueriesForCertainty(kLate);
  if (rate * static_cast<double>(settings.duration_ms) / 1e3 >= needed) return advice;
  advice.because += ", and early stopping needs about " + ThreeDigits(std::ceil(needed)) + " queries";
  advice.options.insert(advice.options.end(), {"--duration", ThreeDigits(std::ceil(needed / rate))});
  return advice;
}

// A lower rate: the queue is simulated with the warm-up's times, slowed down until it shows the latency that
// the run had, and then with ever lower rates.
Advice LowerRate(std::string because, const ServedRun& run, const Result& result, const Execution& execution,
                 const Measured& measured, const Settings& settings) {
  // Whatever the model says: less than what failed and than what was answered, for LoadGen's own work counts
  // too; and where most queries were in time not much less, because rare stalls of the machine look like slow
  // lanes.
  constexpr double kMost = 0.9, kLeast = 0.5;
  constexpr double kMargin = 0.95;
  const double kept_up = std::min(run.issued, result.value.value_or(run.issued));
  double rate = 0.8 * kept_up;
  if (!measured.batch_times.empty() && result.latency_ns.p99) {
    const QueueModel model(measured.batch_times, execution.workers, execution.batch);
    const double slowdown = model.Slowdown(kShareInTime, *result.latency_ns.p99 / 1e9, run.issued,
                                           static_cast<std::uint64_t>(run.queries));
    const double highest = model.HighestRate(run.limit_s, slowdown);
    const bool mostly_in_time = result.latency_ns.p50.value_or(0) / 1e9 <= run.limit_s;
    if (highest == 0 && !mostly_in_time) {
      return WithEnoughQueries(
          Quicker(execution, 1e3 * run.limit_s, 1e3 * model.Latency(kShareInTime, 1e-6, slowdown, 1000)),
          run.issued, settings);
    }
    rate = std::clamp(kMargin * highest, mostly_in_time ? kLeast * kept_up : 0, kMost * kept_up);
  }
  return WithEnoughQueries({std::move(because), {"--target-qps", ThreeDigits(rate)}}, rate, settings);
}

Advice ForServed(const LoadGenLog& log, const Result& result, const Settings& settings,
                 const Execution& execution, const Measured& measured) {
  const double queries = std::max(1.0, log.Number("result_query_count").value_or(0));
  const ServedRun run{settings.target_qps ? settings.target_qps->value : queries,
                      settings.target_latency_ms->value / 1e3, queries,
                      log.Number("result_overlatency_query_count").value_or(0) / queries};
  const std::string late = ThreeDigits(100 * run.late) + " % of the queries took longer than the limit of " +
                           ThreeDigits(1e3 * run.limit_s) + " ms";
  if (log.False("result_perf_constraints_met")) {
    return LowerRate(late, run, result, execution, measured, settings);
  }
  // Early stopping: more queries make LoadGen certain, unless nearly too many are late.
  constexpr double kPatience = 10;
  const double needed = std::max(QueriesNeeded(log), QueriesForCertainty(run.late));
  if (needed <= kPatience * std::max(queries, QueriesForCertainty(0))) {
    return {"Only " + ThreeDigits(queries) + " queries were answered and early stopping needs about " +
                ThreeDigits(needed),
            {"--duration", ThreeDigits(std::ceil(1.2 * needed / run.issued))}};
  }
  return LowerRate(late + ", too near to 1 % for early stopping", run, result, execution, measured, settings);
}

// `needed`: queries for early stopping, where the run had too few for that as well; else 0.
Advice ForMinimumDuration(const Result& result, const Settings& settings, Scenario scenario, double needed) {
  const std::string seconds = ThreeDigits(static_cast<double>(settings.duration_ms) / 1000);
  if (scenario == Scenario::kOffline) {
    return {"The samples were answered in less than " + seconds + " s; more of them must be expected",
            {"--target-qps", ThreeDigits(1.1 * result.value.value_or(0))}};
  }
  if (IsStream(scenario)) {
    const double mean_ms = result.latency_ns.mean.value_or(0) / 1e6;
    Advice advice{"LoadGen ran out of queries before " + seconds + " s; a shorter latency must be expected",
                  {"--target-latency-ms", ThreeDigits(0.5 * mean_ms)}};
    if (static_cast<double>(settings.duration_ms) < needed * mean_ms) {
      advice.because += ", and early stopping needs " + ThreeDigits(needed) + " queries";
      advice.options.insert(advice.options.end(), {"--min-queries", ThreeDigits(needed)});
    }
    return advice;
  }
  return {"The last query was scheduled before " + seconds + " s",
          {"--target-qps", ThreeDigits(2 * (settings.target_qps ? settings.target_qps->value : 1))}};
}

}  // namespace

std::string Advice::Sentence() const {
  if (options.empty()) return because + ".";
  std::string text = because + "; give";
  for (const std::string& option : options) text += " " + option;
  return text + ".";
}

std::optional<Advice> AdviceFor(const LoadGenLog& log, const Result& result, const Settings& settings,
                                Scenario scenario, const Execution& execution, const Measured& measured) {
  if (result.valid) return std::nullopt;
  const bool too_few = log.False("early_stopping_met");
  if (ArrivesOnSchedule(scenario) && (too_few || log.False("result_perf_constraints_met"))) {
    return ForServed(log, result, settings, execution, measured);
  }
  if (log.False("result_min_duration_met")) {
    return ForMinimumDuration(result, settings, scenario, too_few ? QueriesNeeded(log) : 0);
  }
  const double queries = log.Number("result_query_count").value_or(0);
  if (too_few) {
    return Advice{"Only " + ThreeDigits(queries) + " queries were answered and early stopping needs " +
                      ThreeDigits(QueriesNeeded(log)),
                  {"--min-queries", ThreeDigits(QueriesNeeded(log))}};
  }
  if (log.False("result_min_queries_met")) {
    return Advice{"Only " + ThreeDigits(queries) + " of " + std::to_string(settings.min_query_count) +
                      " queries that are the minimum were answered",
                  {"--min-queries", ThreeDigits(std::max(1.0, queries))}};
  }
  return Advice{result.reasons.empty() ? "mlperf_log_summary.txt says why" : result.reasons.front(), {}};
}

}  // namespace mlperf_bake
