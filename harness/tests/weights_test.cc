#include "core/weights.h"

#include "core/sha256.h"
#include "support.h"

namespace mlperf_bake::testing {
namespace {

constexpr const char* kSource = "1111111111111111111111111111111111111111111111111111111111111111";

std::string SumOf(const std::string& text) {
  return Sha256Hex(std::as_bytes(std::span(text)));
}

// A cell whose weights, net.param and net.bin, were converted.
Cell Converted(const Scratch& scratch, const std::string& record, const std::string& source_sum = kSource) {
  std::string text = Replaced(CellText(), "weights = ", "weights = net.param");
  text = Replaced(text, "weights_sha256", "weights_sha256 = " + source_sum);
  WriteCell(scratch.path(), text + "weights_conversion = conversion.conf\n");
  WriteFile(scratch.path() / "net.param", "layers");
  WriteFile(scratch.path() / "net.bin", "numbers");
  WriteFile(scratch.path() / "conversion.conf", record);
  return ReadCell(scratch.path() / "cell.conf");
}

std::string Record() {
  return std::string("conversion = pnnx\ntools = pnnx 1\nsource = net.onnx\nsource_sha256 = ") + kSource +
         "\nsha256.net.param = " + SumOf("layers") + "\nsha256.net.bin = " + SumOf("numbers") +
         "\nsamples = 20\nsample_data = imagenet-20\nlargest_difference = 3e-06\ntolerance = 0.001\n"
         "agreement = 1\nleast_agreement = 1\n";
}

TEST_CASE("weights are held to the checksum of cell.conf") {
  const Scratch scratch;
  const Cell cell = ReadCell(WriteCell(scratch.path()));
  CHECK(OpenWeights(cell).facts.sha256 == cell.weights_sha256);
  WriteFile(scratch.path() / "weights.bin", "others");
  CHECK(Contains(FailureOf(ExitCode::kWeights, [&] { OpenWeights(cell); }), "has SHA-256"));
}

TEST_CASE("converted weights are held to their record, and the record to the source") {
  const Scratch scratch;
  const Weights weights = OpenWeights(Converted(scratch, Record()));
  REQUIRE(weights.facts.conversion);
  CHECK(weights.facts.file == "net.param");
  CHECK(weights.facts.conversion->files.size() == 2);
  CHECK(weights.facts.conversion->largest_difference == 3e-06);
  CHECK(weights.facts.conversion->agreement == 1);
}

TEST_CASE("converted weights that are not what the record says are refused") {
  struct Mistake {
    const char *line, *instead, *says;
  };
  for (const Mistake& mistake : {
           Mistake{"sha256.net.param = ", "# nothing", "does not speak of net.param"},
           Mistake{"sha256.net.bin",
                   "sha256.net.bin = 2222222222222222222222222222222222222222222222222222222222222222",
                   "net.bin has SHA-256"},
           Mistake{"sha256.net.bin",
                   "sha256.gone.bin = 2222222222222222222222222222222222222222222222222222222222222222",
                   "gone.bin"},
           Mistake{"source_sha256",
                   "source_sha256 = 2222222222222222222222222222222222222222222222222222222222222222",
                   "net.onnx had SHA-256 2222"},
           Mistake{"largest_difference", "largest_difference = 0.01",
                   "expected at most the tolerance, 0.001"},
           Mistake{"agreement", "agreement = 0.95", "expected at least least_agreement, 1"},
           Mistake{"samples", "samples = 0", "expected a whole number from 1"},
           Mistake{"tools", "tool = x", "unknown key \"tool\""},
       }) {
    CAPTURE(mistake.instead);
    const Scratch scratch;
    const std::string said = FailureOf(ExitCode::kWeights, [&] {
      OpenWeights(Converted(scratch, Replaced(Record(), mistake.line, mistake.instead)));
    });
    CHECK_MESSAGE(Contains(said, mistake.says), said);
  }
}

}  // namespace
}  // namespace mlperf_bake::testing
