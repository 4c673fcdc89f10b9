// OpenVINO on the CPU: one compiled network a worker, with one stream of `threads` threads, run by the
// worker's own thread. Reads whatever OpenVINO's frontends read: its own form (.xml with its .bin beside it),
// ONNX.
#include <array>
#include <openvino/openvino.hpp>

#include "backends/backend.h"
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

// The network's input or output that cell.conf names, after its element type was checked.
ov::Output<const ov::Node> Port(const ov::Model& model, const Cell& cell, End end) {
  const bool input = end == End::kInput;
  std::vector<std::string> found;
  for (const auto& port : input ? model.inputs() : model.outputs()) {
    if (port.get_names().contains(input ? cell.input_name : cell.output_name)) {
      CheckElements(
          cell, end,
          port.get_element_type() == ElementType(input ? cell.input_dtype : OutputDType(cell.output_kind)));
      return port;
    }
    found.insert(found.end(), port.get_names().begin(), port.get_names().end());
  }
  NoSuchName(cell, end, found);
}

class OpenVinoInstance final : public Instance {
 public:
  OpenVinoInstance(const Cell& cell, ov::CompiledModel compiled, int batch)
      : cell_(cell),
        compiled_(std::move(compiled)),
        request_(compiled_.create_infer_request()),
        memory_(cell, batch) {
    input_ = compiled_.input(cell.input_name);
    output_ = compiled_.output(cell.output_name);
    for (std::size_t count = 1; count <= static_cast<std::size_t>(batch); ++count) {
      input_shapes_.emplace_back(Extents(BatchShape(cell, count)));
      outputs_.emplace_back(output_.get_element_type(), Extents(memory_.ShapeFor(count)), memory_.data());
    }
  }

  Output Run(const std::byte* samples, std::size_t count) override {
    try {
      // A header over the samples where they lie. OpenVINO does not write to inputs.
      request_.set_tensor(input_, ov::Tensor(input_.get_element_type(), input_shapes_[count - 1],
                                             const_cast<std::byte*>(samples)));
      if (count != output_count_) {
        request_.set_tensor(output_, outputs_[count - 1]);
        output_count_ = count;
      }
      request_.infer();
    } catch (const ov::Exception& error) {
      throw RunFailure("OpenVINO", count, Reason(error));
    }
    return memory_.First(count);
  }

 private:
  static ov::Shape Extents(const std::vector<std::int64_t>& shape) { return {shape.begin(), shape.end()}; }

  const Cell& cell_;
  ov::CompiledModel compiled_;
  ov::InferRequest request_;
  ov::Output<const ov::Node> input_, output_;
  OutputMemory memory_;
  std::vector<ov::Shape> input_shapes_;  // by count - 1
  std::vector<ov::Tensor> outputs_;      // over the same memory, by count - 1
  std::size_t output_count_ = 0;         // what the request's output is set to
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
    CheckInput(cell_, Declared(Port(*model_, cell_, End::kInput)), resources.batch);
    CheckOutput(cell_, Declared(Port(*model_, cell_, End::kOutput)));
    try {
      const std::shared_ptr<ov::Model> model = model_->clone();  // of the graph; the weights are shared
      model->reshape({{cell_.input_name, InputShape(resources.batch)}});
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
  ov::PartialShape InputShape(int batch) const {
    ov::PartialShape shape = {ov::Dimension(1, batch)};
    for (const std::int64_t extent : cell_.input_shape) shape.push_back(extent);
    return shape;
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
