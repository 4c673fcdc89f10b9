#include "core/settings.h"

#include "support.h"

namespace mlperf_bake::testing {
namespace {

constexpr std::uint64_t kMuchMemory = std::uint64_t{1} << 40;

struct Given {
  Scratch scratch;
  Cell cell = ReadCell(WriteCell(scratch.path()));
  Options options;

  explicit Given(Scenario scenario) { options.scenario = scenario; }
  Settings Resolve(const Execution& execution, const Measured& measured,
                   std::uint64_t memory = kMuchMemory) const {
    return ResolveSettings(options, cell, execution, 20, measured, memory);
  }
  std::string Conf(const Settings& settings) const { return UserConf(settings, options.scenario); }
};

TEST_CASE("one stream has one worker with all CPUs, everything else as many workers as the backend prefers") {
  Options options;
  options.scenario = Scenario::kSingleStream;
  CHECK(ResolveExecution(options, 4, 4).workers == 1);
  CHECK(ResolveExecution(options, 4, 4).threads == 4);
  options.scenario = Scenario::kOffline;
  CHECK(ResolveExecution(options, 4, 4).workers == 4);
  CHECK(ResolveExecution(options, 4, 4).threads == 1);
  options.threads = 2;
  CHECK(ResolveExecution(options, 4, 4).workers == 2);
  CHECK_FALSE(ResolveExecution(options, 4, 4).share_cpus);
  options.workers = 3;
  CHECK(ResolveExecution(options, 4, 4).share_cpus);
}

TEST_CASE("what a scenario cannot use is refused") {
  Options options;
  options.scenario = Scenario::kSingleStream;
  options.workers = 2;
  CHECK(Contains(FailureOf(ExitCode::kUsage, [&] { ResolveExecution(options, 2, 2); }), "use --threads 2"));
  options.workers.reset();
  options.batch = 2;
  CHECK(Contains(FailureOf(ExitCode::kUsage, [&] { ResolveExecution(options, 2, 2); }), "leave --batch out"));
  options.scenario = Scenario::kMultiStream;
  options.batch = 9;
  CHECK(Contains(FailureOf(ExitCode::kUsage, [&] { ResolveExecution(options, 2, 2); }), "8 samples a query"));
}

TEST_CASE("LoadGen's own settings are left alone unless something asks for others") {
  Given given(Scenario::kOffline);
  given.options.target_qps = 100;
  const Settings settings = given.Resolve({}, {});
  CHECK(settings.duration_ms == 600'000);
  CHECK(settings.min_query_count == 24'576);
  CHECK(settings.performance_sample_count == 20);
  CHECK(given.Conf(settings) ==
        "# Written by mlperf-harness for this run.\n*.Offline.performance_sample_count_override = 20\n"
        "*.Offline.target_qps = 100\n");
}

TEST_CASE("a shortened Offline run has no minimum of samples unless one is given") {
  Given given(Scenario::kOffline);
  given.options.duration_s = 10;
  CHECK(given.Resolve({}, {}).min_query_count == 1);
  CHECK(Contains(given.Conf(given.Resolve({}, {})), "*.Offline.min_query_count = 1\n"));
  CHECK(Contains(given.Conf(given.Resolve({}, {})), "*.Offline.min_duration = 10000\n"));
  given.options.min_queries = 50;
  CHECK(given.Resolve({}, {}).min_query_count == 50);
}

TEST_CASE("measured targets leave LoadGen room to keep the lanes busy") {
  const Execution two{.workers = 2};
  const Measured measured{.samples_per_second = 200, .batch_seconds = 0.01};
  Given given(Scenario::kOffline);
  const Settings offline = given.Resolve(two, measured);
  CHECK(offline.target_qps->source == Source::kWarmUp);
  CHECK(offline.target_qps->value > 1.2 * 200);
  CHECK(offline.target_qps->value < 1.3 * 200);

  given.options.scenario = Scenario::kSingleStream;
  CHECK(given.Resolve({}, {100, 0.01}).target_latency_ms->value == doctest::Approx(8).epsilon(0.01));
  given.options.scenario = Scenario::kMultiStream;  // 8 samples on two lanes: four after one another
  CHECK(given.Resolve(two, measured).target_latency_ms->value == doctest::Approx(32).epsilon(0.01));
  given.options.scenario = Scenario::kServer;
  const Settings server = given.Resolve(two, measured);
  CHECK(server.target_qps->value < 99.9);  // half, and less where the queue would be too slow
  CHECK(server.target_qps->value > 10);
  CHECK(server.target_latency_ms->value == 15);
  CHECK_FALSE(Contains(given.Conf(server), "target_latency"));  // it is LoadGen's own
}

TEST_CASE(
    "a served rate is half the throughput, less where queries would queue too long, little where hopeless") {
  Given given(Scenario::kServer);
  const Execution two{.workers = 2};
  const auto rate = [&](double sample_s) {
    return given.Resolve(two, {2 / sample_s, sample_s, {sample_s}}).target_qps->value;
  };
  CHECK(rate(0.001) == doctest::Approx(999).epsilon(0.01));
  CHECK(rate(0.008) < 0.45 * 250);
  CHECK(rate(0.008) > 0.2 * 250);
  CHECK(rate(0.016) == doctest::Approx(12.5).epsilon(0.01));
}

TEST_CASE("a target whose queries do not fit into memory is lowered, and said to be") {
  const Given given(Scenario::kOffline);
  const Settings settings = given.Resolve({}, {1e7, 1e-7}, 1'000'000'000);
  CHECK(settings.memory_bound);
  CHECK(settings.target_qps->value * 600 * 1.1 * 120 <= 1.001e9);
}

TEST_CASE("the latency limit is the user's, else the cell's, else asked for") {
  Given given(Scenario::kInteractive);
  CHECK(Contains(FailureOf(ExitCode::kUsage, [&] { given.Resolve({}, {}); }), "give --target-latency-ms"));
  given.options.target_latency_ms = 7;
  CHECK(Contains(given.Conf(given.Resolve({}, {})), "*.Server.target_latency = 7\n"));
  given.options.target_latency_ms = 7.5;
  CHECK(Contains(FailureOf(ExitCode::kUsage, [&] { given.Resolve({}, {}); }), "whole milliseconds"));
  given.options.target_latency_ms.reset();
  given.cell.interactive_target_latency_ms = 5;
  CHECK(given.Resolve({}, {}).target_latency_ms->source == Source::kCell);
}

TEST_CASE("Server has a latency limit of its own only where the round has the scenario") {
  Given given(Scenario::kServer);
  CHECK(given.Resolve({}, {}).target_latency_ms->source == Source::kCell);
  given.cell.server_target_latency_ms.reset();
  CHECK(Contains(FailureOf(ExitCode::kUsage, [&] { given.Resolve({}, {}); }), "no latency limit for Server"));
  given.options.target_latency_ms = 7;
  CHECK(Contains(given.Conf(given.Resolve({}, {})), "*.Server.target_latency = 7\n"));
}

TEST_CASE("a lane takes about as much at once as it answers in the same short time, in whole batches") {
  const Execution execution{.workers = 2, .batch = 4};
  CHECK(Grain(Scenario::kOffline, execution, {}) == 4);
  CHECK(Grain(Scenario::kOffline, execution, {200, 0.04}) == 4);
  CHECK(Grain(Scenario::kOffline, execution, {2e5, 4e-5}) == 48);
  CHECK(Grain(Scenario::kOffline, execution, {1e9, 1e-9}) == 4096);
  CHECK(Grain(Scenario::kServer, execution, {1e9, 1e-9}) == 64);
}

TEST_CASE("only Offline holds answers back, for about half a second's worth") {
  const Execution execution{.workers = 2, .threads = 1, .batch = 4};
  CHECK(Hold(Scenario::kOffline, execution, {}, 8) == 4);
  CHECK(Hold(Scenario::kOffline, execution, {1000, 0.008}, 8) == 248);
  CHECK(Hold(Scenario::kOffline, execution, {1e12, 1e-12}, 8) == std::size_t{1} << 24);
  CHECK(Hold(Scenario::kOffline, execution, {1e12, 1e-12}, 4096) == std::size_t{1} << 15);
  for (const Scenario scenario : {Scenario::kSingleStream, Scenario::kMultiStream, Scenario::kServer})
    CHECK(Hold(scenario, execution, {2e5, 4e-5}, 8) == Grain(scenario, execution, {2e5, 4e-5}));
}

}  // namespace
}  // namespace mlperf_bake::testing
