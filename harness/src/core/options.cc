#include "core/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <span>

#include "core/failure.h"
#include "core/suggest.h"

namespace mlperf_bake {
namespace {

struct Option {
  std::string_view name;
  std::string_view value;  // what --help calls it; empty for a switch
  std::string_view help;
  void (*set)(Options&, std::string_view name, const std::string& value);
  bool repeatable = false;
};

[[noreturn]] void Refuse(std::string_view option, const std::string& value, const std::string& expected) {
  throw Failure(ExitCode::kUsage,
                "--" + std::string(option) + " is \"" + value + "\"; expected " + expected + ".");
}

template <typename Enum, std::size_t kCount>
Enum OneOf(std::string_view option, const std::string& value,
           const std::array<std::string_view, kCount>& names) {
  const auto found = std::find(names.begin(), names.end(), value);
  if (found != names.end()) return static_cast<Enum>(found - names.begin());
  std::string expected;
  for (const std::string_view name : names) expected += (expected.empty() ? "" : ", ") + std::string(name);
  Refuse(option, value, "one of " + expected + DidYouMean(value, names));
}

template <typename Number>
Number Whole(std::string_view option, const std::string& value, Number least, Number most) {
  Number number = 0;
  const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || stop != value.data() + value.size() || number < least || number > most) {
    Refuse(option, value, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return number;
}

double Above0(std::string_view option, const std::string& value, double most) {
  double number = 0;
  const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || stop != value.data() + value.size() || !std::isfinite(number) || number <= 0 ||
      number > most) {
    Refuse(option, value, "a number above 0 and at most " + std::to_string(static_cast<std::uint64_t>(most)));
  }
  return number;
}

std::string SafeFileName(std::string_view option, const std::string& value) {
  constexpr std::string_view kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  constexpr std::size_t kLongest = 128;
  if (value.empty() || value.size() > kLongest || value.front() == '.' || value.front() == '-' ||
      value.find_first_not_of(kAllowed) != std::string::npos) {
    Refuse(option, value, "1 to 128 letters, digits, '.', '_' and '-', the first a letter, digit or '_'");
  }
  return value;
}

std::string NotEmpty(std::string_view option, const std::string& value) {
  if (value.empty()) Refuse(option, value, "a value");
  return value;
}

void AddBackendOption(Options& options, std::string_view option, const std::string& value) {
  const std::size_t equals = value.find('=');
  if (equals == 0 || equals == std::string::npos || equals + 1 == value.size()) {
    Refuse(option, value, "NAME=VALUE");
  }
  const std::string name = value.substr(0, equals);
  if (!options.backend_options.emplace(name, value.substr(equals + 1)).second) {
    throw Failure(ExitCode::kUsage, "--" + std::string(option) + " gives \"" + name + "\" twice; keep one.");
  }
}

// The test's name is the cell's to judge: which there are depends on benchmark and round.
void SetMode(Options& options, std::string_view option, const std::string& value) {
  constexpr std::string_view kCompliance = "compliance/";
  if (value.starts_with(kCompliance) && value.size() > kCompliance.size()) {
    options.mode = Mode::kCompliance;
    options.compliance_test = value.substr(kCompliance.size());
    return;
  }
  constexpr std::array<std::string_view, 4> kTyped = {kModeNames[0], kModeNames[1], kModeNames[2],
                                                      "compliance/TESTnn"};
  options.mode = OneOf<Mode>(option, value, kTyped);
}

constexpr std::array<std::string_view, 4> kPrecisionNames = {"fp32", "fp16", "bf16", "int8"};
constexpr std::array<std::string_view, 3> kProgressNames = {"plain", "json", "none"};
constexpr int kMostWorkers = 4096;
constexpr int kMostBatch = 65536;
constexpr std::uint64_t kMostCount = 1'000'000'000'000;

const std::array<Option, 25> kOptions = {{
    {"scenario", "NAME", "SingleStream, MultiStream, Server, Offline or Interactive (required)",
     [](Options& o, std::string_view n, const std::string& v) {
       o.scenario = OneOf<Scenario>(n, v, kScenarioNames);
     }},
    {"mode", "NAME", "performance, accuracy, find-peak or compliance/TESTnn (required)", SetMode},
    {"data", "DIR", "prepared data set, or the word synthetic for generated samples (/data)",
     [](Options& o, std::string_view n, const std::string& v) { o.data = NotEmpty(n, v); }},
    {"results", "DIR", "where the run's directory is written (/results)",
     [](Options& o, std::string_view n, const std::string& v) { o.results = NotEmpty(n, v); }},
    {"run-id", "ID", "name of the run's directory (time, scenario, mode and a random part)",
     [](Options& o, std::string_view n, const std::string& v) { o.run_id = SafeFileName(n, v); }},
    {"cell", "FILE", "description of the cell (cell.conf beside the program's directory)",
     [](Options& o, std::string_view n, const std::string& v) { o.cell = NotEmpty(n, v); }},
    {"duration", "SECONDS", "shortest run that counts (LoadGen's own: 600)",
     [](Options& o, std::string_view n, const std::string& v) { o.duration_s = Above0(n, v, 1e6); }},
    {"min-queries", "N",
     "fewest queries that count; Offline: samples (LoadGen's own; Offline under 600 s: 1)",
     [](Options& o, std::string_view n, const std::string& v) {
       o.min_queries = Whole<std::uint64_t>(n, v, 1, kMostCount);
     }},
    {"workers", "N",
     "batches in flight at once (SingleStream 1; otherwise what the backend prefers: one a usable CPU)",
     [](Options& o, std::string_view n, const std::string& v) { o.workers = Whole(n, v, 1, kMostWorkers); }},
    {"threads", "M", "threads each worker's backend computes with (SingleStream: usable CPUs; otherwise 1)",
     [](Options& o, std::string_view n, const std::string& v) { o.threads = Whole(n, v, 1, kMostWorkers); }},
    {"batch", "B", "most samples a worker hands to the backend at once (1)",
     [](Options& o, std::string_view n, const std::string& v) { o.batch = Whole(n, v, 1, kMostBatch); }},
    {"batch-timeout-us", "T", "Server, Interactive: longest wait of a batch that is not full (0: none)",
     [](Options& o, std::string_view n, const std::string& v) {
       o.batch_timeout_us = Whole<std::uint64_t>(n, v, 0, 60'000'000);
     }},
    {"pin", "HOW", "none, compact (worker after worker on its own CPUs), or CPUs such as 0-3,8 (none)",
     [](Options& o, std::string_view n, const std::string& v) { o.pin = NotEmpty(n, v); }},
    {"warmup", "N", "batches each worker runs before the clock starts (8)",
     [](Options& o, std::string_view n, const std::string& v) {
       o.warmup = Whole<std::uint64_t>(n, v, 0, 1'000'000);
     }},
    {"target-qps", "Q", "Offline: expected samples/s; Server: queries/s issued (measured while warming up)",
     [](Options& o, std::string_view n, const std::string& v) { o.target_qps = Above0(n, v, 1e9); }},
    {"target-latency-ms", "L",
     "Server, Interactive: limit (the cell's); streams: expected latency (measured)",
     [](Options& o, std::string_view n, const std::string& v) { o.target_latency_ms = Above0(n, v, 1e7); }},
    {"samples", "N", "use the first N samples; with synthetic data: generate N",
     [](Options& o, std::string_view n, const std::string& v) {
       o.samples = Whole<std::uint64_t>(n, v, 1, 1'000'000'000);
     }},
    {"backend", "NAME", "another backend than the cell's; null measures the harness itself",
     [](Options& o, std::string_view n, const std::string& v) { o.backend = NotEmpty(n, v); }},
    {"backend-option", "NAME=VALUE", "an option of the backend, as often as needed (the cell's)",
     AddBackendOption, true},
    {"precision", "NAME", "fp32, fp16, bf16 or int8: what the backend computes in (the weights' own)",
     [](Options& o, std::string_view n, const std::string& v) {
       OneOf<int>(n, v, kPrecisionNames);
       o.precision = v;
     }},
    {"progress", "STYLE", "plain, json or none (plain)",
     [](Options& o, std::string_view n, const std::string& v) {
       o.progress = OneOf<ProgressStyle>(n, v, kProgressNames);
     }},
    {"watchdog", "SECONDS", "longest time of a batch; loading may take 10 times that (120; 0: for ever)",
     [](Options& o, std::string_view n, const std::string& v) {
       o.watchdog_s = v == "0" ? 0 : Above0(n, v, 1e6);
     }},
    {"leak-limit-mb", "MB", "growth of memory during the run that ends it, besides samples (64; 0: never)",
     [](Options& o, std::string_view n, const std::string& v) {
       o.leak_limit_mb = Whole<std::uint64_t>(n, v, 0, 1'000'000'000);
     }},
    {"verify", "", "compare checksums of data sets of 2 GiB and more, too",
     [](Options& o, std::string_view, const std::string&) { o.verify = true; }},
    {"help", "", "print this",
     [](Options& o, std::string_view, const std::string&) { o.request = Request::kHelp; }},
}};

const Option& FindOption(std::string_view name, const std::string& word) {
  const auto found = std::find_if(kOptions.begin(), kOptions.end(),
                                  [&](const Option& option) { return option.name == name; });
  if (found != kOptions.end()) return *found;
  std::vector<std::string> written;
  for (const Option& option : kOptions) written.push_back("--" + std::string(option.name));
  const std::vector<std::string_view> names(written.begin(), written.end());
  throw Failure(ExitCode::kUsage, "Unknown option \"" + word + "\"" +
                                      DidYouMean("--" + std::string(name), names) +
                                      "; --help lists them all.");
}

// What only makes sense together.
void CheckTogether(const Options& options, const std::set<std::string_view>& given) {
  for (const std::string_view needed : {"scenario", "mode"}) {
    if (!given.contains(needed)) {
      throw Failure(ExitCode::kUsage, "--" + std::string(needed) +
                                          " is missing; for example: --scenario Offline "
                                          "--mode performance.");
    }
  }
  if (options.mode == Mode::kFindPeak && !ArrivesOnSchedule(options.scenario)) {
    throw Failure(ExitCode::kUsage, "LoadGen searches a peak rate only in Server and Interactive; in " +
                                        std::string(NameOf(options.scenario)) +
                                        " one run with --mode performance measures the peak itself (vary "
                                        "--workers, --threads, --batch).");
  }
  if (options.scenario == Scenario::kOffline && options.target_latency_ms) {
    throw Failure(ExitCode::kUsage, "--target-latency-ms has no meaning in Offline; use --target-qps.");
  }
  if (IsStream(options.scenario) && options.target_qps) {
    throw Failure(ExitCode::kUsage, "--target-qps has no meaning in " +
                                        std::string(NameOf(options.scenario)) + "; use --target-latency-ms.");
  }
  if (options.batch_timeout_us > 0 && !ArrivesOnSchedule(options.scenario)) {
    throw Failure(ExitCode::kUsage,
                  "--batch-timeout-us has a meaning only in Server and Interactive: elsewhere all "
                  "samples of a query are there at once.");
  }
  if (options.batch_timeout_us > 0 && options.batch.value_or(1) == 1) {
    throw Failure(ExitCode::kUsage, "--batch-timeout-us needs a --batch above 1.");
  }
}

}  // namespace

Options ParseOptions(const std::vector<std::string>& argv) {
  Options options;
  options.argv = argv;
  if (argv.empty()) {
    options.request = Request::kTeach;
    return options;
  }
  std::set<std::string_view> given;
  for (std::size_t i = 0; i < argv.size(); ++i) {
    const std::string& word = argv[i];
    if (!word.starts_with("--")) {
      throw Failure(ExitCode::kUsage, "\"" + word + "\" is not an option; --help lists them all.");
    }
    if (word == "--version") {
      options.request = Request::kVersion;
      return options;
    }
    const std::size_t equals = word.find('=');
    const Option& option =
        FindOption(std::string_view(word).substr(2, equals == std::string::npos ? equals : equals - 2), word);
    if (!given.insert(option.name).second && !option.repeatable) {
      throw Failure(ExitCode::kUsage, "--" + std::string(option.name) + " is given twice; keep one.");
    }
    std::string value;
    if (option.value.empty()) {
      if (equals != std::string::npos) {
        throw Failure(ExitCode::kUsage, "--" + std::string(option.name) + " takes no value.");
      }
    } else if (equals != std::string::npos) {
      value = word.substr(equals + 1);
    } else if (i + 1 < argv.size()) {
      value = argv[++i];
    } else {
      throw Failure(ExitCode::kUsage,
                    "--" + std::string(option.name) + " needs a value (" + std::string(option.value) + ").");
    }
    option.set(options, option.name, value);
    if (options.request == Request::kHelp) return options;
  }
  CheckTogether(options, given);
  return options;
}

std::string ModeText(const Options& options) {
  const std::string mode(NameOf(options.mode));
  return options.mode == Mode::kCompliance ? mode + "/" + options.compliance_test : mode;
}

std::string HelpText() {
  std::string text =
      "Usage: mlperf-harness --scenario NAME --mode NAME [options]\n\nOptions, defaults in brackets:\n";
  constexpr std::size_t kColumn = 28;
  for (const Option& option : kOptions) {
    std::string left = "  --" + std::string(option.name);
    if (!option.value.empty()) left += " " + std::string(option.value);
    left.resize(std::max(kColumn, left.size() + 1), ' ');
    text += left + std::string(option.help) + "\n";
  }
  text += "  --version                 harness, LoadGen and backend versions\n";
  text +=
      "\nExit codes: 0 finished (and VALID), 2 usage, 3 cell.conf, 4 data set, 5 weights, 6 backend, 7 "
      "results "
      "directory,\n8 LoadGen refused, 9 finished but INVALID, 12 interrupted, 13 the backend hung, 14 it "
      "answered "
      "wrongly, 15 it leaked memory.\n";
  return text;
}

}  // namespace mlperf_bake
