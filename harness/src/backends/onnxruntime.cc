// ONNX Runtime: one session a worker, each with its own intra-op threads, so that workers never share a pool.
//
// `--backend-option provider=NAME` has one of its execution providers compute. Samples and answers stay in
// the memory of the CPU: a provider with a device of its own copies each batch there and its answer back,
// within Run(). What a provider cannot compute, ONNX Runtime gives to the CPU.
#define ORT_API_MANUAL_INIT
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>
#include <optional>

#include "backends/answer.h"
#include "backends/backend.h"
#include "backends/batch_inputs.h"
#include "backends/network_fit.h"
#include "core/failure.h"

namespace mlperf_bake {
namespace {

// Loads the library's function table. The headers may be older than the library, never newer.
void InitializeApi() {
  static const OrtApi* const api = OrtGetApiBase()->GetApi(ORT_API_VERSION);
  if (api == nullptr) {
    throw Failure(ExitCode::kBackend, std::string("ONNX Runtime ") + OrtGetApiBase()->GetVersionString() +
                                          " is older than the headers this program was built with (API " +
                                          std::to_string(ORT_API_VERSION) + "); install a newer library.");
  }
  Ort::InitApi(api);
}

constexpr std::string_view kRuntime = "ONNX Runtime";

// An execution provider: as the option names it, as ONNX Runtime names it, and how a session is given it.
struct Provider {
  std::string_view option;
  const char* name;
  void (*append)(Ort::SessionOptions& options);
};

void AppendCuda(Ort::SessionOptions& options) {
  const OrtApi& api = Ort::GetApi();
  OrtCUDAProviderOptionsV2* settings = nullptr;
  Ort::ThrowOnError(api.CreateCUDAProviderOptions(&settings));
  const std::unique_ptr<OrtCUDAProviderOptionsV2, decltype(api.ReleaseCUDAProviderOptions)> owner(
      settings, api.ReleaseCUDAProviderOptions);
  options.AppendExecutionProvider_CUDA_V2(*settings);
}

void AppendTensorRt(Ort::SessionOptions& options) {
  const OrtApi& api = Ort::GetApi();
  OrtTensorRTProviderOptionsV2* settings = nullptr;
  Ort::ThrowOnError(api.CreateTensorRTProviderOptions(&settings));
  const std::unique_ptr<OrtTensorRTProviderOptionsV2, decltype(api.ReleaseTensorRTProviderOptions)> owner(
      settings, api.ReleaseTensorRTProviderOptions);
  options.AppendExecutionProvider_TensorRT_V2(*settings);
  AppendCuda(options);  // for what TensorRT cannot compute
}

void AppendRocm(Ort::SessionOptions& options) {
  const OrtApi& api = Ort::GetApi();
  OrtROCMProviderOptions* settings = nullptr;
  Ort::ThrowOnError(api.CreateROCMProviderOptions(&settings));
  const std::unique_ptr<OrtROCMProviderOptions, decltype(api.ReleaseROCMProviderOptions)> owner(
      settings, api.ReleaseROCMProviderOptions);
  options.AppendExecutionProvider_ROCM(*settings);
}

constexpr std::array<Provider, 6> kProviders = {{
    {"cpu", "CPUExecutionProvider", [](Ort::SessionOptions&) {}},
    {"cuda", "CUDAExecutionProvider", AppendCuda},
    {"tensorrt", "TensorrtExecutionProvider", AppendTensorRt},
    {"migraphx", "MIGraphXExecutionProvider",
     [](Ort::SessionOptions& options) { options.AppendExecutionProvider_MIGraphX({}); }},
    {"rocm", "ROCMExecutionProvider", AppendRocm},
    {"openvino", "OpenVINOExecutionProvider",
     [](Ort::SessionOptions& options) { options.AppendExecutionProvider_OpenVINO_V2(); }},
}};

// The provider to compute with. Failure kUsage where there is none of this name, or the library lacks it.
const Provider& ProviderFor(const BackendConfiguration& configuration) {
  const auto asked = configuration.options.find("provider");
  if (asked == configuration.options.end()) return kProviders.front();
  const std::vector<std::string> available = Ort::GetAvailableProviders();
  std::string here;
  for (const Provider& provider : kProviders) {
    if (std::find(available.begin(), available.end(), provider.name) == available.end()) continue;
    if (provider.option == asked->second) return provider;
    here += (here.empty() ? "" : ", ") + std::string(provider.option);
  }
  throw Failure(ExitCode::kUsage,
                "This ONNX Runtime has no provider \"" + asked->second + "\"; it has " + here + ".");
}

ONNXTensorElementDataType ElementType(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
    case DType::kFloat16:
      return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16;
    case DType::kUint8:
      return ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8;
    case DType::kInt8:
      return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8;
    case DType::kInt32:
      return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32;
    case DType::kInt64:
      return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
  }
  return ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
}

Ort::SessionOptions OptionsFor(const Provider& provider, const Resources& resources) {
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(resources.threads);
  options.SetInterOpNumThreads(1);
  options.SetExecutionMode(ORT_SEQUENTIAL);
  options.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
  options.SetLogSeverityLevel(ORT_LOGGING_LEVEL_ERROR);
  if (resources.share_cpus) options.AddConfigEntry("session.intra_op.allow_spinning", "0");
  if (resources.cpus.size() > 1) {
    // The first thread is the worker itself, which the harness pins. ONNX Runtime counts CPUs from 1.
    std::string affinities;
    for (std::size_t i = 1; i < resources.cpus.size(); ++i) {
      affinities += (i > 1 ? ";" : "") + std::to_string(resources.cpus[i] + 1);
    }
    options.AddConfigEntry("session.intra_op_thread_affinities", affinities.c_str());
  }
  provider.append(options);
  return options;
}

// The names of a session's inputs or outputs.
std::vector<std::string> Names(const Ort::Session& session, End end) {
  const Ort::AllocatorWithDefaultOptions allocator;
  const bool input = end == End::kInput;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < (input ? session.GetInputCount() : session.GetOutputCount()); ++i) {
    names.emplace_back(
        (input ? session.GetInputNameAllocated(i, allocator) : session.GetOutputNameAllocated(i, allocator))
            .get());
  }
  return names;
}

