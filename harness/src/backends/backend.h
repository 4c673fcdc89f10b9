// What a backend is: something that loads a network and runs a batch.
//
// A new backend is one file, src/backends/NAME.cc, that defines `extern const BackendEntry kBackend_NAME`,
// and, where it needs a library, cmake/backend_NAME.cmake. Naming it in MLPERF_BAKE_BACKENDS registers it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/cell.h"
#include "core/options.h"

namespace mlperf_bake {

// What a backend is told besides the network: by the cell, by the user.
struct BackendConfiguration {
  std::string precision;                       // fp32, fp16, bf16 or int8: what to compute in
  std::map<std::string, std::string> options;  // only names that BackendEntry::options lists
};

// The network to load: the cell's description and the bytes of its weights file.
struct Network {
  const Cell& cell;
  std::span<const std::byte> weights;  // empty for a backend that needs none
  BackendConfiguration configuration;
};

// What one worker computes with.
struct Resources {
  int threads = 1;
  std::vector<int> cpus;    // one a thread when pinned, otherwise empty
  int batch = 1;            // most samples a call of Run()
  bool share_cpus = false;  // more threads than CPUs: waiting threads must not spin
};

// One of a network's outputs over a batch, row-major.
struct TensorView {
  DType dtype = DType::kFloat32;
  std::span<const std::int64_t> shape;  // the batch first, unless the cell is open-ended
  const void* data = nullptr;
};

// The answer to a batch; the memory is the instance's and lives until its next Run().
struct Output {
  OutputKind kind;
  std::span<const float> scores;          // kScores: batch x classes
  std::span<const std::int64_t> argmax;   // kArgmax: batch
  std::span<const TensorView> tensors{};  // kTensors: as many as Cell::outputs, in their order
};

// The network, ready to run on one worker's resources. Used by one thread at a time.
class Instance {
 public:
  virtual ~Instance() = default;
  // `samples` points at `count` samples, one after the other; 1 <= count <= Resources::batch. A sample is its
  // inputs, one after the other (batch_inputs.h).
  // Failure kBackend when the backend cannot.
  virtual Output Run(const std::byte* samples, std::size_t count) = 0;
};

struct BackendFacts {
  std::string name, version, provider;
  int preferred_workers;                       // on this machine, each with one thread
  std::map<std::string, std::string> files{};  // programs it runs besides the weights: file name to SHA-256
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual BackendFacts Facts(int usable_cpus) const = 0;
  // Thread-safe: workers open their instances side by side. The backend outlives its instances.
  virtual std::unique_ptr<Instance> OpenInstance(const Resources& resources) = 0;
};

// One line of the registry.
struct BackendEntry {
  std::string_view name;
  std::string (*version)();
  bool needs_weights;
  std::span<const std::string_view> options;     // names for `--backend-option`; `x.*` is any that begins so
  std::span<const std::string_view> precisions;  // it can compute in besides the weights' own
  std::unique_ptr<Backend> (*open)(const Network& network);
};

// The backends compiled into this program.
std::span<const BackendEntry> Backends();

// Failure kUsage, with the nearest name, when it is not compiled in.
const BackendEntry& FindBackend(std::string_view name);

// The cell's options with the user's over them; the cell's count only for the cell's own backend.
// Failure kUsage for an option or a precision that the backend does not have.
BackendConfiguration Configure(const BackendEntry& entry, const Cell& cell, const Options& options);

}  // namespace mlperf_bake
