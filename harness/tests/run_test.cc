// Whole runs of the program with a real LoadGen, as a user starts them.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>

#include "support.h"

namespace mlperf_bake::testing {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

// A cell, a data set of 20 samples and a place for results.
struct Bench {
  Scratch scratch;
  fs::path cell = WriteCell(scratch.path());
  fs::path data = WriteDataSet(scratch.path() / "data", 20, 2);
  fs::path results = scratch.path() / "results";

  Bench() { fs::create_directory(results); }

  Words Options(const std::string& scenario, const std::string& mode, const Words& more = {}) const {
    Words words = {"--scenario",  scenario, "--mode",      mode,        "--cell",
                   cell.string(), "--data", data.string(), "--results", results.string(),
                   "--run-id",    "run",    "--progress",  "json"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  std::string Manifest() const { return ReadFile(results / "run" / "manifest.json"); }
  bool NothingLeft() const { return fs::is_empty(results); }
};

TEST_CASE("accuracy counts every sample once, in every scenario and with every way to lay out a batch") {
  for (const char* scenario : {"SingleStream", "MultiStream", "Server", "Offline", "Interactive"}) {
    for (const char* batch : {"1", "3"}) {
      if (std::string(scenario) == "SingleStream" && std::string(batch) != "1") continue;
      CAPTURE(scenario);
      CAPTURE(batch);
      const Bench bench;
      Words options = bench.Options(scenario, "accuracy", {"--batch", batch});
      if (std::string(scenario) == "Server" || std::string(scenario) == "Interactive") {
        options.insert(options.end(), {"--target-qps", "2000", "--target-latency-ms", "50"});
      }
      const Finished run = RunHarness(options);
      CHECK_MESSAGE(run.exit_code == 0, run.err);
      CHECK(Contains(bench.Manifest(), "\"correct\": 18,\n    \"total\": 20"));
      CHECK(Contains(bench.Manifest(), "\"result\": null"));
      CHECK(Contains(run.out, R"({"event":"done","run":"run","status":"finished","validity":null})"));
      CHECK(Contains(ReadFile(bench.results / "run" / "mlperf_log_accuracy.json"), "\"qsl_idx\" : 19"));
    }
  }
}

// A backend as quick as null meets the race that StallWatch tells of; such a run records nothing and is made
// again.
Finished RunPastStalls(Words options) {
  options.insert(options.end(), {"--watchdog", "5"});
  Finished run = RunHarness(options);
  for (int again = 0; again < 4 && run.exit_code == 8 && Contains(run.err, "did not end"); ++again) {
    run = RunHarness(options);
  }
  return run;
}

TEST_CASE("the null backend performs in every scenario and the manifest holds LoadGen's figures") {
  // How fast this machine is must not matter here: targets are modest and the latency limit is wide.
  struct Expected {
    const char *scenario, *target, *value, *metric;
  };
  for (const Expected& expected :
       {Expected{"SingleStream", "--target-latency-ms", "0.0005", "early_stopping_p90_latency_ns"},
        Expected{"MultiStream", "--target-latency-ms", "0.001", "early_stopping_p99_latency_ns"},
        Expected{"Server", "--target-qps", "100000", "completed_samples_per_second"},
        Expected{"Offline", "--target-qps", "100000000", "samples_per_second"}}) {
    CAPTURE(std::string(expected.scenario));
    const Bench bench;
    // A sanitizer's shadow of LoadGen's queries is no leak of the backend's.
    Words more = {"--backend",       "null", "--duration",    "0.01",
                  "--leak-limit-mb", "0",    expected.target, expected.value};
    if (expected.scenario == std::string("Server")) more.insert(more.end(), {"--target-latency-ms", "1000"});
    const Finished run = RunPastStalls(bench.Options(expected.scenario, "performance", more));
    CHECK_MESSAGE(run.exit_code == 0, run.err);
    const std::string manifest = bench.Manifest();
    CHECK(Contains(manifest,
                   "\"validity\": \"VALID\",\n    \"metric\": \"" + std::string(expected.metric) + "\""));
    CHECK(Contains(manifest, "\"status\": \"finished\""));
    CHECK(Contains(manifest, "backend null instead of echo"));
    CHECK(Contains(manifest, "minimum duration 0.01 s instead of 600 s"));
    CHECK(Contains(manifest, "\"weights\": null"));
    CHECK(Contains(manifest,
                   "\"target_qps_source\": " +
                       std::string(expected.target == std::string("--target-qps") ? "\"user\"" : "null")));
    CHECK(Contains(ReadFile(bench.results / "run" / "mlperf_log_summary.txt"), "Result is : VALID"));
    CHECK_FALSE(fs::exists(bench.results / "run" / "mlperf_log_trace.json"));
  }
}

TEST_CASE("without a target the warm-up finds one that keeps LoadGen busy for the whole duration") {
  for (const char* scenario : {"SingleStream", "MultiStream", "Offline"}) {
    CAPTURE(scenario);
    const Bench bench;
    const Finished run = RunHarness(
        bench.Options(scenario, "performance", {"--duration", "0.2", "--min-queries", "1"}), "slow");
    CHECK_FALSE(Contains(bench.Manifest(), "minimum duration not met"));
    CHECK(Contains(bench.Manifest(), "\"warm-up\""));
  }
}

TEST_CASE("a missed constraint is INVALID, recorded, and answered with the option to change") {
  const Bench bench;
  const Finished run = RunHarness(bench.Options(
      "Offline", "performance", {"--duration", "2", "--target-qps", "20", "--min-queries", "5"}));
  CHECK(run.exit_code == 9);
  CHECK(Contains(run.err, "more of them must be expected; give --target-qps"));
  CHECK(Contains(bench.Manifest(), "\"reasons\": [\n      \"minimum duration not met\"\n    ]"));
  CHECK(Contains(run.out, "\"validity\":\"INVALID\""));
}

TEST_CASE("people read rates in samples/s, and a least time only where a run has one") {
  const Bench bench;
  const auto said = [&](const char* id, const char* mode, const Words& more) {
    Words words = bench.Options("Offline", mode);
    *std::find(words.begin(), words.end(), "json") = "plain";
    *std::find(words.begin(), words.end(), "run") = id;
    words.insert(words.end(), more.begin(), more.end());
    const Finished run = RunHarness(words, "slow");
    CHECK_MESSAGE(run.exit_code == 0, run.err);
    return run.out;
  };
  const std::string accuracy = said("accuracy", "accuracy", {"--workers", "1"});
  CHECK(Contains(accuracy, " of 20 samples, "));
  CHECK_FALSE(Contains(accuracy, "of at least"));
  const std::string performance =
      said("performance", "performance", {"--duration", "0.5", "--min-queries", "1"});
  CHECK(Contains(performance, " s of at least "));
  CHECK(Contains(performance, " samples/s\n"));
}

TEST_CASE("find-peak searches LoadGen's Server rate") {
  const Bench bench;
  const Finished run =
      RunHarness(bench.Options("Server", "find-peak",
                               {"--duration", "0.2", "--target-qps", "60", "--target-latency-ms", "200"}),
                 "slow");
  CHECK_MESSAGE((run.exit_code == 0 || run.exit_code == 9), run.err);
  CHECK(Contains(ReadFile(bench.results / "run" / "mlperf_log_detail.txt"), "Found peak performance field"));
}

TEST_CASE("a signal ends a run in any scenario with what it has, recorded as interrupted") {
  for (const char* scenario : {"SingleStream", "MultiStream", "Server", "Offline"}) {
    CAPTURE(scenario);
    const Bench bench;
    Child child(bench.Options(scenario, "performance", {"--duration", "60"}), "slow");
    child.AwaitOutput("\"event\":\"progress\"");
    kill(child.pid(), SIGUSR1);  // nobody's business, and no reason to stop listening
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    kill(child.pid(), SIGTERM);
    const Finished run = child.Wait();
    CHECK_MESSAGE(run.exit_code == 12, run.err);
    CHECK(Contains(bench.Manifest(), "\"status\": \"interrupted\""));
    CHECK(Contains(bench.Manifest(), "\"result\": null"));
    CHECK(Contains(run.out, R"("status":"interrupted")"));
    CHECK_FALSE(fs::exists(bench.results / ".partial-run"));
  }
}

TEST_CASE("killed hard, a run leaves no result, and the same command then ends well") {
  const Bench bench;
  {
    Child child(bench.Options("Offline", "performance", {"--duration", "60"}), "slow");
    child.AwaitOutput("\"event\":\"progress\"");
    kill(child.pid(), SIGKILL);
    CHECK(child.Wait().exit_code == 128 + SIGKILL);
  }
  CHECK_FALSE(fs::exists(bench.results / "run"));
  CHECK(fs::exists(bench.results / ".partial-run"));
  const Finished again = RunHarness(bench.Options("Offline", "accuracy"));
  CHECK_MESSAGE(again.exit_code == 0, again.err);
  CHECK_FALSE(fs::exists(bench.results / ".partial-run"));
}

TEST_CASE("a backend that fails ends the run without a result, wherever it fails") {
  for (const char* fault : {"open", "run", "throw"}) {
    for (const char* scenario : {"SingleStream", "MultiStream", "Server", "Offline"}) {
      CAPTURE(fault);
      CAPTURE(scenario);
      const Bench bench;
      Words options = bench.Options(scenario, "accuracy", {"--warmup", "0"});
      if (std::string(scenario) == "Server") options.insert(options.end(), {"--target-qps", "1000"});
      const Finished run = RunHarness(options, fault);
      CHECK(run.exit_code == 6);
      CHECK(Contains(run.err, fault == std::string("throw") ? "something unforeseen" : "The echo backend"));
      CHECK(bench.NothingLeft());
    }
  }
}

TEST_CASE("a backend that does not come back ends the run without a result, wherever it hangs") {
  struct Hang {
    const char *fault, *scenario, *says;
  };
  for (const Hang& hang :
       {Hang{"hang-open", "Offline", "Backend echo did not open within 2 s"},
        Hang{"hang-load", "Offline", "did not load the network for worker"},
        Hang{"hang", "SingleStream", "did not answer a batch of 1 on worker 1 of 1 within 0.2 s"},
        Hang{"hang", "MultiStream", "did not answer a batch of 1 on worker"},
        Hang{"hang", "Server", "did not answer a batch of 1 on worker"},
        Hang{"hang", "Offline", "did not answer a batch of 1 on worker"}}) {
    for (const char* warmup : {"0", "16"}) {
      CAPTURE(hang.fault);
      CAPTURE(hang.scenario);
      const Bench bench;
      Words options = bench.Options(hang.scenario, "accuracy", {"--warmup", warmup, "--watchdog", "0.2"});
      if (std::string(hang.scenario) == "Server") options.insert(options.end(), {"--target-qps", "1000"});
      const Finished run = RunHarness(options, hang.fault);
      CHECK(run.exit_code == 13);
      CHECK_MESSAGE(Contains(run.err, hang.says), run.err);
      // Whichever of the two hangs first is named.
      if (hang.fault == std::string("hang-load")) CHECK(Contains(run.err, " of 2 within 2 s"));
      CHECK(Contains(run.err, "give a larger --watchdog"));
      CHECK(bench.NothingLeft());
    }
  }
}

TEST_CASE("a backend that answers wrongly ends the run without a result") {
  struct Wrong {
    const char *fault, *mode, *says;
  };
  for (const Wrong& wrong :
       {Wrong{"few", "performance", "a batch of 2 with 1 classes; expected 2;"},
        Wrong{"many", "performance", "a batch of 2 with 3 classes; expected 2;"},
        Wrong{"scores", "performance", "a batch of 2 with 19 scores; expected 2 x 10;"},
        Wrong{"nan", "accuracy", "with a score that is infinite or no number; expected finite ones;"},
        Wrong{"class", "accuracy", "with class 10; expected 0 to 9;"}}) {
    for (const char* warmup : {"0", "1"}) {
      CAPTURE(wrong.fault);
      const Bench bench;
      const Finished run = RunHarness(
          bench.Options("Offline", wrong.mode, {"--warmup", warmup, "--batch", "2", "--target-qps", "100"}),
          wrong.fault);
      CHECK(run.exit_code == 14);
      CHECK_MESSAGE(Contains(run.err, wrong.says), run.err);
      CHECK(bench.NothingLeft());
    }
  }
}

TEST_CASE("a backend that leaks ends the run without a result") {
  for (const char* scenario : {"SingleStream", "Server"}) {
    CAPTURE(scenario);
    const Bench bench;
    Words options = bench.Options(scenario, "performance", {"--duration", "60", "--target-latency-ms", "20"});
    if (std::string(scenario) == "Server") options.insert(options.end(), {"--target-qps", "200"});
    const Finished run = RunHarness(options, "leak");
    CHECK(run.exit_code == 15);
    CHECK_MESSAGE(Contains(run.err, "Backend echo leaks memory"), run.err);
    CHECK(Contains(run.err, "give a larger --leak-limit-mb"));
    CHECK(bench.NothingLeft());
  }
}

TEST_CASE("two runs with one id never overwrite each other") {
  const Bench bench;
  Child first(bench.Options("Offline", "performance", {"--duration", "60"}), "slow");
  first.AwaitOutput("\"event\":\"progress\"");
  const Finished second = RunHarness(bench.Options("Offline", "accuracy"));
  CHECK(second.exit_code == 7);
  CHECK(Contains(second.err, "Another run named run is going on"));
  kill(first.pid(), SIGINT);
  CHECK(first.Wait().exit_code == 12);
  const Finished third = RunHarness(bench.Options("Offline", "accuracy"));
  CHECK(third.exit_code == 7);
  CHECK(Contains(third.err, "exists already"));
  CHECK(Contains(bench.Manifest(), "interrupted"));
}

TEST_CASE("every failure before the clock starts has its own exit code and leaves nothing") {
  const Bench bench;
  const auto expect = [&](int exit_code, const std::string& sentence, const Words& options) {
    const Finished run = RunHarness(options);
    CAPTURE(run.err);
    CHECK(run.exit_code == exit_code);
    CHECK(Contains(run.err, sentence));
    CHECK(bench.NothingLeft());
  };
  expect(2, "did you mean \"Offline\"?", bench.Options("Ofline", "accuracy"));
  expect(2, "Backend \"nul\" is not in this program (did you mean \"null\"?)",
         bench.Options("Offline", "accuracy", {"--backend", "nul"}));
  expect(3, "cannot be read",
         {"--scenario", "Offline", "--mode", "accuracy", "--cell", "/nowhere/cell.conf"});
  expect(7, "/nowhere cannot be used for results",
         {"--scenario", "Offline", "--mode", "accuracy", "--cell", bench.cell.string(), "--results",
          "/nowhere"});
  expect(8, "are not those of round", [&] {
    WriteCell(bench.scratch.path(), Replaced(CellText(), "qsl_rng_seed", "qsl_rng_seed = 1"));
    return bench.Options("Offline", "accuracy");
  }());
  WriteCell(bench.scratch.path());
  WriteFile(bench.scratch.path() / "weights.bin", "others");
  expect(5, "says", bench.Options("Offline", "accuracy"));
  fs::remove(bench.scratch.path() / "weights.bin");
  expect(5, "cannot be opened", bench.Options("Offline", "accuracy"));
  WriteCell(bench.scratch.path());
  fs::resize_file(bench.data / "samples.bin", 100);
  expect(4, "it is truncated", bench.Options("Offline", "accuracy"));
}

TEST_CASE("synthetic samples measure performance and no accuracy") {
  const Bench bench;
  Words options = bench.Options("Offline", "accuracy");
  *std::find(options.begin(), options.end(), bench.data.string()) = "synthetic";
  const Finished run = RunHarness(options);
  CHECK_MESSAGE(run.exit_code == 0, run.err);
  CHECK(Contains(bench.Manifest(), "\"accuracy\": null"));
  CHECK(Contains(bench.Manifest(), "\"synthetic\": true"));
  CHECK(Contains(bench.Manifest(), "samples are synthetic"));
}

TEST_CASE("an accuracy run whose log could not be written to its end is no result") {
  const Bench bench;
  Words options = bench.Options("Offline", "accuracy", {"--samples", "20000"});
  *std::find(options.begin(), options.end(), bench.data.string()) = "synthetic";
  struct rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const struct rlimit small{200 << 10, before.rlim_max};
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  const Finished run = RunHarness(options);
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  CHECK_MESSAGE(run.exit_code == 8, run.err);
  CHECK(Contains(run.err, "were cut off"));
  CHECK(bench.NothingLeft());
}

TEST_CASE("a stray audit.config in the working directory changes nothing") {
  const Bench bench;
  const fs::path before = fs::current_path();
  fs::current_path(bench.scratch.path());
  WriteFile("audit.config", "*.Offline.min_query_count = 77\n");
  const Finished run = RunHarness(bench.Options("Offline", "accuracy"));
  fs::current_path(before);
  CHECK(run.exit_code == 0);
  CHECK_FALSE(Contains(ReadFile(bench.results / "run" / "mlperf_log_detail.txt"), "Found Audit Config file"));
}

TEST_CASE("a compliance run is LoadGen's performance run by the test's audit, and says so") {
  for (const char* scenario : {"SingleStream", "MultiStream", "Server", "Offline", "Interactive"}) {
    CAPTURE(std::string(scenario));
    Bench bench;
    WriteCell(bench.scratch.path(), CellText() +
                                        "compliance.TEST01.accuracy_log_rng_seed = 720381539243781796\n"
                                        "compliance.TEST01.accuracy_log_sampling_target = 4096\n");
    Words options = bench.Options(scenario, "compliance/TEST01", {"--duration", "0.02"});
    if (std::string(scenario) == "Server" || std::string(scenario) == "Interactive") {
      options.insert(options.end(), {"--target-qps", "50000", "--target-latency-ms", "1000"});
    }
    const Finished run = RunHarness(options);
    CHECK_MESSAGE((run.exit_code == 0 || run.exit_code == 9), run.err);
    CHECK(Contains(bench.Manifest(), "\"mode\": \"compliance/TEST01\""));
    CHECK(Contains(bench.Manifest(), "minimum duration 0.02 s instead of 600 s"));
    const std::string detail = ReadFile(bench.results / "run" / "mlperf_log_detail.txt");
    CHECK(Contains(detail, "Found Audit Config file"));
    CHECK(Contains(detail, "\"effective_accuracy_log_sampling_target\", \"value\": 4096"));
    CHECK(Contains(ReadFile(bench.results / "run" / "audit.config"), "accuracy_log_sampling_target = 4096"));
    CHECK(Contains(ReadFile(bench.results / "run" / "mlperf_log_accuracy.json"), "\"qsl_idx\" : "));
  }
}

TEST_CASE("TEST05 runs with the round's other seeds and the manifest holds those") {
  Bench bench;
  WriteCell(bench.scratch.path(),
            CellText() +
                "compliance.TEST05.qsl_rng_seed = 11\ncompliance.TEST05.sample_index_rng_seed = 12\n"
                "compliance.TEST05.schedule_rng_seed = 18446744073709551615\n");
  const Finished run = RunHarness(
      bench.Options("SingleStream", "compliance/TEST05", {"--duration", "0.02", "--target-latency-ms", "1"}));
  CHECK_MESSAGE((run.exit_code == 0 || run.exit_code == 9), run.err);
  CHECK(Contains(bench.Manifest(), "\"qsl_rng_seed\": 11"));
  CHECK(Contains(bench.Manifest(), "\"schedule_rng_seed\": 18446744073709551615"));
}

TEST_CASE("a test that the benchmark does not have leaves nothing behind") {
  Bench bench;
  WriteCell(bench.scratch.path(), CellText() + "compliance.TEST01.accuracy_log_sampling_target = 4096\n");
  const Finished run = RunHarness(bench.Options("Offline", "compliance/TEST06"));
  CHECK(run.exit_code == 2);
  CHECK(Contains(run.err, "TEST06 is no compliance test of resnet in round v6.1; expected one of TEST01."));
  CHECK(bench.NothingLeft());
}

TEST_CASE("--help and --version need no cell, and no argument at all asks for one") {
  CHECK(RunHarness({"--help"}).exit_code == 0);
  const Finished version = RunHarness({"--version"});
  CHECK(version.exit_code == 0);
  CHECK(Contains(version.out, "loadgen 6."));
  CHECK(Contains(version.out, "backend null 1"));
  CHECK(RunHarness({}).exit_code == 3);
}

}  // namespace
}  // namespace mlperf_bake::testing
