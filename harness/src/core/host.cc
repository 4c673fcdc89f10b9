#include "core/host.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <set>
#include <string_view>

#include "core/cpus.h"

namespace mlperf_bake {
namespace {

namespace fs = std::filesystem;

std::string Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\"");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\"") - first + 1));
}

// The first value of a `KEY<separator> value` file such as /proc/cpuinfo.
std::optional<std::string> ValueOf(const fs::path& file, std::string_view key, char separator) {
  std::ifstream lines(file);
  std::string line;
  while (std::getline(lines, line)) {
    const std::size_t at = line.find(separator);
    if (at == std::string::npos || Trim(std::string_view(line).substr(0, at)) != key) continue;
    return Trim(std::string_view(line).substr(at + 1));
  }
  return std::nullopt;
}

std::optional<std::string> FirstLine(const fs::path& file) {
  std::ifstream lines(file);
  std::string line;
  if (!std::getline(lines, line)) return std::nullopt;
  // Device-tree strings end with a NUL.
  line.erase(std::find(line.begin(), line.end(), '\0'), line.end());
  return line.empty() ? std::nullopt : std::optional(line);
}

std::optional<std::uint64_t> WholeNumber(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  std::uint64_t number = 0;
  if (std::from_chars(text->data(), text->data() + text->size(), number).ec != std::errc{})
    return std::nullopt;
  return number;
}

std::optional<std::uint64_t> MemInfo(std::string_view key) {
  const auto kilobytes = WholeNumber(ValueOf("/proc/meminfo", key, ':'));
  if (!kilobytes) return std::nullopt;
  return *kilobytes * 1024;
}

// Arm kernels give a number, not a name (MIDR_EL1, "Implementer").
std::optional<std::string> ArmVendor() {
  const auto implementer = ValueOf("/proc/cpuinfo", "CPU implementer", ':');
  if (!implementer) return std::nullopt;
  struct Vendor {
    std::string_view code, name;
  };
  for (const Vendor& vendor :
       {Vendor{"0x41", "ARM"}, Vendor{"0x4e", "NVIDIA"}, Vendor{"0x51", "Qualcomm"}, Vendor{"0x61", "Apple"},
        Vendor{"0xc0", "Ampere"}, Vendor{"0x46", "Fujitsu"}, Vendor{"0x48", "HiSilicon"}}) {
    if (*implementer == vendor.code) return std::string(vendor.name);
  }
  return "implementer " + *implementer;
}

// How many different values the CPUs have in these files of /sys: packages, or cores.
std::optional<int> DistinctInTopology(std::initializer_list<std::string_view> files) {
  std::set<std::string> found;
  std::error_code missing;
  for (const auto& cpu : fs::directory_iterator("/sys/devices/system/cpu", missing)) {
    std::string key;
    bool known = false;
    for (const std::string_view file : files) {
      const auto value = FirstLine(cpu.path() / "topology" / file);
      known = known || value.has_value();
      key += value.value_or("") + ",";
    }
    if (known) found.insert(key);
  }
  if (found.empty()) return std::nullopt;
  return static_cast<int>(found.size());
}

// A container's memory limit; none where it is "max" (v2) or more than the machine has (v1).
std::optional<std::uint64_t> MemoryLimit() {
  const auto total = MemInfo("MemTotal");
  for (const char* file : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    const auto limit = WholeNumber(FirstLine(file));
    if (limit && (!total || *limit < *total)) return limit;
  }
  return std::nullopt;
}

std::vector<std::string> NvidiaGpus() {
  std::vector<std::string> gpus;
  std::error_code missing;
  for (const auto& gpu : fs::directory_iterator("/proc/driver/nvidia/gpus", missing)) {
    if (const auto model = ValueOf(gpu.path() / "information", "Model", ':')) gpus.push_back(*model);
  }
  return gpus;
}

}  // namespace

HostFacts DetectHost() {
  HostFacts facts;
  facts.cpu_model = ValueOf("/proc/cpuinfo", "model name", ':');
  if (!facts.cpu_model) facts.cpu_model = FirstLine("/sys/firmware/devicetree/base/model");
  facts.cpu_vendor = ValueOf("/proc/cpuinfo", "vendor_id", ':');
  if (!facts.cpu_vendor) facts.cpu_vendor = ArmVendor();
  facts.logical_cpus = static_cast<int>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  facts.usable_cpus = UsableCpus();
  facts.sockets = DistinctInTopology({"physical_package_id"});
  facts.physical_cores = DistinctInTopology({"physical_package_id", "die_id", "core_id"});
  facts.memory_bytes = MemInfo("MemTotal");
  facts.memory_limit_bytes = MemoryLimit();
  utsname kernel{};
  if (uname(&kernel) == 0) {
    facts.kernel = kernel.release;
    facts.architecture = kernel.machine;
  }
  facts.os = ValueOf("/etc/os-release", "PRETTY_NAME", '=');
  facts.accelerators = NvidiaGpus();
  return facts;
}

std::uint64_t AvailableMemory() {
  constexpr std::uint64_t kUnknown = std::uint64_t{1} << 30;
  std::uint64_t available = MemInfo("MemAvailable").value_or(kUnknown);
  const auto limit = MemoryLimit();
  if (!limit) return available;
  for (const char* file : {"/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory/memory.usage_in_bytes"}) {
    if (const auto used = WholeNumber(FirstLine(file))) {
      return std::min(available, *limit - std::min(*limit, *used));
    }
  }
  return std::min(available, *limit);
}

}  // namespace mlperf_bake
