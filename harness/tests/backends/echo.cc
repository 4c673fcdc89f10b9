// A backend for tests: the class of a sample is its first element, so that wrong pointers, copies or orders
// show as wrong answers. ECHO_FAULT tells it to misbehave: "open" (cannot load), "run" (fails in the tenth
// batch), "throw" (throws something else there), "slow" (20 ms a batch), "hang-open", "hang-load" and "hang"
// (does not come back: from opening, from loading, from the tenth batch), "few" (a class too few), "many" (a
// class too many), "scores" (a score too few), "nan" (scores that are no numbers), "class" (a class that is
// none), "leak" (keeps a megabyte a batch).
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>

#include "backends/backend.h"
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

class EchoBackend final : public Backend {
 public:
  explicit EchoBackend(const Cell& cell) : cell_(cell) {}
  BackendFacts Facts(int /*usable_cpus*/) const override { return {"echo", "1", "none", 2}; }
  std::unique_ptr<Instance> OpenInstance(const Resources& resources) override {
    if (Fault() == "hang-load") Hang();
    if (Fault() == "open") throw Failure(ExitCode::kBackend, "The echo backend cannot load.");
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
