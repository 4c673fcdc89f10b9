// The directory of one run: written under a temporary name, renamed when complete, so that a killed run is
// never taken for a result and no result is ever overwritten.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace mlperf_bake {

class RunDirectory {
 public:
  // Creates results/.partial-ID, taking over what a killed run of the same name left there, and removes what
  // killed runs of other names left. Failure kResults when the directory cannot be written, ID exists, or
  // another process is running under that name now.
  RunDirectory(const std::filesystem::path& results, const std::string& run_id);
  // Removes the partial directory unless it was committed.
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  const std::filesystem::path& path() const { return partial_; }
  const std::filesystem::path& final_path() const { return final_; }

  // What its files hold so far; zero where that cannot be read.
  std::uint64_t Bytes() const noexcept;
  // Writes a whole file. Failure kResults when the disk does not take it.
  void Write(const std::string& name, std::string_view content);
  // Brings everything to disk and gives the directory its final name. Failure kResults when that name exists
  // by now.
  void Commit();
  // Removes the partial directory.
  void Discard() noexcept;

 private:
  std::filesystem::path partial_, final_;
  int lock_ = -1;  // an open descriptor of the partial directory, locked as long as this process lives
  bool committed_ = false;
};

// 20261122T091500Z-offline-performance-3f2a1b: time in UTC, scenario, mode, six random hex digits.
std::string NewRunId(std::string_view scenario, std::string_view mode);

}  // namespace mlperf_bake
