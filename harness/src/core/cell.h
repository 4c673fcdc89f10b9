// The cell an image was built for: cell.conf, parsed (docs/contracts.md, "cell.conf").
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/audit.h"
#include "core/tensor.h"

namespace mlperf_bake {

// Stands for the weights' SHA-256 where none is known beforehand: a recipe trains them, say.
inline constexpr std::string_view kUnlocked = "unlocked";

// What the network's output holds: `scores` is N x classes, `argmax` the N predicted classes themselves,
// `tensors` whatever the task makes a response of.
enum class OutputKind { kScores, kArgmax, kTensors };

// What synthetic values of an input are drawn from: integers include `most`, floats stay below it.
struct ValueRange {
  double least = 0;
  double most = 0;
};

struct Seeds {
  std::uint64_t qsl = 0;
  std::uint64_t sample_index = 0;
  std::uint64_t schedule = 0;

  bool operator==(const Seeds&) const = default;
};

struct Cell {
  std::filesystem::path conf;  // where it was read from
  std::string id, model, implementation, framework, hardware, os, division, round, benchmark;
  std::string loadgen_model;  // the model's name in LoadGen's own configuration
  std::string task, backend;
  std::string precision;                               // of the weights
  std::map<std::string, std::string> backend_options;  // `backend.NAME = VALUE`

  std::filesystem::path weights;  // absolute
  std::string weights_sha256;     // of the weights or of what they were converted from; or kUnlocked
  std::optional<std::filesystem::path> conversion;  // absolute; how the weights were made from their source

  std::map<std::string, std::string> task_options;      // `task.NAME = VALUE`
  std::vector<NamedTensor> inputs;                      // of a sample one after the other; at least one
  std::vector<std::optional<ValueRange>> input_values;  // one an input; nullopt: any
  OutputKind output_kind = OutputKind::kScores;
  std::vector<NamedTensor> outputs;  // one of scores (shape: classes) or argmax (shape: none), or tensors
  std::size_t classes = 0;           // 0 where there are none: tensors
  std::int64_t label_offset = 0;
  std::string preprocessing;

  std::size_t performance_sample_count = 0;
  std::optional<double> server_target_latency_ms;  // where the round has the scenario, as the next
  std::optional<double> interactive_target_latency_ms;
  Seeds seeds;
  Audits audits;  // the benchmark's compliance tests

  std::size_t SampleBytes() const {
    std::size_t bytes = 0;
    for (const NamedTensor& input : inputs) bytes += input.SampleBytes();
    return bytes;
  }
  // An output has an extent that the network decides: then outputs have no batch extent, and batches are of
  // one.
  bool IsOpenEnded() const;
};

// Failure kCell, with file and line, where anything is missing, unknown or wrong.
Cell ReadCell(const std::filesystem::path& conf);

}  // namespace mlperf_bake
