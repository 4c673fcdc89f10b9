// TensorFlow through its C interface: a frozen graph, one session a worker. A session runs its operations one
// after the other in the worker's own thread; inside an operation it has a thread pool of its own.
#include <tensorflow/c/c_api.h>

#include <array>
#include <cstdlib>

#include "backends/backend.h"
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

// The graph, and where its input and output are.
struct Endpoints {
  Graph graph{TF_NewGraph()};
  TF_Output input{}, output{};
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
TF_Output Find(TF_Graph* graph, const Cell& cell, End end) {
  const std::string& wanted = end == End::kInput ? cell.input_name : cell.output_name;
  const std::size_t colon = wanted.rfind(':');
  const int index = colon == std::string::npos ? 0 : std::atoi(wanted.c_str() + colon + 1);
  TF_Operation* const operation = TF_GraphOperationByName(graph, wanted.substr(0, colon).c_str());
  if (operation == nullptr || index < 0 || index >= TF_OperationNumOutputs(operation)) {
    NoSuchName(cell, end, Names(graph, end));
  }
  const TF_Output found{operation, index};
  CheckElements(cell, end,
                TF_OperationOutputType(found) ==
                    ElementType(end == End::kInput ? cell.input_dtype : OutputDType(cell.output_kind)));
  return found;
}

class TensorFlowInstance final : public Instance {
 public:
  TensorFlowInstance(const Cell& cell, const Endpoints& ends, int threads)
      : cell_(cell), ends_(ends), input_type_(ElementType(cell.input_dtype)) {
    const SessionOptions options(TF_NewSessionOptions());
    const std::string config = SessionConfig(threads);
    TF_SetConfig(options.get(), config.data(), config.size(), status_.get());
    if (Ok(status_)) session_.reset(TF_NewSession(ends.graph.get(), options.get(), status_.get()));
    if (!Ok(status_)) throw LoadFailure(cell, kRuntime, TF_Message(status_.get()));
    input_shape_ = BatchShape(cell, 1);
  }

  Output Run(const std::byte* samples, std::size_t count) override {
    input_shape_[0] = static_cast<std::int64_t>(count);
    // A header over the samples where they lie; TensorFlow copies only what is not aligned to 64 bytes.
    const Tensor input(TF_NewTensor(
        input_type_, input_shape_.data(), static_cast<int>(input_shape_.size()),
        const_cast<std::byte*>(samples), count * cell_.SampleBytes(), [](void*, std::size_t, void*) {},
        nullptr));
    TF_Tensor* const input_value = input.get();
    TF_Tensor* output_value = nullptr;
    TF_SessionRun(session_.get(), run_options_.get(), &ends_.input, &input_value, 1, &ends_.output,
                  &output_value, 1, nullptr, 0, nullptr, status_.get());
    if (!Ok(status_)) throw RunFailure(kRuntime, count, TF_Message(status_.get()));
    // The interface takes no memory for outputs: the answer stays where TensorFlow put it.
    output_.reset(output_value);
    CheckAnswer(count);
    return AnswerAt(cell_, TF_TensorData(output_.get()), count);
  }

 private:
  // A graph need not declare its shapes.
  void CheckAnswer(std::size_t count) const {
    const std::size_t bytes = TF_TensorByteSize(output_.get());
    const std::size_t expected = AnswerBytes(cell_, count);
    if (bytes == expected) return;
    throw RunFailure(
        kRuntime, count,
        "it answered " + std::to_string(bytes) + " bytes instead of " + std::to_string(expected));
  }

  const Cell& cell_;
  const Endpoints& ends_;
  TF_DataType input_type_;
  Status status_{TF_NewStatus()};
  Session session_;
  Buffer run_options_{[] {
    const std::string options = RunInCallersThread();
    return TF_NewBufferFromString(options.data(), options.size());
  }()};
  std::vector<std::int64_t> input_shape_;
  Tensor output_;
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
    ends_.input = Find(ends_.graph.get(), cell_, End::kInput);
    ends_.output = Find(ends_.graph.get(), cell_, End::kOutput);
  }

  BackendFacts Facts(int usable_cpus) const override {
    return {"tensorflow", TF_Version(), "CPU", usable_cpus};
  }

  std::unique_ptr<Instance> OpenInstance(const Resources& resources) override {
    CheckDeclared(resources.batch);
    // A session's threads may run where the thread that opens it may.
    PinThisThread(resources.cpus);
    auto instance = std::make_unique<TensorFlowInstance>(cell_, ends_, resources.threads);
    if (!resources.cpus.empty()) PinThisThread({resources.cpus.front()});
    return instance;
  }

 private:
  void CheckDeclared(int batch) const {
    const DeclaredShape input = Declared(ends_.graph.get(), ends_.input);
    if (!input.empty()) CheckInput(cell_, input, batch);
    const DeclaredShape output = Declared(ends_.graph.get(), ends_.output);
    if (!output.empty()) CheckOutput(cell_, output);
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
