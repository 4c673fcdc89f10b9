#include "core/output_rule.h"

#include <array>
#include <limits>

#include "support.h"

namespace mlperf_bake::testing {
namespace {

// The tensors of an answer, changed at will.
struct Answer {
  std::vector<Shape> shapes;
  std::vector<TensorView> views;
  std::array<float, 16> values{};

  Answer(const std::vector<NamedTensor>& like, std::vector<Shape> of) : shapes(std::move(of)) {
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      views.push_back({like[i].dtype, shapes[i], values.data()});
    }
  }
  Output output() const { return {OutputKind::kTensors, {}, {}, views}; }
};

struct Ruled {
  Scratch scratch;
  Cell spans = ReadCell(WriteCell(scratch.path(), SpanCellText()));  // 4, 4
  Cell boxes = ReadCell(WriteCell(scratch.path(), BoxCellText()));   // nx4, n, n

  std::string Refusal(const Cell& cell, const Output& output, std::size_t count, bool values = false) const {
    return FailureOf(ExitCode::kWrongAnswer,
                     [&] { OutputRule{"echo", cell.classes, values, cell.outputs}.Check(output, count); });
  }
};

TEST_CASE("tensors of the shapes that cell.conf describes are taken") {
  const Ruled ruled;
  const OutputRule spans{"echo", 0, true, ruled.spans.outputs}, boxes{"echo", 0, true, ruled.boxes.outputs};
  CHECK_NOTHROW(spans.Check(Answer(ruled.spans.outputs, {{2, 4}, {2, 4}}).output(), 2));
  for (const std::int64_t found : {0, 1, 3}) {
    CHECK_NOTHROW(boxes.Check(Answer(ruled.boxes.outputs, {{found, 4}, {found}, {found}}).output(), 1));
  }
}

TEST_CASE("tensors of another kind, number, type or shape are refused with both") {
  const Ruled ruled;
  const auto& outputs = ruled.spans.outputs;
  CHECK(Contains(ruled.Refusal(ruled.spans, {OutputKind::kArgmax, {}, {}}, 2),
                 "with classes; expected named tensors"));
  CHECK(Contains(ruled.Refusal(ruled.spans, Answer(outputs, {{2, 4}}).output(), 2),
                 "with 1 tensors; expected 2"));
  CHECK(Contains(ruled.Refusal(ruled.spans, Answer(outputs, {{2, 4}, {1, 4}}).output(), 2),
                 "with float32 of shape 1x4 as \"ends\"; expected float32 of shape 2x4"));
  CHECK(Contains(ruled.Refusal(ruled.spans, Answer(outputs, {{8}, {2, 4}}).output(), 2),
                 "of shape 8 as \"starts\""));
  Answer typed(outputs, {{2, 4}, {2, 4}});
  typed.views[1].dtype = DType::kInt64;
  CHECK(Contains(ruled.Refusal(ruled.spans, typed.output(), 2), "with int64 of shape 2x4 as \"ends\""));
  CHECK(Contains(ruled.Refusal(ruled.boxes, Answer(ruled.boxes.outputs, {{3, 4}, {3}, {2}}).output(), 1),
                 "with float32 of shape 2 as \"scores\"; expected float32 of shape n, n being one number"));
  const std::array<float, 2> scores{};
  const Output unexpected{OutputKind::kTensors, {}, {}};
  CHECK(
      Contains(FailureOf(ExitCode::kWrongAnswer, [&] { OutputRule{"echo", 2, false}.Check(unexpected, 1); }),
               "with named tensors; expected scores or classes"));
  CHECK_NOTHROW(OutputRule{"echo", 2, false}.Check({OutputKind::kScores, scores, {}}, 1));
}

TEST_CASE("a value that is no finite number is refused where values are looked at") {
  const Ruled ruled;
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Answer answer(ruled.spans.outputs, {{1, 4}, {1, 4}});
    answer.values[3] = value;
    CHECK_NOTHROW(OutputRule{"echo", 0, false, ruled.spans.outputs}.Check(answer.output(), 1));
    CHECK(Contains(ruled.Refusal(ruled.spans, answer.output(), 1, true),
                   "a value of \"starts\" that is infinite or no number"));
  }
}

}  // namespace
}  // namespace mlperf_bake::testing
