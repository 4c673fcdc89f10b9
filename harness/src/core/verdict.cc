#include "core/verdict.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace mlperf_bake {
namespace {

std::string ThreeDigits(double value) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), value >= 1000 ? "%.0f" : "%.3g", value);
  return text.data();
}

// N of "Need to process at least N queries" or "Would need to run at least N more queries".
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

}  // namespace

std::string Advice(const LoadGenLog& log, const Result& result, const Settings& settings, Scenario scenario) {
  const double seconds = static_cast<double>(settings.duration_ms) / 1000;
  const double mean_ms = result.latency_ns.mean.value_or(0) / 1e6;
  if (log.False("result_perf_constraints_met")) {
    const double issued = settings.target_qps ? settings.target_qps->value : 0;
    return "The latency limit of " + ThreeDigits(settings.target_latency_ms->value) +
           " ms was exceeded; lower the rate, for example --target-qps " + ThreeDigits(0.8 * issued) + ".";
  }
  if (log.False("result_min_duration_met")) {
    if (scenario == Scenario::kOffline) {
      return "The samples were answered in less than " + ThreeDigits(seconds) +
             " s; expect more of them: --target-qps " + ThreeDigits(1.1 * result.value.value_or(0)) + ".";
    }
    if (IsStream(scenario)) {
      return "LoadGen ran out of queries before " + ThreeDigits(seconds) +
             " s; expect a shorter latency: --target-latency-ms " + ThreeDigits(0.5 * mean_ms) + ".";
    }
    return "The last query was scheduled before " + ThreeDigits(seconds) + " s; give a higher --target-qps.";
  }
  if (log.False("early_stopping_met")) {
    const double needed = QueriesNeeded(log);
    const double queries = log.Number("result_query_count").value_or(0);
    if (needed > queries && queries > 0) {
      return "Only " + ThreeDigits(queries) + " queries were answered and early stopping needs " +
             ThreeDigits(needed) + "; run longer: --duration " +
             ThreeDigits(std::ceil(1.2 * seconds * needed / queries)) + ".";
    }
    return "There are too few queries for early stopping; give a longer --duration.";
  }
  if (log.False("result_min_queries_met")) {
    return "Fewer queries were answered than the " + std::to_string(settings.min_query_count) +
           " that count; give a smaller --min-queries or a longer --duration.";
  }
  return "mlperf_log_summary.txt says why.";
}

}  // namespace mlperf_bake
