#include "reader_trials.h"

#include <algorithm>
#include <array>
#include <functional>
#include <stdexcept>
#include <string>

#include "core/cell.h"
#include "core/dataset.h"
#include "core/loadgen_log.h"
#include "core/weights.h"
#include "mutation.h"
#include "support.h"

namespace mlperf_bake::testing {
namespace {

namespace fs = std::filesystem;

void Expect(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

// One try; its Failure, when it is one with this exit code and a sentence that can be printed, is a refusal.
void Try(Trials& trials, ExitCode exit_code, const std::function<void()>& read) {
  try {
    read();
    ++trials.taken;
  } catch (const Failure& failure) {
    Expect(failure.exit_code() == exit_code, "refused with another reader's exit code");
    const std::string_view sentence = failure.what();
    Expect(
        std::none_of(sentence.begin(), sentence.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }),
        "a control character in the sentence");
    ++trials.refused;
  }
}

Trials TryCell(Mutation& mutation, std::uint64_t count, const fs::path& directory) {
  Trials trials;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::array<std::string, 3> texts = {CellText(), SpanCellText(), BoxCellText()};
    WriteFile(directory / "cell.conf", mutation.Of(texts[i % texts.size()]));
    Try(trials, ExitCode::kCell, [&] {
      const Cell cell = ReadCell(directory / "cell.conf");
      Expect(cell.SampleBytes() > 0 && !cell.outputs.empty(), "a cell without samples or outputs");
      Expect(cell.classes > 0 || cell.output_kind == OutputKind::kTensors, "a cell without classes");
      Expect(cell.inputs.size() == cell.input_values.size(), "an input without values");
      Expect(cell.weights.is_absolute(), "weights somewhere");
    });
  }
  return trials;
}

Trials TryDataSet(Mutation& mutation, std::uint64_t count, const fs::path& directory) {
  Trials trials;
  const Cell cell = ReadCell(WriteCell(directory));
  const fs::path data = WriteDataSet(directory / "data", 20);
  const std::string conf = ReadFile(data / "dataset.conf");
  const std::string samples = ReadFile(data / "samples.bin"), labels = ReadFile(data / "labels.bin");
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::size_t which = mutation.Below(4);
    WriteFile(data / "dataset.conf", which < 2 ? mutation.Of(conf) : conf);
    WriteFile(data / "samples.bin", which == 2 ? mutation.Of(samples) : samples);
    WriteFile(data / "labels.bin", which == 3 ? mutation.Of(labels) : labels);
    Try(trials, ExitCode::kDataSet, [&] {
      const DataSet set = DataSet::Open(data, cell, true);
      Expect(set.count() * set.sample_bytes() == samples.size(), "another number of samples than there are");
      static_cast<void>(*static_cast<const volatile std::byte*>(set.sample(set.count() - 1)));
      Expect(set.labels().empty() || set.labels().size() == set.count(), "labels for other samples");
    });
  }
  return trials;
}

Trials TryConversion(Mutation& mutation, std::uint64_t count, const fs::path& directory) {
  Trials trials;
  Cell cell = ReadCell(WriteCell(directory));
  cell.conversion = directory / "conversion.conf";
  const std::string record =
      "conversion = cut\ntools = knife 1.0\nsource = whole.bin\nsource_sha256 = " + cell.weights_sha256 +
      "\nsha256.weights.bin = " + cell.weights_sha256 +
      "\nsamples = 20\nsample_data = digits\nlargest_difference = 1e-5\n"
      "tolerance = 0.001\nagreement = 1\nleast_agreement = 0.99\n";
  for (std::uint64_t i = 0; i < count; ++i) {
    WriteFile(*cell.conversion, mutation.Of(record));
    Try(trials, ExitCode::kWeights, [&] {
      const Weights weights = OpenWeights(cell);
      const Conversion& conversion = *weights.facts.conversion;
      Expect(conversion.largest_difference <= conversion.tolerance, "a difference beyond the tolerance");
      Expect(conversion.agreement >= conversion.least_agreement, "too little agreement");
    });
  }
  return trials;
}

std::string DetailLog() {
  std::string log;
  for (const char* line :
       {R"("result_validity", "value": "INVALID")", R"("result_samples_per_second", "value": 318.4)",
        R"("early_stopping_met", "value": false)", R"("result_mean_latency_ns", "value": 4000000)",
        R"("early_stopping_result", "value": " * Need to process at least 64 queries for early stopping.")",
        R"("result_query_count", "value": 10)", R"("loaded_qsl_set", "value": [0,1,2,3])",
        R"("num_errors", "value": 0)"}) {
    log += std::string(":::MLLOG {\"key\": ") + line +
           R"(, "time_ms": 1.000000, "namespace": "mlperf::logging", "event_type": "POINT_IN_TIME", )" +
           R"("metadata": {"is_error": false, "is_warning": false}})" + "\n";
  }
  return log;
}

Trials TryLog(Mutation& mutation, std::uint64_t count, const fs::path& directory) {
  Trials trials;
  const std::string whole = DetailLog();
  for (std::uint64_t i = 0; i < count; ++i) {
    WriteFile(directory / "detail", mutation.Of(whole));
    const LoadGenLog log = LoadGenLog::Read(directory / "detail");
    const Scenario scenario = static_cast<Scenario>(mutation.Below(kScenarioNames.size()));
    const auto result = ReadResult(log, scenario);
    ++(result ? trials.taken : trials.refused);
    if (result) Expect(!result->valid || log.Text("result_validity") == "VALID", "VALID out of nothing");
  }
  return trials;
}

}  // namespace

Trials TryReader(std::string_view reader, std::uint64_t seed, std::uint64_t count) {
  const Scratch scratch;
  Mutation mutation(seed);
  if (reader == "cell") return TryCell(mutation, count, scratch.path());
  if (reader == "dataset") return TryDataSet(mutation, count, scratch.path());
  if (reader == "conversion") return TryConversion(mutation, count, scratch.path());
  return TryLog(mutation, count, scratch.path());
}

}  // namespace mlperf_bake::testing
