// The cell an image was built for: cell.conf, parsed (docs/contracts.md, "cell.conf").
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/audit.h"
#include "core/tensor.h"

namespace mlperf_bake {

// Stands for the weights' SHA-256 where none is known beforehand: a recipe trains them, say.
inline constexpr std::string_view kUnlocked = "unlocked";

// What the network's output holds: `scores` is N x classes, `argmax` the N predicted classes themselves.
enum class OutputKind { kScores, kArgmax };

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

  std::string input_name;
  Shape input_shape;
  DType input_dtype = DType::kFloat32;
  std::string output_name;
  OutputKind output_kind = OutputKind::kScores;
  std::size_t classes = 0;
  std::int64_t label_offset = 0;
  std::string preprocessing;

  std::size_t performance_sample_count = 0;
  double server_target_latency_ms = 0;
  std::optional<double> interactive_target_latency_ms;
  Seeds seeds;
  Audits audits;  // the benchmark's compliance tests

  std::size_t SampleBytes() const { return ElementCount(input_shape) * BytesOf(input_dtype); }
};

// Failure kCell, with file and line, where anything is missing, unknown or wrong.
Cell ReadCell(const std::filesystem::path& conf);

}  // namespace mlperf_bake
