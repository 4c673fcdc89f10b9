// Question answering by spans (BERT on SQuAD): the response is the start and the end logit of each position
// of the window, one pair after the other, float32, as MLPerf's reference writes them.
#include "tasks/response_memory.h"
#include "tasks/task.h"

namespace mlperf_bake {
namespace {

constexpr std::size_t kSides = 2;  // start and end

class SpanDecoder final : public Decoder {
 public:
  explicit SpanDecoder(std::size_t positions) : positions_(positions) {}

  void Reserve(std::size_t /*most_pending*/) override {}

  void Decode(const Output& output, std::span<const mlperf::QuerySample> samples,
              std::span<mlperf::QuerySampleResponse> responses) override {
    const auto* starts = static_cast<const float*>(output.tensors[0].data);
    const auto* ends = static_cast<const float*>(output.tensors[1].data);
    const std::size_t bytes = positions_ * kSides * sizeof(float);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      auto* const pairs = reinterpret_cast<float*>(memory_.Take(bytes));
      for (std::size_t position = 0; position < positions_; ++position) {
        pairs[kSides * position] = starts[position];
        pairs[kSides * position + 1] = ends[position];
      }
      responses[i] = {samples[i].id, reinterpret_cast<std::uintptr_t>(pairs), bytes};
      starts += positions_;
      ends += positions_;
    }
  }

  void Release() override { memory_.Release(); }

 private:
  std::size_t positions_;
  ResponseMemory memory_;
};

class QuestionAnswering final : public Task {
 public:
  explicit QuestionAnswering(const Cell& cell) : positions_(Positions(cell)), benchmark_(cell.benchmark) {}

  std::unique_ptr<Decoder> OpenDecoder() override { return std::make_unique<SpanDecoder>(positions_); }

  std::size_t response_bytes() const override { return positions_ * kSides * sizeof(float); }

  std::string AccuracyCommand(const std::string& where) const override {
    return "mlperf-bake accuracy " + where + " --benchmark " + benchmark_ +
           " --truth DIRECTORY (with dev-v1.1.json and vocab.txt)";
  }

 private:
  // Of a window.
  static std::size_t Positions(const Cell& cell) {
    const auto& outputs = cell.outputs;
    if (cell.output_kind != OutputKind::kTensors || outputs.size() != kSides || !AllAlike(outputs) ||
        outputs[0].dtype != DType::kFloat32 || outputs[0].shape.size() != 1 || cell.IsOpenEnded()) {
      RefuseOutputs(cell, "output_kind tensors with two outputs of one shape, start and end logits, float32");
    }
    return ElementCount(outputs[0].shape);
  }

  std::size_t positions_;
  std::string benchmark_;
};

}  // namespace

extern const TaskEntry kTask_question_answering;
const TaskEntry kTask_question_answering = {
    "question-answering", {}, [](const Cell& cell, const DataSet&, bool) -> std::unique_ptr<Task> {
      return std::make_unique<QuestionAnswering>(cell);
    }};

}  // namespace mlperf_bake
