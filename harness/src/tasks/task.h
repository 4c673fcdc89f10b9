// What a task is: it turns a backend's output into LoadGen responses, and measures accuracy.
//
// A new task is one file, src/tasks/NAME.cc, that defines `extern const TaskEntry kTask_NAME`, and its line
// in registry.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "core/cell.h"
#include "core/dataset.h"
#include "query_sample.h"

namespace mlperf_bake {

struct Accuracy {
  std::string metric;
  std::uint64_t correct = 0;
  std::uint64_t total = 0;
};

// One worker's part of a task; used by one thread at a time.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // Makes room for `most_pending` responses between two calls of Release(); none is pending now.
  virtual void Reserve(std::size_t most_pending) = 0;
  // Writes one response for each of `samples`, in order, to `responses`, which has their number. The
  // responses' data is the decoder's and lives until Release().
  virtual void Decode(const Output& output, std::span<const mlperf::QuerySample> samples,
                      std::span<mlperf::QuerySampleResponse> responses) = 0;
  // The responses have been delivered.
  virtual void Release() = 0;
};

class Task {
 public:
  virtual ~Task() = default;
  virtual std::unique_ptr<Decoder> OpenDecoder() = 0;
  // What the response to a sample takes, in bytes; where they differ, a generous one.
  virtual std::size_t response_bytes() const = 0;
  // Over all samples answered so far, each counted once; nullopt where there are no labels or nothing was
  // answered.
  virtual std::optional<Accuracy> Measure() const { return std::nullopt; }
  // The command that measures the accuracy of the run recorded in `where`; empty where Measure() does.
  virtual std::string AccuracyCommand(const std::string& /*where*/) const { return ""; }
};

// One line of the registry. `score`: keep the answers for Measure(). `cell` and `data` must outlive the task.
// Opening fails with kCell where the network's outputs are not what the task makes responses of.
struct TaskEntry {
  std::string_view name;
  std::span<const std::string_view> options;  // names of `task.NAME` in cell.conf
  std::unique_ptr<Task> (*open)(const Cell& cell, const DataSet& data, bool score);
};

// Failure kCell: the outputs that cell.conf describes are not `needed`.
[[noreturn]] void RefuseOutputs(const Cell& cell, const std::string& needed);

// Failure kCell when the cell names a task that does not exist, or an option that the task has not.
std::unique_ptr<Task> OpenTask(const Cell& cell, const DataSet& data, bool score);

}  // namespace mlperf_bake
