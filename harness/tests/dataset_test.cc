#include "core/dataset.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/sample_library.h"
#include "support.h"

namespace mlperf_bake::testing {
namespace {

namespace fs = std::filesystem;

struct Prepared {
  Scratch scratch;
  Cell cell = ReadCell(WriteCell(scratch.path()));
  fs::path directory = WriteDataSet(scratch.path() / "data", 20);

  void Change(const std::string& line, const std::string& instead) const {
    WriteFile(directory / "dataset.conf", Replaced(ReadFile(directory / "dataset.conf"), line, instead));
  }
  std::string Refusal() const {
    return FailureOf(ExitCode::kDataSet, [&] { DataSet::Open(directory, cell, false); });
  }
};

float First(const std::byte* sample) {
  float value = 0;
  std::memcpy(&value, sample, sizeof value);
  return value;
}

TEST_CASE("samples and labels lie in memory as the files have them") {
  const Prepared prepared;
  const DataSet data = DataSet::Open(prepared.directory, prepared.cell, false);
  CHECK(data.count() == 20);
  CHECK(data.official_count == 1000);
  CHECK(data.demonstration);
  CHECK(data.verified);
  CHECK(First(data.sample(17)) == 7);
  CHECK(data.sample(1) == data.sample(0) + 24);
  CHECK(data.labels().size() == 20);
  CHECK(data.labels()[19] == 9);
}

TEST_CASE("whatever does not fit the cell or the files is refused in words") {
  struct Mistake {
    const char *line, *instead, *says;
  };
  for (const Mistake& mistake :
       {Mistake{"preprocessing", "preprocessing = other", "expected \"none\""},
        Mistake{"shape", "shape = 3x2", "expected 2x3"}, Mistake{"dtype", "dtype = int8", "expected float32"},
        Mistake{"classes", "classes = 11", "expected 10"},
        Mistake{"count", "count = 21", "it is truncated or of another data set"},
        Mistake{"demonstration", "demonstration = maybe", "expected yes or no"},
        Mistake{"source", "sauce = x", "did you mean \"source\"?"},
        Mistake{"samples_sha256", "samples_sha256 = 0", "64 lower-case hex digits"}}) {
    CAPTURE(mistake.instead);
    const Prepared prepared;
    prepared.Change(mistake.line, mistake.instead);
    const std::string said = prepared.Refusal();
    CHECK_MESSAGE(Contains(said, mistake.says), said);
  }
}

TEST_CASE("missing files and changed bytes are noticed") {
  const Prepared prepared;
  std::string samples = ReadFile(prepared.directory / "samples.bin");
  samples[5] = 'x';
  WriteFile(prepared.directory / "samples.bin", samples);
  CHECK(Contains(prepared.Refusal(), "samples.bin has SHA-256"));
  fs::remove(prepared.directory / "labels.bin");
  CHECK(Contains(prepared.Refusal(), "labels.bin cannot be opened"));
  fs::remove_all(prepared.directory);
  CHECK(Contains(prepared.Refusal(), "--data synthetic"));
}

TEST_CASE("a data set without labels has none") {
  const Prepared prepared;
  prepared.Change("labels_sha256", "# no labels");
  fs::remove(prepared.directory / "labels.bin");
  CHECK(DataSet::Open(prepared.directory, prepared.cell, false).labels().empty());
}

TEST_CASE("a limit keeps the first samples") {
  const Prepared prepared;
  DataSet data = DataSet::Open(prepared.directory, prepared.cell, false);
  data.Limit(5);
  CHECK(data.count() == 5);
  CHECK(data.labels().size() == 5);
  CHECK(data.prepared_count == 20);
  CHECK(Contains(FailureOf(ExitCode::kUsage, [&] { data.Limit(6); }), "give at most 5"));
}

TEST_CASE("synthetic samples are the same every time, differ from each other, and stay in range") {
  const Prepared prepared;
  const DataSet once = DataSet::Synthesize(100, prepared.cell);
  const DataSet again = DataSet::Synthesize(100, prepared.cell);
  CHECK(std::memcmp(once.sample(0), again.sample(0), 100 * 24) == 0);
  CHECK(std::memcmp(once.sample(0), once.sample(1), 24) != 0);
  for (std::size_t i = 0; i < 100; ++i) CHECK(std::abs(First(once.sample(i))) <= 1);
  CHECK(once.labels().empty());
  CHECK(DataSet::SyntheticCount(prepared.cell) == 16);
}

TEST_CASE("an unpacked library points into the data set, a packed one keeps the order of loading") {
  const Prepared prepared;
  const DataSet data = DataSet::Open(prepared.directory, prepared.cell, false);
  SampleLibrary direct(data, 16, false);
  direct.LoadSamplesToRam({3, 1});
  CHECK(direct.Find(3) == data.sample(3));
  CHECK(direct.TotalSampleCount() == 20);
  CHECK(direct.PerformanceSampleCount() == 16);

  SampleLibrary packed(data, 16, true);
  packed.LoadSamplesToRam({7, 2, 19, 7});  // MultiStream repeats the first ones at the end
  CHECK(packed.Find(2) == packed.Find(7) + 24);
  CHECK(packed.Find(19) == packed.Find(2) + 24);
  CHECK(First(packed.Find(19)) == 9);
  packed.UnloadSamplesFromRam({});
  CHECK(packed.Find(2) == data.sample(2));
}

// Twelve int64 values a sample, each its place.
std::string Windows(int count) {
  std::string samples;
  for (std::int64_t i = 0; i < 12 * count; ++i) {
    samples.append(reinterpret_cast<const char*>(&i), sizeof i);
  }
  return samples;
}

TEST_CASE("samples of several inputs may be described one by one, or as a stack where they are alike") {
  const Scratch scratch;
  const Cell cell = ReadCell(WriteCell(scratch.path(), SpanCellText()));
  const auto open = [&](const std::string& layout) {
    return DataSet::Open(WriteSamples(scratch.path() / "data", 2, Windows(2), layout), cell, false);
  };
  for (const char* layout : {"shape = 3x4\ndtype = int64\nclasses = 0\n",
                             "shape = 4, 4, 4\ndtype = int64, int64, int64\nclasses = 7\n"}) {
    CAPTURE(layout);
    const DataSet data = open(layout);
    CHECK(data.sample_bytes() == 96);
    CHECK(data.shape == Shape{3, 4});
    CHECK(data.dtype == "int64");
  }
  CHECK(Contains(FailureOf(ExitCode::kDataSet, [&] { open("shape = 4x3\ndtype = int64\nclasses = 0\n"); }),
                 "expected 4, 4, 4, which is what this image's network needs"));
  CHECK(
      Contains(FailureOf(ExitCode::kDataSet, [&] { open("shape = 4, 4, 4\ndtype = int64\nclasses = 0\n"); }),
               "expected int64, int64, int64"));
}

TEST_CASE("synthetic samples of several inputs keep to each input's values") {
  const Scratch scratch;
  const Cell cell = ReadCell(WriteCell(scratch.path(), SpanCellText()));  // 5..9, 1, 0..1
  const DataSet data = DataSet::Synthesize(50, cell);
  std::array<bool, 10> drawn{};
  for (std::size_t i = 0; i < data.count(); ++i) {
    std::array<std::int64_t, 12> sample{};
    std::memcpy(sample.data(), data.sample(i), sizeof sample);
    for (std::size_t at = 0; at < 4; ++at) {
      REQUIRE(sample[at] >= 5);
      REQUIRE(sample[at] <= 9);
      drawn[static_cast<std::size_t>(sample[at])] = true;
      CHECK(sample[4 + at] == 1);
      CHECK((sample[8 + at] == 0 || sample[8 + at] == 1));
    }
  }
  CHECK(std::all_of(drawn.begin() + 5, drawn.end(), [](bool each) { return each; }));
  const Cell pictures = ReadCell(WriteCell(scratch.path(), BoxCellText()));  // 2..3
  const DataSet floats = DataSet::Synthesize(20, pictures);
  for (std::size_t i = 0; i < floats.count(); ++i) {
    CHECK(First(floats.sample(i)) >= 2);
    CHECK(First(floats.sample(i)) < 3);
  }
}

}  // namespace
}  // namespace mlperf_bake::testing
