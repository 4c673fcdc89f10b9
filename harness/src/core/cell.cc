#include "core/cell.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "core/cell_network.h"
#include "core/conf_file.h"
#include "core/failure.h"

namespace mlperf_bake {
namespace {

constexpr std::array<std::string_view, 36> kKeys = {
    "cell",
    "model",
    "implementation",
    "framework",
    "hardware",
    "os",
    "division",
    "round",
    "benchmark",
    "loadgen_model",
    "task",
    "backend",
    "backend.*",
    "precision",
    "weights",
    "weights_sha256",
    "weights_conversion",
    "input_name",
    "input_shape",
    "input_dtype",
    "input_values",
    "output_name",
    "output_kind",
    "output_shape",
    "output_dtype",
    "task.*",
    "classes",
    "label_offset",
    "preprocessing",
    "performance_sample_count",
    "server_target_latency_ms",
    "interactive_target_latency_ms",
    "qsl_rng_seed",
    "sample_index_rng_seed",
    "schedule_rng_seed",
    "compliance.*",
};

}  // namespace

bool Cell::IsOpenEnded() const {
  return std::any_of(outputs.begin(), outputs.end(),
                     [](const NamedTensor& output) { return IsOpen(output.shape); });
}

Cell ReadCell(const std::filesystem::path& path) {
  const ConfFile conf(path, kKeys, ExitCode::kCell);
  constexpr std::uint64_t kAnySeed = std::numeric_limits<std::uint64_t>::max();
  constexpr std::uint64_t kMostSamples = 1'000'000'000;
  constexpr std::array<std::string_view, 1> kAlso = {kUnlocked};

  Cell cell;
  cell.conf = path;
  cell.id = conf.Text("cell");
  cell.model = conf.Text("model");
  cell.implementation = conf.Text("implementation");
  cell.framework = conf.Text("framework");
  cell.hardware = conf.Text("hardware");
  cell.os = conf.Text("os");
  cell.division = conf.Text("division");
  if (cell.division != "open" && cell.division != "closed") conf.Reject("division", "open or closed");
  cell.round = conf.Text("round");
  cell.benchmark = conf.Text("benchmark");
  cell.loadgen_model = conf.Text("loadgen_model");
  cell.task = conf.Text("task");
  cell.backend = conf.Text("backend");
  cell.precision = conf.Text("precision");
  cell.backend_options = conf.Family("backend.");

  const std::filesystem::path directory = std::filesystem::absolute(path).parent_path();
  cell.weights = directory / conf.Text("weights");
  cell.weights_sha256 = conf.Sha256("weights_sha256", kAlso);
  if (conf.Has("weights_conversion")) cell.conversion = directory / conf.Text("weights_conversion");

  ReadInputs(conf, &cell);
  ReadOutputs(conf, &cell);
  cell.task_options = conf.Family("task.");
  cell.preprocessing = conf.Text("preprocessing");

  cell.performance_sample_count = conf.Number("performance_sample_count", 1, kMostSamples);
  if (conf.Has("server_target_latency_ms")) {
    cell.server_target_latency_ms = conf.Positive("server_target_latency_ms");
  }
  if (conf.Has("interactive_target_latency_ms")) {
    cell.interactive_target_latency_ms = conf.Positive("interactive_target_latency_ms");
  }
  cell.seeds = {conf.Number("qsl_rng_seed", 0, kAnySeed), conf.Number("sample_index_rng_seed", 0, kAnySeed),
                conf.Number("schedule_rng_seed", 0, kAnySeed)};
  cell.audits = ReadAudits(conf);
  return cell;
}

}  // namespace mlperf_bake
