#include "core/run_directory.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "core/failure.h"

namespace mlperf_bake {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPartial = ".partial-";
constexpr std::chrono::seconds kYoung{10};
constexpr std::uint64_t kLeastFreeBytes = std::uint64_t{16} << 20;

Failure Refused(const fs::path& path, const std::string& what) {
  return Failure(ExitCode::kResults, path.string() + " " + what + " (" + std::strerror(errno) +
                                         "); give a directory that user " + std::to_string(geteuid()) +
                                         " can write with --results (chown it, or docker run --user \"$(id "
                                         "-u)\"), or mount a volume there.");
}

Failure Exists(const fs::path& path) {
  return Failure(ExitCode::kResults,
                 path.string() + " exists already; choose another --run-id or leave it out.");
}

// fsync() of a file or directory. Failure kResults when the disk does not take it.
void Sync(const fs::path& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool done = file >= 0 && (fsync(file) == 0 || errno == EINVAL);  // some file systems have no fsync
  const int error = errno;
  if (file >= 0) close(file);
  errno = error;
  if (!done) throw Refused(path, "could not be brought to disk");
}

bool SameFile(int descriptor, const fs::path& path) {
  struct stat open_one{}, named_one{};
  return fstat(descriptor, &open_one) == 0 && stat(path.c_str(), &named_one) == 0 &&
         open_one.st_ino == named_one.st_ino && open_one.st_dev == named_one.st_dev;
}

// rename() that fails with EEXIST instead of replacing anything.
int RenameNew(const fs::path& from, const fs::path& to) {
  const long done = syscall(SYS_renameat2, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
  if (done == 0 || (errno != EINVAL && errno != ENOSYS)) return static_cast<int>(done);
  // The file system cannot. A plain rename() replaces only empty directories, and no result is empty.
  std::error_code missing;
  if (fs::exists(to, missing)) {
    errno = EEXIST;
    return -1;
  }
  return rename(from.c_str(), to.c_str());
}

// Removes the partial directories of killed runs: those whose lock nobody holds. One that was touched shortly
// before `own` was made may belong to a run that is just about to lock it, and stays.
void RemoveAbandoned(const fs::path& results, const fs::path& own) {
  std::error_code ignored;  // what cannot be removed is no result all the same
  const fs::file_time_type now = fs::last_write_time(own, ignored);
  for (const auto& entry : fs::directory_iterator(results, ignored)) {
    const fs::path& path = entry.path();
    if (!path.filename().string().starts_with(kPartial) || path == own) continue;
    if (fs::last_write_time(path, ignored) > now - kYoung) continue;
    const int lock = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (lock < 0) continue;
    if (flock(lock, LOCK_EX | LOCK_NB) == 0 && SameFile(lock, path)) fs::remove_all(path, ignored);
    close(lock);
  }
}

}  // namespace

RunDirectory::RunDirectory(const fs::path& results, const std::string& run_id)
    : partial_(results / (std::string(kPartial) + run_id)), final_(results / run_id) {
  struct statvfs room{};
  if (statvfs(results.c_str(), &room) != 0) throw Refused(results, "cannot be used for results");
  if (static_cast<std::uint64_t>(room.f_bavail) * room.f_frsize < kLeastFreeBytes) {
    throw Failure(ExitCode::kResults,
                  results.string() + " has less than 16 MiB free; make room or give another --results.");
  }
  std::error_code missing;
  if (fs::exists(final_, missing)) throw Exists(final_);
  if (mkdir(partial_.c_str(), 0777) != 0 && errno != EEXIST) throw Refused(results, "cannot be written");
  lock_ = open(partial_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0) throw Refused(partial_, "cannot be opened");
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0 || !SameFile(lock_, partial_)) {
    close(lock_);
    throw Failure(ExitCode::kResults, "Another run named " + run_id + " is going on in " + results.string() +
                                          "; choose another --run-id or leave it out.");
  }
  // Locked, so whoever left something here is dead.
  for (const auto& entry : fs::directory_iterator(partial_, missing)) fs::remove_all(entry.path(), missing);
  RemoveAbandoned(results, partial_);
}

RunDirectory::~RunDirectory() {
  if (!committed_) Discard();
  if (lock_ >= 0) close(lock_);
}

void RunDirectory::Write(const std::string& name, std::string_view content) {
  const fs::path path = partial_ / name;
  std::FILE* const file = std::fopen(path.c_str(), "wbe");
  if (file == nullptr) throw Refused(path, "cannot be written");
  const bool written = std::fwrite(content.data(), 1, content.size(), file) == content.size();
  const bool closed = std::fclose(file) == 0;
  if (!written || !closed) throw Refused(path, "could not be written in full");
}

void RunDirectory::Commit() {
  for (const auto& entry : fs::directory_iterator(partial_)) Sync(entry.path());
  Sync(partial_);
  if (RenameNew(partial_, final_) != 0) {
    if (errno == EEXIST || errno == ENOTEMPTY) throw Exists(final_);
    throw Refused(final_, "could not be created");
  }
  committed_ = true;
  Sync(final_.parent_path());
}

std::uint64_t RunDirectory::Bytes() const noexcept {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (const fs::directory_entry& file : fs::directory_iterator(partial_, error)) {
    const std::uintmax_t size = file.file_size(error);
    if (!error) bytes += size;
  }
  return bytes;
}

void RunDirectory::Discard() noexcept {
  std::error_code ignored;  // a partial directory that stays is no result
  fs::remove_all(partial_, ignored);
}

std::string NewRunId(std::string_view scenario, std::string_view mode) {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 32> time_text;
  std::strftime(time_text.data(), time_text.size(), "%Y%m%dT%H%M%SZ", &utc);
  std::array<unsigned char, 3> random{};
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    const auto pid = static_cast<unsigned>(getpid());
    random = {static_cast<unsigned char>(pid >> 16), static_cast<unsigned char>(pid >> 8),
              static_cast<unsigned char>(pid)};
  }
  std::array<char, 8> hex;
  std::snprintf(hex.data(), hex.size(), "%02x%02x%02x", random[0], random[1], random[2]);
  std::string id = std::string(time_text.data()) + "-" + std::string(scenario) + "-" + std::string(mode) +
                   "-" + hex.data();
  std::transform(id.begin() + 16, id.end(), id.begin() + 16,
                 [](char c) {  // of compliance/TEST01 no directory must come
                   return c == '/' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
                 });
  return id;
}

}  // namespace mlperf_bake
