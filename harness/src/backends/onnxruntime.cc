// ONNX Runtime: one session a worker, each with its own intra-op threads, so that workers never share a pool.
//
// `--backend-option provider=NAME` has one of its execution providers compute. Samples and answers stay in
// the memory of the CPU: a provider with a device of its own copies each batch there and its answer back,
// within Run(). What a provider cannot compute, ONNX Runtime gives to the CPU.
#define ORT_API_MANUAL_INIT
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>

#include "backends/backend.h"
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

class OnnxRuntimeInstance final : public Instance {
 public:
  OnnxRuntimeInstance(const Ort::Env& env, const Network& network, const Provider& provider,
                      const Resources& resources)
      : cell_(network.cell),
        input_type_(ElementType(cell_.input_dtype)),
        sample_bytes_(cell_.SampleBytes()),
        session_(env, network.weights.data(), network.weights.size(), OptionsFor(provider, resources)),
        input_shape_(BatchShape(cell_, 1)),
        memory_(cell_, resources.batch) {
    CheckInput(cell_, Declared(End::kInput), resources.batch);
    CheckOutput(cell_, Declared(End::kOutput));
    // Output tensors over the same memory, one for each number of samples, so that a run allocates none.
    for (int count = 1; count <= resources.batch; ++count) {
      outputs_.push_back(OutputTensor(static_cast<std::size_t>(count)));
    }
  }

  Output Run(const std::byte* samples, std::size_t count) override {
    try {
      input_shape_[0] = static_cast<std::int64_t>(count);
      // A header over the samples where they lie: nothing is copied. ONNX Runtime does not write to inputs.
      const Ort::Value input =
          Ort::Value::CreateTensor(cpu_, const_cast<std::byte*>(samples), count * sample_bytes_,
                                   input_shape_.data(), input_shape_.size(), input_type_);
      const std::array<const char*, 1> input_names = {cell_.input_name.c_str()};
      const std::array<const char*, 1> output_names = {cell_.output_name.c_str()};
      session_.Run(run_options_, input_names.data(), &input, 1, output_names.data(), &outputs_[count - 1], 1);
    } catch (const Ort::Exception& error) {
      throw RunFailure(kRuntime, count, error.what());
    }
    return memory_.First(count);
  }

 private:
  // The declared shape of the input or output that cell.conf names, after its element type was checked.
  DeclaredShape Declared(End end) const {
    const bool input = end == End::kInput;
    const std::string& wanted = input ? cell_.input_name : cell_.output_name;
    const ONNXTensorElementDataType elements =
        input ? input_type_ : ElementType(OutputDType(cell_.output_kind));
    const Ort::AllocatorWithDefaultOptions allocator;
    const std::size_t count = input ? session_.GetInputCount() : session_.GetOutputCount();
    std::vector<std::string> found;
    for (std::size_t i = 0; i < count; ++i) {
      const auto name = input ? session_.GetInputNameAllocated(i, allocator)
                              : session_.GetOutputNameAllocated(i, allocator);
      if (wanted == name.get()) {
        const Ort::TypeInfo info = input ? session_.GetInputTypeInfo(i) : session_.GetOutputTypeInfo(i);
        const auto tensor = info.GetTensorTypeAndShapeInfo();
        CheckElements(cell_, end, tensor.GetElementType() == elements);
        return tensor.GetShape();
      }
      found.emplace_back(name.get());
    }
    NoSuchName(cell_, end, found);
  }

  Ort::Value OutputTensor(std::size_t count) {
    const std::vector<std::int64_t> shape = memory_.ShapeFor(count);
    return Ort::Value::CreateTensor(cpu_, memory_.data(), AnswerBytes(cell_, count), shape.data(),
                                    shape.size(), ElementType(OutputDType(cell_.output_kind)));
  }

  const Cell& cell_;
  ONNXTensorElementDataType input_type_;
  std::size_t sample_bytes_;
  Ort::MemoryInfo cpu_ = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  Ort::RunOptions run_options_;
  Ort::Session session_;
  std::vector<std::int64_t> input_shape_;
  OutputMemory memory_;
  std::vector<Ort::Value> outputs_;  // by count - 1
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
