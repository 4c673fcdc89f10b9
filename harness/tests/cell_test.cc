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
  CHECK(cell.inputs.at(0).shape == Shape{2, 3});
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
        Mistake{"output_kind", "output_kind = logits", "expected scores, argmax or tensors"},
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

TEST_CASE("a network of several inputs and outputs is read in full") {
  const Scratch scratch;
  const Cell cell = Read(scratch, SpanCellText() + "task.depth = 3\n");
  REQUIRE(cell.inputs.size() == 3);
  CHECK(cell.inputs[1].name == "mask");
  CHECK(cell.inputs[2].shape == Shape{4});
  CHECK(cell.SampleBytes() == 3 * 4 * 8);
  REQUIRE(cell.input_values[0]);
  CHECK(cell.input_values[0]->most == 9);
  CHECK(cell.input_values[1]->least == cell.input_values[1]->most);
  CHECK(cell.output_kind == OutputKind::kTensors);
  CHECK(cell.outputs.at(1).name == "ends");
  CHECK_FALSE(cell.IsOpenEnded());
  CHECK(cell.classes == 0);
  CHECK(cell.task_options.at("depth") == "3");
  CHECK(Read(scratch, BoxCellText()).IsOpenEnded());
  CHECK(Read(scratch, BoxCellText()).outputs[0].shape == Shape{kAnyExtent, 4});
}

TEST_CASE("lists that do not belong together are refused with what they should be") {
  const Scratch scratch;
  struct Mistake {
    const char *line, *instead, *says;
  };
  for (const Mistake& mistake :
       {Mistake{"input_shape", "input_shape = 4, 4", "expected 3 of them, one for each of input_name"},
        Mistake{"input_dtype", "input_dtype = int64", "expected 3 of them, one for each of input_name"},
        Mistake{"input_shape", "input_shape = 4, , 4", "none of them empty"},
        Mistake{"input_shape", "input_shape = 4, n, 4", "as 3x224x224 as item 2"},
        Mistake{"input_dtype", "input_dtype = int64, long, int64", "int32 or int64 as item 2"},
        Mistake{"input_dtype", "input_dtype = uint8, int64, uint8",
                "begins at a multiple of its element size (\"mask\" would begin at byte 4)"},
        Mistake{"input_dtype", "input_dtype = int64, int64, int32", ""},
        Mistake{"input_dtype", "input_dtype = int64, int64, int8", "(68 bytes is none of 8)"},
        Mistake{"input_name", "input_name = ids, mask, ids", "expected each name once"},
        Mistake{"input_values", "input_values = 5..9, 1", "expected 3 of them"},
        Mistake{"input_values", "input_values = 9..5, 1, 1", "a number or LEAST..MOST"},
        Mistake{"input_values", "input_values = 0..1.5, 1, 1", "whole numbers that int64 holds"},
        Mistake{"input_values", "input_values = 0..1e99, 1, 1", "whole numbers that int64 holds"},
        Mistake{"output_shape", "output_shape = 4", "expected 2 of them, one for each of output_name"},
        Mistake{"output_shape", "output_shape = 4, m", "as nx4 as item 2"},
        Mistake{"output_dtype", "# none", "lacks \"output_dtype\""},
        Mistake{"output_kind", "output_kind = scores\nclasses = 4\nlabel_offset = 0",
                "goes with output_kind tensors"}}) {
    CAPTURE(mistake.instead);
    const std::string text = Replaced(SpanCellText(), mistake.line, mistake.instead);
    if (*mistake.says == 0) {
      CHECK(Read(scratch, text).SampleBytes() == 80);
      continue;
    }
    const std::string said = FailureOf(ExitCode::kCell, [&] { Read(scratch, text); });
    CHECK_MESSAGE(Contains(said, mistake.says), said);
  }
  CHECK(Contains(FailureOf(ExitCode::kCell,
                           [&] { Read(scratch, Replaced(CellText(), "output_name", "output_name = a, b")); }),
                 "one name, or output_kind tensors for several"));
}

}  // namespace
}  // namespace mlperf_bake::testing
