#include "core/weights.h"

#include <array>

#include "core/conf_file.h"
#include "core/failure.h"
#include "core/sha256.h"

namespace mlperf_bake {
namespace {

constexpr std::array<std::string_view, 11> kKeys = {
    "conversion",         "tools",     "source",    "source_sha256",   "sha256.*", "samples", "sample_data",
    "largest_difference", "tolerance", "agreement", "least_agreement",
};

Conversion ReadConversion(const std::filesystem::path& path) {
  const ConfFile conf(path, kKeys, ExitCode::kWeights);
  constexpr std::uint64_t kMostSamples = 1'000'000'000;
  Conversion conversion;
  conversion.name = conf.Text("conversion");
  conversion.tools = conf.Text("tools");
  conversion.source = conf.Text("source");
  conversion.source_sha256 = conf.Sha256("source_sha256");
  for (const auto& [file, sum] : conf.Family("sha256.")) {
    conversion.files.emplace(file, conf.Sha256("sha256." + file));
  }
  conversion.samples = conf.Number("samples", 1, kMostSamples);
  conversion.sample_data = conf.Text("sample_data");
  conversion.largest_difference = conf.NotNegative("largest_difference");
  conversion.tolerance = conf.Positive("tolerance");
  if (conversion.largest_difference > conversion.tolerance) {
    conf.Reject("largest_difference", "at most the tolerance, " + conf.Text("tolerance"));
  }
  conversion.agreement = conf.NotNegative("agreement");
  conversion.least_agreement = conf.NotNegative("least_agreement");
  if (conversion.agreement < conversion.least_agreement) {
    conf.Reject("agreement", "at least least_agreement, " + conf.Text("least_agreement"));
  }
  return conversion;
}

void CheckSum(const std::filesystem::path& file, const std::string& found, const std::string& expected,
              const std::filesystem::path& says) {
  if (found == expected) return;
  throw Failure(ExitCode::kWeights, file.string() + " has SHA-256 " + found + ", but " + says.string() +
                                        " says " + expected +
                                        "; build the image again or restore the weights.");
}

void CheckConversion(const Cell& cell, const WeightsFacts& facts) {
  const Conversion& conversion = *facts.conversion;
  if (!conversion.files.contains(facts.file)) {
    throw Failure(ExitCode::kWeights, cell.conversion->string() + " does not speak of " + facts.file +
                                          "; build the image again.");
  }
  for (const auto& [name, sum] : conversion.files) {
    const std::filesystem::path file = cell.weights.parent_path() / name;
    const std::string found =
        name == facts.file ? facts.sha256 : Sha256Hex(Memory::MapFile(file, ExitCode::kWeights).bytes());
    CheckSum(file, found, sum, *cell.conversion);
  }
  if (cell.weights_sha256 != kUnlocked && conversion.source_sha256 != cell.weights_sha256) {
    throw Failure(ExitCode::kWeights, cell.conversion->string() + ": " + conversion.source + " had SHA-256 " +
                                          conversion.source_sha256 + ", but " + cell.conf.string() +
                                          " says " + cell.weights_sha256 + "; build the image again.");
  }
}

}  // namespace

Weights OpenWeights(const Cell& cell) {
  Memory memory = Memory::MapFile(cell.weights, ExitCode::kWeights);
  WeightsFacts facts{cell.weights.filename().string(), Sha256Hex(memory.bytes()), memory.bytes().size(), {}};
  if (cell.conversion) {
    facts.conversion = ReadConversion(*cell.conversion);
    CheckConversion(cell, facts);
  } else if (cell.weights_sha256 != kUnlocked) {
    CheckSum(cell.weights, facts.sha256, cell.weights_sha256, cell.conf);
  }
  return {std::move(memory), std::move(facts)};
}

}  // namespace mlperf_bake
