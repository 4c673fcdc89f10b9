// The least that a program can do with TensorFlow's C interface (bare_loop.h): the same two settings of a
// session as the harness's, in the encoding of Protocol Buffers.
#include <tensorflow/c/c_api.h>

#include <cstdlib>
#include <stdexcept>

#include "bare_loop.h"
#include "core/memory.h"

namespace {

using mlperf_bake::Cell;

void Check(const TF_Status* status) {
  if (TF_GetCode(status) != TF_OK) throw std::runtime_error(TF_Message(status));
}

// A session, which the program's end closes.
class Worker {
 public:
  Worker(TF_Graph* graph, const Cell& cell, int threads, std::size_t batch)
      : bytes_(batch * cell.SampleBytes()),
        input_{TF_GraphOperationByName(graph, cell.inputs.front().name.c_str()), 0},
        output_{TF_GraphOperationByName(graph, cell.outputs.front().name.c_str()), 0} {
    shape_.push_back(static_cast<std::int64_t>(batch));
    const auto& sample = cell.inputs.front().shape;
    shape_.insert(shape_.end(), sample.begin(), sample.end());
    // intra_op_parallelism_threads, inter_op_parallelism_threads 1, use_per_session_threads, and
    // experimental.executor_type SINGLE_THREADED_EXECUTOR.
    std::string config("\x10_\x28\x01\x48\x01\x82\x01\x1a\x1a\x18SINGLE_THREADED_EXECUTOR");
    config[1] = static_cast<char>(threads);
    TF_SessionOptions* const options = TF_NewSessionOptions();
    TF_SetConfig(options, config.data(), config.size(), status_);
    Check(status_);
    session_ = TF_NewSession(graph, options, status_);
    Check(status_);
    TF_DeleteSessionOptions(options);
  }

  void Run(const float* samples) {
    TF_Tensor* const input = TF_NewTensor(
        TF_FLOAT, shape_.data(), static_cast<int>(shape_.size()), const_cast<float*>(samples), bytes_,
        [](void*, std::size_t, void*) {}, nullptr);
    TF_Tensor* output = nullptr;
    TF_SessionRun(session_, run_options_, &input_, &input, 1, &output_, &output, 1, nullptr, 0, nullptr,
                  status_);
    Check(status_);
    TF_DeleteTensor(input);
    TF_DeleteTensor(output);
  }

 private:
  std::size_t bytes_;
  TF_Output input_, output_;
  std::vector<std::int64_t> shape_;
  TF_Status* status_ = TF_NewStatus();
  // inter_op_thread_pool -1: the caller's thread.
  TF_Buffer* run_options_ = TF_NewBufferFromString("\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
  TF_Session* session_ = nullptr;
};

TF_Graph* Import(const Cell& cell) {
  const auto file = mlperf_bake::Memory::MapFile(cell.weights, mlperf_bake::ExitCode::kWeights);
  TF_Graph* const graph = TF_NewGraph();
  TF_Status* const status = TF_NewStatus();
  TF_Buffer* const bytes = TF_NewBufferFromString(file.bytes().data(), file.bytes().size());
  TF_ImportGraphDefOptions* const options = TF_NewImportGraphDefOptions();
  TF_GraphImportGraphDef(graph, bytes, options, status);
  Check(status);
  TF_DeleteImportGraphDefOptions(options);
  TF_DeleteBuffer(bytes);
  TF_DeleteStatus(status);
  return graph;
}

}  // namespace

int main(int argc, char** argv) {
  setenv("TF_OVERRIDE_GLOBAL_THREADPOOL", "1", 1);
  return mlperf_bake::BareLoopMain(
      argc, argv, [](const Cell& cell, int threads, std::size_t batch) -> mlperf_bake::RunBatch {
        const auto worker = std::make_shared<Worker>(Import(cell), cell, threads, batch);
        return [worker](const float* samples) { worker->Run(samples); };
      });
}
