// TensorFlow through its C interface: a frozen graph, one session a worker. A session runs its operations one
// after the other in the worker's own thread; inside an operation it has a thread pool of its own.
#include <tensorflow/c/c_api.h>

#include <algorithm>
#include <cstdlib>

#include "backends/answer.h"
#include "backends/backend.h"
#include "backends/batch_inputs.h"
#include "backends/network_fit.h"
#include "core/cpus.h"
#include "core/failure.h"

namespace mlperf_bake {
namespace {

constexpr std::string_view kRuntime = "TensorFlow";

// What TensorFlow's C interface gives out, released by the function that it names for it.
template <auto release>
struct Release {
  template <typename T>
  void operator()(T* owned) const {
    release(owned);
  }
};
using Status = std::unique_ptr<TF_Status, Release<TF_DeleteStatus>>;
using Graph = std::unique_ptr<TF_Graph, Release<TF_DeleteGraph>>;
using Buffer = std::unique_ptr<TF_Buffer, Release<TF_DeleteBuffer>>;
using Tensor = std::unique_ptr<TF_Tensor, Release<TF_DeleteTensor>>;
using SessionOptions = std::unique_ptr<TF_SessionOptions, Release<TF_DeleteSessionOptions>>;
using ImportOptions = std::unique_ptr<TF_ImportGraphDefOptions, Release<TF_DeleteImportGraphDefOptions>>;

struct CloseSession {
  void operator()(TF_Session* session) const {
    const Status status(TF_NewStatus());
    TF_CloseSession(session, status.get());
    TF_DeleteSession(session, status.get());
  }
};
using Session = std::unique_ptr<TF_Session, CloseSession>;

bool Ok(const Status& status) {
  return TF_GetCode(status.get()) == TF_OK;
}

TF_DataType ElementType(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return TF_FLOAT;
    case DType::kFloat16:
      return TF_HALF;
    case DType::kUint8:
      return TF_UINT8;
    case DType::kInt8:
      return TF_INT8;
    case DType::kInt32:
      return TF_INT32;
    case DType::kInt64:
      return TF_INT64;
  }
  return TF_VARIANT;
}

// The two messages of TensorFlow's protocol that a session needs, in the encoding of Protocol Buffers: a
// field's number and wire type, then its value. config.proto has the numbers.
class Message {
 public:
  Message& Number(unsigned field, std::uint64_t value) {
    Varint(field << 3U);
    Varint(value);
    return *this;
  }
  Message& Bytes(unsigned field, std::string_view value) {
    Varint(field << 3U | 2U);
    Varint(value.size());
    bytes_ += value;
    return *this;
  }
  const std::string& text() const { return bytes_; }

