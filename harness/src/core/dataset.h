// A prepared data set (docs/contracts.md): samples and labels as they lie in memory, and where they come
// from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "core/cell.h"
#include "core/memory.h"
#include "core/tensor.h"

namespace mlperf_bake {

class DataSet {
 public:
  // Maps DIR/samples.bin and DIR/labels.bin. Failure kDataSet where a file is missing, has another size than
  // dataset.conf says, or does not fit the cell's shape, element type, preprocessing or classes.
  // Checksums are compared for data below 2 GiB, and always with `verify`.
  static DataSet Open(const std::filesystem::path& directory, const Cell& cell, bool verify);

  // `count` samples drawn from a generator with a fixed seed: the same bytes on every machine. They have the
  // shape of real samples but no labels, so performance can be measured on them and accuracy cannot.
  static DataSet Synthesize(std::size_t count, const Cell& cell);
  // As many synthetic samples as the cell's performance set holds, within 256 MiB.
  static std::size_t SyntheticCount(const Cell& cell);

  // Keeps only the first `count` samples. Failure kUsage when there are fewer.
  void Limit(std::size_t count);

  std::size_t count() const { return count_; }
  std::size_t sample_bytes() const { return sample_bytes_; }
  const std::byte* sample(std::size_t index) const { return samples_.bytes().data() + index * sample_bytes_; }
  // One int32 a sample, or empty when the data set has no labels. They are classes unless the cell's outputs
  // are tensors.
  std::span<const std::int32_t> labels() const;

  std::string name;
  bool synthetic = false;
  bool demonstration = false;
  bool verified = false;           // checksums were compared
  std::size_t official_count = 0;  // size of the official set, 0 where there is none
  std::size_t prepared_count = 0;  // what the directory holds, before Limit()
  Shape shape;        // of a sample; of several inputs that of their stack, empty where they are unlike
  std::string dtype;  // of its values; of unlike inputs a list
  std::string preprocessing;
  std::optional<std::string> samples_sha256, labels_sha256;

 private:
  Memory samples_;
  Memory labels_;
  std::size_t count_ = 0;
  std::size_t sample_bytes_ = 0;
};

}  // namespace mlperf_bake
