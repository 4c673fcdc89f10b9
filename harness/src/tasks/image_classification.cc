// Image classification: the response is the predicted class as an int64, little-endian; accuracy is top-1.
#include "core/memory.h"
#include "tasks/class_answers.h"
#include "tasks/task.h"

namespace mlperf_bake {
namespace {

// The first of the largest scores; NaN is never the largest.
std::int64_t ArgMax(std::span<const float> scores) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < scores.size(); ++i) {
    if (scores[i] > scores[best] || scores[best] != scores[best]) best = i;
  }
  return static_cast<std::int64_t>(best);
}

class ClassDecoder final : public Decoder {
 public:
  ClassDecoder(const Cell& cell, ClassAnswers& answers)
      : offset_(cell.label_offset), classes_(cell.classes), answers_(answers) {}

  void Reserve(std::size_t most_pending) override {
    memory_ = Memory::Allocate(most_pending * sizeof(std::int64_t));
    pending_ = next_ = reinterpret_cast<std::int64_t*>(memory_.writable().data());
  }

  void Decode(const Output& output, std::span<const mlperf::QuerySample> samples,
              std::span<mlperf::QuerySampleResponse> responses) override {
    std::int64_t* const answers = next_;
    next_ += samples.size();
    for (std::size_t i = 0; i < samples.size(); ++i) {
      answers[i] =
          (output.kind == OutputKind::kArgmax ? output.argmax[i]
                                              : ArgMax(output.scores.subspan(i * classes_, classes_))) -
          offset_;
      responses[i] = {samples[i].id, reinterpret_cast<std::uintptr_t>(answers + i), sizeof(std::int64_t)};
    }
    if (!answers_.kept()) return;
    for (std::size_t i = 0; i < samples.size(); ++i) answers_.Keep(samples[i].index, answers[i]);
  }

  void Release() override { next_ = pending_; }

 private:
  std::int64_t offset_;
  std::size_t classes_;
  Memory memory_;                    // of the answers that LoadGen has not taken yet
  std::int64_t* pending_ = nullptr;  // the first of them
  std::int64_t* next_ = nullptr;     // where the next one goes
  ClassAnswers& answers_;
};

class ImageClassification final : public Task {
 public:
  ImageClassification(const Cell& cell, const DataSet& data, bool score)
      : cell_(cell), data_(data), answers_(score && !data.labels().empty() ? data.count() : 0) {
    if (cell.output_kind == OutputKind::kTensors) RefuseOutputs(cell, "output_kind scores or argmax");
  }

  std::unique_ptr<Decoder> OpenDecoder() override { return std::make_unique<ClassDecoder>(cell_, answers_); }

  std::size_t response_bytes() const override { return sizeof(std::int64_t); }

  std::optional<Accuracy> Measure() const override {
    if (!answers_.kept()) return std::nullopt;
    const Accuracy accuracy = answers_.Compare("top1", data_.labels());
    if (accuracy.total == 0) return std::nullopt;
    return accuracy;
  }

 private:
  const Cell& cell_;
  const DataSet& data_;
  ClassAnswers answers_;
};

}  // namespace

extern const TaskEntry kTask_image_classification;
const TaskEntry kTask_image_classification = {
    "image-classification",
    {},
    [](const Cell& cell, const DataSet& data, bool score) -> std::unique_ptr<Task> {
      return std::make_unique<ImageClassification>(cell, data, score);
    }};

}  // namespace mlperf_bake
