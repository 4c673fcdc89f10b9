// What the machine is, as the kernel tells it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mlperf_bake {

struct HostFacts {
  std::optional<std::string> cpu_model, cpu_vendor;
  int logical_cpus = 0;
  int usable_cpus = 0;
  std::optional<int> sockets, physical_cores;
  std::optional<std::uint64_t> memory_bytes, memory_limit_bytes;
  std::string kernel, architecture;
  std::optional<std::string> os;
  std::vector<std::string> accelerators;
};

HostFacts DetectHost();

// Memory that this process may still take: what the kernel calls available, less under a container's limit.
std::uint64_t AvailableMemory();

}  // namespace mlperf_bake
