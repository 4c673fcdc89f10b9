// The command line, parsed: what the user asked for, before any default that depends on the machine or the
// cell.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/scenario.h"

namespace mlperf_bake {

enum class ProgressStyle { kPlain, kJson, kNone };
enum class Request { kRun, kTeach, kHelp, kVersion };

struct Options {
  Request request = Request::kRun;
  Scenario scenario = Scenario::kOffline;
  Mode mode = Mode::kPerformance;
  std::string compliance_test;  // TEST01, ...; empty in other modes
  std::string data = "/data";   // a directory, or "synthetic"
  std::filesystem::path results = "/results";
  std::optional<std::string> run_id;
  std::optional<std::filesystem::path> cell;  // default: cell.conf one directory above the program's
  std::optional<double> duration_s;
  std::optional<std::uint64_t> min_queries;
  std::optional<int> workers, threads, batch;
  std::uint64_t batch_timeout_us = 0;
  std::string pin = "none";  // none, compact, or CPUs such as 0-3,8
  std::uint64_t warmup = 8;  // batches a worker
  std::optional<double> target_qps;
  std::optional<double> target_latency_ms;
  std::optional<std::uint64_t> samples;
  std::optional<std::string> backend;
  std::map<std::string, std::string> backend_options;
  std::optional<std::string> precision;
  double watchdog_s = 120;           // a batch; 0: no limit
  std::uint64_t leak_limit_mb = 64;  // growth during the run; 0: no limit
  ProgressStyle progress = ProgressStyle::kPlain;
  bool verify = false;
  std::vector<std::string> argv;  // as given, without the program's name
};

// Failure kUsage for anything unknown, repeated, malformed or missing.
Options ParseOptions(const std::vector<std::string>& argv);

// The mode as it is typed and recorded: "performance", "compliance/TEST01".
std::string ModeText(const Options& options);

// The text of --help.
std::string HelpText();

}  // namespace mlperf_bake