 private:
  void Varint(std::uint64_t value) {
    for (; value > 0x7F; value >>= 7U) bytes_ += static_cast<char>(value | 0x80U);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

// ConfigProto: `threads` inside an operation, none between operations, and no pool shared with other
// sessions.
std::string SessionConfig(int threads) {
  constexpr unsigned kIntraOpThreads = 2, kInterOpThreads = 5, kPerSessionThreads = 9, kExperimental = 16;
  constexpr unsigned kExecutorType = 3;
  return Message()
      .Number(kIntraOpThreads, static_cast<std::uint64_t>(threads))
      .Number(kInterOpThreads, 1)
      .Number(kPerSessionThreads, 1)
      .Bytes(kExperimental, Message().Bytes(kExecutorType, "SINGLE_THREADED_EXECUTOR").text())
      .text();
}

// RunOptions: inter_op_thread_pool -1, which is the caller's thread.
std::string RunInCallersThread() {
  constexpr unsigned kInterOpThreadPool = 3;
  return Message().Number(kInterOpThreadPool, ~std::uint64_t{0}).text();
}

// Otherwise all sessions share the first one's threads. TensorFlow reads it before its first session.
void GiveSessionsTheirOwnThreads() {
  constexpr int kOverwrite = 1;
  setenv("TF_OVERRIDE_GLOBAL_THREADPOOL", "1", kOverwrite);
}

// The graph, and where its inputs and outputs are.
struct Endpoints {
  Graph graph{TF_NewGraph()};
  std::vector<TF_Output> inputs, outputs;
};

DeclaredShape Declared(TF_Graph* graph, TF_Output end) {
  const Status status(TF_NewStatus());
  const int extents = TF_GraphGetTensorNumDims(graph, end, status.get());
  DeclaredShape shape(extents < 0 ? 0 : static_cast<std::size_t>(extents));
  if (!shape.empty()) TF_GraphGetTensorShape(graph, end, shape.data(), extents, status.get());
  return shape;
}

// Names of the graph's inputs (placeholders), or of its outputs (operations that nothing follows).
std::vector<std::string> Names(TF_Graph* graph, End end) {
  std::vector<std::string> names;
  std::size_t at = 0;
  while (TF_Operation* const operation = TF_GraphNextOperation(graph, &at)) {
    const bool placeholder = std::string_view(TF_OperationOpType(operation)) == "Placeholder";
    bool last = TF_OperationNumOutputs(operation) > 0;
    for (int i = 0; i < TF_OperationNumOutputs(operation); ++i) {
      last = last && TF_OperationOutputNumConsumers({operation, i}) == 0;
    }
    if (end == End::kInput ? placeholder : last) names.emplace_back(TF_OperationName(operation));
  }
  return names;
}

// `images` or `images:0`: an operation and which of its outputs.
TF_Output Find(TF_Graph* graph, const Cell& cell, End end, const NamedTensor& tensor) {
  const std::string& wanted = tensor.name;
  const std::size_t colon = wanted.rfind(':');
  const int index = colon == std::string::npos ? 0 : std::atoi(wanted.c_str() + colon + 1);
  TF_Operation* const operation = TF_GraphOperationByName(graph, wanted.substr(0, colon).c_str());
  if (operation == nullptr || index < 0 || index >= TF_OperationNumOutputs(operation)) {
    NoSuchName(cell, end, wanted, Names(graph, end));
  }
  const TF_Output found{operation, index};
  CheckElements(cell, end, tensor, TF_OperationOutputType(found) == ElementType(tensor.dtype));
  return found;
}

class TensorFlowInstance final : public Instance {
 public:
  TensorFlowInstance(const Cell& cell, const Endpoints& ends, const Resources& resources)
      : cell_(cell), ends_(ends), pieces_(cell, resources.batch), answer_(cell) {
    const SessionOptions options(TF_NewSessionOptions());
    const std::string config = SessionConfig(resources.threads);
    TF_SetConfig(options.get(), config.data(), config.size(), status_.get());
    if (Ok(status_)) session_.reset(TF_NewSession(ends.graph.get(), options.get(), status_.get()));
    if (!Ok(status_)) throw LoadFailure(cell, kRuntime, TF_Message(status_.get()));
    for (const NamedTensor& input : cell.inputs) {
      input_types_.push_back(ElementType(input.dtype));
      input_shapes_.push_back(BatchShape(input, 1));
    }
    input_values_.resize(cell.inputs.size());
    output_values_.resize(cell.outputs.size());
    outputs_.resize(cell.outputs.size());
  }

  Output Run(const std::byte* samples, std::size_t count) override {
    const auto pieces = pieces_.Locate(samples, count);
    inputs_.clear();
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      input_shapes_[i][0] = static_cast<std::int64_t>(count);
      // A header over the input where it lies; TensorFlow copies only what is not aligned to 64 bytes.
      inputs_.emplace_back(TF_NewTensor(
          input_types_[i], input_shapes_[i].data(), static_cast<int>(input_shapes_[i].size()),
          const_cast<std::byte*>(pieces[i]), count * pieces_.bytes(i), [](void*, std::size_t, void*) {},
          nullptr));
      input_values_[i] = inputs_.back().get();
    }
    const int outputs = static_cast<int>(output_values_.size());
    std::fill(output_values_.begin(), output_values_.end(), nullptr);
    TF_SessionRun(session_.get(), run_options_.get(), ends_.inputs.data(), input_values_.data(),
                  static_cast<int>(input_values_.size()), ends_.outputs.data(), output_values_.data(),
                  outputs, nullptr, 0, nullptr, status_.get());
    if (!Ok(status_)) throw RunFailure(kRuntime, count, TF_Message(status_.get()));
    // The interface takes no memory for outputs: the answer stays where TensorFlow put it.
    for (std::size_t i = 0; i < outputs_.size(); ++i) outputs_[i].reset(output_values_[i]);
    if (cell_.output_kind == OutputKind::kTensors) return Found();
    CheckAnswer(count);
    return ClassesAt(cell_, TF_TensorData(outputs_[0].get()), count);
  }

 private:
  Output Found() {
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const TF_Tensor* const output = outputs_[i].get();
      shape_.clear();
      for (int extent = 0; extent < TF_NumDims(output); ++extent) shape_.push_back(TF_Dim(output, extent));
      answer_.Set(i, shape_, TF_TensorData(output));
    }
    return answer_.output();
  }

