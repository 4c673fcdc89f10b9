// What every backend must do, shown with a real network and real, labelled samples: the right classes in
// batches of any size, the same answers from workers side by side, and one sentence for weights or a
// cell.conf that do not fit.
//
// CONFORMANCE_CELL names a cell.conf, CONFORMANCE_DATA a prepared data set, CONFORMANCE_CORRECT how many of
// its samples the network classifies rightly. tests/harness/test_conformance.py runs it over every backend
// that can be had.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "backends/backend.h"
#include "core/dataset.h"
#include "core/weights.h"
#include "support.h"

namespace mlperf_bake::testing {
namespace {

namespace fs = std::filesystem;

std::string Environment(const char* name) {
  const char* const value = std::getenv(name);
  REQUIRE_MESSAGE(value != nullptr, name);
  return value;
}

// A network opened as a run opens it. What the instance refers to lives here.
struct Opened {
  Opened(const fs::path& conf, int batch, int threads = 1)
      : cell(ReadCell(conf)),
        entry(FindBackend(cell.backend)),
        weights(OpenWeights(cell)),
        backend(entry.open({cell, weights.memory.bytes(), Configure(entry, cell, Options())})),
        instance(backend->OpenInstance({threads, {}, batch, false})) {}

  Cell cell;
  const BackendEntry& entry;
  Weights weights;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Instance> instance;
};

// The class of each sample, asked for in batches of `batch` (the last may be smaller).
std::vector<std::int64_t> Classify(Instance& instance, const Cell& cell, const DataSet& data,
                                   std::size_t batch) {
  std::vector<std::int64_t> classes;
  for (std::size_t at = 0; at < data.count(); at += batch) {
    const std::size_t count = std::min(batch, data.count() - at);
    const Output output = instance.Run(data.sample(at), count);
    REQUIRE(output.kind == cell.output_kind);
    if (output.kind == OutputKind::kArgmax) {
      REQUIRE(output.argmax.size() == count);
      for (const std::int64_t found : output.argmax) classes.push_back(found - cell.label_offset);
      continue;
    }
    REQUIRE(output.scores.size() == count * cell.classes);
    for (std::size_t i = 0; i < count; ++i) {
      const auto scores = output.scores.subspan(i * cell.classes, cell.classes);
      classes.push_back(std::max_element(scores.begin(), scores.end()) - scores.begin() - cell.label_offset);
    }
  }
  return classes;
}

int Correct(const std::vector<std::int64_t>& classes, const DataSet& data) {
  int correct = 0;
  for (std::size_t i = 0; i < classes.size(); ++i) correct += classes[i] == data.labels()[i];
  return correct;
}

struct Asked {
  fs::path conf = Environment("CONFORMANCE_CELL");
  Cell cell = ReadCell(conf);
  DataSet data = DataSet::Open(Environment("CONFORMANCE_DATA"), cell, true);
  int correct = std::atoi(Environment("CONFORMANCE_CORRECT").c_str());
};

// The asked cell with one line of its cell.conf changed, and its weights beside it.
fs::path Changed(const Asked& asked, const fs::path& directory, const std::string& key,
                 const std::string& line) {
  fs::copy(asked.cell.weights.parent_path(), directory / "weights", fs::copy_options::recursive);
  WriteFile(directory / "cell.conf", Replaced(ReadFile(asked.conf), key + " = ", line));
  return directory / "cell.conf";
}

TEST_CASE("real samples get their classes, in batches of one, of three and of the largest size") {
  const Asked asked;
  const int largest = static_cast<int>(asked.data.count());
  const Opened opened(asked.conf, largest);
  for (const int batch : {1, 3, largest, 1}) {
    CAPTURE(batch);
    const auto classes = Classify(*opened.instance, opened.cell, asked.data, static_cast<std::size_t>(batch));
    CHECK(Correct(classes, asked.data) == asked.correct);
  }
}

TEST_CASE("an instance for batches of one, and one with two threads, answer rightly too") {
  const Asked asked;
  const Opened one(asked.conf, 1);
  CHECK(Correct(Classify(*one.instance, one.cell, asked.data, 1), asked.data) == asked.correct);
  const Opened threaded(asked.conf, 2, 2);
  CHECK(Correct(Classify(*threaded.instance, threaded.cell, asked.data, 2), asked.data) == asked.correct);
}

TEST_CASE("workers side by side answer as one alone, whichever threads call them") {
  const Asked asked;
  const Opened opened(asked.conf, 3);
  const auto expected = Classify(*opened.instance, opened.cell, asked.data, 3);
  constexpr std::size_t kWorkers = 3;
  std::array<std::unique_ptr<Instance>, kWorkers> instances;
  for (auto& instance : instances) {  // opened in another thread than the one that runs, as in a run
    std::thread([&] { instance = opened.backend->OpenInstance({1, {}, 3, false}); }).join();
  }
  std::array<std::vector<std::int64_t>, kWorkers> found;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kWorkers; ++i) {
    threads.emplace_back([&, i] { found[i] = Classify(*instances[i], opened.cell, asked.data, 3); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& classes : found) CHECK(classes == expected);
}

TEST_CASE("a cell.conf that does not describe the network is refused, and the sentence says what is wrong") {
  const Asked asked;
  const auto refusal = [&](const std::string& key, const std::string& line) {
    const Scratch scratch;
    const fs::path conf = Changed(asked, scratch.path(), key, line);
    return FailureOf(ExitCode::kCell, [&] { const Opened opened(conf, 1); });
  };
  const std::string classes = refusal("classes", "classes = " + std::to_string(asked.cell.classes + 7));
  CHECK(Contains(classes, "N x classes"));
  CHECK(Contains(classes, asked.cell.weights.filename().string()));
  CHECK(Contains(refusal("input_shape", "input_shape = 5x9x9"), "input_shape 5x9x9"));
  if (asked.cell.backend == "libtorch") return;  // TorchScript names neither inputs nor outputs
  CHECK(Contains(refusal("input_name", "input_name = nothing"),
                 "no input \"nothing\", only " + asked.cell.inputs.front().name));
  CHECK(Contains(refusal("output_name", "output_name = nothing"), "no output \"nothing\", only "));
}

TEST_CASE("half of the weights are refused, and the sentence names the file") {
  const Asked asked;
  const Scratch scratch;
  const fs::path conf = Changed(asked, scratch.path(), "weights_sha256", "weights_sha256 = unlocked");
  std::string text = ReadFile(conf);
  const std::size_t conversion = text.find("weights_conversion = ");
  if (conversion != std::string::npos) text = Replaced(text, "weights_conversion = ", "");
  WriteFile(conf, text);
  for (const auto& file : fs::directory_iterator(scratch.path() / "weights")) {
    fs::resize_file(file.path(), file.file_size() / 2);
  }
  const std::string sentence = FailureOf(ExitCode::kBackend, [&] { const Opened opened(conf, 1); });
  CHECK(Contains(sentence, "could not load"));
  CHECK(Contains(sentence, asked.cell.weights.filename().string()));
  CHECK_FALSE(Contains(sentence, "\n"));
}

}  // namespace
}  // namespace mlperf_bake::testing
