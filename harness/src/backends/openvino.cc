// OpenVINO on the CPU: one compiled network a worker, with one stream of `threads` threads, run by the
// worker's own thread. Reads whatever OpenVINO's frontends read: its own form (.xml with its .bin beside it),
// ONNX.
#include <array>
#include <openvino/openvino.hpp>
#include <optional>

#include "backends/answer.h"
#include "backends/backend.h"
#include "backends/batch_inputs.h"
#include "backends/network_fit.h"
#include "core/failure.h"

namespace mlperf_bake {
namespace {

constexpr const char* kDevice = "CPU";

std::string Version() {
  const std::string build = ov::get_openvino_version().buildNumber;  // 2026.4.1-22982-...
  return build.substr(0, build.find('-'));
}

// What went wrong without the places in OpenVINO's sources that it passed through ("... from
// src/x.cpp:117:").
std::string Reason(const ov::Exception& error) {
  const std::string text = error.what();
  const std::size_t place = text.rfind(".cpp:");
  const std::size_t colon = place == std::string::npos ? place : text.find(':', place + 5);
  return colon == std::string::npos ? text : text.substr(colon + 1);
}

ov::element::Type ElementType(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return ov::element::f32;
    case DType::kFloat16:
      return ov::element::f16;
    case DType::kUint8:
      return ov::element::u8;
    case DType::kInt8:
      return ov::element::i8;
    case DType::kInt32:
      return ov::element::i32;
    case DType::kInt64:
      return ov::element::i64;
  }
  return ov::element::dynamic;
}

// What to compute in, always said: left to itself OpenVINO takes bfloat16 where the CPU has it. The 8-bit
// layers of quantised weights stay what they are.
ov::element::Type ComputeType(const std::string& precision) {
  if (precision == "bf16") return ov::element::bf16;
  if (precision == "fp16") return ov::element::f16;
  return ov::element::f32;
}

DeclaredShape Declared(const ov::Output<const ov::Node>& port) {
  DeclaredShape shape;
  const ov::PartialShape declared = port.get_partial_shape();
  if (declared.rank().is_dynamic()) return shape;
  for (const ov::Dimension& extent : declared) shape.push_back(extent.is_static() ? extent.get_length() : -1);
  return shape;
}

// The network's input or output that cell.conf describes, after its element type was checked.
ov::Output<const ov::Node> Port(const ov::Model& model, const Cell& cell, End end,
                                const NamedTensor& wanted) {
  std::vector<std::string> found;
  for (const auto& port : end == End::kInput ? model.inputs() : model.outputs()) {
    if (port.get_names().contains(wanted.name)) {
      CheckElements(cell, end, wanted, port.get_element_type() == ElementType(wanted.dtype));
      return port;
    }
    found.insert(found.end(), port.get_names().begin(), port.get_names().end());
  }
  NoSuchName(cell, end, wanted.name, found);
}

// The network's inputs, each by the name that cell.conf has for it, else by one of its own.
std::vector<std::string> InputNames(const ov::Model& model, const Cell& cell) {
  std::vector<std::string> names;
  for (const auto& port : model.inputs()) {
    names.push_back(port.get_names().empty() ? "an unnamed one" : port.get_any_name());
    for (const NamedTensor& input : cell.inputs) {
      if (port.get_names().contains(input.name)) names.back() = input.name;
    }
  }
  return names;
}

class OpenVinoInstance final : public Instance {
 public:
  OpenVinoInstance(const Cell& cell, ov::CompiledModel compiled, int batch)
      : open_ended_(cell.IsOpenEnded()),
        compiled_(std::move(compiled)),
        request_(compiled_.create_infer_request()),
        pieces_(cell, batch) {
    for (const NamedTensor& input : cell.inputs) inputs_.push_back({compiled_.input(input.name), {}, {}});
    for (const NamedTensor& output : cell.outputs)
      outputs_.push_back({compiled_.output(output.name), {}, {}});
    open_ended_ ? void(answer_.emplace(cell)) : void(memory_.emplace(cell, batch));
    for (std::size_t count = 1; count <= static_cast<std::size_t>(batch); ++count) {
      for (std::size_t i = 0; i < inputs_.size(); ++i) {
        inputs_[i].shapes.push_back(Extents(BatchShape(cell.inputs[i], count)));
      }
      for (std::size_t i = 0; !open_ended_ && i < outputs_.size(); ++i) {
        const auto& port = outputs_[i].port;
        outputs_[i].tensors.emplace_back(port.get_element_type(), Extents(BatchShape(cell.outputs[i], count)),
                                         memory_->data(i));
      }
    }
  }

  Output Run(const std::byte* samples, std::size_t count) override {
    try {
      const auto pieces = pieces_.Locate(samples, count);
      for (std::size_t i = 0; i < pieces.size(); ++i) {
        // A header over the input where it lies. OpenVINO does not write to inputs.
        const auto& port = inputs_[i].port;
        request_.set_tensor(port, ov::Tensor(port.get_element_type(), inputs_[i].shapes[count - 1],
                                             const_cast<std::byte*>(pieces[i])));
      }
      if (count != output_count_ && !open_ended_) {
        for (const Side& output : outputs_) request_.set_tensor(output.port, output.tensors[count - 1]);
        output_count_ = count;
      }
      request_.infer();
      return open_ended_ ? Found() : memory_->First(count);
    } catch (const ov::Exception& error) {
      throw RunFailure("OpenVINO", count, Reason(error));
    }
  }

