#include "core/cell.h"

#include <array>
#include <limits>
#include <string_view>

#include "core/conf_file.h"
#include "core/failure.h"

namespace mlperf_bake {
namespace {

constexpr std::array<std::string_view, 32> kKeys = {
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
    "output_name",
    "output_kind",
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

OutputKind ReadOutputKind(const ConfFile& conf) {
  const std::string& kind = conf.Text("output_kind");
  if (kind == "scores") return OutputKind::kScores;
  if (kind == "argmax") return OutputKind::kArgmax;
  conf.Reject("output_kind", "scores or argmax");
}

}  // namespace

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

  cell.input_name = conf.Text("input_name");
  const auto shape = ParseShape(conf.Text("input_shape"));
  if (!shape) conf.Reject("input_shape", "extents of one sample joined by x, as 3x224x224");
  cell.input_shape = *shape;
  const auto dtype = ParseDType(conf.Text("input_dtype"));
  if (!dtype) conf.Reject("input_dtype", "float32, float16, uint8, int8, int32 or int64");
  cell.input_dtype = *dtype;
  cell.output_name = conf.Text("output_name");
  cell.output_kind = ReadOutputKind(conf);
  cell.classes = conf.Number("classes", 1, 100'000'000);
  cell.label_offset = conf.SignedNumber("label_offset", -1'000'000, 1'000'000);
  cell.preprocessing = conf.Text("preprocessing");

  cell.performance_sample_count = conf.Number("performance_sample_count", 1, kMostSamples);
  cell.server_target_latency_ms = conf.Positive("server_target_latency_ms");
  if (conf.Has("interactive_target_latency_ms")) {
    cell.interactive_target_latency_ms = conf.Positive("interactive_target_latency_ms");
  }
  cell.seeds = {conf.Number("qsl_rng_seed", 0, kAnySeed), conf.Number("sample_index_rng_seed", 0, kAnySeed),
                conf.Number("schedule_rng_seed", 0, kAnySeed)};
  cell.audits = ReadAudits(conf);
  return cell;
}

}  // namespace mlperf_bake
