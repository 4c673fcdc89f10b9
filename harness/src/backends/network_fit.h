// A network's own inputs and outputs held against cell.conf, in the same words for every backend.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "core/failure.h"

namespace mlperf_bake {

// A shape as a network declares it, the batch first; an extent below 0 takes any size.
using DeclaredShape = std::vector<std::int64_t>;

// The two ends of a network, as cell.conf's keys begin.
enum class End { kInput, kOutput };

// Failure kCell: cell.conf and the weights contradict each other.
[[noreturn]] void Mismatch(const Cell& cell, const std::string& problem);
// The same where the network has no input or output `wanted`; `found` are those it has.
[[noreturn]] void NoSuchName(const Cell& cell, End end, const std::string& wanted,
                             std::span<const std::string> found);
// Failure kCell where the network has inputs that cell.conf does not name; `found` are all it has.
void CheckAllNamed(const Cell& cell, std::span<const std::string> found);

// Failure kCell unless samples of cell.conf's shape fit; kUsage where the network takes another fixed batch.
void CheckInput(const Cell& cell, const NamedTensor& input, const DeclaredShape& declared, int batch);
// Failure kCell unless it is N x classes (scores), N (argmax) or the tensor that cell.conf describes.
void CheckOutput(const Cell& cell, const NamedTensor& output, const DeclaredShape& declared);

// Failure kCell for another element type than cell.conf's.
void CheckElements(const Cell& cell, End end, const NamedTensor& tensor, bool fits);

// Failure kBackend: the weights cannot be loaded, with the runtime's own reason.
Failure LoadFailure(const Cell& cell, std::string_view runtime, std::string_view reason);
// Failure kBackend: a batch cannot be run.
Failure RunFailure(std::string_view runtime, std::size_t count, std::string_view reason);

}  // namespace mlperf_bake