 private:
  // An input or output of the compiled network; what belongs to a batch stands at its count - 1.
  struct Side {
    ov::Output<const ov::Node> port;
    std::vector<ov::Shape> shapes;    // of an input
    std::vector<ov::Tensor> tensors;  // of an output, over the same memory
  };

  static ov::Shape Extents(const Shape& shape) { return {shape.begin(), shape.end()}; }

  // What OpenVINO answered, in its own memory.
  Output Found() {
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const ov::Tensor tensor = request_.get_tensor(outputs_[i].port);
      answer_->Set(i, tensor.get_shape(), tensor.data());
    }
    return answer_->output();
  }

  bool open_ended_;
  ov::CompiledModel compiled_;
  ov::InferRequest request_;
  BatchInputs pieces_;
  std::vector<Side> inputs_, outputs_;
  std::optional<OutputMemory> memory_;  // where the shapes of outputs are known
  std::optional<TensorAnswer> answer_;  // where they are not
  std::size_t output_count_ = 0;        // what the request's outputs are set to
};

class OpenVinoBackend final : public Backend {
 public:
  explicit OpenVinoBackend(const Network& network)
      : cell_(network.cell), compute_(ComputeType(network.configuration.precision)) {
    CheckCompute(network.configuration.precision);
    try {
      model_ = core_.read_model(cell_.weights.string());
    } catch (const ov::Exception& error) {
      throw LoadFailure(cell_, "OpenVINO", Reason(error));
    }
  }

  BackendFacts Facts(int usable_cpus) const override { return {"openvino", Version(), kDevice, usable_cpus}; }

  std::unique_ptr<Instance> OpenInstance(const Resources& resources) override {
    if (resources.cpus.size() > 1) {
      throw Failure(
          ExitCode::kUsage,
          "OpenVINO's workers share one pool of helper threads, which cannot be pinned to the CPUs of one "
          "worker; give --threads 1 with --pin, or --pin none.");
    }
    for (const NamedTensor& input : cell_.inputs) {
      CheckInput(cell_, input, Declared(Port(*model_, cell_, End::kInput, input)), resources.batch);
    }
    CheckAllNamed(cell_, InputNames(*model_, cell_));
    for (const NamedTensor& output : cell_.outputs) {
      const auto port = Port(*model_, cell_, End::kOutput, output);
      if (port.get_partial_shape().rank().is_static()) CheckOutput(cell_, output, Declared(port));
    }
    try {
      const std::shared_ptr<ov::Model> model = model_->clone();  // of the graph; the weights are shared
      model->reshape(InputShapes(resources.batch));
      ov::CompiledModel compiled = core_.compile_model(
          model, kDevice, ov::num_streams(1), ov::inference_num_threads(resources.threads),
          ov::hint::enable_cpu_pinning(false), ov::hint::inference_precision(compute_));
      return std::make_unique<OpenVinoInstance>(cell_, std::move(compiled), resources.batch);
    } catch (const ov::Exception& error) {
      throw LoadFailure(cell_, "OpenVINO", Reason(error));
    }
  }

 private:
  // Any number of samples up to the batch; measured as fast as a fixed batch.
  std::map<std::string, ov::PartialShape> InputShapes(int batch) const {
    std::map<std::string, ov::PartialShape> shapes;
    for (const NamedTensor& input : cell_.inputs) {
      ov::PartialShape& shape = shapes[input.name];
      shape = {ov::Dimension(1, batch)};
      for (const std::int64_t extent : input.shape) shape.push_back(extent);
    }
    return shapes;
  }

  void CheckCompute(const std::string& precision) {
    if (compute_ == ov::element::f32) return;
    const std::string wanted =
        compute_ == ov::element::bf16 ? ov::device::capability::BF16 : ov::device::capability::FP16;
    std::string found;
    for (const std::string& capability : core_.get_property(kDevice, ov::device::capabilities)) {
      if (capability == wanted) return;
      found += (found.empty() ? "" : ", ") + capability;
    }
    throw Failure(ExitCode::kUsage, "OpenVINO cannot compute in " + precision + " on this CPU (it has " +
                                        found + "); leave --precision out.");
  }

  const Cell& cell_;
  ov::element::Type compute_;
  ov::Core core_;
  std::shared_ptr<ov::Model> model_;
};

constexpr std::array<std::string_view, 2> kPrecisions = {"bf16", "fp16"};

}  // namespace

extern const BackendEntry kBackend_openvino;
const BackendEntry kBackend_openvino = {
    "openvino", Version, true, {}, kPrecisions, [](const Network& network) -> std::unique_ptr<Backend> {
      return std::make_unique<OpenVinoBackend>(network);
    }};

}  // namespace mlperf_bake
