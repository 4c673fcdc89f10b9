// Memory that samples and weights live in: a file mapped read-only, or anonymous pages on huge pages where
// there are any.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "core/failure.h"

namespace mlperf_bake {

// Owns one mapping; moves, does not copy.
class Memory {
 public:
  Memory() = default;
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;
  ~Memory();

  // Maps a whole regular file for reading. Failure(exit_code) when it cannot be opened or mapped.
  static Memory MapFile(const std::filesystem::path& path, ExitCode exit_code);
  // Zeroed pages, aligned to at least a page. Failure(kDataSet) when there is not enough memory.
  static Memory Allocate(std::size_t bytes);

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  // Only for memory from Allocate().
  std::span<std::byte> writable() { return {data_, size_}; }

 private:
  Memory(std::byte* data, std::size_t size) : data_(data), size_(size) {}

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace mlperf_bake
