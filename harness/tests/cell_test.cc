#include "core/cell.h"

#include "support.h"

namespace mlperf_bake::testing {
namespace {

Cell Read(const Scratch& scratch, const std::string& text) {
  return ReadCell(WriteCell(scratch.path(), text));
}

TEST_CASE("a cell.conf of the contract is read in full") {
  const Scratch scratch;
  const Cell cell = Read(scratch, CellText());
  CHECK(cell.id == "tiny-cpp-echo-cpu-debian12");
  CHECK(cell.weights == scratch.path() / "weights.bin");
  CHECK(cell.input_shape == Shape{2, 3});
  CHECK(cell.SampleBytes() == 24);
  CHECK(cell.output_kind == OutputKind::kScores);  // the comment behind the value is not part of it
  CHECK(cell.seeds == Seeds{2085463073848966840U, 2747215439041700203U, 16159082839903944936U});
  CHECK_FALSE(cell.interactive_target_latency_ms);
}

TEST_CASE("mistakes are named with file, line, what was found and what was expected") {
  const Scratch scratch;
  struct Mistake {
    const char *line, *instead, *says;
  };
  for (const Mistake& mistake :
       {Mistake{"classes", "clases = 10", ":22: unknown key \"clases\" (did you mean \"classes\"?)"},
        Mistake{"classes", "classes = ten", ":22: \"classes\" is \"ten\"; expected a whole number from 1"},
        Mistake{"classes", "classes = 10\nclasses = 10", ":23: \"classes\" is given twice, first on line 22"},
        Mistake{"classes", "classes =", ":22: \"classes\" has no value"},
        Mistake{"classes", "classes", ":22: expected `key = value`, found \"classes\""},
        Mistake{"classes", "# classes = 10", "lacks \"classes\""},
        Mistake{"input_shape", "input_shape = 2y3", "expected extents of one sample joined by x"},
        Mistake{"input_dtype", "input_dtype = double", "expected float32, float16"},
        Mistake{"output_kind", "output_kind = logits", "expected scores or argmax"},
        Mistake{"division", "division = ajar", "expected open or closed"},
        Mistake{"weights_sha256", "weights_sha256 = abc", "expected 64 lower-case hex digits"},
        Mistake{"server_target", "server_target_latency_ms = 0", "expected a number above zero"},
        Mistake{"qsl_rng_seed", "qsl_rng_seed = 18446744073709551616", "expected a whole number"}}) {
    CAPTURE(mistake.instead);
    const std::string text = Replaced(CellText(), mistake.line, mistake.instead);
    const std::string said = FailureOf(ExitCode::kCell, [&] { Read(scratch, text); });
    CHECK_MESSAGE(Contains(said, mistake.says), said);
    CHECK(Contains(said, "cell.conf"));
  }
}

TEST_CASE("weights that training makes have a recipe instead of a checksum") {
  const Scratch scratch;
  CHECK(Read(scratch, Replaced(CellText(), "weights_sha256", "weights_sha256 = unlocked")).weights_sha256 ==
        mlperf_bake::kUnlocked);
}

}  // namespace
}  // namespace mlperf_bake::testing
