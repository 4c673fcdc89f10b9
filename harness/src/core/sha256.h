// SHA-256 (FIPS 180-4), so that the harness needs no library to check weights and data sets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace mlperf_bake {

// The digest of `bytes` as 64 lower-case hex digits.
std::string Sha256Hex(std::span<const std::byte> bytes);

}  // namespace mlperf_bake
