// The weights of a cell, checked before anything is loaded: their checksum, or the record of how they were
// converted from weights of that checksum (docs/contracts.md, "cell.conf").
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/cell.h"
#include "core/memory.h"

namespace mlperf_bake {

// conversion.conf: a runtime's own form of the weights, and how near its outputs are to those of the source.
struct Conversion {
  std::string name, tools;                   // as "pnnx", "pnnx 20261020, torch 2.13.0"
  std::string source, source_sha256;         // the file it was made from
  std::map<std::string, std::string> files;  // file name to SHA-256
  std::string sample_data;
  std::uint64_t samples = 0;      // whose outputs were compared
  double largest_difference = 0;  // of any output, divided by the source's largest output
  double tolerance = 0;
  double agreement = 0;  // share of the samples with the source's predicted class
  double least_agreement = 0;
};

struct WeightsFacts {
  std::string file, sha256;
  std::uint64_t bytes = 0;
  std::optional<Conversion> conversion;
};

struct Weights {
  Memory memory;
  WeightsFacts facts;
};

// Failure kWeights when a file is missing or not the one that cell.conf or the conversion's record names.
Weights OpenWeights(const Cell& cell);

}  // namespace mlperf_bake
