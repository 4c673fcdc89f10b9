#include <array>
#include <cstring>
#include <limits>

#include "support.h"
#include "tasks/task.h"

namespace mlperf_bake::testing {
namespace {

struct Classified {
  Scratch scratch;
  Cell cell = ReadCell(WriteCell(scratch.path()));
  DataSet data = DataSet::Open(WriteDataSet(scratch.path() / "data", 4), cell, false);  // labels 0 1 2 3

  std::vector<std::int64_t> Answers(const Output& output, const std::vector<mlperf::QuerySample>& samples,
                                    Task& task) const {
    const auto decoder = task.OpenDecoder();
    decoder->Reserve(samples.size());
    std::vector<mlperf::QuerySampleResponse> responses(samples.size());
    decoder->Decode(output, samples, responses);
    std::vector<std::int64_t> answers;
    for (std::size_t i = 0; i < responses.size(); ++i) {
      CHECK(responses[i].id == samples[i].id);
      REQUIRE(responses[i].size == 8);
      std::int64_t answer = 0;
      std::memcpy(&answer, reinterpret_cast<const void*>(responses[i].data), sizeof answer);
      answers.push_back(answer);
    }
    return answers;
  }
};

TEST_CASE("the largest score wins, the first of equals, never a NaN") {
  Classified classified;
  classified.cell.classes = 3;
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  const std::array<float, 12> scores = {0.1F, 0.7F, 0.2F, 5, 5, 1, kNaN, -3, -2, -1, kNaN, -5};
  const auto task = OpenTask(classified.cell, classified.data, true);
  const auto answers =
      classified.Answers({OutputKind::kScores, scores, {}}, {{11, 0}, {12, 1}, {13, 2}, {14, 3}}, *task);
  CHECK(answers == std::vector<std::int64_t>{1, 0, 2, 0});
}

TEST_CASE("the offset is taken off, and accuracy counts each sample once") {
  Classified classified;
  classified.cell.label_offset = 1;
  const std::array<std::int64_t, 4> classes = {1, 2, 9, 1};
  const auto task = OpenTask(classified.cell, classified.data, true);
  CHECK_FALSE(task->Measure());
  CHECK(classified.Answers({OutputKind::kArgmax, {}, classes}, {{1, 0}, {2, 1}, {3, 2}, {4, 0}}, *task) ==
        std::vector<std::int64_t>{0, 1, 8, 0});
  const auto accuracy = task->Measure();
  REQUIRE(accuracy);
  CHECK(accuracy->metric == "top1");
  CHECK(accuracy->correct == 2);
  CHECK(accuracy->total == 3);
}

TEST_CASE("nothing is measured where nothing was asked for or there are no labels") {
  Classified classified;
  const std::array<std::int64_t, 1> classes = {0};
  const auto unasked = OpenTask(classified.cell, classified.data, false);
  classified.Answers({OutputKind::kArgmax, {}, classes}, {{1, 0}}, *unasked);
  CHECK_FALSE(unasked->Measure());
  const DataSet unlabelled = DataSet::Synthesize(4, classified.cell);
  const auto task = OpenTask(classified.cell, unlabelled, true);
  classified.Answers({OutputKind::kArgmax, {}, classes}, {{1, 0}}, *task);
  CHECK_FALSE(task->Measure());
}

TEST_CASE("an unknown task is named with its nearest") {
  Classified classified;
  classified.cell.task = "image-clasification";
  CHECK(Contains(FailureOf(ExitCode::kCell, [&] { OpenTask(classified.cell, classified.data, true); }),
                 "did you mean \"image-classification\"?"));
}

}  // namespace
}  // namespace mlperf_bake::testing
