#include "core/memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace mlperf_bake {
namespace {

// Closes a file descriptor at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

}  // namespace

Memory::Memory(Memory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Memory::~Memory() {
  if (data_ != nullptr) munmap(data_, size_);
}

Memory Memory::MapFile(const std::filesystem::path& path, ExitCode exit_code) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0) {
    throw Failure(exit_code, path.string() + " cannot be opened (" + std::strerror(errno) +
                                 "); check that it is there and readable by this user.");
  }
  struct stat facts{};
  if (fstat(file.number(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    throw Failure(exit_code, path.string() + " is not a regular file.");
  }
  const auto size = static_cast<std::size_t>(facts.st_size);
  if (size == 0) return {};
  void* const data = mmap(nullptr, size, PROT_READ, MAP_SHARED, file.number(), 0);
  if (data == MAP_FAILED) {
    throw Failure(exit_code, path.string() + " cannot be mapped into memory (" + std::strerror(errno) + ").");
  }
  return {static_cast<std::byte*>(data), size};
}

Memory Memory::Allocate(std::size_t bytes) {
  if (bytes == 0) return {};
  void* const data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) {
    throw Failure(ExitCode::kDataSet, "There is no memory for " + std::to_string(bytes) +
                                          " bytes of samples; give a smaller --samples.");
  }
  madvise(data, bytes, MADV_HUGEPAGE);  // a wish; without huge pages nothing is lost
  return {static_cast<std::byte*>(data), bytes};
}

}  // namespace mlperf_bake
