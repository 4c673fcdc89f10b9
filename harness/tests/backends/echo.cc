// A backend for tests: the class of a sample is its first element, so that wrong pointers, copies or orders
// show as wrong answers. ECHO_FAULT tells it to misbehave: "open" (cannot load), "run" (fails in the tenth
// batch), "throw" (throws something else there), "slow" (20 ms a batch), "hang-open", "hang-load" and "hang"
// (does not come back: from opening, from loading, from the tenth batch), "few" (a class too few), "many" (a
// class too many), "scores" (a score too few), "kind" (classes where tensors are expected), "extent" (a
// tensor of another extent), "nan" (scores that are no numbers), "class" (a class that is none), "leak"
// (keeps a megabyte a batch).
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>

#include "backends/answer.h"
#include "backends/backend.h"
#include "backends/batch_inputs.h"
#include "core/failure.h"

namespace mlperf_bake {
namespace {

std::string Fault() {
  const char* const fault = std::getenv("ECHO_FAULT");
  return fault == nullptr ? "" : fault;
}

[[noreturn]] void Hang() {
  while (true) std::this_thread::sleep_for(std::chrono::hours(1));
}

class EchoInstance final : public Instance {
 public:
  EchoInstance(const Cell& cell, int batch, std::atomic<int>& batches)
      : sample_bytes_(cell.SampleBytes()),
        class_count_(cell.classes),
        classes_(static_cast<std::size_t>(batch) + 1),
        batches_(batches) {}

  Output Run(const std::byte* samples, std::size_t count) override {
    const bool tenth = ++batches_ == 10;
    if (tenth && fault_ == "hang") Hang();
    if (fault_ == "leak") leaked_.emplace_back(std::size_t{1} << 20, 'x');
    if (tenth && fault_ == "run") throw Failure(ExitCode::kBackend, "The echo backend failed.");
    if (tenth && fault_ == "throw") throw std::runtime_error("something unforeseen");
    if (fault_ == "slow") std::this_thread::sleep_for(std::chrono::milliseconds(20));
    for (std::size_t i = 0; i < count; ++i) {
      float first = 0;
      std::memcpy(&first, samples + i * sample_bytes_, sizeof first);
      classes_[i] = static_cast<std::int64_t>(first);
    }
    if (fault_ == "nan" || fault_ == "scores") {
      scores_.assign(count * class_count_ - (fault_ == "scores" ? 1 : 0), std::nanf(""));
      return {OutputKind::kScores, scores_, {}};
    }
    if (fault_ == "class") classes_[0] = static_cast<std::int64_t>(class_count_);
    if (fault_ == "few") --count;
    if (fault_ == "many") ++count;
    return {OutputKind::kArgmax, {}, std::span(classes_).first(count)};
  }

 private:
  std::size_t sample_bytes_, class_count_;
  std::vector<std::int64_t> classes_;
  std::vector<float> scores_;
  std::vector<std::string> leaked_;
  std::atomic<int>& batches_;
  std::string fault_ = Fault();
};

// Output i is full of input i (of the last one where there are fewer), as the output's element type: as many
// elements as it has, from the input's first on. An extent of the network's own is the input's first element.
class EchoTensors final : public Instance {
 public:
  EchoTensors(const Cell& cell, int batch)
      : cell_(cell), inputs_(cell, batch), answer_(cell), memory_(cell.outputs.size()) {}

  Output Run(const std::byte* samples, std::size_t count) override {
    if (fault_ == "kind") return {OutputKind::kArgmax, {}, classes_};
    const auto pieces = inputs_.Locate(samples, count);
    for (std::size_t i = 0; i < cell_.outputs.size(); ++i) {
      NamedTensor output = cell_.outputs[i];
      const std::size_t from = std::min(i, pieces.size() - 1);
      for (std::int64_t& extent : output.shape) {
        if (extent == kAnyExtent) extent = static_cast<std::int64_t>(Element(pieces[0], cell_.inputs[0], 0));
      }
      const std::size_t elements = ElementCount(output.shape);
      memory_[i].clear();
      for (std::size_t sample = 0; sample < count; ++sample) {
        const std::size_t length = ElementCount(cell_.inputs[from].shape);
        for (std::size_t element = 0; element < elements; ++element) {
          Append(i, Element(pieces[from], cell_.inputs[from], sample * length + element % length));
        }
      }
      if (fault_ == "extent") ++output.shape.back();
      if (fault_ == "nan") std::fill(memory_[i].begin(), memory_[i].end(), std::byte{0xff});
      answer_.Set(i, cell_.IsOpenEnded() ? output.shape : BatchShape(output, count), memory_[i].data());
    }
    return answer_.output();
  }

 private:
  static double Element(const std::byte* input, const NamedTensor& tensor, std::size_t element) {
    if (tensor.dtype == DType::kInt64) return static_cast<double>(Read<std::int64_t>(input, element));
    return Read<float>(input, element);
  }
  template <typename T>
  static T Read(const std::byte* from, std::size_t element) {
    return reinterpret_cast<const T*>(from)[element];  // where it lies: a wrong alignment is to be noticed
  }
  void Append(std::size_t i, double value) {
    const auto append = [&](auto element) {
      const auto* const bytes = reinterpret_cast<const std::byte*>(&element);
      memory_[i].insert(memory_[i].end(), bytes, bytes + sizeof element);
    };
    cell_.outputs[i].dtype == DType::kInt64 ? append(static_cast<std::int64_t>(value))
                                            : append(static_cast<float>(value));
  }

  const Cell& cell_;
  BatchInputs inputs_;
  TensorAnswer answer_;
  std::vector<std::vector<std::byte>> memory_;
  std::array<std::int64_t, 1> classes_{};
  std::string fault_ = Fault();
};

class EchoBackend final : public Backend {
 public:
  explicit EchoBackend(const Cell& cell) : cell_(cell) {}
  BackendFacts Facts(int /*usable_cpus*/) const override { return {"echo", "1", "none", 2}; }
  std::unique_ptr<Instance> OpenInstance(const Resources& resources) override {
    if (Fault() == "hang-load") Hang();
    if (Fault() == "open") throw Failure(ExitCode::kBackend, "The echo backend cannot load.");
    if (cell_.output_kind == OutputKind::kTensors) {
      return std::make_unique<EchoTensors>(cell_, resources.batch);
    }
    return std::make_unique<EchoInstance>(cell_, resources.batch, batches_);
  }

 private:
  const Cell& cell_;
  std::atomic<int> batches_{0};
};

constexpr std::array<std::string_view, 1> kOptions = {"volume"};
constexpr std::array<std::string_view, 1> kPrecisions = {"bf16"};

}  // namespace

extern const BackendEntry kBackend_echo;
const BackendEntry kBackend_echo = {"echo",
                                    [] { return std::string("1"); },
                                    true,
                                    kOptions,
                                    kPrecisions,
                                    [](const Network& network) -> std::unique_ptr<Backend> {
                                      if (Fault() == "hang-open") Hang();
                                      return std::make_unique<EchoBackend>(network.cell);
                                    }};

}  // namespace mlperf_bake
