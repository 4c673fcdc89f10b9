// The null backend computes nothing: class 0 for every sample, or tensors full of zeros, with one of what a
// network would decide. What is left to measure is the harness itself.
#include <algorithm>
#include <array>

#include "backends/answer.h"
#include "backends/backend.h"

namespace mlperf_bake {
namespace {

class NullInstance final : public Instance {
 public:
  explicit NullInstance(int batch) : classes_(static_cast<std::size_t>(batch), 0) {}

  Output Run(const std::byte* /*samples*/, std::size_t count) override {
    return {OutputKind::kArgmax, {}, std::span(classes_.data(), count)};
  }

 private:
  std::vector<std::int64_t> classes_;
};

class NullTensors final : public Instance {
 public:
  NullTensors(const Cell& cell, int batch) : answer_(cell), open_ended_(cell.IsOpenEnded()) {
    for (NamedTensor output : cell.outputs) {
      std::replace(output.shape.begin(), output.shape.end(), kAnyExtent, std::int64_t{1});
      zeros_.emplace_back(OutputBytes(output, static_cast<std::size_t>(batch)));
      answer_.Set(zeros_.size() - 1, open_ended_ ? output.shape : BatchShape(output, 1),
                  zeros_.back().data());
    }
  }

  Output Run(const std::byte* /*samples*/, std::size_t count) override {
    if (!open_ended_) answer_.SetCount(count);
    return answer_.output();
  }

 private:
  std::vector<std::vector<std::byte>> zeros_;
  TensorAnswer answer_;
  bool open_ended_;
};

class NullBackend final : public Backend {
 public:
  explicit NullBackend(const Cell& cell) : cell_(cell) {}

  BackendFacts Facts(int /*usable_cpus*/) const override {
    // A second worker has nothing to do but compete for LoadGen's counters.
    return {"null", "1", "none", 1};
  }
  std::unique_ptr<Instance> OpenInstance(const Resources& resources) override {
    if (cell_.output_kind == OutputKind::kTensors)
      return std::make_unique<NullTensors>(cell_, resources.batch);
    return std::make_unique<NullInstance>(resources.batch);
  }

 private:
  const Cell& cell_;
};

constexpr std::array<std::string_view, 4> kAnyPrecision = {"fp32", "fp16", "bf16", "int8"};

}  // namespace

extern const BackendEntry kBackend_null;
const BackendEntry kBackend_null = {"null",
                                    [] { return std::string("1"); },
                                    false,
                                    {},
                                    kAnyPrecision,
                                    [](const Network& network) -> std::unique_ptr<Backend> {
                                      return std::make_unique<NullBackend>(network.cell);
                                    }};

}  // namespace mlperf_bake
