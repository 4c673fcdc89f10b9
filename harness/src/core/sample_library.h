// LoadGen's view of the data set: which samples are loaded, and where each lies.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/dataset.h"
#include "core/memory.h"
#include "query_sample_library.h"

namespace mlperf_bake {

// Samples are used where they lie in the mapping. Where batches are larger than one, a loaded set is instead
// packed into memory in the order LoadGen names it: Offline and MultiStream issue it in that order, so a
// batch is one contiguous piece and needs no copy while the clock runs.
class SampleLibrary final : public mlperf::QuerySampleLibrary {
 public:
  // `data` must outlive the library. `performance_count` is at most data.count().
  SampleLibrary(const DataSet& data, std::size_t performance_count, bool pack);

  const std::string& Name() override { return name_; }
  std::size_t TotalSampleCount() override { return data_.count(); }
  std::size_t PerformanceSampleCount() override { return performance_count_; }
  void LoadSamplesToRam(const std::vector<mlperf::QuerySampleIndex>& samples) override;
  void UnloadSamplesFromRam(const std::vector<mlperf::QuerySampleIndex>& samples) override;

  std::size_t sample_bytes() const { return data_.sample_bytes(); }
  // Where a loaded sample lies; valid until it is unloaded.
  const std::byte* Find(mlperf::QuerySampleIndex index) const {
    return place_.empty() ? data_.sample(index) : place_[index];
  }

 private:
  const DataSet& data_;
  std::string name_;
  std::size_t performance_count_;
  bool pack_;
  Memory packed_;
  std::vector<const std::byte*> place_;  // by sample index, when packed
};

}  // namespace mlperf_bake
