// Object detection: the response is a row of seven float32 a box: the sample's index, ymin, xmin, ymax, xmax
// as shares of the picture's height and width, score, label; as MLPerf's reference writes them for RetinaNet.
// The boxes end before the first score below the threshold, which is right because scores fall. A sample
// without boxes has an empty response.
//
// Precision is measured afterwards, from LoadGen's log. With `task.presence_score` and labels of two classes
// (1: there is something to be found in the picture, 0: nothing) the harness counts where the highest score
// says so.
#include <array>
#include <charconv>

#include "core/failure.h"
#include "tasks/class_answers.h"
#include "tasks/response_memory.h"
#include "tasks/task.h"

namespace mlperf_bake {
namespace {

constexpr std::string_view kThreshold = "score_threshold", kPresence = "presence_score";
constexpr std::size_t kColumns = 7;
constexpr std::size_t kCorners = 4;  // xmin, ymin, xmax, ymax

using Row = std::array<float, kColumns>;

// What a decoder knows of its cell.
struct Picture {
  float height = 0, width = 0;  // of the network's input
  float score_threshold = 0;
  float presence_score = 0;
  float label_offset = 0;
};

float LabelAt(const TensorView& labels, std::size_t i) {
  switch (labels.dtype) {
    case DType::kInt64:
      return static_cast<float>(static_cast<const std::int64_t*>(labels.data)[i]);
    case DType::kInt32:
      return static_cast<float>(static_cast<const std::int32_t*>(labels.data)[i]);
    default:
      return static_cast<const float*>(labels.data)[i];
  }
}

class BoxDecoder final : public Decoder {
 public:
  BoxDecoder(const Picture& picture, ClassAnswers& answers) : picture_(picture), answers_(answers) {}

  void Reserve(std::size_t /*most_pending*/) override {}

  // `samples` is one: batches of this task are of one.
  void Decode(const Output& output, std::span<const mlperf::QuerySample> samples,
              std::span<mlperf::QuerySampleResponse> responses) override {
    const auto* const corners = static_cast<const float*>(output.tensors[0].data);
    const TensorView& labels = output.tensors[1];
    const TensorView& scores = output.tensors[2];
    const std::size_t count = Boxes(scores);
    auto* const rows = reinterpret_cast<Row*>(memory_.Take(count * sizeof(Row)));
    const auto index = static_cast<float>(samples.front().index);
    for (std::size_t i = 0; i < count; ++i) {
      const float* const box = corners + i * kCorners;
      rows[i] = {index,
                 box[1] / picture_.height,
                 box[0] / picture_.width,
                 box[3] / picture_.height,
                 box[2] / picture_.width,
                 static_cast<const float*>(scores.data)[i],
                 LabelAt(labels, i) - picture_.label_offset};
    }
    responses.front() = {samples.front().id, reinterpret_cast<std::uintptr_t>(rows), count * sizeof(Row)};
    if (answers_.kept()) answers_.Keep(samples.front().index, IsPresent(scores) ? 1 : 0);
  }

  void Release() override { memory_.Release(); }

 private:
  // As many as come before the first score below the threshold.
  std::size_t Boxes(const TensorView& scores) const {
    const std::span all(static_cast<const float*>(scores.data),
                        static_cast<std::size_t>(scores.shape.back()));
    std::size_t count = 0;
    while (count < all.size() && all[count] >= picture_.score_threshold) ++count;
    return count;
  }

  bool IsPresent(const TensorView& scores) const {
    return scores.shape.back() > 0 && *static_cast<const float*>(scores.data) >= picture_.presence_score;
  }

