// Where the inputs of a batch lie, each in one piece.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/cell.h"

namespace mlperf_bake {

// Samples hold their inputs one after the other. So with one input, and in a batch of one, each input lies in
// one piece where the samples are, and nothing is copied; otherwise each input is gathered into memory of its
// own, set aside once.
class BatchInputs {
 public:
  BatchInputs(const Cell& cell, int batch);

  // One pointer an input, in the cell's order. Valid until the next call, while the samples are there.
  std::span<const std::byte* const> Locate(const std::byte* samples, std::size_t count) {
    if (count > 1 && pieces_.size() > 1) return Gather(samples, count);
    for (std::size_t i = 0; i < pieces_.size(); ++i) pointers_[i] = samples + pieces_[i].offset;
    return pointers_;
  }

  // Of input `i` of one sample.
  std::size_t bytes(std::size_t i) const { return pieces_[i].bytes; }

 private:
  // An input's part of a sample.
  struct Piece {
    std::size_t offset, bytes;
    std::vector<std::max_align_t> gathered;
  };

  std::span<const std::byte* const> Gather(const std::byte* samples, std::size_t count);

  std::size_t sample_bytes_;
  std::vector<Piece> pieces_;
  std::vector<const std::byte*> pointers_;
};

}  // namespace mlperf_bake
