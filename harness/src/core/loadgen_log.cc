#include "core/loadgen_log.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>

#include "core/loadgen_version.h"

namespace mlperf_bake {
namespace {

// What stands between `before` and `after`, searched from `*at` on, which then points behind it.
std::optional<std::string_view> Between(std::string_view line, std::string_view before,
                                        std::string_view after, std::size_t* at) {
  const std::size_t found = line.find(before, *at);
  if (found == std::string_view::npos) return std::nullopt;
  const std::size_t first = found + before.size();
  const std::size_t last = line.find(after, first);
  if (last == std::string_view::npos) return std::nullopt;
  *at = last;
  return line.substr(first, last - first);
}

}  // namespace

LoadGenLog LoadGenLog::Read(const std::filesystem::path& detail) {
  LoadGenLog log;
  std::ifstream file(detail);
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with(":::MLLOG {")) continue;
    // LoadGen does not escape its values, so this is not always JSON; but its order of members is fixed.
    std::size_t at = 0;
    const auto key = Between(line, "\"key\": \"", "\"", &at);
    if (!key) continue;
    auto value = Between(line, "\"value\": ", ", \"time_ms\": ", &at);
    if (!value) continue;
    if (value->size() >= 2 && value->front() == '"') value = value->substr(1, value->size() - 2);
    log.values_.insert_or_assign(std::string(*key), std::string(*value));
    if (line.find("\"is_error\": true", at) != std::string::npos) log.errors_.emplace_back(*value);
  }
  return log;
}

bool IsWholeAccuracyLog(const std::filesystem::path& file) {
  std::ifstream log(file, std::ios::binary | std::ios::ate);
  constexpr std::streamoff kTail = 8;  // the bracket and a line's end
  const std::streamoff size = log.tellg();
  if (size <= 0) return false;
  log.seekg(std::max<std::streamoff>(0, size - kTail));
  const std::string tail{std::istreambuf_iterator<char>(log), {}};
  const std::size_t last = tail.find_last_not_of(" \r\n");
  return last != std::string::npos && tail[last] == ']';
}

std::optional<std::string> LoadGenLog::Text(const std::string& key) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

std::optional<double> LoadGenLog::Number(const std::string& key) const {
  const auto text = Text(key);
  if (!text) return std::nullopt;
  double number = 0;
  const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc{} || stop != text->data() + text->size()) return std::nullopt;
  return number;
}

std::optional<Result> ReadResult(const LoadGenLog& log, Scenario scenario) {
  const auto validity = log.Text("result_validity");
  if (!validity || !log.Text(kLastKey)) return std::nullopt;
  Result result;
  result.valid = *validity == "VALID";
  switch (scenario) {
    case Scenario::kOffline:
      result.metric = "samples_per_second";
      result.value = log.Number("result_samples_per_second");
      break;
    case Scenario::kServer:
    case Scenario::kInteractive:
      result.metric = "completed_samples_per_second";
      result.value = log.Number("result_completed_samples_per_sec");
      break;
    case Scenario::kSingleStream:
      result.metric = "early_stopping_p90_latency_ns";
      result.value = log.Number("early_stopping_latency_ss");
      break;
    case Scenario::kMultiStream:
      result.metric = "early_stopping_p99_latency_ns";
      result.value = log.Number("early_stopping_latency_ms");
      break;
  }
  if (log.False("early_stopping_met") && IsStream(scenario))
    result.value.reset();  // LoadGen logs 0: no estimate

  if (log.False("result_perf_constraints_met")) result.reasons.push_back("latency limit exceeded");
  if (log.False("result_min_duration_met")) result.reasons.push_back("minimum duration not met");
  if (log.False("result_min_queries_met")) result.reasons.push_back("minimum query count not met");
  if (log.False("early_stopping_met")) result.reasons.push_back("too few queries for early stopping");
  for (const std::string& error : log.errors()) result.reasons.push_back("LoadGen: " + error);

  const bool per_query = scenario == Scenario::kMultiStream;
  const std::string percentile = per_query ? "_percentile_per_query_latency_ns" : "_percentile_latency_ns";
  const std::string whole = per_query ? "_query_latency_ns" : "_latency_ns";
  result.latency_ns = {log.Number("result_mean" + whole), log.Number("result_50.00" + percentile),
                       log.Number("result_90.00" + percentile), log.Number("result_99.00" + percentile),
                       log.Number("result_max" + whole)};
  return result;
}

}  // namespace mlperf_bake
