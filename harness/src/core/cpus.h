// The CPUs this process may use, and which of them each worker gets.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mlperf_bake {

// CPU numbers this process may run on (its affinity mask), ascending.
std::vector<int> AllowedCpus();

// Whole CPUs that a CPU quota of a container leaves, where there is one.
std::optional<int> CpuQuota();

// How many threads can compute at once: the allowed CPUs, fewer under a quota; at least 1.
int UsableCpus();

// For each of `workers` workers, the CPUs of its `threads` threads; empty lists without pinning. `how`: none,
// compact, or a list such as 0-3,8. Failure kUsage when the list is malformed, names a CPU that is not
// allowed, or is too short.
std::vector<std::vector<int>> PlanPinning(std::string_view how, int workers, int threads,
                                          const std::vector<int>& allowed);

// Pins the calling thread; does nothing when `cpus` is empty.
void PinThisThread(const std::vector<int>& cpus);

}  // namespace mlperf_bake
