#include <array>
#include <cstring>

#include "support.h"
#include "tasks/task.h"

namespace mlperf_bake::testing {
namespace {

using Row = std::array<float, 7>;

// Three boxes of a picture of 4 x 8, scores falling.
struct Found {
  std::array<std::int64_t, 2> boxes_shape = {3, 4};
  std::array<std::int64_t, 1> shape = {3};
  std::array<float, 12> boxes = {0, 1, 4, 2, 2, 0, 8, 4, 1, 1, 2, 2};
  std::array<std::int64_t, 3> labels = {5, 6, 7};
  std::array<float, 3> scores = {0.75F, 0.5F, 0.25F};
  std::array<TensorView, 3> views = {TensorView{DType::kFloat32, boxes_shape, boxes.data()},
                                     TensorView{DType::kInt64, shape, labels.data()},
                                     TensorView{DType::kFloat32, shape, scores.data()}};

  Output output() const { return {OutputKind::kTensors, {}, {}, views}; }
  void Keep(std::int64_t count) { boxes_shape[0] = shape[0] = count; }
};

std::vector<Row> Rows(const mlperf::QuerySampleResponse& response) {
  std::vector<Row> rows(response.size / sizeof(Row));
  CHECK(rows.size() * sizeof(Row) == response.size);
  if (!rows.empty()) std::memcpy(rows.data(), reinterpret_cast<const void*>(response.data), response.size);
  return rows;
}

struct Detected {
  Scratch scratch;
  Cell cell;
  DataSet data;
  std::unique_ptr<Task> task;
  std::unique_ptr<Decoder> decoder;

  explicit Detected(const std::string& text = BoxCellText())
      : cell(ReadCell(WriteCell(scratch.path(), text))),
        data(DataSet::Synthesize(10, cell)),
        task(OpenTask(cell, data, true)),
        decoder(task->OpenDecoder()) {
    decoder->Reserve(4);
  }
  std::vector<Row> Decode(const Output& output, std::size_t index) const {
    std::array<mlperf::QuerySampleResponse, 1> response{};
    const std::array<mlperf::QuerySample, 1> sample = {mlperf::QuerySample{70, index}};
    decoder->Decode(output, sample, response);
    CHECK(response[0].id == 70);
    return Rows(response[0]);
  }
};

TEST_CASE("a response is a row a box: sample, sides as shares of the picture, score, label") {
  const Detected detected;
  const auto rows = detected.Decode(Found().output(), 9);
  REQUIRE(rows.size() == 3);
  CHECK(rows[0] == Row{9, 0.25F, 0, 0.5F, 0.5F, 0.75F, 5});
  CHECK(rows[1] == Row{9, 0, 0.25F, 1, 1, 0.5F, 6});
  CHECK(rows[2] == Row{9, 0.25F, 0.125F, 0.5F, 0.25F, 0.25F, 7});
}

TEST_CASE("boxes end before the first score below the threshold, and a picture may have none") {
  const Detected detected(BoxCellText() + "task.score_threshold = 0.5\nlabel_offset = 1\n");
  Found found;
  const auto rows = detected.Decode(found.output(), 3);
  REQUIRE(rows.size() == 2);
  CHECK(rows[1][6] == 5);
  found.Keep(0);
  CHECK(detected.Decode(found.output(), 4).empty());
}

TEST_CASE("more boxes than a block of memory holds lie in one piece") {
  const Detected detected;
  constexpr std::size_t kMany = 100'000;
  const std::vector<float> boxes(4 * kMany, 1.0F), scores(kMany, 0.5F);
  const std::vector<std::int64_t> labels(kMany, 1);
  const std::array<std::int64_t, 2> boxes_shape = {kMany, 4};
  const std::array<std::int64_t, 1> shape = {kMany};
  const std::array<TensorView, 3> views = {TensorView{DType::kFloat32, boxes_shape, boxes.data()},
                                           TensorView{DType::kInt64, shape, labels.data()},
                                           TensorView{DType::kFloat32, shape, scores.data()}};
  CHECK(detected.Decode(Found().output(), 1).size() == 3);
  CHECK(detected.Decode({OutputKind::kTensors, {}, {}, views}, 2).size() == kMany);
  CHECK(detected.Decode(Found().output(), 1).size() == 3);
}

TEST_CASE("where labels say whether there is something to be found, that is counted") {
  const Scratch scratch;
  const Cell cell =
      ReadCell(WriteCell(scratch.path(), BoxCellText() + "classes = 2\ntask.presence_score = 0.6\n"));
  const auto directory = WriteSamples(scratch.path() / "data", 3, std::string(3 * 128, '\0'),
                                      "shape = 1x4x8\ndtype = float32\nclasses = 2\n");
  WriteLabels(directory, {1, 0, 0});
  const DataSet data = DataSet::Open(directory, cell, true);
  const auto task = OpenTask(cell, data, true);
  const auto decoder = task->OpenDecoder();
  std::array<mlperf::QuerySampleResponse, 1> response{};
  Found found;
  for (std::size_t index = 0; index < 3; ++index) {
    found.Keep(index == 2 ? 0 : 3);
    const std::array<mlperf::QuerySample, 1> sample = {mlperf::QuerySample{1, index}};
    decoder->Decode(found.output(), sample, response);
  }
  const auto accuracy = task->Measure();
  REQUIRE(accuracy);
  CHECK(accuracy->metric == "presence");
  CHECK(accuracy->correct == 2);  // nothing is in the second picture, where a box has 0.75
  CHECK(accuracy->total == 3);
}

TEST_CASE("outputs that are no boxes, and options that are no scores, are refused") {
  const auto refusal = [](const std::string& text) {
    return FailureOf(ExitCode::kCell, [&] { const Detected detected(text); });
  };
  const std::string needed = "task object-detection needs output_kind tensors with three outputs: boxes nx4";
  CHECK(Contains(refusal(Replaced(BoxCellText(), "output_shape", "output_shape = nx5, n, n")), needed));
  CHECK(Contains(refusal(Replaced(BoxCellText(), "output_dtype", "output_dtype = float32, int8, float32")),
                 needed));
  CHECK(Contains(refusal(Replaced(BoxCellText(), "input_shape", "input_shape = 32")), "height and width"));
  CHECK(Contains(refusal(BoxCellText() + "task.score_threshold = 2\n"), "expected a score from 0 to 1"));
  CHECK(
      Contains(refusal(BoxCellText() + "task.score_treshold = 0.5\n"), "did you mean \"score_threshold\"?"));
  CHECK(Contains(refusal(BoxCellText() + "task.presence_score = 0.5\n"), "add `classes = 2`"));
  CHECK_NOTHROW(Detected(Replaced(BoxCellText(), "output_shape", "output_shape = 1xnx4, 1xn, 1xn")));
}

}  // namespace
}  // namespace mlperf_bake::testing
