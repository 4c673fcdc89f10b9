// The audits of compliance tests: what LoadGen is told besides the run's own settings, as cell.conf has it
// for the benchmark and its round.
//
//     compliance.TEST01.accuracy_log_sampling_target = 4096
//     compliance.TEST04.Offline.min_query_count = 500      # in this scenario only
//
// LoadGen reads an audit from a file that StartTest() is named, last of all and for any model; so the lines
// are written for the scenario at hand with "*" as model: a model's name there has no effect.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/conf_file.h"
#include "core/loadgen_log.h"
#include "core/scenario.h"
#include "test_settings.h"

namespace mlperf_bake {

struct Cell;

// The name of the file in the run's directory.
inline constexpr std::string_view kAuditFile = "audit.config";

struct AuditSetting {
  std::optional<Scenario> scenario;  // nullopt: in all
  std::string key;                   // LoadGen's name of it
  std::uint64_t value = 0;
};

// By test: TEST01, ...
using Audits = std::map<std::string, std::vector<AuditSetting>>;

// All lines `compliance.*`. Failure where one names no test, no scenario or nothing that an audit sets.
Audits ReadAudits(const ConfFile& conf);

// What one test sets in one scenario.
struct Audit {
  std::string test;
  std::map<std::string, std::uint64_t> settings;

  std::optional<std::uint64_t> Value(const std::string& key) const;
};

// Failure kUsage where the test is none of the benchmark's in its round: says which are.
Audit FindAudit(const Cell& cell, const std::string& test, Scenario scenario);

// Failure kUsage where the test repeats a sample that is not there.
void RequireSamples(const Audit& audit, std::size_t performance_sample_count);

// The file's text. TEST05's seeds are not in it: LoadGen takes none from an audit (SetSeeds).
std::string AuditConfig(const Audit& audit, Scenario scenario);

// The seeds that the audit gives in place of the round's.
void SetSeeds(const Audit& audit, mlperf::TestSettings* settings);

// Failure kLoadGen where LoadGen's log says that it ran with anything else than the audit.
void RequireEffective(const Audit& audit, const LoadGenLog& log);

}  // namespace mlperf_bake
