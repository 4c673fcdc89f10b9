#include "core/dataset.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <string_view>

#include "core/conf_file.h"
#include "core/failure.h"
#include "core/sha256.h"
#include "core/synthetic.h"

namespace mlperf_bake {
namespace {

static_assert(std::endian::native == std::endian::little, "samples.bin and labels.bin are little-endian");

constexpr std::uint64_t kAlwaysVerifiedBytes = std::uint64_t{2} << 30;

constexpr std::array<std::string_view, 12> kKeys = {
    "name",         "preprocessing",  "count",         "shape",         "dtype",          "classes",
    "index_sha256", "samples_sha256", "labels_sha256", "demonstration", "official_count", "source"};

Failure Wrong(const std::filesystem::path& where, const std::string& problem) {
  return Failure(ExitCode::kDataSet, where.string() + " " + problem);
}

void CheckSize(const std::filesystem::path& file, const Memory& memory, std::size_t expected) {
  if (memory.bytes().size() == expected) return;
  throw Wrong(file, "has " + std::to_string(memory.bytes().size()) + " bytes, but dataset.conf describes " +
                        std::to_string(expected) +
                        ": it is truncated or of another data set; prepare it again.");
}

void CheckSum(const std::filesystem::path& file, const Memory& memory, const std::string& expected) {
  const std::string found = Sha256Hex(memory.bytes());
  if (found == expected) return;
  throw Wrong(file, "has SHA-256 " + found + ", but dataset.conf says " + expected + "; prepare it again.");
}

// How the data set of a network's inputs is laid out, for people and the manifest.
void SetLayout(const Cell& cell, DataSet* data) {
  const auto& inputs = cell.inputs;
  const bool alike = AllAlike(inputs);
  data->shape = alike ? inputs.front().shape : Shape();
  if (alike && inputs.size() > 1) {
    data->shape.insert(data->shape.begin(), static_cast<std::int64_t>(inputs.size()));
  }
  data->dtype = alike ? std::string(NameOf(inputs.front().dtype)) : DTypesOf(inputs);
}

// Whether dataset.conf's list of shapes or dtypes is that of the inputs.
template <typename Parse, typename Member>
bool AreOf(const std::vector<NamedTensor>& inputs, const std::vector<std::string>& texts, Parse parse,
           Member member) {
  return texts.size() == inputs.size() && std::equal(texts.begin(), texts.end(), inputs.begin(),
                                                     [&](const std::string& text, const NamedTensor& input) {
                                                       const auto parsed = parse(text);
                                                       return parsed && *parsed == input.*member;
                                                     });
}

// The samples' shape and dtype against the network's inputs: their own lists, or the stack of inputs that are
// alike.
void CheckLayout(const ConfFile& conf, const Cell& cell, const DataSet& data) {
  const auto& inputs = cell.inputs;
  const auto shapes = conf.List("shape"), dtypes = conf.List("dtype");
  const bool stacked = AllAlike(inputs) && shapes.size() == 1;
  const bool stack_or = stacked && ParseShape(shapes.front()) == data.shape;
  if (!stack_or && !AreOf(inputs, shapes, ParseShape, &NamedTensor::shape)) {
    conf.Reject("shape", ShapesOf(inputs) + ", which is what this image's network needs");
  }
  const bool one_dtype = stacked && dtypes.size() == 1 && ParseDType(dtypes.front()) == inputs.front().dtype;
  if (!one_dtype && !AreOf(inputs, dtypes, ParseDType, &NamedTensor::dtype)) {
    conf.Reject("dtype", DTypesOf(inputs) + ", which is what this image's network needs");
  }
}

}  // namespace

DataSet DataSet::Open(const std::filesystem::path& directory, const Cell& cell, bool verify) {
  std::error_code missing;
  if (!std::filesystem::is_directory(directory, missing)) {
    throw Wrong(
        directory,
        "is not a directory with a prepared data set; mount one there, or measure performance on generated "
        "samples with --data synthetic.");
  }
  std::error_code unreadable;
  if (!std::filesystem::exists(directory / "dataset.conf", unreadable)) {
    throw Failure(ExitCode::kDataSet,
                  directory.string() +
                      " holds no prepared data set (no dataset.conf); mount one there, as `mlperf-bake data "
                      "prepare` makes it, name it with --data, or take generated samples: --data synthetic.");
  }
  const ConfFile conf(directory / "dataset.conf", kKeys, ExitCode::kDataSet);
  constexpr std::uint64_t kMostSamples = 1'000'000'000;
  DataSet data;
  data.name = conf.Text("name");
  data.preprocessing = conf.Text("preprocessing");
  if (data.preprocessing != cell.preprocessing) {
    conf.Reject("preprocessing", "\"" + cell.preprocessing + "\", which is what this image's network needs");
  }
  SetLayout(cell, &data);
  CheckLayout(conf, cell, data);
  if (conf.Number("classes", 0, kMostSamples) != cell.classes && cell.classes > 0) {
    conf.Reject("classes", std::to_string(cell.classes) + ", which is what this image's network tells apart");
  }
  const std::string& demonstration = conf.Text("demonstration");
  if (demonstration != "yes" && demonstration != "no") conf.Reject("demonstration", "yes or no");
  data.demonstration = demonstration == "yes";
  data.official_count = conf.Number("official_count", 0, kMostSamples);
  data.count_ = data.prepared_count = conf.Number("count", 1, kMostSamples);
  data.sample_bytes_ = cell.SampleBytes();
  if (data.count_ > std::numeric_limits<std::size_t>::max() / data.sample_bytes_)
    conf.Reject("count", "fewer samples");

  data.samples_sha256 = conf.Sha256("samples_sha256");
  data.samples_ = Memory::MapFile(directory / "samples.bin", ExitCode::kDataSet);
  CheckSize(directory / "samples.bin", data.samples_, data.count_ * data.sample_bytes_);
  if (conf.Has("labels_sha256")) {
    data.labels_sha256 = conf.Sha256("labels_sha256");
    data.labels_ = Memory::MapFile(directory / "labels.bin", ExitCode::kDataSet);
    CheckSize(directory / "labels.bin", data.labels_, data.count_ * sizeof(std::int32_t));
  }
  data.verified = verify || data.samples_.bytes().size() < kAlwaysVerifiedBytes;
  if (data.verified) {
    CheckSum(directory / "samples.bin", data.samples_, *data.samples_sha256);
    if (data.labels_sha256) CheckSum(directory / "labels.bin", data.labels_, *data.labels_sha256);
  }
  return data;
}

std::size_t DataSet::SyntheticCount(const Cell& cell) {
  constexpr std::size_t kMostBytes = std::size_t{256}
                                     << 20;  // well beyond any cache, well within any machine
  return std::clamp<std::size_t>(kMostBytes / cell.SampleBytes(), 1, cell.performance_sample_count);
}

DataSet DataSet::Synthesize(std::size_t count, const Cell& cell) {
  DataSet data;
  data.name = "synthetic";
  data.synthetic = true;
  SetLayout(cell, &data);
  data.preprocessing = cell.preprocessing;
  data.count_ = data.prepared_count = count;
  data.sample_bytes_ = cell.SampleBytes();
  if (count > std::numeric_limits<std::size_t>::max() / data.sample_bytes_) {
    throw Failure(ExitCode::kUsage,
                  "--samples " + std::to_string(count) + " does not fit in memory; give fewer.");
  }
  data.samples_ = Memory::Allocate(count * data.sample_bytes_);
  FillSynthetic(cell, data.samples_.writable());
  return data;
}

void DataSet::Limit(std::size_t count) {
  if (count > count_) {
    throw Failure(ExitCode::kUsage, "--samples " + std::to_string(count) + " is more than data set " + name +
                                        " holds; give at most " + std::to_string(count_) + ".");
  }
  count_ = count;
}

std::span<const std::int32_t> DataSet::labels() const {
  if (labels_.bytes().empty()) return {};
  return {reinterpret_cast<const std::int32_t*>(labels_.bytes().data()), count_};
}

}  // namespace mlperf_bake
