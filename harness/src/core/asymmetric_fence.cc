#include "core/asymmetric_fence.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace mlperf_bake {
namespace {

long MemoryBarrier(int command) {
  return syscall(SYS_membarrier, command, 0, 0);
}

}  // namespace

const bool kCanFenceAllThreads = MemoryBarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;

void FenceAllThreads() {
  if (kCanFenceAllThreads) MemoryBarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

}  // namespace mlperf_bake
