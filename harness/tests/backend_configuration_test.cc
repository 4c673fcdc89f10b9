#include "backends/backend.h"
#include "support.h"

namespace mlperf_bake::testing {
namespace {

Options Asked(std::map<std::string, std::string> backend_options, std::optional<std::string> precision = {}) {
  Options options;
  options.backend_options = std::move(backend_options);
  options.precision = std::move(precision);
  return options;
}

TEST_CASE(
    "the user's options of a backend go over the cell's, which count for the cell's own backend alone") {
  const Scratch scratch;
  const Cell cell = ReadCell(WriteCell(scratch.path(), CellText() + "backend.volume = low\n"));
  const BackendEntry& echo = FindBackend("echo");
  CHECK(Configure(echo, cell, Asked({})).options.at("volume") == "low");
  CHECK(Configure(echo, cell, Asked({{"volume", "high"}})).options.at("volume") == "high");
  CHECK(Configure(FindBackend("null"), cell, Asked({})).options.empty());
  CHECK(Configure(echo, cell, Asked({})).precision == "fp32");
  CHECK(Configure(echo, cell, Asked({}, "bf16")).precision == "bf16");
}

TEST_CASE("an option or a precision that a backend does not have is refused with those it has") {
  const Scratch scratch;
  const Cell cell = ReadCell(WriteCell(scratch.path()));
  const auto refusal = [&](const char* backend, const Options& options) {
    return FailureOf(ExitCode::kUsage, [&] { Configure(FindBackend(backend), cell, options); });
  };
  CHECK(refusal("echo", Asked({{"volum", "1"}})) ==
        "Backend \"echo\" has no option \"volum\" (did you mean \"volume\"?); it has volume.");
  CHECK(Contains(refusal("null", Asked({{"volume", "1"}})), "it has none."));
  CHECK(Contains(refusal("echo", Asked({}, "int8")), "cannot compute in int8 with weights of fp32"));
}

}  // namespace
}  // namespace mlperf_bake::testing
