// ONNX Runtime on the CPU: one session a worker, each with its own intra-op threads, so that workers never
// share a pool.
#define ORT_API_MANUAL_INIT
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>
#include <optional>

#include "backends/backend.h"
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

Failure Refused(const std::string& what, const Ort::Exception& error) {
  return Failure(ExitCode::kBackend, "ONNX Runtime " + what + ": " + error.what());
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

// An extent of -1 (or a name) in the network's declared shape takes any size.
bool Fits(std::int64_t declared, std::int64_t wanted) {
  return declared < 0 || declared == wanted;
}

Ort::SessionOptions OptionsFor(const Resources& resources) {
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
  return options;
}

class OnnxRuntimeInstance final : public Instance {
 public:
  OnnxRuntimeInstance(const Ort::Env& env, const Network& network, const Resources& resources)
      : cell_(network.cell),
        input_type_(ElementType(cell_.input_dtype)),
        sample_bytes_(cell_.SampleBytes()),
        session_(env, network.weights.data(), network.weights.size(), OptionsFor(resources)) {
    CheckInput(resources.batch);
    CheckOutput();
    const auto batch = static_cast<std::size_t>(resources.batch);
    input_shape_.push_back(0);
    input_shape_.insert(input_shape_.end(), cell_.input_shape.begin(), cell_.input_shape.end());
    if (cell_.output_kind == OutputKind::kScores) {
      scores_.resize(batch * cell_.classes);
    } else {
      argmax_.resize(batch);
    }
    // Output tensors over the same memory, one for each number of samples, so that a run allocates none.
    for (std::size_t count = 1; count <= batch; ++count) outputs_.push_back(OutputTensor(count));
  }

  Output Run(const std::byte* samples, std::size_t count) override {
    try {
      input_shape_[0] = static_cast<std::int64_t>(count);
      // A header over the samples where they lie: nothing is copied. ONNX Runtime does not write to inputs.
      const Ort::Value input =
          Ort::Value::CreateTensor(memory_, const_cast<std::byte*>(samples), count * sample_bytes_,
                                   input_shape_.data(), input_shape_.size(), input_type_);
      const std::array<const char*, 1> input_names = {cell_.input_name.c_str()};
      const std::array<const char*, 1> output_names = {cell_.output_name.c_str()};
      session_.Run(run_options_, input_names.data(), &input, 1, output_names.data(), &outputs_[count - 1], 1);
    } catch (const Ort::Exception& error) {
      throw Refused("could not run a batch of " + std::to_string(count), error);
    }
    if (cell_.output_kind == OutputKind::kScores) {
      return {OutputKind::kScores, std::span(scores_.data(), count * cell_.classes), {}};
    }
    return {OutputKind::kArgmax, {}, std::span(argmax_.data(), count)};
  }

 private:
  [[noreturn]] void Mismatch(const std::string& problem) const {
    throw Failure(ExitCode::kCell, cell_.conf.string() + " does not describe " + cell_.weights.string() +
                                       ": " + problem + "; correct cell.conf or the weights.");
  }

  // The declared shape of the input or output called `wanted`.
  std::vector<std::int64_t> Declared(bool is_input, const std::string& wanted,
                                     ONNXTensorElementDataType* type) const {
    const Ort::AllocatorWithDefaultOptions allocator;
    const std::size_t count = is_input ? session_.GetInputCount() : session_.GetOutputCount();
    std::string found;
    for (std::size_t i = 0; i < count; ++i) {
      const auto name = is_input ? session_.GetInputNameAllocated(i, allocator)
                                 : session_.GetOutputNameAllocated(i, allocator);
      if (wanted == name.get()) {
        const Ort::TypeInfo info = is_input ? session_.GetInputTypeInfo(i) : session_.GetOutputTypeInfo(i);
        const auto tensor = info.GetTensorTypeAndShapeInfo();
        *type = tensor.GetElementType();
        return tensor.GetShape();
      }
      found += (i > 0 ? ", " : "") + std::string(name.get());
    }
    Mismatch(std::string("the network has no ") + (is_input ? "input" : "output") + " \"" + wanted +
             "\", only " + found);
  }

  void CheckInput(int batch) const {
    ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    const std::vector<std::int64_t> declared = Declared(true, cell_.input_name, &type);
    if (type != input_type_) Mismatch("input_dtype is another than the network's");
    bool fits = declared.size() == cell_.input_shape.size() + 1;
    for (std::size_t i = 1; fits && i < declared.size(); ++i)
      fits = Fits(declared[i], cell_.input_shape[i - 1]);
    if (!fits) Mismatch("input_shape " + ToString(cell_.input_shape) + " is another than the network's");
    if (declared[0] >= 0 && declared[0] != batch) {
      throw Failure(ExitCode::kUsage, "The network takes batches of exactly " + std::to_string(declared[0]) +
                                          "; give --batch " + std::to_string(declared[0]) + ".");
    }
  }

  void CheckOutput() const {
    ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    const std::vector<std::int64_t> declared = Declared(false, cell_.output_name, &type);
    const bool scores = cell_.output_kind == OutputKind::kScores;
    if (type != (scores ? ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT : ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64)) {
      Mismatch(scores ? "scores must be float32" : "an argmax must be int64");
    }
    const bool fits =
        scores ? declared.size() == 2 && Fits(declared[1], static_cast<std::int64_t>(cell_.classes))
               : declared.size() == 1;
    if (!fits)
      Mismatch(scores ? "output_kind scores needs an output of N x classes" : "output_kind argmax needs N");
  }

  Ort::Value OutputTensor(std::size_t count) {
    const auto n = static_cast<std::int64_t>(count);
    if (cell_.output_kind == OutputKind::kScores) {
      const std::array<std::int64_t, 2> shape = {n, static_cast<std::int64_t>(cell_.classes)};
      return Ort::Value::CreateTensor<float>(memory_, scores_.data(), count * cell_.classes, shape.data(), 2);
    }
    return Ort::Value::CreateTensor<std::int64_t>(memory_, argmax_.data(), count, &n, 1);
  }

  const Cell& cell_;
  ONNXTensorElementDataType input_type_;
  std::size_t sample_bytes_;
  Ort::MemoryInfo memory_ = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  Ort::RunOptions run_options_;
  Ort::Session session_;
  std::vector<std::int64_t> input_shape_;
  std::vector<float> scores_;
  std::vector<std::int64_t> argmax_;
  std::vector<Ort::Value> outputs_;
};

class OnnxRuntimeBackend final : public Backend {
 public:
  explicit OnnxRuntimeBackend(const Network& network)
      : network_(network), env_(ORT_LOGGING_LEVEL_ERROR, "mlperf-harness") {
    env_.DisableTelemetryEvents();
  }

  BackendFacts Facts(int usable_cpus) const override {
    // Measured best on CPUs: as many single-threaded sessions as CPUs.
    return {"onnxruntime", Ort::GetVersionString(), "CPUExecutionProvider", usable_cpus};
  }

  std::unique_ptr<Instance> OpenInstance(const Resources& resources) override {
    try {
      return std::make_unique<OnnxRuntimeInstance>(env_, network_, resources);
    } catch (const Ort::Exception& error) {
      throw Refused("could not load " + network_.cell.weights.string(), error);
    }
  }

 private:
  Network network_;
  Ort::Env env_;
};

}  // namespace

extern const BackendEntry kBackend_onnxruntime;
const BackendEntry kBackend_onnxruntime = {"onnxruntime",
                                           [] { return std::string(OrtGetApiBase()->GetVersionString()); },
                                           true,
                                           {},
                                           {},
                                           [](const Network& network) -> std::unique_ptr<Backend> {
                                             InitializeApi();
                                             return std::make_unique<OnnxRuntimeBackend>(network);
                                           }};

}  // namespace mlperf_bake
