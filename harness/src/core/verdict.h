// What to change when LoadGen calls a run INVALID.
#pragma once

#include <string>

#include "core/loadgen_log.h"
#include "core/settings.h"

namespace mlperf_bake {

// One sentence: which constraint failed, and which option to give with which value.
std::string Advice(const LoadGenLog& log, const Result& result, const Settings& settings, Scenario scenario);

}  // namespace mlperf_bake
