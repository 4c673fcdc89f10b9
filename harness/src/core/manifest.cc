#include "core/manifest.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "core/json.h"
#include "version.h"

namespace mlperf_bake {
namespace {

std::optional<std::string> Environment(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

std::string Seconds(std::uint64_t milliseconds) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%g s", static_cast<double>(milliseconds) / 1000);
  return text.data();
}

void WriteCell(JsonWriter& json, const Cell& cell) {
  json.Key("cell").BeginObject();
  json.Member("id", cell.id).Member("model", cell.model).Member("implementation", cell.implementation);
  json.Member("framework", cell.framework).Member("hardware", cell.hardware).Member("os", cell.os);
  json.Member("division", cell.division).Member("round", cell.round).Member("benchmark", cell.benchmark);
  json.Member("precision", cell.precision).EndObject();
}

void WriteTarget(JsonWriter& json, const std::string& key, const std::optional<Target>& target) {
  json.Key(key);
  if (target) {
    json.Value(target->value)
        .Member(key == "target_qps" ? "target_qps_source" : "target_latency_source", NameOf(target->source));
  } else {
    json.Null().Key(key == "target_qps" ? "target_qps_source" : "target_latency_source").Null();
  }
}

void WriteSettings(JsonWriter& json, const Manifest& manifest) {
  const Execution& execution = manifest.execution;
  json.Key("settings").BeginObject();
  json.Member("workers", execution.workers)
      .Member("threads", execution.threads)
      .Member("batch", execution.batch);
  json.Member("batch_timeout_us", manifest.options.batch_timeout_us).Member("pin", manifest.options.pin);
  json.Member("warmup", manifest.options.warmup).Member("duration_ms", manifest.settings.duration_ms);
  json.Member("min_query_count", manifest.settings.min_query_count);
  WriteTarget(json, "target_qps", manifest.settings.target_qps);
  WriteTarget(json, "target_latency_ms", manifest.settings.target_latency_ms);
  json.Member("samples_per_query", manifest.samples_per_query).EndObject();
}

void WriteTexts(JsonWriter& json, std::string_view key, const std::map<std::string, std::string>& texts) {
  json.Key(key).BeginObject();
  for (const auto& [name, text] : texts) json.Member(name, text);
  json.EndObject();
}

void WriteBackend(JsonWriter& json, const Manifest& manifest) {
  json.Key("backend").BeginObject();
  json.Member("name", manifest.backend.name).Member("version", manifest.backend.version);
  json.Member("provider", manifest.backend.provider);
  json.Member("precision", manifest.configuration.precision);
  WriteTexts(json, "options", manifest.configuration.options);
  WriteTexts(json, "files", manifest.backend.files);
  json.EndObject();
}

void WriteWeights(JsonWriter& json, const std::optional<WeightsFacts>& weights) {
  json.Key("weights");
  if (!weights) {
    json.Null();
    return;
  }
  json.BeginObject().Member("file", weights->file).Member("sha256", weights->sha256);
  json.Member("bytes", weights->bytes).Key("conversion");
  if (const auto& conversion = weights->conversion) {
    json.BeginObject().Member("name", conversion->name).Member("tools", conversion->tools);
    json.Member("source", conversion->source).Member("source_sha256", conversion->source_sha256);
    WriteTexts(json, "files", conversion->files);
    json.Member("sample_data", conversion->sample_data).Member("samples", conversion->samples);
    json.Member("largest_difference", conversion->largest_difference);
    json.Member("tolerance", conversion->tolerance).Member("agreement", conversion->agreement);
    json.Member("least_agreement", conversion->least_agreement).EndObject();
  } else {
    json.Null();
  }
  json.EndObject();
}

void WriteDataSet(JsonWriter& json, const DataSet& data) {
  json.Key("dataset").BeginObject();
  json.Member("name", data.name).Member("synthetic", data.synthetic).Member("count", data.count());
  json.Member("shape", data.shape).Member("dtype", data.dtype).Member("preprocessing", data.preprocessing);
  json.Member("samples_sha256", data.samples_sha256).Member("labels_sha256", data.labels_sha256);
  json.Member("verified", data.verified).Member("official_count", data.official_count).EndObject();
}

void WriteHost(JsonWriter& json) {
  const HostFacts host = DetectHost();
  json.Key("host").BeginObject();
  json.Member("cpu_model", host.cpu_model).Member("cpu_vendor", host.cpu_vendor);
  json.Member("logical_cpus", host.logical_cpus).Member("usable_cpus", host.usable_cpus);
  json.Member("sockets", host.sockets).Member("physical_cores", host.physical_cores);
  json.Member("memory_bytes", host.memory_bytes);
  json.Member("memory_limit_bytes", host.memory_limit_bytes).Member("kernel", host.kernel);
  json.Member("os", host.os).Member("architecture", host.architecture);
  json.Member("accelerators", host.accelerators).EndObject();
}

void WriteResult(JsonWriter& json, const std::optional<Result>& result, const std::optional<Advice>& advice) {
  json.Key("result");
  if (!result) {
    json.Null();
    return;
  }
  json.BeginObject().Member("validity", result->valid ? "VALID" : "INVALID").Member("metric", result->metric);
  json.Member("value", result->value).Member("reasons", result->reasons);
  const Latencies& latency = result->latency_ns;
  json.Key("latency_ns").BeginObject();
  json.Member("mean", latency.mean).Member("p50", latency.p50).Member("p90", latency.p90);
  json.Member("p99", latency.p99).Member("max", latency.max).EndObject();
  json.Key("correction");
  if (advice) {
    json.BeginObject().Member("because", advice->because).Member("options", advice->options).EndObject();
  } else {
    json.Null();
  }
  json.EndObject();
}

void WriteAccuracy(JsonWriter& json, const std::optional<Accuracy>& accuracy) {
  json.Key("accuracy");
  if (!accuracy) {
    json.Null();
    return;
  }
  json.BeginObject().Member("metric", accuracy->metric).Member("correct", accuracy->correct);
  json.Member("total", accuracy->total);
  json.Member("value", static_cast<double>(accuracy->correct) / static_cast<double>(accuracy->total))
      .EndObject();
}

// The program that a user put in place of the cell's own, where the backend runs programs.
std::optional<std::string> OwnProgram(const Manifest& manifest) {
  const auto& files = manifest.backend.files;
  if (files.empty() || manifest.configuration.options == manifest.cell.backend_options) return std::nullopt;
  return files.begin()->first;
}

}  // namespace

std::vector<std::string> DemonstrationReasons(const Manifest& manifest) {
  std::vector<std::string> reasons;
  const DataSet& data = manifest.data;
  const Settings& settings = manifest.settings;
  if (data.synthetic) {
    reasons.push_back("samples are synthetic");
  } else if (data.official_count == 0) {
    reasons.push_back("data set " + data.name + " is not an official one");
  } else if (data.count() != data.official_count || data.demonstration) {
    reasons.push_back("data set " + data.name + " is a sample of " + std::to_string(data.count()) +
                      " (official: " + std::to_string(data.official_count) + ")");
  }
  if (manifest.backend.name != manifest.cell.backend) {
    reasons.push_back("backend " + manifest.backend.name + " instead of " + manifest.cell.backend);
  } else if (const auto own = OwnProgram(manifest); own && manifest.cell.division == "closed") {
    reasons.push_back("program " + *own + " of the user's own in the closed division");
  }
  if (manifest.options.mode == Mode::kAccuracy) return reasons;
  if (settings.duration_ms < settings.official_duration_ms) {
    reasons.push_back("minimum duration " + Seconds(settings.duration_ms) + " instead of " +
                      Seconds(settings.official_duration_ms));
  }
  if (settings.min_query_count < settings.official_min_query_count) {
    reasons.push_back("minimum query count " + std::to_string(settings.min_query_count) + " instead of " +
                      std::to_string(settings.official_min_query_count));
  }
  return reasons;
}

std::string ToJson(const Manifest& manifest) {
  JsonWriter json;
  json.BeginObject().Member("schema", "mlperf-bake/manifest/1").Member("run_id", manifest.run_id);
  json.Member("status", manifest.interrupted ? "interrupted" : "finished");
  json.Member("demonstration", DemonstrationReasons(manifest));
  WriteCell(json, manifest.cell);
  json.Member("fingerprint", Environment("MLPERF_BAKE_FINGERPRINT"));
  json.Member("image_digest", Environment("MLPERF_BAKE_IMAGE_DIGEST"));
  json.Member("argv", manifest.options.argv);
  json.Member("scenario", NameOf(manifest.options.scenario)).Member("mode", ModeText(manifest.options));
  WriteSettings(json, manifest);
  json.Key("loadgen").BeginObject();
  json.Member("version", mlperf::LoadgenVersion()).Member("revision", mlperf::LoadgenGitRevision());
  json.Member("qsl_rng_seed", manifest.seeds.qsl);
  json.Member("sample_index_rng_seed", manifest.seeds.sample_index);
  json.Member("schedule_rng_seed", manifest.seeds.schedule).EndObject();
  WriteBackend(json, manifest);
  WriteWeights(json, manifest.weights);
  WriteDataSet(json, manifest.data);
  json.Key("counts").BeginObject().Member("total_sample_count", manifest.data.count());
  json.Member("performance_sample_count", manifest.settings.performance_sample_count);
  json.Member("samples", manifest.samples).Member("queries", manifest.queries);
  json.Member("cpu_seconds", manifest.cpu_seconds).EndObject();
  json.Key("memory").BeginObject();
  json.Member("rss_after_load_bytes", manifest.memory_after_load.resident);
  json.Member("rss_peak_bytes", manifest.memory_at_end.peak).EndObject();
  WriteHost(json);
  json.Member("started_at", manifest.started_at).Member("ended_at", manifest.ended_at);
  WriteResult(json, manifest.result, manifest.advice);
  WriteAccuracy(json, manifest.accuracy);
  return json.EndObject().Text();
}

std::string UtcNow() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> text;
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text.data() + length, text.size() - length, ".%03dZ", static_cast<int>(milliseconds));
  return text.data();
}

}  // namespace mlperf_bake