class OnnxRuntimeInstance final : public Instance {
 public:
  OnnxRuntimeInstance(const Ort::Env& env, const Network& network, const Provider& provider,
                      const Resources& resources)
      : cell_(network.cell),
        open_ended_(cell_.IsOpenEnded()),
        session_(env, network.weights.data(), network.weights.size(), OptionsFor(provider, resources)),
        inputs_(cell_, resources.batch) {
    Check(resources.batch);
    for (const NamedTensor& input : cell_.inputs) {
      input_names_.push_back(input.name.c_str());
      input_shapes_.push_back(BatchShape(input, 1));
      input_types_.push_back(ElementType(input.dtype));
      input_values_.emplace_back(nullptr);
    }
    for (const NamedTensor& output : cell_.outputs) output_names_.push_back(output.name.c_str());
    if (open_ended_) {
      answer_.emplace(cell_);
      output_values_.emplace_back();
      for (std::size_t i = 0; i < cell_.outputs.size(); ++i) output_values_[0].emplace_back(nullptr);
      return;
    }
    memory_.emplace(cell_, resources.batch);
    // Output tensors over the same memory, one for each number of samples, so that a run allocates none.
    for (int count = 1; count <= resources.batch; ++count) {
      output_values_.emplace_back();
      for (std::size_t i = 0; i < cell_.outputs.size(); ++i) {
        output_values_.back().push_back(OutputTensor(i, static_cast<std::size_t>(count)));
      }
    }
  }

  Output Run(const std::byte* samples, std::size_t count) override {
    try {
      const auto pieces = inputs_.Locate(samples, count);
      for (std::size_t i = 0; i < pieces.size(); ++i) {
        input_shapes_[i][0] = static_cast<std::int64_t>(count);
        // A header over the input where it lies: nothing is copied. ONNX Runtime does not write to inputs.
        input_values_[i] =
            Ort::Value::CreateTensor(cpu_, const_cast<std::byte*>(pieces[i]), count * inputs_.bytes(i),
                                     input_shapes_[i].data(), input_shapes_[i].size(), input_types_[i]);
      }
      auto& outputs = output_values_[count - 1];
      if (open_ended_) {
        for (Ort::Value& output : outputs) output = Ort::Value(nullptr);  // ONNX Runtime makes them anew
      }
      session_.Run(run_options_, input_names_.data(), input_values_.data(), input_values_.size(),
                   output_names_.data(), outputs.data(), outputs.size());
      return open_ended_ ? Found(outputs) : memory_->First(count);
    } catch (const Ort::Exception& error) {
      throw RunFailure(kRuntime, count, error.what());
    }
  }

