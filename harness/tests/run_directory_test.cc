#include "core/run_directory.h"

#include <unistd.h>

#include <chrono>
#include <set>

#include "support.h"

namespace mlperf_bake::testing {
namespace {

namespace fs = std::filesystem;

TEST_CASE("a run appears under its name only when it is committed") {
  const Scratch scratch;
  RunDirectory directory(scratch.path(), "a");
  directory.Write("manifest.json", "{}");
  CHECK(fs::exists(scratch.path() / ".partial-a" / "manifest.json"));
  CHECK_FALSE(fs::exists(scratch.path() / "a"));
  directory.Commit();
  CHECK(ReadFile(scratch.path() / "a" / "manifest.json") == "{}");
  CHECK_FALSE(fs::exists(scratch.path() / ".partial-a"));
}

TEST_CASE("a run that is not committed leaves nothing") {
  const Scratch scratch;
  {
    const RunDirectory directory(scratch.path(), "a");
  }
  CHECK(fs::is_empty(scratch.path()));
}

TEST_CASE("what a dead run left is taken over, a living one is respected") {
  const Scratch scratch;
  fs::create_directories(scratch.path() / ".partial-a" / "deep");
  WriteFile(scratch.path() / ".partial-a" / "old", "x");
  RunDirectory first(scratch.path(), "a");
  CHECK(fs::is_empty(first.path()));
  CHECK(Contains(FailureOf(ExitCode::kResults, [&] { RunDirectory(scratch.path(), "a"); }), "is going on"));
  CHECK(fs::exists(first.path()));
}

TEST_CASE("what killed runs of other names left is removed; a living run, a young one and a result are not") {
  const Scratch scratch;
  const auto old = fs::file_time_type::clock::now() - std::chrono::minutes(1);
  const RunDirectory living(scratch.path(), "living");
  for (const char* name : {".partial-dead", "result", "notes"}) fs::create_directory(scratch.path() / name);
  WriteFile(scratch.path() / ".partial-dead" / "mlperf_log_detail.txt", "cut in hal");
  fs::create_directory_symlink(scratch.path() / "result", scratch.path() / ".partial-link");
  for (const char* name : {".partial-living", ".partial-dead", "result", "notes"}) {
    fs::last_write_time(scratch.path() / name, old);
  }
  fs::create_directory(scratch.path() / ".partial-young");
  const RunDirectory next(scratch.path(), "next");
  CHECK_FALSE(fs::exists(scratch.path() / ".partial-dead"));
  for (const char* name : {".partial-living", ".partial-young", ".partial-link", "result", "notes"}) {
    CAPTURE(name);
    CHECK(fs::exists(scratch.path() / name));
  }
}

TEST_CASE("no result is overwritten, not even by one that appears while the run goes on") {
  const Scratch scratch;
  RunDirectory directory(scratch.path(), "a");
  directory.Write("manifest.json", "new");
  fs::create_directory(scratch.path() / "a");
  CHECK(Contains(FailureOf(ExitCode::kResults, [&] { directory.Commit(); }), "exists already"));
  CHECK(fs::is_empty(scratch.path() / "a"));
  CHECK(
      Contains(FailureOf(ExitCode::kResults, [&] { RunDirectory(scratch.path(), "a"); }), "exists already"));
}

TEST_CASE("a place that cannot be written is refused before the run") {
  CHECK(Contains(FailureOf(ExitCode::kResults, [] { RunDirectory("/nowhere/at/all", "a"); }), "--results"));
  CHECK(Contains(FailureOf(ExitCode::kResults, [] { RunDirectory("/proc", "a"); }), "/proc"));
}

TEST_CASE("names of runs tell time, scenario and mode, and differ") {
  std::set<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.insert(NewRunId("SingleStream", "find-peak"));
  CHECK(ids.size() > 15);
  const std::string id = *ids.begin();
  CHECK(id.size() == std::string("20261122T091500Z-singlestream-find-peak-3f2a1b").size());
  CHECK(id.substr(16, 24) == "-singlestream-find-peak-");
  CHECK(id[8] == 'T');
  CHECK(id[15] == 'Z');
  CHECK(Contains(NewRunId("Offline", "compliance/TEST01"), "-offline-compliance-test01-"));
}

}  // namespace
}  // namespace mlperf_bake::testing
