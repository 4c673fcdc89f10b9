#include "core/cpus.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>

#include "core/failure.h"

namespace mlperf_bake {
namespace {

constexpr int kMostCpus = 16384;

// "0-3,8" as numbers; nullopt when malformed.
std::optional<std::vector<int>> ParseCpuList(std::string_view text) {
  std::vector<int> cpus;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    int first = 0;
    auto parsed = std::from_chars(at, end, first);
    if (parsed.ec != std::errc{} || first < 0 || first >= kMostCpus) return std::nullopt;
    int last = first;
    if (parsed.ptr != end && *parsed.ptr == '-') {
      parsed = std::from_chars(parsed.ptr + 1, end, last);
      if (parsed.ec != std::errc{} || last < first || last >= kMostCpus) return std::nullopt;
    }
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
    if (parsed.ptr == end) return cpus;
    if (*parsed.ptr != ',') return std::nullopt;
    at = parsed.ptr + 1;
  }
}

std::optional<int> WholeCpus(double quota, double period) {
  if (quota <= 0 || period <= 0) return std::nullopt;
  return std::max(1, static_cast<int>(std::floor(quota / period)));
}

}  // namespace

std::vector<int> AllowedCpus() {
  std::vector<int> cpus;
  cpu_set_t* const set = CPU_ALLOC(kMostCpus);
  const std::size_t bytes = CPU_ALLOC_SIZE(kMostCpus);
  CPU_ZERO_S(bytes, set);
  if (sched_getaffinity(0, bytes, set) == 0) {
    for (int cpu = 0; cpu < kMostCpus; ++cpu) {
      if (CPU_ISSET_S(static_cast<std::size_t>(cpu), bytes, set)) cpus.push_back(cpu);
    }
  }
  CPU_FREE(set);
  if (cpus.empty()) cpus.push_back(0);
  return cpus;
}

std::optional<int> CpuQuota() {
  // cgroup v2: "QUOTA PERIOD" or "max PERIOD", in microseconds; v1: two files, a quota of -1 meaning none.
  std::ifstream v2("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (v2 >> quota >> period) {
    double microseconds = 0;
    const auto [stop, error] = std::from_chars(quota.data(), quota.data() + quota.size(), microseconds);
    return error == std::errc{} ? WholeCpus(microseconds, period) : std::nullopt;
  }
  double v1_quota = 0;
  if (std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") >> v1_quota &&
      std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_period_us") >> period) {
    return WholeCpus(v1_quota, period);
  }
  return std::nullopt;
}

int UsableCpus() {
  const int allowed = static_cast<int>(AllowedCpus().size());
  return std::min(allowed, CpuQuota().value_or(allowed));
}

std::vector<std::vector<int>> PlanPinning(std::string_view how, int workers, int threads,
                                          const std::vector<int>& allowed) {
  std::vector<std::vector<int>> plan(static_cast<std::size_t>(workers));
  if (how == "none") return plan;
  std::vector<int> cpus = allowed;
  if (how != "compact") {
    const auto listed = ParseCpuList(how);
    if (!listed) {
      throw Failure(ExitCode::kUsage,
                    "--pin is \"" + std::string(how) + "\"; expected none, compact, or CPUs such as 0-3,8.");
    }
    cpus = *listed;
    for (const int cpu : cpus) {
      if (std::find(allowed.begin(), allowed.end(), cpu) == allowed.end()) {
        throw Failure(ExitCode::kUsage, "--pin names CPU " + std::to_string(cpu) +
                                            ", which this process may not use; leave it out.");
      }
    }
  }
  const auto needed = static_cast<std::size_t>(workers) * static_cast<std::size_t>(threads);
  if (cpus.size() < needed) {
    throw Failure(ExitCode::kUsage, "--pin " + std::string(how) + " has " + std::to_string(cpus.size()) +
                                        " CPUs, but " + std::to_string(workers) + " workers of " +
                                        std::to_string(threads) + " threads need " + std::to_string(needed) +
                                        "; give fewer --workers or --threads, or more CPUs.");
  }
  auto next = cpus.begin();
  for (auto& worker : plan) {
    worker.assign(next, next + threads);
    next += threads;
  }
  return plan;
}

void PinThisThread(const std::vector<int>& cpus) {
  if (cpus.empty()) return;
  cpu_set_t* const set = CPU_ALLOC(kMostCpus);
  const std::size_t bytes = CPU_ALLOC_SIZE(kMostCpus);
  CPU_ZERO_S(bytes, set);
  for (const int cpu : cpus) CPU_SET_S(static_cast<std::size_t>(cpu), bytes, set);
  const int error = pthread_setaffinity_np(pthread_self(), bytes, set);
  CPU_FREE(set);
  if (error != 0) {
    throw Failure(ExitCode::kUsage, "A worker could not be pinned to its CPUs; use --pin none.");
  }
}

}  // namespace mlperf_bake
