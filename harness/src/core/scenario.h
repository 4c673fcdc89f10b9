// Scenarios and modes: the field's words, LoadGen's enums, and what differs between them.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "test_settings.h"

namespace mlperf_bake {

enum class Scenario { kSingleStream, kMultiStream, kServer, kOffline, kInteractive };
enum class Mode { kPerformance, kAccuracy, kFindPeak, kCompliance };

inline constexpr std::array<std::string_view, 5> kScenarioNames = {"SingleStream", "MultiStream", "Server",
                                                                   "Offline", "Interactive"};
// The last is followed by the test's name: compliance/TEST01.
inline constexpr std::array<std::string_view, 4> kModeNames = {"performance", "accuracy", "find-peak",
                                                               "compliance"};

constexpr std::string_view NameOf(Scenario scenario) {
  return kScenarioNames[static_cast<std::size_t>(scenario)];
}
constexpr std::string_view NameOf(Mode mode) {
  return kModeNames[static_cast<std::size_t>(mode)];
}

// Interactive is LoadGen's Server scenario with tighter limits.
constexpr mlperf::TestScenario LoadGenScenario(Scenario scenario) {
  switch (scenario) {
    case Scenario::kSingleStream:
      return mlperf::TestScenario::SingleStream;
    case Scenario::kMultiStream:
      return mlperf::TestScenario::MultiStream;
    case Scenario::kOffline:
      return mlperf::TestScenario::Offline;
    case Scenario::kServer:
    case Scenario::kInteractive:
      break;
  }
  return mlperf::TestScenario::Server;
}

// The scenario's name in LoadGen's configuration files.
constexpr std::string_view LoadGenName(Scenario scenario) {
  return NameOf(scenario == Scenario::kInteractive ? Scenario::kServer : scenario);
}

constexpr mlperf::TestMode LoadGenMode(Mode mode) {
  switch (mode) {
    case Mode::kAccuracy:
      return mlperf::TestMode::AccuracyOnly;
    case Mode::kFindPeak:
      return mlperf::TestMode::FindPeakPerformance;
    case Mode::kPerformance:
    case Mode::kCompliance:
      break;
  }
  return mlperf::TestMode::PerformanceOnly;
}

// LoadGen measures at a rate or latency that it is told beforehand.
constexpr bool IsTimed(Mode mode) {
  return mode == Mode::kPerformance || mode == Mode::kCompliance;
}

// Queries arrive on LoadGen's schedule, whether or not earlier ones are answered.
constexpr bool ArrivesOnSchedule(Scenario scenario) {
  return scenario == Scenario::kServer || scenario == Scenario::kInteractive;
}

// One query after another: LoadGen issues the next when the last is answered.
constexpr bool IsStream(Scenario scenario) {
  return scenario == Scenario::kSingleStream || scenario == Scenario::kMultiStream;
}

inline constexpr int kMultiStreamSamples = 8;

}  // namespace mlperf_bake
