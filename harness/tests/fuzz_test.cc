#include "core/cell.h"
#include "reader_trials.h"
#include "support.h"

namespace mlperf_bake::testing {
namespace {

TEST_CASE("whatever is broken in a file, its reader takes it or refuses it in words") {
  constexpr std::uint64_t kFiles = 1000;
  for (const std::string_view reader : kReaders) {
    CAPTURE(reader);
    const Trials trials = TryReader(reader, 20261122, kFiles);
    CHECK(trials.taken + trials.refused == kFiles);
    CHECK(trials.refused > kFiles / 20);  // the files are broken enough
    CHECK(trials.taken > 0);              // and not too broken to get to the end
  }
}

TEST_CASE("a configuration file may be anything that has a name") {
  const Scratch scratch;
  WriteFile(scratch.path() / "large", std::string(2 << 20, '#'));
  CHECK(Contains(FailureOf(ExitCode::kCell, [&] { ReadCell(scratch.path() / "large"); }), "too large"));
  CHECK(Contains(FailureOf(ExitCode::kCell, [&] { ReadCell("/dev/zero"); }), "too large"));
  CHECK(Contains(FailureOf(ExitCode::kCell, [&] { ReadCell(scratch.path()); }), "cannot be read"));
}

}  // namespace
}  // namespace mlperf_bake::testing
