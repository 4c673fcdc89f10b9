// What differs among the LoadGen releases that the rounds' images are built with (4.1 to 6.0).
#pragma once

#include <string>
#include <type_traits>

#include "logging.h"
#include "test_settings.h"

namespace mlperf_bake {

// Sets what is compiled into LoadGen, its mlperf.conf, for a model and scenario. Up to 4.1 the last parameter
// of FromConfig asks whether the settings are those, so that 1 stands for them; since 5.0 it is a kind of
// file, of which they are 0.
inline void SetCompiledIn(const std::string& model, const std::string& scenario,
                          mlperf::TestSettings* settings) {
  using Asking =
      int (mlperf::TestSettings::*)(const std::string&, const std::string&, const std::string&, bool);
  constexpr bool kAsks = std::is_same_v<decltype(&mlperf::TestSettings::FromConfig), Asking>;
  settings->FromConfig("", model, scenario, kAsks ? 1 : 0);
}

template <typename Log>
concept CountsErrors = requires(Log& log) { log.GetErrorCount(); };

// What the last line of a performance run's detail log says: since 5.0 the count of errors, before that the
// last latency.
inline constexpr const char* kLastKey =
    CountsErrors<mlperf::logging::AsyncLog> ? "num_errors" : "result_99.90_percentile_latency_ns";

}  // namespace mlperf_bake
