#include <array>
#include <cstring>

#include "support.h"
#include "tasks/task.h"

namespace mlperf_bake::testing {
namespace {

TEST_CASE("a response is the window's pairs of start and end logits") {
  const Scratch scratch;
  const Cell cell = ReadCell(WriteCell(scratch.path(), SpanCellText()));
  const DataSet data = DataSet::Synthesize(2, cell);
  const auto task = OpenTask(cell, data, true);
  CHECK(task->response_bytes() == 4 * 2 * sizeof(float));
  CHECK_FALSE(task->Measure());
  CHECK(Contains(task->AccuracyCommand("/r/run"), "mlperf-bake accuracy /r/run --benchmark bert-99"));
  const auto decoder = task->OpenDecoder();
  decoder->Reserve(2);
  const std::array<std::int64_t, 2> shape = {2, 4};
  const std::array<float, 8> starts = {1, 2, 3, 4, 5, 6, 7, 8}, ends = {-1, -2, -3, -4, -5, -6, -7, -8};
  const std::array<TensorView, 2> tensors = {TensorView{DType::kFloat32, shape, starts.data()},
                                             TensorView{DType::kFloat32, shape, ends.data()}};
  const std::vector<mlperf::QuerySample> samples = {{11, 0}, {12, 1}};
  for (int again = 0; again < 3; ++again) {  // answers held together lie apart
    std::array<mlperf::QuerySampleResponse, 4> responses{};
    for (const std::size_t at : {0, 2}) {
      decoder->Decode({OutputKind::kTensors, {}, {}, tensors}, samples, std::span(responses).subspan(at, 2));
    }
    for (std::size_t i = 0; i < responses.size(); ++i) {
      CHECK(responses[i].id == 11 + i % 2);
      REQUIRE(responses[i].size == 32);
      std::array<float, 8> pairs{};
      std::memcpy(pairs.data(), reinterpret_cast<const void*>(responses[i].data), sizeof pairs);
      for (std::size_t position = 0; position < 4; ++position) {
        CHECK(pairs[2 * position] == static_cast<float>(4 * (i % 2) + position + 1));
        CHECK(pairs[2 * position + 1] == -pairs[2 * position]);
      }
    }
    decoder->Release();
  }
}

TEST_CASE("outputs that are no start and end logits are refused") {
  const Scratch scratch;
  const auto refusal = [&](const std::string& text) {
    const Cell cell = ReadCell(WriteCell(scratch.path(), text));
    const DataSet data = DataSet::Synthesize(2, cell);
    return FailureOf(ExitCode::kCell, [&] { OpenTask(cell, data, true); });
  };
  const std::string needed =
      "task question-answering needs output_kind tensors with two outputs of one shape";
  CHECK(Contains(refusal(Replaced(SpanCellText(), "output_shape", "output_shape = 4, 5")), needed));
  CHECK(Contains(refusal(Replaced(SpanCellText(), "output_shape", "output_shape = n, n")), needed));
  CHECK(Contains(refusal(Replaced(SpanCellText(), "output_dtype", "output_dtype = int64, int64")), needed));
  CHECK(Contains(refusal(Replaced(CellText(), "task =", "task = question-answering")), needed));
  CHECK(Contains(refusal(Replaced(SpanCellText(), "task =", "task = image-classification")),
                 "task image-classification needs output_kind scores or argmax"));
  CHECK(Contains(refusal(SpanCellText() + "task.depth = 3\n"),
                 "task question-answering has no option \"task.depth\""));
}

}  // namespace
}  // namespace mlperf_bake::testing
