// Memory of responses that LoadGen has not taken yet.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/memory.h"

namespace mlperf_bake {

// Gives out pieces that stay where they are until Release(). Blocks of memory are added as they are needed
// and kept: once as much was held as ever is, nothing is allocated.
class ResponseMemory {
 public:
  // `bytes` of it, at a multiple of 8 bytes; no bytes need no memory.
  std::byte* Take(std::size_t bytes) {
    bytes = (bytes + kAlign - 1) / kAlign * kAlign;
    while (block_ < blocks_.size() && blocks_[block_].bytes().size() - used_ < bytes) {
      ++block_;
      used_ = 0;
    }
    if (block_ == blocks_.size()) blocks_.push_back(Memory::Allocate(std::max(bytes, kBlock)));
    std::byte* const piece = blocks_[block_].writable().data() + used_;
    used_ += bytes;
    return piece;
  }
  // All that was taken may be given out again.
  void Release() { block_ = used_ = 0; }

 private:
  static constexpr std::size_t kAlign = 8;
  static constexpr std::size_t kBlock = std::size_t{1} << 20;

  std::vector<Memory> blocks_;
  std::size_t block_ = 0;  // where pieces come from
  std::size_t used_ = 0;   // of it
};

}  // namespace mlperf_bake