 private:
  // The network's inputs and outputs against cell.conf's.
  void Check(int batch) const {
    const auto inputs = Names(session_, End::kInput), outputs = Names(session_, End::kOutput);
    for (const NamedTensor& input : cell_.inputs) {
      CheckInput(cell_, input, Declared(End::kInput, input, inputs), batch);
    }
    CheckAllNamed(cell_, inputs);
    for (const NamedTensor& output : cell_.outputs) {
      CheckOutput(cell_, output, Declared(End::kOutput, output, outputs));
    }
  }

  // The declared shape of an input or output, after its element type was checked. `names`: all there are.
  DeclaredShape Declared(End end, const NamedTensor& wanted, const std::vector<std::string>& names) const {
    const auto found = std::find(names.begin(), names.end(), wanted.name);
    if (found == names.end()) NoSuchName(cell_, end, wanted.name, names);
    const auto i = static_cast<std::size_t>(found - names.begin());
    const Ort::TypeInfo info =
        end == End::kInput ? session_.GetInputTypeInfo(i) : session_.GetOutputTypeInfo(i);
    const auto tensor = info.GetTensorTypeAndShapeInfo();
    CheckElements(cell_, end, wanted, tensor.GetElementType() == ElementType(wanted.dtype));
    return tensor.GetShape();
  }

  Ort::Value OutputTensor(std::size_t i, std::size_t count) {
    const NamedTensor& output = cell_.outputs[i];
    const Shape shape = BatchShape(output, count);
    return Ort::Value::CreateTensor(cpu_, memory_->data(i), OutputBytes(output, count), shape.data(),
                                    shape.size(), ElementType(output.dtype));
  }

  // What ONNX Runtime answered, in its own memory.
  Output Found(const std::vector<Ort::Value>& outputs) {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      answer_->Set(i, outputs[i].GetTensorTypeAndShapeInfo().GetShape(), outputs[i].GetTensorRawData());
    }
    return answer_->output();
  }

  const Cell& cell_;
  bool open_ended_;
  Ort::MemoryInfo cpu_ = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  Ort::RunOptions run_options_;
  Ort::Session session_;
  BatchInputs inputs_;
  std::vector<const char*> input_names_, output_names_;
  std::vector<Shape> input_shapes_;
  std::vector<ONNXTensorElementDataType> input_types_;
  std::vector<Ort::Value> input_values_;
  std::optional<OutputMemory> memory_;                  // where the shapes of outputs are known
  std::optional<TensorAnswer> answer_;                  // where they are not
  std::vector<std::vector<Ort::Value>> output_values_;  // by count - 1
};

class OnnxRuntimeBackend final : public Backend {
 public:
  explicit OnnxRuntimeBackend(const Network& network)
      : network_(network),
        provider_(ProviderFor(network.configuration)),
        env_(ORT_LOGGING_LEVEL_ERROR, "mlperf-harness") {
    env_.DisableTelemetryEvents();
  }

  BackendFacts Facts(int usable_cpus) const override {
    // Measured best on CPUs: as many single-threaded sessions as CPUs.
    const bool on_cpus = &provider_ == &kProviders.front();
    return {"onnxruntime", Ort::GetVersionString(), provider_.name, on_cpus ? usable_cpus : 1};
  }

  std::unique_ptr<Instance> OpenInstance(const Resources& resources) override {
    try {
      return std::make_unique<OnnxRuntimeInstance>(env_, network_, provider_, resources);
    } catch (const Ort::Exception& error) {
      throw LoadFailure(network_.cell, kRuntime, error.what());
    }
  }

 private:
  Network network_;
  const Provider& provider_;
  Ort::Env env_;
};

constexpr std::array<std::string_view, 1> kOptions = {"provider"};

}  // namespace

extern const BackendEntry kBackend_onnxruntime;
const BackendEntry kBackend_onnxruntime = {"onnxruntime",
                                           [] { return std::string(OrtGetApiBase()->GetVersionString()); },
                                           true,
                                           kOptions,
                                           {},
                                           [](const Network& network) -> std::unique_ptr<Backend> {
                                             InitializeApi();
                                             return std::make_unique<OnnxRuntimeBackend>(network);
                                           }};

}  // namespace mlperf_bake
