#include "core/dataset.h"

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

}  // namespace
}  // namespace mlperf_bake::testing
