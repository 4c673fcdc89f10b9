#include "core/options.h"

#include "support.h"

namespace mlperf_bake::testing {
namespace {

using Words = std::vector<std::string>;

std::string Refusal(Words words) {
  words.insert(words.begin(), {"--scenario", "Server", "--mode", "performance"});
  return FailureOf(ExitCode::kUsage, [&] { ParseOptions(words); });
}

TEST_CASE("options come as two words or joined by an equals sign") {
  const Options options = ParseOptions({"--scenario=MultiStream", "--mode", "accuracy", "--duration", "0.5",
                                        "--workers=4", "--run-id", "a.b_c-1", "--verify", "--progress=json"});
  CHECK(options.request == Request::kRun);
  CHECK(options.scenario == Scenario::kMultiStream);
  CHECK(options.mode == Mode::kAccuracy);
  CHECK(options.duration_s == 0.5);
  CHECK(options.workers == 4);
  CHECK(options.run_id == "a.b_c-1");
  CHECK(options.verify);
  CHECK(options.progress == ProgressStyle::kJson);
  CHECK(options.data == "/data");
  CHECK(options.argv.size() == 10);
}

TEST_CASE("no words teach, and --help and --version are heard before anything is missing") {
  CHECK(ParseOptions({}).request == Request::kTeach);
  CHECK(ParseOptions({"--help"}).request == Request::kHelp);
  CHECK(ParseOptions({"--scenario", "Offline", "--version"}).request == Request::kVersion);
}

TEST_CASE("mistakes are refused with what would be right") {
  CHECK(Contains(Refusal({"--wrokers", "2"}), "Unknown option \"--wrokers\" (did you mean \"--workers\"?)"));
  CHECK(Contains(Refusal({"workers"}), "is not an option"));
  CHECK(Contains(Refusal({"--workers", "2", "--workers", "3"}), "given twice"));
  CHECK(Contains(Refusal({"--workers"}), "needs a value"));
  CHECK(Contains(Refusal({"--verify=yes"}), "takes no value"));
  CHECK(Contains(Refusal({"--workers", "0"}), "expected a whole number from 1"));
  CHECK(Contains(Refusal({"--workers", "2x"}), "expected a whole number"));
  CHECK(Contains(Refusal({"--duration", "-1"}), "expected a number above 0"));
  CHECK(Contains(Refusal({"--duration", "nan"}), "expected a number above 0"));
  CHECK(Contains(Refusal({"--progress", "jsno"}), "did you mean \"json\"?"));
  for (const char* id : {"", ".", "..", ".partial-x", "a/b", "-x", "a b", "a\nb"}) {
    CAPTURE(id);
    CHECK(Contains(Refusal({"--run-id", id}), "expected 1 to 128 letters"));
  }
}

TEST_CASE("a backend's options are given one by one, each name once") {
  const Options options =
      ParseOptions({"--scenario", "Offline", "--mode", "performance", "--backend-option", "provider=cpu",
                    "--backend-option=class=/a=b.py", "--precision", "bf16"});
  CHECK(options.backend_options ==
        std::map<std::string, std::string>{{"provider", "cpu"}, {"class", "/a=b.py"}});
  CHECK(options.precision == "bf16");
  CHECK(Contains(Refusal({"--backend-option", "a=1", "--backend-option", "a=2"}), "gives \"a\" twice"));
  for (const char* wrong : {"a", "a=", "=1"}) {
    CHECK(Contains(Refusal({"--backend-option", wrong}), "expected NAME=VALUE"));
  }
  CHECK(Contains(Refusal({"--precision", "fp31"}), "did you mean \"fp32\"?"));
}

TEST_CASE("a compliance mode names its test") {
  const Options options = ParseOptions({"--scenario", "Offline", "--mode", "compliance/TEST01"});
  CHECK(options.mode == Mode::kCompliance);
  CHECK(options.compliance_test == "TEST01");
  CHECK(ModeText(options) == "compliance/TEST01");
  CHECK(ModeText(ParseOptions({"--scenario", "Server", "--mode", "find-peak"})) == "find-peak");
  for (const char* wrong : {"compliance", "compliance/", "TEST01"}) {
    CHECK(Contains(
        FailureOf(ExitCode::kUsage, [&] { ParseOptions({"--scenario", "Offline", "--mode", wrong}); }),
        "expected one of performance, accuracy, find-peak, compliance/TESTnn"));
  }
}

TEST_CASE("options that mean nothing together are refused with the one to use") {
  const auto refusal = [](const Words& words) {
    return FailureOf(ExitCode::kUsage, [&] { ParseOptions(words); });
  };
  CHECK(Contains(refusal({"--mode", "accuracy"}), "--scenario is missing"));
  CHECK(Contains(refusal({"--scenario", "Offline"}), "--mode is missing"));
  CHECK(
      Contains(refusal({"--scenario", "Offline", "--mode", "find-peak"}), "only in Server and Interactive"));
  CHECK(Contains(refusal({"--scenario", "Offline", "--mode", "performance", "--target-latency-ms", "5"}),
                 "use --target-qps"));
  CHECK(Contains(refusal({"--scenario", "SingleStream", "--mode", "performance", "--target-qps", "5"}),
                 "use --target-latency-ms"));
  CHECK(Contains(refusal({"--scenario", "Offline", "--mode", "performance", "--batch-timeout-us", "5"}),
                 "only in Server"));
  CHECK(Contains(Refusal({"--batch-timeout-us", "5"}), "needs a --batch above 1"));
}

TEST_CASE("--help names every option once, each on one line") {
  const std::string help = HelpText();
  for (const char* option : {"--scenario", "--mode",     "--data",           "--results",
                             "--run-id",   "--cell",     "--duration",       "--min-queries",
                             "--workers",  "--threads",  "--batch ",         "--batch-timeout-us",
                             "--pin",      "--warmup",   "--target-qps",     "--target-latency-ms",
                             "--samples",  "--backend ", "--backend-option", "--precision",
                             "--progress", "--verify",   "--help",           "--version"}) {
    CAPTURE(option);
    const std::size_t at = help.find("\n  " + std::string(option));
    CHECK(at != std::string::npos);
    CHECK(help.find("\n  " + std::string(option), at + 1) == std::string::npos);
  }
}

}  // namespace
}  // namespace mlperf_bake::testing