  // A graph need not declare its shapes.
  void CheckAnswer(std::size_t count) const {
    const std::size_t bytes = TF_TensorByteSize(outputs_[0].get());
    const std::size_t expected = OutputBytes(cell_.outputs[0], count);
    if (bytes == expected) return;
    throw RunFailure(
        kRuntime, count,
        "it answered " + std::to_string(bytes) + " bytes instead of " + std::to_string(expected));
  }

  const Cell& cell_;
  const Endpoints& ends_;
  Status status_{TF_NewStatus()};
  Session session_;
  Buffer run_options_{[] {
    const std::string options = RunInCallersThread();
    return TF_NewBufferFromString(options.data(), options.size());
  }()};
  BatchInputs pieces_;
  std::vector<TF_DataType> input_types_;
  std::vector<Shape> input_shapes_;
  std::vector<Tensor> inputs_, outputs_;                  // outputs_: of the last batch
  std::vector<TF_Tensor*> input_values_, output_values_;  // the same as the interface takes them
  TensorAnswer answer_;
  Shape shape_;
};

class TensorFlowBackend final : public Backend {
 public:
  explicit TensorFlowBackend(const Network& network) : cell_(network.cell) {
    GiveSessionsTheirOwnThreads();
    const Status status(TF_NewStatus());
    const Buffer bytes(TF_NewBufferFromString(network.weights.data(), network.weights.size()));
    const ImportOptions options(TF_NewImportGraphDefOptions());
    TF_GraphImportGraphDef(ends_.graph.get(), bytes.get(), options.get(), status.get());
    if (!Ok(status)) throw LoadFailure(cell_, kRuntime, TF_Message(status.get()));
    for (const NamedTensor& input : cell_.inputs) {
      ends_.inputs.push_back(Find(ends_.graph.get(), cell_, End::kInput, input));
    }
    for (const NamedTensor& output : cell_.outputs) {
      ends_.outputs.push_back(Find(ends_.graph.get(), cell_, End::kOutput, output));
    }
  }

  BackendFacts Facts(int usable_cpus) const override {
    return {"tensorflow", TF_Version(), "CPU", usable_cpus};
  }

  std::unique_ptr<Instance> OpenInstance(const Resources& resources) override {
    CheckDeclared(resources.batch);
    // A session's threads may run where the thread that opens it may.
    PinThisThread(resources.cpus);
    auto instance = std::make_unique<TensorFlowInstance>(cell_, ends_, resources);
    if (!resources.cpus.empty()) PinThisThread({resources.cpus.front()});
    return instance;
  }

 private:
  void CheckDeclared(int batch) const {
    for (std::size_t i = 0; i < cell_.inputs.size(); ++i) {
      const DeclaredShape declared = Declared(ends_.graph.get(), ends_.inputs[i]);
      if (!declared.empty()) CheckInput(cell_, cell_.inputs[i], declared, batch);
    }
    for (std::size_t i = 0; i < cell_.outputs.size(); ++i) {
      const DeclaredShape declared = Declared(ends_.graph.get(), ends_.outputs[i]);
      if (!declared.empty()) CheckOutput(cell_, cell_.outputs[i], declared);
    }
  }

  const Cell& cell_;
  Endpoints ends_;
};

}  // namespace

extern const BackendEntry kBackend_tensorflow;
const BackendEntry kBackend_tensorflow = {"tensorflow",
                                          [] { return std::string(TF_Version()); },
                                          true,
                                          {},
                                          {},
                                          [](const Network& network) -> std::unique_ptr<Backend> {
                                            return std::make_unique<TensorFlowBackend>(network);
                                          }};

}  // namespace mlperf_bake
