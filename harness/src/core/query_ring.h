// The queue between LoadGen's thread and the lanes in Server: one producer, any number of takers, no lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "query_sample.h"

namespace mlperf_bake {

// A ring of 2^k samples. Positions only grow, so a position taken twice cannot be mistaken (no ABA).
class QueryRing {
 public:
  explicit QueryRing(unsigned log2_capacity)
      : capacity_(std::size_t{1} << log2_capacity), slots_(std::make_unique<Slot[]>(capacity_)) {}

  // Producer only. False when the ring is full.
  bool Push(const mlperf::QuerySample& sample) {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    if (head - cached_tail_ == capacity_) {
      cached_tail_ = tail_.load(std::memory_order_acquire);
      if (head - cached_tail_ == capacity_) return false;
    }
    Slot& slot = slots_[head & (capacity_ - 1)];
    slot.id.store(sample.id, std::memory_order_relaxed);
    slot.index.store(sample.index, std::memory_order_relaxed);
    head_.store(head + 1, std::memory_order_seq_cst);  // a producer may look for sleeping takers next
    return true;
  }

  // Takes as many samples as there are, at most into.size(); returns how many.
  std::size_t Take(std::span<mlperf::QuerySample> into) {
    std::uint64_t tail = tail_.load(std::memory_order_acquire);
    while (true) {
      const std::uint64_t available = head_.load(std::memory_order_acquire) - tail;
      const std::size_t count = available < into.size() ? static_cast<std::size_t>(available) : into.size();
      if (count == 0) return 0;
      // What is read here is only used if no other lane took it meanwhile: then tail_ still has the old
      // value, and the producer cannot have reused the slots.
      for (std::size_t i = 0; i < count; ++i) {
        const Slot& slot = slots_[(tail + i) & (capacity_ - 1)];
        into[i] = {slot.id.load(std::memory_order_relaxed), slot.index.load(std::memory_order_relaxed)};
      }
      if (tail_.compare_exchange_weak(tail, tail + count, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
        return count;
      }
    }
  }

  bool Empty() const {
    return head_.load(std::memory_order_seq_cst) == tail_.load(std::memory_order_seq_cst);
  }

 private:
  struct Slot {
    std::atomic<mlperf::ResponseId> id{0};
    std::atomic<mlperf::QuerySampleIndex> index{0};
  };

  std::size_t capacity_;
  std::unique_ptr<Slot[]> slots_;
  alignas(128) std::atomic<std::uint64_t> head_{0};
  std::uint64_t cached_tail_ = 0;  // producer's last view of tail_
  alignas(128) std::atomic<std::uint64_t> tail_{0};
};

}  // namespace mlperf_bake
