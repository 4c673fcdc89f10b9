// What to change when LoadGen calls a run INVALID.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/loadgen_log.h"
#include "core/settings.h"

namespace mlperf_bake {

struct Advice {
  std::string because;  // which constraint failed, by how much; no full stop
  std::vector<std::string>
      options;  // what to give instead: {"--target-qps", "118"}; empty where nothing helps

  std::string Sentence() const;
};

// The first constraint that failed and the options that would have met it and those that would have failed
// next, computed from what was measured; nullopt for a valid run.
std::optional<Advice> AdviceFor(const LoadGenLog& log, const Result& result, const Settings& settings,
                                Scenario scenario, const Execution& execution, const Measured& measured);

}  // namespace mlperf_bake
