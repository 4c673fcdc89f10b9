// What LoadGen says about a run, read back from its detail log: the headline figures are LoadGen's own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/scenario.h"

namespace mlperf_bake {

class LoadGenLog {
 public:
  // Reads the `:::MLLOG` lines of mlperf_log_detail.txt; other lines are passed over.
  static LoadGenLog Read(const std::filesystem::path& detail);

  // The last value logged under `key`.
  std::optional<std::string> Text(const std::string& key) const;
  std::optional<double> Number(const std::string& key) const;
  bool True(const std::string& key) const { return Text(key) == "true"; }
  bool False(const std::string& key) const { return Text(key) == "false"; }

  // The values of lines that LoadGen flags as errors, in order.
  const std::vector<std::string>& errors() const { return errors_; }

 private:
  std::map<std::string, std::string> values_;
  std::vector<std::string> errors_;
};

struct Latencies {
  std::optional<double> mean, p50, p90, p99, max;  // ns
};

// The result of a finished performance or find-peak run.
struct Result {
  bool valid = false;
  std::string metric;  // what `value` is
  std::optional<double> value;
  std::vector<std::string> reasons;  // why it is invalid, and LoadGen's errors
  Latencies latency_ns;              // of queries in MultiStream, of samples elsewhere
};

// nullopt when the log holds no result (it was cut off).
std::optional<Result> ReadResult(const LoadGenLog& log, Scenario scenario);

// Whether mlperf_log_accuracy.json has the bracket that LoadGen writes last. A stream that met a full disk
// writes nothing more, even where there is room again.
bool IsWholeAccuracyLog(const std::filesystem::path& file);

}  // namespace mlperf_bake