  Picture picture_;
  ResponseMemory memory_;
  ClassAnswers& answers_;
};

// The shape without the extents of 1 that networks put in front.
Shape Bare(const NamedTensor& tensor) {
  const auto& shape = tensor.shape;
  return !shape.empty() && shape.front() == 1 ? Shape(shape.begin() + 1, shape.end()) : shape;
}

bool Fit(const Cell& cell) {
  constexpr std::int64_t kFour = kCorners;
  const auto& outputs = cell.outputs;
  if (cell.output_kind != OutputKind::kTensors || outputs.size() != 3) return false;
  const DType labels = outputs[1].dtype;
  return Bare(outputs[0]) == Shape{kAnyExtent, kFour} && outputs[0].dtype == DType::kFloat32 &&
         Bare(outputs[1]) == Shape{kAnyExtent} &&
         (labels == DType::kInt64 || labels == DType::kInt32 || labels == DType::kFloat32) &&
         Bare(outputs[2]) == Shape{kAnyExtent} && outputs[2].dtype == DType::kFloat32;
}

// The option's score, from 0 to 1; 0 where it is not given.
float Score(const Cell& cell, std::string_view name) {
  const auto option = cell.task_options.find(std::string(name));
  if (option == cell.task_options.end()) return 0;
  float score = 0;
  const std::string& text = option->second;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), score);
  if (error != std::errc{} || stop != text.data() + text.size() || !(score >= 0 && score <= 1)) {
    throw Failure(ExitCode::kCell, cell.conf.string() + ": \"task." + std::string(name) + "\" is \"" + text +
                                       "\"; expected a score from 0 to 1.");
  }
  return score;
}

// Whether labels say of each picture if there is something to be found.
bool MeasuresPresence(const Cell& cell) {
  if (!cell.task_options.contains(std::string(kPresence))) return false;
  if (cell.classes == 2) return true;
  throw Failure(ExitCode::kCell, cell.conf.string() + ": \"task." + std::string(kPresence) +
                                     "\" needs labels of two classes, 0 and 1; add `classes = 2`.");
}

Picture PictureOf(const Cell& cell) {
  if (!Fit(cell)) {
    RefuseOutputs(cell,
                  "output_kind tensors with three outputs: boxes nx4 float32, labels n int64, int32 or "
                  "float32, scores n float32");
  }
  const Shape& shape = cell.inputs.front().shape;
  if (shape.size() < 2) {
    throw Failure(ExitCode::kCell, cell.conf.string() + ": task " + cell.task +
                                       " needs an input whose last two extents are height and width, as "
                                       "3x800x800.");
  }
  return {static_cast<float>(shape[shape.size() - 2]), static_cast<float>(shape.back()),
          Score(cell, kThreshold), Score(cell, kPresence), static_cast<float>(cell.label_offset)};
}

class ObjectDetection final : public Task {
 public:
  ObjectDetection(const Cell& cell, const DataSet& data, bool score)
      : picture_(PictureOf(cell)),
        benchmark_(cell.benchmark),
        data_(data),
        answers_(MeasuresPresence(cell) && score && !data.labels().empty() ? data.count() : 0) {}

  std::unique_ptr<Decoder> OpenDecoder() override { return std::make_unique<BoxDecoder>(picture_, answers_); }

  std::size_t response_bytes() const override {
    constexpr std::size_t kManyBoxes = 300;
    return kManyBoxes * sizeof(Row);
  }

  std::optional<Accuracy> Measure() const override {
    if (!answers_.kept()) return std::nullopt;
    const Accuracy accuracy = answers_.Compare("presence", data_.labels());
    if (accuracy.total == 0) return std::nullopt;
    return accuracy;
  }

  std::string AccuracyCommand(const std::string& where) const override {
    return "mlperf-bake accuracy " + where + " --benchmark " + benchmark_ + " --truth ANNOTATIONS.json";
  }

 private:
  Picture picture_;
  std::string benchmark_;
  const DataSet& data_;
  ClassAnswers answers_;
};

constexpr std::array<std::string_view, 2> kOptions = {kThreshold, kPresence};

}  // namespace

extern const TaskEntry kTask_object_detection;
const TaskEntry kTask_object_detection = {
    "object-detection", kOptions,
    [](const Cell& cell, const DataSet& data, bool score) -> std::unique_ptr<Task> {
      return std::make_unique<ObjectDetection>(cell, data, score);
    }};

}  // namespace mlperf_bake
