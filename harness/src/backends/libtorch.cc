// libtorch: a TorchScript network, frozen once and shared by all workers, which only read it. With
// `--backend-option device=cuda` it lies on the accelerator, and each batch is copied there and its answer
// back.
//
// Threads: libtorch's intra-op threads are OpenMP's, and OpenMP keeps a team for every thread that enters a
// parallel region. So each worker has threads of its own, as many as its own setting says; that setting must
// be made in the thread that runs, not in the one that opens the instance. Between operations there is no
// parallelism.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <malloc.h>
#include <torch/script.h>
#include <torch/version.h>

#include <algorithm>
#include <array>
#include <limits>

#include "backends/answer.h"
#include "backends/backend.h"
#include "backends/batch_inputs.h"
#include "backends/network_fit.h"
#include "core/cpus.h"
#include "core/failure.h"

namespace mlperf_bake {
namespace {

constexpr std::string_view kRuntime = "libtorch";

// What went wrong without the stack traces: the interpreter's last line, or the error's own message.
std::string Reason(const std::exception& error) {
  const auto* const own = dynamic_cast<const c10::Error*>(&error);
  const std::string text = own == nullptr ? error.what() : own->what_without_backtrace();
  constexpr std::string_view kLast = "RuntimeError: ";
  const std::size_t at = text.rfind(kLast);
  return at == std::string::npos ? text : text.substr(at + kLast.size());
}

at::ScalarType ElementType(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return at::kFloat;
    case DType::kFloat16:
      return at::kHalf;
    case DType::kUint8:
      return at::kByte;
    case DType::kInt8:
      return at::kChar;
    case DType::kInt32:
      return at::kInt;
    case DType::kInt64:
      return at::kLong;
  }
  return at::ScalarType::Undefined;
}

// The weights as TorchScript's reader wants them: in memory, where they are mapped.
class WeightsReader final : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit WeightsReader(std::span<const std::byte> weights) : weights_(weights) {}

  std::size_t size() const override { return weights_.size(); }
  std::size_t read(std::uint64_t at, void* to, std::size_t bytes, const char* /*what*/) const override {
    if (at >= weights_.size()) return 0;
    const auto from = weights_.subspan(at, std::min<std::size_t>(bytes, weights_.size() - at));
    std::copy(from.begin(), from.end(), static_cast<std::byte*>(to));
    return from.size();
  }

 private:
  std::span<const std::byte> weights_;
};

// Gives the calling thread its own threads for work inside an operation, each on its CPU when pinned; fast
// when the thread has them already.
void TakeThreads(const Resources& resources) {
  thread_local int threads = 0;
  thread_local std::vector<int> cpus;
  if (threads == resources.threads && cpus == resources.cpus) return;
  threads = resources.threads;
  cpus = resources.cpus;
  at::set_num_threads(resources.threads);
  if (resources.cpus.size() < 2) return;
  at::parallel_for(0, resources.threads, 1, [&](std::int64_t, std::int64_t) {
    PinThisThread({resources.cpus[static_cast<std::size_t>(at::get_thread_num())]});
  });
}

// What operations hand on to each other comes and goes by the megabyte. By default the C library gives such
// memory back to the system at once, which then clears it anew, page by page: a third of the CPU time of
// EfficientNet-Lite0. Kept, it amounts to the most that was ever in use.
void KeepFreedMemory() {
  constexpr int kLargestThreshold = 32 << 20;  // of the C library
  mallopt(M_MMAP_THRESHOLD, kLargestThreshold);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
}

class LibTorchInstance final : public Instance {
 public:
  LibTorchInstance(const Cell& cell, const torch::jit::Module& network, at::Device device,
                   const Resources& resources)
      : cell_(cell),
        network_(network),
        resources_(resources),
        device_(device),
        pieces_(cell, resources.batch),
        answer_(cell) {
    for (const NamedTensor& input : cell.inputs) input_shapes_.push_back(BatchShape(input, 1));
    Rehearse();
  }

  Output Run(const std::byte* samples, std::size_t count) override {
    TakeThreads(resources_);
    try {
      Compute(samples, count);
    } catch (const std::exception& error) {
      throw RunFailure(kRuntime, count, Reason(error));
    }
    if (cell_.output_kind == OutputKind::kTensors) return Found(count);
    const at::Tensor& answer = outputs_[0];
    const NamedTensor& wanted = cell_.outputs[0];
    if (answer.scalar_type() != ElementType(wanted.dtype) || answer.nbytes() != OutputBytes(wanted, count)) {
      throw RunFailure(kRuntime, count,
                       "it answered " + std::to_string(answer.nbytes()) + " bytes instead of " +
                           std::to_string(OutputBytes(wanted, count)));
    }
    return ClassesAt(cell_, answer.data_ptr(), count);
  }

