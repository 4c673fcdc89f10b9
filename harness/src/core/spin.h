// Waiting briefly without giving the CPU away.
#pragma once

#include <chrono>

namespace mlperf_bake {

inline void CpuRelax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

// Polls `done` for at most `patience`; true as soon as it holds.
template <typename Done>
bool SpinUntil(Done done, std::chrono::nanoseconds patience) {
  if (done()) return true;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  do {
    for (int i = 0; i < 16; ++i) {
      CpuRelax();
      if (done()) return true;
    }
  } while (std::chrono::steady_clock::now() < deadline);
  return false;
}

}  // namespace mlperf_bake
