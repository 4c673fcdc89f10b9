// Whole runs of networks with several inputs and outputs: what LoadGen logs is what the samples say.
#include <array>
#include <cstdint>
#include <cstdio>
#include <map>

#include "support.h"

namespace mlperf_bake::testing {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

// The responses in LoadGen's accuracy log, by sample.
template <typename Value>
std::map<int, std::vector<Value>> Responses(const fs::path& run) {
  std::map<int, std::vector<Value>> responses;
  const std::string log = ReadFile(run / "mlperf_log_accuracy.json");
  const std::string index = "\"qsl_idx\" : ", data = "\"data\" : \"";
  for (std::size_t at = log.find(index); at != std::string::npos; at = log.find(index, at + 1)) {
    const std::size_t first = log.find(data, at) + data.size();
    const std::string hex = log.substr(first, log.find('"', first) - first);
    std::vector<Value> values(hex.size() / 2 / sizeof(Value));
    for (std::size_t i = 0; i < hex.size() / 2; ++i) {
      reinterpret_cast<unsigned char*>(values.data())[i] =
          static_cast<unsigned char>(std::stoi(hex.substr(2 * i, 2), nullptr, 16));
    }
    responses[std::stoi(log.substr(at + index.size()))] = values;
  }
  return responses;
}

struct Bench {
  Scratch scratch;
  fs::path cell, data;
  fs::path results = scratch.path() / "results";

  explicit Bench(const std::string& cell_text) : cell(WriteCell(scratch.path(), cell_text)) {
    fs::create_directory(results);
  }
  Words Options(const std::string& scenario, const std::string& mode, const Words& more = {}) const {
    Words words = {"--scenario", scenario,         "--mode",   mode,
                   "--cell",     cell.string(),    "--data",   data.empty() ? "synthetic" : data.string(),
                   "--results",  results.string(), "--run-id", "run"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  std::string Manifest() const { return ReadFile(results / "run" / "manifest.json"); }
};

constexpr int kCount = 20;

// Window i: token ids 100 i + position, mask 10 i + position, segments -1.
std::string Windows() {
  std::string samples;
  for (std::int64_t i = 0; i < kCount; ++i) {
    for (std::int64_t at = 0; at < 12; ++at) {
      const std::int64_t value = at < 4 ? 100 * i + at : at < 8 ? 10 * i + at - 4 : -1;
      samples.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
  }
  return samples;
}

TEST_CASE("question answering logs each window's logits, in every scenario and with every batch") {
  for (const char* scenario : {"SingleStream", "MultiStream", "Server", "Offline"}) {
    for (const char* batch : {"1", "3"}) {
      if (std::string(scenario) == "SingleStream" && std::string(batch) != "1") continue;
      CAPTURE(std::string(scenario));
      CAPTURE(std::string(batch));
      Bench bench(SpanCellText());
      bench.data = WriteSamples(bench.scratch.path() / "data", kCount, Windows(),
                                "shape = 3x4\ndtype = int64\nclasses = 0\n");
      Words more = {"--batch", batch};
      if (std::string(scenario) == "Server") {
        more.insert(more.end(), {"--target-qps", "2000", "--target-latency-ms", "50"});
      }
      const Finished run = RunHarness(bench.Options(scenario, "accuracy", more));
      REQUIRE_MESSAGE(run.exit_code == 0, run.err);
      CHECK(Contains(run.out, "accuracy: measured by mlperf-bake accuracy " +
                                  (bench.results / "run").string() + " --benchmark bert-99"));
      CHECK(Contains(bench.Manifest(), "\"accuracy\": null"));
      const auto responses = Responses<float>(bench.results / "run");
      CHECK(responses.size() == kCount);
      for (const auto& [index, pairs] : responses) {
        REQUIRE(pairs.size() == 8);
        for (std::size_t at = 0; at < 4; ++at) {
          CHECK(pairs[2 * at] == static_cast<float>(100 * index) + static_cast<float>(at));
          CHECK(pairs[2 * at + 1] == static_cast<float>(10 * index) + static_cast<float>(at));
        }
      }
    }
  }
}

// Picture i is full of i % 3, so that many boxes are found in it.
std::string Pictures() {
  std::string samples;
  for (int i = 0; i < kCount; ++i) {
    const auto value = static_cast<float>(i % 3);
    for (int at = 0; at < 32; ++at) samples.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  return samples;
}

TEST_CASE("object detection logs as many boxes as there are, in every scenario") {
  for (const char* scenario : {"SingleStream", "MultiStream", "Server", "Offline"}) {
    CAPTURE(std::string(scenario));
    Bench bench(BoxCellText());
    bench.data = WriteSamples(bench.scratch.path() / "data", kCount, Pictures(),
                              "shape = 1x4x8\ndtype = float32\nclasses = 24781\n");
    Words more;
    if (std::string(scenario) == "Server") more = {"--target-qps", "2000", "--target-latency-ms", "50"};
    const Finished run = RunHarness(bench.Options(scenario, "accuracy", more));
    REQUIRE_MESSAGE(run.exit_code == 0, run.err);
    const auto responses = Responses<float>(bench.results / "run");
    CHECK(responses.size() == kCount);
    for (const auto& [index, rows] : responses) {
      const auto value = static_cast<float>(index % 3);
      REQUIRE(rows.size() == 7 * static_cast<std::size_t>(index % 3));
      for (std::size_t row = 0; row < rows.size(); row += 7) {
        CHECK(rows[row] == static_cast<float>(index));
        CHECK(rows[row + 1] == value / 4);
        CHECK(rows[row + 2] == value / 8);
        CHECK(rows[row + 5] == value);
        CHECK(rows[row + 6] == value);
      }
    }
  }
}

TEST_CASE("the null backend answers any task, and synthetic samples have no accuracy to measure") {
  for (const std::string& text : {SpanCellText(), BoxCellText()}) {
    for (const char* backend : {"null", "echo"}) {
      const Bench bench(text);
      const Finished run = RunHarness(bench.Options("Offline", "accuracy", {"--backend", backend}));
      CHECK_MESSAGE(run.exit_code == 0, run.err);
      CHECK(Contains(run.out, "accuracy not measured"));
      CHECK(Contains(bench.Manifest(), "\"synthetic\": true"));
    }
  }
}

TEST_CASE("answers that are not the tensors of cell.conf end the run without a result") {
  struct Wrong {
    const char *fault, *says;
  };
  for (const Wrong& wrong :
       {Wrong{"kind", "with classes; expected named tensors"},
        Wrong{"extent", "float32 of shape 2x5 as \"starts\"; expected float32 of shape 2x4"},
        Wrong{"nan", "a value of \"starts\" that is infinite or no number"}}) {
    CAPTURE(std::string(wrong.fault));
    const Bench bench(SpanCellText());
    const Finished run = RunHarness(bench.Options("Offline", "accuracy", {"--batch", "2"}), wrong.fault);
    CHECK(run.exit_code == 14);
    CHECK_MESSAGE(Contains(run.err, wrong.says), run.err);
    CHECK(fs::is_empty(bench.results));
  }
}

TEST_CASE("a network that decides how much it answers takes batches of one") {
  const Bench bench(BoxCellText());
  const Finished run = RunHarness(bench.Options("Offline", "performance", {"--batch", "2"}));
  CHECK(run.exit_code == 2);
  CHECK(Contains(run.err, "(output_shape nx4, n, n); give --batch 1."));
}

}  // namespace
}  // namespace mlperf_bake::testing
