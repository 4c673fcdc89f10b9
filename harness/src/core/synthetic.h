// Generated samples: values that a network can compute with, the same on every machine.
#pragma once

#include <cstddef>
#include <span>

#include "core/cell.h"

namespace mlperf_bake {

// Fills `samples`, whole samples of the cell's inputs one after the other, with numbers of a generator with a
// fixed seed: each input from its input_values; without them floats in [-1, 1), integers in [0, 128).
void FillSynthetic(const Cell& cell, std::span<std::byte> samples);

}  // namespace mlperf_bake
