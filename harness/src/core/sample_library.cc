#include "core/sample_library.h"

#include <algorithm>
#include <cstring>

namespace mlperf_bake {
namespace {

// Reads one byte of each page, so that no page is fetched from disk while the clock runs.
void Touch(const std::byte* sample, std::size_t bytes) {
  constexpr std::size_t kPage = 4096;
  for (std::size_t at = 0; at < bytes; at += kPage) {
    static_cast<void>(*static_cast<const volatile std::byte*>(sample + at));
  }
}

}  // namespace

SampleLibrary::SampleLibrary(const DataSet& data, std::size_t performance_count, bool pack)
    : data_(data), name_(data.name), performance_count_(performance_count), pack_(pack) {}

void SampleLibrary::LoadSamplesToRam(const std::vector<mlperf::QuerySampleIndex>& samples) {
  const std::size_t bytes = data_.sample_bytes();
  if (!pack_) {
    for (const auto index : samples) Touch(data_.sample(index), bytes);
    return;
  }
  packed_ = Memory::Allocate(samples.size() * bytes);
  place_.assign(data_.count(), nullptr);
  std::byte* slot = packed_.writable().data();
  for (const auto index : samples) {
    std::memcpy(slot, data_.sample(index), bytes);
    // MultiStream names some samples twice, at the end: the first place keeps the order.
    if (place_[index] == nullptr) place_[index] = slot;
    slot += bytes;
  }
}

void SampleLibrary::UnloadSamplesFromRam(const std::vector<mlperf::QuerySampleIndex>& /*samples*/) {
  place_.clear();
  packed_ = Memory();
}

}  // namespace mlperf_bake
