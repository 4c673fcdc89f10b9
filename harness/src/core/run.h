// One benchmark run, from the command line to the recorded result.
#pragma once

#include "core/failure.h"
#include "core/options.h"

namespace mlperf_bake {

// Runs the named steps: cell, results directory, data, weights, backend, warm-up, settings, LoadGen, record.
// Returns kDone or kInvalid; throws Failure for everything else. A run that was interrupted or whose backend
// failed while LoadGen was issuing does not return: LoadGen's thread cannot be ended, so the process is
// (run.cc, EndProcess).
ExitCode Run(const Options& options);

}  // namespace mlperf_bake
