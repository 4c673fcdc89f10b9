#include "core/audit.h"

#include <algorithm>
#include <array>
#include <limits>

#include "core/cell.h"
#include "core/failure.h"

namespace mlperf_bake {
namespace {

constexpr std::string_view kFamily = "compliance.";
constexpr std::string_view kModePerformance = "2";

// What an audit may set, and where LoadGen's detail log says what it made of it. Offline turns
// min_query_count into samples of one query: only what was requested is comparable.
struct Key {
  std::string_view name, logged;
  bool flag = false;  // logged as true or false
};

constexpr std::array<Key, 11> kKeys = {{
    {"accuracy_log_rng_seed", "effective_accuracy_log_rng_seed"},
    {"accuracy_log_sampling_target", "effective_accuracy_log_sampling_target"},
    {"performance_issue_unique", "effective_performance_issue_unique", true},
    {"performance_issue_same", "effective_performance_issue_same", true},
    {"performance_issue_same_index", "effective_performance_issue_same_index"},
    {"sample_concatenate_permutation", "effective_sample_concatenate_permutation", true},
    {"min_duration", "effective_min_duration_ms"},
    {"min_query_count", "requested_min_query_count"},
    {"qsl_rng_seed", "effective_qsl_rng_seed"},
    {"sample_index_rng_seed", "effective_sample_index_rng_seed"},
    {"schedule_rng_seed", "effective_schedule_rng_seed"},
}};

const Key* FindKey(std::string_view name) {
  const auto found =
      std::find_if(kKeys.begin(), kKeys.end(), [&](const Key& key) { return key.name == name; });
  return found == kKeys.end() ? nullptr : found;
}

bool IsTest(std::string_view name) {
  return name.size() == 6 && name.starts_with("TEST") && name[4] >= '0' && name[4] <= '9' && name[5] >= '0' &&
         name[5] <= '9';
}

bool IsSeed(std::string_view key) {
  return key == "qsl_rng_seed" || key == "sample_index_rng_seed" || key == "schedule_rng_seed";
}

std::string Names(const Audits& audits) {
  std::string names;
  for (const auto& audit : audits) names += (names.empty() ? "" : ", ") + audit.first;
  return names;
}

}  // namespace

Audits ReadAudits(const ConfFile& conf) {
  Audits audits;
  for (const auto& line : conf.Family(std::string(kFamily))) {
    const std::string& name = line.first;  // TEST04.Offline.min_query_count
    const std::size_t first = name.find('.'), last = name.rfind('.');
    const std::string whole = std::string(kFamily) + name;
    AuditSetting setting;
    setting.key = last == std::string::npos ? "" : name.substr(last + 1);
    if (first == std::string::npos || !IsTest(name.substr(0, first)) || FindKey(setting.key) == nullptr) {
      conf.Reject(whole,
                  "compliance.TESTnn.KEY or compliance.TESTnn.SCENARIO.KEY with a KEY that LoadGen's "
                  "audits set");
    }
    if (first != last) {
      const std::string scenario = name.substr(first + 1, last - first - 1);
      const auto found = std::find(kScenarioNames.begin(), kScenarioNames.end(), scenario);
      if (found == kScenarioNames.end()) conf.Reject(whole, "a scenario between the test and the key");
      setting.scenario = static_cast<Scenario>(found - kScenarioNames.begin());
    }
    setting.value = conf.Number(whole, 0, std::numeric_limits<std::uint64_t>::max());
    audits[name.substr(0, first)].push_back(setting);
  }
  return audits;
}

std::optional<std::uint64_t> Audit::Value(const std::string& key) const {
  const auto found = settings.find(key);
  if (found == settings.end()) return std::nullopt;
  return found->second;
}

Audit FindAudit(const Cell& cell, const std::string& test, Scenario scenario) {
  const auto found = cell.audits.find(test);
  if (found == cell.audits.end()) {
    const std::string of = " of " + cell.benchmark + " in round " + cell.round;
    throw Failure(
        ExitCode::kUsage,
        cell.audits.empty()
            ? test + " is no compliance test" + of + "; there is none, leave it out."
            : test + " is no compliance test" + of + "; expected one of " + Names(cell.audits) + ".");
  }
  Audit audit{test, {}};
  for (const AuditSetting& setting : found->second) {
    if (!setting.scenario) audit.settings.emplace(setting.key, setting.value);
  }
  for (const AuditSetting& setting : found->second) {
    if (setting.scenario == scenario) audit.settings.insert_or_assign(setting.key, setting.value);
  }
  return audit;
}

void RequireSamples(const Audit& audit, std::size_t performance_sample_count) {
  if (audit.Value("performance_issue_same").value_or(0) == 0) return;
  const std::uint64_t index = audit.Value("performance_issue_same_index").value_or(0);
  if (index < performance_sample_count) return;
  throw Failure(ExitCode::kUsage, audit.test + " repeats sample " + std::to_string(index) +
                                      " (counted from 0), the data set has " +
                                      std::to_string(performance_sample_count) +
                                      "; give more with --data or --samples.");
}

std::string AuditConfig(const Audit& audit, Scenario scenario) {
  const std::string prefix = "*." + std::string(LoadGenName(scenario)) + ".";
  std::string text = "# Written by mlperf-harness for " + audit.test + ".\n";
  text += prefix + "mode = " + std::string(kModePerformance) + "\n";
  for (const auto& [key, value] : audit.settings) {
    if (!IsSeed(key)) text += prefix + key + " = " + std::to_string(value) + "\n";
  }
  return text;
}

void SetSeeds(const Audit& audit, mlperf::TestSettings* settings) {
  settings->qsl_rng_seed = audit.Value("qsl_rng_seed").value_or(settings->qsl_rng_seed);
  settings->sample_index_rng_seed =
      audit.Value("sample_index_rng_seed").value_or(settings->sample_index_rng_seed);
  settings->schedule_rng_seed = audit.Value("schedule_rng_seed").value_or(settings->schedule_rng_seed);
}

void RequireEffective(const Audit& audit, const LoadGenLog& log) {
  for (const auto& [name, value] : audit.settings) {
    const Key& key = *FindKey(name);
    const std::string expected = !key.flag ? std::to_string(value) : value != 0 ? "true" : "false";
    const auto logged = log.Text(std::string(key.logged));
    if (logged == expected) continue;
    throw Failure(ExitCode::kLoadGen, "LoadGen did not run by " + audit.test +
                                          "'s audit: " + std::string(key.logged) + " is " +
                                          logged.value_or("not logged") + " instead of " + expected +
                                          "; build the image with the round's LoadGen.");
  }
}

}  // namespace mlperf_bake
