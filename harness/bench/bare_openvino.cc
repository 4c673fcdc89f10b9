// The least that a program can do with OpenVINO (bare_loop.h): a network of exactly the batch.
#include <openvino/openvino.hpp>

#include "bare_loop.h"

int main(int argc, char** argv) {
  ov::Core core;
  return mlperf_bake::BareLoopMain(
      argc, argv,
      [&](const mlperf_bake::Cell& cell, int threads, std::size_t batch) -> mlperf_bake::RunBatch {
        const std::shared_ptr<ov::Model> model = core.read_model(cell.weights.string());
        ov::Shape shape = {batch};
        const auto& sample = cell.inputs.front().shape;
        shape.insert(shape.end(), sample.begin(), sample.end());
        model->reshape(ov::PartialShape(shape));
        ov::CompiledModel compiled = core.compile_model(
            model, "CPU", ov::num_streams(1), ov::inference_num_threads(threads),
            ov::hint::enable_cpu_pinning(false), ov::hint::inference_precision(ov::element::f32));
        return [request = compiled.create_infer_request(), shape](const float* samples) mutable {
          request.set_input_tensor(ov::Tensor(ov::element::f32, shape, const_cast<float*>(samples)));
          request.infer();
        };
      });
}
