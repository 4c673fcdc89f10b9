#include "core/audit.h"

#include "core/cell.h"
#include "core/settings.h"
#include "support.h"

namespace mlperf_bake::testing {
namespace {

const std::string kAudits =
    "compliance.TEST01.accuracy_log_rng_seed = 720381539243781796\n"
    "compliance.TEST01.accuracy_log_sampling_target = 4096\n"
    "compliance.TEST04.performance_issue_unique = 0\n"
    "compliance.TEST04.performance_issue_same = 1\n"
    "compliance.TEST04.performance_issue_same_index = 3\n"
    "compliance.TEST04.Offline.min_query_count = 500\n"
    "compliance.TEST05.qsl_rng_seed = 18446744073709551615\n"
    "compliance.TEST05.sample_index_rng_seed = 2\n"
    "compliance.TEST05.schedule_rng_seed = 3\n"
    "compliance.TEST06.min_query_count = 100\n"
    "compliance.TEST06.min_duration = 0\n";

Cell ReadAudited(const Scratch& scratch, const std::string& lines = kAudits) {
  return ReadCell(WriteCell(scratch.path(), CellText() + lines));
}

// The detail log of a run, with these values under LoadGen's keys.
LoadGenLog Log(const Scratch& scratch, const std::map<std::string, std::string>& values) {
  std::string text;
  for (const auto& [key, value] : values) {
    text.append(R"(:::MLLOG {"key": ")").append(key).append(R"(", "value": )").append(value);
    text.append(", \"time_ms\": 1.0}\n");
  }
  WriteFile(scratch.path() / "mlperf_log_detail.txt", text);
  return LoadGenLog::Read(scratch.path() / "mlperf_log_detail.txt");
}

TEST_CASE("an audit holds what cell.conf says of the test, a scenario's own lines above those of all") {
  const Scratch scratch;
  const Cell cell = ReadAudited(scratch);
  const Audit test01 = FindAudit(cell, "TEST01", Scenario::kServer);
  CHECK(test01.settings == std::map<std::string, std::uint64_t>{{"accuracy_log_rng_seed", 720381539243781796},
                                                                {"accuracy_log_sampling_target", 4096}});
  CHECK(FindAudit(cell, "TEST04", Scenario::kOffline).Value("min_query_count") == 500);
  CHECK_FALSE(FindAudit(cell, "TEST04", Scenario::kSingleStream).Value("min_query_count"));
}

TEST_CASE("LoadGen gets the audit for the scenario at hand under the name that it knows") {
  const Scratch scratch;
  const Cell cell = ReadAudited(scratch);
  CHECK(AuditConfig(FindAudit(cell, "TEST04", Scenario::kOffline), Scenario::kOffline) ==
        "# Written by mlperf-harness for TEST04.\n"
        "*.Offline.mode = 2\n"
        "*.Offline.min_query_count = 500\n"
        "*.Offline.performance_issue_same = 1\n"
        "*.Offline.performance_issue_same_index = 3\n"
        "*.Offline.performance_issue_unique = 0\n");
  const std::string interactive =
      AuditConfig(FindAudit(cell, "TEST01", Scenario::kInteractive), Scenario::kInteractive);
  CHECK(Contains(interactive, "*.Server.accuracy_log_sampling_target = 4096\n"));
  CHECK_FALSE(Contains(interactive, "Interactive."));
}

TEST_CASE("LoadGen itself takes every line of an audit, and no seed") {
  const Scratch scratch;
  const Cell cell = ReadAudited(scratch);
  WriteFile(scratch.path() / "audit.config",
            AuditConfig(FindAudit(cell, "TEST04", Scenario::kOffline), Scenario::kOffline) +
                "*.Offline.accuracy_log_rng_seed = 720381539243781796\n*.Offline.qsl_rng_seed = 5\n");
  mlperf::TestSettings settings;
  settings.FromConfig((scratch.path() / "audit.config").string(), "*", "Offline", 2);
  CHECK(settings.min_query_count == 500);
  CHECK(settings.performance_issue_same);
  CHECK(settings.performance_issue_same_index == 3);
  CHECK_FALSE(settings.performance_issue_unique);
  CHECK(settings.accuracy_log_rng_seed == 720381539243781796);
  CHECK(settings.mode == mlperf::TestMode::PerformanceOnly);
  CHECK(settings.qsl_rng_seed == 0);
}

TEST_CASE("TEST05's seeds take the place of the round's, and no other test changes them") {
  const Scratch scratch;
  const Cell cell = ReadAudited(scratch);
  mlperf::TestSettings settings;
  settings.qsl_rng_seed = settings.sample_index_rng_seed = settings.schedule_rng_seed = 7;
  SetSeeds(FindAudit(cell, "TEST01", Scenario::kOffline), &settings);
  CHECK(settings.qsl_rng_seed == 7);
  CHECK(settings.schedule_rng_seed == 7);
  const Audit test05 = FindAudit(cell, "TEST05", Scenario::kOffline);
  SetSeeds(test05, &settings);
  CHECK(settings.qsl_rng_seed == 18446744073709551615U);
  CHECK(settings.sample_index_rng_seed == 2);
  CHECK(settings.schedule_rng_seed == 3);
  CHECK_FALSE(Contains(AuditConfig(test05, Scenario::kOffline), "seed"));
}

TEST_CASE("a test that is none of the benchmark's is refused with those that are") {
  const Scratch scratch;
  const Cell cell = ReadAudited(scratch);
  const std::string some =
      FailureOf(ExitCode::kUsage, [&] { FindAudit(cell, "TEST09", Scenario::kOffline); });
  CHECK(Contains(some,
                 "TEST09 is no compliance test of resnet in round v6.1; expected one of TEST01, TEST04, "
                 "TEST05, TEST06."));
  const Cell none = ReadAudited(scratch, "");
  CHECK(Contains(FailureOf(ExitCode::kUsage, [&] { FindAudit(none, "TEST01", Scenario::kOffline); }),
                 "there is none"));
}

TEST_CASE("a line of an audit that means nothing is refused with file and line") {
  const Scratch scratch;
  for (const char* line :
       {"compliance.TEST01.sampling = 1", "compliance.TEST1.min_duration = 1", "compliance.min_duration = 1",
        "compliance.TEST01.offline.min_duration = 1", "compliance.TEST01.a.b.min_duration = 1",
        "compliance.TEST01.min_duration = -1", "compliance.TEST01.min_duration = 18446744073709551616",
        "compliance.TEST01. = 1"}) {
    CAPTURE(std::string(line));
    const std::string said =
        FailureOf(ExitCode::kCell, [&] { ReadAudited(scratch, std::string(line) + "\n"); });
    CHECK(Contains(said, "cell.conf:"));
  }
}

TEST_CASE("what the audit fixes is official and the user cannot choose it") {
  const Scratch scratch;
  const Cell cell = ReadAudited(scratch);
  const Audit test06 = FindAudit(cell, "TEST06", Scenario::kOffline);
  Options options;
  options.scenario = Scenario::kOffline;
  options.mode = Mode::kCompliance;
  options.target_qps = 100;
  constexpr std::uint64_t kMuchMemory = std::uint64_t{1} << 40;
  const Settings settings = ResolveSettings(options, cell, {}, 20, {}, kMuchMemory, test06);
  CHECK(settings.duration_ms == 0);
  CHECK(settings.official_duration_ms == 0);
  CHECK(settings.min_query_count == 100);
  CHECK(settings.official_min_query_count == 100);
  CHECK_FALSE(Contains(UserConf(settings, Scenario::kOffline), "min_"));
  options.duration_s = 5;
  CHECK(Contains(
      FailureOf(ExitCode::kUsage, [&] { ResolveSettings(options, cell, {}, 20, {}, kMuchMemory, test06); }),
      "TEST06 fixes what --duration would set at 0 ms; leave --duration out"));
  options.duration_s.reset();
  options.min_queries = 5;
  CHECK(Contains(
      FailureOf(ExitCode::kUsage, [&] { ResolveSettings(options, cell, {}, 20, {}, kMuchMemory, test06); }),
      "fixes what --min-queries would set at 100"));
}

TEST_CASE("a test that repeats a sample needs that sample") {
  const Scratch scratch;
  const Cell cell = ReadAudited(scratch);
  const Audit test04 = FindAudit(cell, "TEST04", Scenario::kOffline);
  RequireSamples(test04, 4);
  RequireSamples(FindAudit(cell, "TEST01", Scenario::kOffline), 1);
  CHECK(Contains(FailureOf(ExitCode::kUsage, [&] { RequireSamples(test04, 3); }),
                 "TEST04 repeats sample 3 (counted from 0), the data set has 3"));
}

TEST_CASE("a run by other settings than the audit's is not recorded") {
  const Scratch scratch;
  const Cell cell = ReadAudited(scratch);
  const Audit test04 = FindAudit(cell, "TEST04", Scenario::kSingleStream);
  std::map<std::string, std::string> logged = {{"effective_performance_issue_unique", "false"},
                                               {"effective_performance_issue_same", "true"},
                                               {"effective_performance_issue_same_index", "3"}};
  RequireEffective(test04, Log(scratch, logged));
  logged["effective_performance_issue_same_index"] = std::string("0");
  CHECK(Contains(FailureOf(ExitCode::kLoadGen, [&] { RequireEffective(test04, Log(scratch, logged)); }),
                 "effective_performance_issue_same_index is 0 instead of 3"));
  logged.erase("effective_performance_issue_same_index");
  CHECK(Contains(FailureOf(ExitCode::kLoadGen, [&] { RequireEffective(test04, Log(scratch, logged)); }),
                 "is not logged"));
}

}  // namespace
}  // namespace mlperf_bake::testing
