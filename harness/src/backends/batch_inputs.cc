#include "backends/batch_inputs.h"

#include <cstring>

namespace mlperf_bake {

BatchInputs::BatchInputs(const Cell& cell, int batch)
    : sample_bytes_(cell.SampleBytes()), pointers_(cell.inputs.size()) {
  std::size_t offset = 0;
  for (const NamedTensor& input : cell.inputs) {
    const std::size_t bytes = input.SampleBytes();
    pieces_.push_back({offset, bytes, {}});
    offset += bytes;
    if (batch == 1 || cell.inputs.size() == 1) continue;
    constexpr std::size_t kUnit = sizeof(std::max_align_t);
    pieces_.back().gathered.resize((static_cast<std::size_t>(batch) * bytes + kUnit - 1) / kUnit);
  }
}

std::span<const std::byte* const> BatchInputs::Gather(const std::byte* samples, std::size_t count) {
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    Piece& piece = pieces_[i];
    auto* const gathered = reinterpret_cast<std::byte*>(piece.gathered.data());
    for (std::size_t sample = 0; sample < count; ++sample) {
      std::memcpy(gathered + sample * piece.bytes, samples + sample * sample_bytes_ + piece.offset,
                  piece.bytes);
    }
    pointers_[i] = gathered;
  }
  return pointers_;
}

}  // namespace mlperf_bake
