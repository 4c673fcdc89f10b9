#include "core/image.h"

#include <sys/stat.h>

#include <cstdlib>

#include "backends/backend.h"
#include "version.h"

namespace mlperf_bake {

std::filesystem::path DefaultCellFile() {
  std::error_code unknown;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", unknown);
  return program.parent_path().parent_path() / "cell.conf";
}

std::string Introduction(const Cell& cell) {
  const std::string image = "mlperf-bake/" + cell.id + ":latest";
  return "MLPerf Inference: " + cell.model + " (" + cell.precision + ") with " + cell.framework + " on " +
         cell.hardware + ", " + cell.division + " division, round " + cell.round + ".\n\n" +
         "A first figure, on generated samples, with nothing to prepare:\n" +
         "  docker run --rm -v results:/results " + image +
         " --scenario Offline --mode performance --data synthetic --duration 10\n\n" +
         "On a prepared data set (preprocessing " + cell.preprocessing + ") in directory DATA:\n" +
         "  docker run --rm -v results:/results -v /path/to/DATA:/data:ro " + image +
         " --scenario Offline --mode accuracy\n" +
         "(`mlperf-bake data prepare` makes one; docs/contracts.md, \"Prepared data set\", describes "
         "it.)\n\n" +
         "Scenarios: SingleStream, MultiStream, Server, Offline, Interactive. Modes: performance, accuracy, "
         "find-peak.\n" +
         "--help lists all options. Results appear in /results.\n";
}

bool GoesWithTheContainer(const std::filesystem::path& path) {
  if (std::getenv("MLPERF_BAKE_FINGERPRINT") == nullptr) return false;  // no image of ours sets it
  struct stat root{}, place{};
  return stat("/", &root) == 0 && stat(path.c_str(), &place) == 0 && root.st_dev == place.st_dev;
}

std::string VersionText() {
  std::string text = "mlperf-harness " MLPERF_BAKE_VERSION "\nloadgen " + mlperf::LoadgenVersion() + " " +
                     mlperf::LoadgenGitRevision() + "\n";
  for (const BackendEntry& entry : Backends())
    text += "backend " + std::string(entry.name) + " " + entry.version() + "\n";
  return text;
}

}  // namespace mlperf_bake
