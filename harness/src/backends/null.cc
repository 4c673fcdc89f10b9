// The null backend computes nothing: class 0 for every sample. What is left to measure is the harness itself.
#include <array>

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

class NullBackend final : public Backend {
 public:
  BackendFacts Facts(int /*usable_cpus*/) const override {
    // A second worker has nothing to do but compete for LoadGen's counters.
    return {"null", "1", "none", 1};
  }
  std::unique_ptr<Instance> OpenInstance(const Resources& resources) override {
    return std::make_unique<NullInstance>(resources.batch);
  }
};

constexpr std::array<std::string_view, 4> kAnyPrecision = {"fp32", "fp16", "bf16", "int8"};

}  // namespace

extern const BackendEntry kBackend_null;
const BackendEntry kBackend_null = {"null",
                                    [] { return std::string("1"); },
                                    false,
                                    {},
                                    kAnyPrecision,
                                    [](const Network&) -> std::unique_ptr<Backend> { return std::make_unique<NullBackend>(); }};

}  // namespace mlperf_bake
