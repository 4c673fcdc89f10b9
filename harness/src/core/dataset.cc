#include "core/dataset.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <string_view>

#include "core/conf_file.h"
#include "core/failure.h"
#include "core/sha256.h"

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

// splitmix64 (Steele, Lea, Flood 2014): the next of a sequence of 64-bit numbers.
std::uint64_t NextRandom(std::uint64_t& state) {
  std::uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

template <typename Element, typename Draw>
void Fill(std::span<std::byte> bytes, Draw draw) {
  auto* const elements = reinterpret_cast<Element*>(bytes.data());
  std::generate_n(elements, bytes.size() / sizeof(Element), draw);
}

// Values a network sees in practice: floats in [-1, 1), integers in [0, 128).
void FillRandom(std::span<std::byte> bytes, DType dtype) {
  std::uint64_t state = 0;
  switch (dtype) {
    case DType::kFloat32:
      return Fill<float>(bytes,
                         [&] { return static_cast<float>(NextRandom(state) >> 40) * 0x1p-23F - 1.0F; });
    case DType::kFloat16:  // [1, 2): exponent 15, random mantissa
      return Fill<std::uint16_t>(
          bytes, [&] { return static_cast<std::uint16_t>(0x3c00U | (NextRandom(state) >> 54)); });
    case DType::kUint8:
    case DType::kInt8:
      return Fill<std::uint8_t>(bytes, [&] { return static_cast<std::uint8_t>(NextRandom(state) >> 57); });
    case DType::kInt32:
      return Fill<std::int32_t>(bytes, [&] { return static_cast<std::int32_t>(NextRandom(state) >> 57); });
    case DType::kInt64:
      return Fill<std::int64_t>(bytes, [&] { return static_cast<std::int64_t>(NextRandom(state) >> 57); });
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
  const auto shape = ParseShape(conf.Text("shape"));
  if (!shape || *shape != cell.input_shape) {
    conf.Reject("shape", ToString(cell.input_shape) + ", which is what this image's network needs");
  }
  data.shape = *shape;
  const auto dtype = ParseDType(conf.Text("dtype"));
  if (!dtype || *dtype != cell.input_dtype) {
    conf.Reject("dtype",
                std::string(NameOf(cell.input_dtype)) + ", which is what this image's network needs");
  }
  data.dtype = *dtype;
  if (conf.Number("classes", 1, kMostSamples) != cell.classes) {
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
  data.shape = cell.input_shape;
  data.dtype = cell.input_dtype;
  data.preprocessing = cell.preprocessing;
  data.count_ = data.prepared_count = count;
  data.sample_bytes_ = cell.SampleBytes();
  if (count > std::numeric_limits<std::size_t>::max() / data.sample_bytes_) {
    throw Failure(ExitCode::kUsage,
                  "--samples " + std::to_string(count) + " does not fit in memory; give fewer.");
  }
  data.samples_ = Memory::Allocate(count * data.sample_bytes_);
  FillRandom(data.samples_.writable(), data.dtype);
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