 private:
  // The batch through the network: outputs_.
  void Compute(const std::byte* samples, std::size_t count) {
    const c10::InferenceMode no_gradients;
    const auto pieces = pieces_.Locate(samples, count);
    arguments_.clear();
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      input_shapes_[i][0] = static_cast<std::int64_t>(count);
      // A header over the input where it lies; on the CPU nothing is copied.
      at::Tensor input = at::from_blob(const_cast<std::byte*>(pieces[i]), input_shapes_[i],
                                       ElementType(cell_.inputs[i].dtype));
      if (!device_.is_cpu()) input = input.to(device_);
      arguments_.emplace_back(std::move(input));
    }
    const c10::IValue answer = network_.forward(arguments_);
    outputs_.clear();
    for (std::size_t i = 0; i < cell_.outputs.size(); ++i) {
      outputs_.push_back(Part(answer, i).cpu().contiguous());
    }
  }

  // Output `i` of an answer that is one tensor, a tuple in cell.conf's order, or a dictionary by name.
  at::Tensor Part(const c10::IValue& answer, std::size_t i) const {
    const std::size_t outputs = cell_.outputs.size();
    if (answer.isTensor() && outputs == 1) return answer.toTensor();
    if (answer.isTuple() && cell_.output_kind == OutputKind::kTensors) {
      const auto& elements = answer.toTupleRef().elements();
      if (elements.size() == outputs && elements[i].isTensor()) return elements[i].toTensor();
    }
    if (answer.isGenericDict() && cell_.output_kind == OutputKind::kTensors) {
      const auto parts = answer.toGenericDict();
      const auto found = parts.find(cell_.outputs[i].name);
      if (found != parts.end() && found->value().isTensor()) return found->value().toTensor();
    }
    Mismatch(cell_, "the network's answer is " + answer.tagKind() + ", not " +
                        (outputs == 1 ? "one tensor" : "the outputs that output_name lists, as tensors"));
  }

  Output Found(std::size_t count) {
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      if (outputs_[i].scalar_type() != ElementType(cell_.outputs[i].dtype)) {
        throw RunFailure(kRuntime, count, "\"" + cell_.outputs[i].name + "\" is of another output_dtype");
      }
      answer_.Set(i, outputs_[i].sizes(), outputs_[i].data_ptr());
    }
    return answer_.output();
  }

  // A TorchScript network declares no shapes: whether it fits cell.conf shows when it runs.
  void Rehearse() {
    const auto batch = static_cast<std::size_t>(resources_.batch);
    const std::vector<std::byte> zeros(batch * cell_.SampleBytes());
    TakeThreads(resources_);
    try {
      Compute(zeros.data(), batch);
    } catch (const c10::Error& error) {
      Refuse(batch, error);
    } catch (const std::runtime_error& error) {
      if (dynamic_cast<const Failure*>(&error) != nullptr) throw;
      Refuse(batch, error);
    }
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const NamedTensor& wanted = cell_.outputs[i];
      CheckOutput(cell_, wanted, outputs_[i].sizes().vec());
      CheckElements(cell_, End::kOutput, wanted, outputs_[i].scalar_type() == ElementType(wanted.dtype));
    }
  }

  [[noreturn]] void Refuse(std::size_t batch, const std::exception& error) const {
    Mismatch(cell_, "the network refuses a batch of " + std::to_string(batch) + " samples of input_shape " +
                        ShapesOf(cell_.inputs) + ": " + Reason(error));
  }

  const Cell& cell_;
  torch::jit::Module network_;  // shares everything with the other workers'
  Resources resources_;
  at::Device device_;
  BatchInputs pieces_;
  std::vector<Shape> input_shapes_;
  std::vector<c10::IValue> arguments_;
  std::vector<at::Tensor> outputs_;  // of the last batch
  TensorAnswer answer_;
};

class LibTorchBackend final : public Backend {
 public:
  explicit LibTorchBackend(const Network& network)
      : cell_(network.cell), device_(DeviceFor(network.configuration)) {
    KeepFreedMemory();
    try {
      network_ = torch::jit::load(std::make_shared<WeightsReader>(network.weights), device_);
      // Measured faster, with the same answers: it folds normalisations and keeps oneDNN's layouts.
      network_.eval();
      network_ = torch::jit::optimize_for_inference(network_);
    } catch (const std::exception& error) {
      throw LoadFailure(cell_, kRuntime, Reason(error));
    }
  }

  BackendFacts Facts(int usable_cpus) const override {
    return {"libtorch", TORCH_VERSION, device_.str(), device_.is_cpu() ? usable_cpus : 1};
  }

  std::unique_ptr<Instance> OpenInstance(const Resources& resources) override {
    return std::make_unique<LibTorchInstance>(cell_, network_, device_, resources);
  }

 private:
  static at::Device DeviceFor(const BackendConfiguration& configuration) {
    const auto asked = configuration.options.find("device");
    const std::string device = asked == configuration.options.end() ? "cpu" : asked->second;
    if (device == "cpu") return at::kCPU;
    if (device != "cuda") {
      throw Failure(ExitCode::kUsage, "libtorch's option device is cpu or cuda, not \"" + device + "\".");
    }
    if (at::hasCUDA()) return at::kCUDA;
    throw Failure(
        ExitCode::kUsage,
        "This libtorch has no CUDA device to run on; leave --backend-option device=cuda out, or give the "
        "container a GPU and a libtorch built for CUDA.");
  }

  const Cell& cell_;
  at::Device device_;
  torch::jit::Module network_;
};

constexpr std::array<std::string_view, 1> kOptions = {"device"};

}  // namespace

extern const BackendEntry kBackend_libtorch;
const BackendEntry kBackend_libtorch = {"libtorch",
                                        [] { return std::string(TORCH_VERSION); },
                                        true,
                                        kOptions,
                                        {},
                                        [](const Network& network) -> std::unique_ptr<Backend> {
                                          return std::make_unique<LibTorchBackend>(network);
                                        }};

}  // namespace mlperf_bake
