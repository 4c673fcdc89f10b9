// CPU time of this process: what a run cost, whatever else the machine was doing.
#pragma once

namespace mlperf_bake {

// User and system time of all threads so far, in seconds.
double CpuSeconds();

}  // namespace mlperf_bake
