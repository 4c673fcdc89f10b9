// cell.conf's lines about the network itself: its inputs and its outputs (docs/contracts.md, "cell.conf").
#pragma once

#include "core/cell.h"
#include "core/conf_file.h"

namespace mlperf_bake {

// `input_*`: Cell::inputs and input_values. Failure where the lists are not equally long, or where an input
// would begin at no multiple of its element size.
void ReadInputs(const ConfFile& conf, Cell* cell);

// `output_*`, `classes` and `label_offset`: Cell::output_kind, outputs, classes and label_offset.
void ReadOutputs(const ConfFile& conf, Cell* cell);

}  // namespace mlperf_bake
