// The class answered for each sample, for tasks that compare it with one label a sample.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "tasks/task.h"

namespace mlperf_bake {

// Written by all decoders at once. LoadGen may issue a sample more than once: the answers are the same.
class ClassAnswers {
 public:
  // 0 samples: nothing is kept.
  explicit ClassAnswers(std::size_t samples) : answers_(samples) {
    for (auto& answer : answers_) answer.store(kUnanswered, std::memory_order_relaxed);
  }
  bool kept() const { return !answers_.empty(); }
  void Keep(std::size_t index, std::int64_t answer) {
    answers_[index].store(answer, std::memory_order_relaxed);
  }

  // Over the samples that were answered.
  Accuracy Compare(const std::string& metric, std::span<const std::int32_t> labels) const {
    Accuracy accuracy{metric, 0, 0};
    for (std::size_t i = 0; i < answers_.size(); ++i) {
      const std::int64_t answer = answers_[i].load(std::memory_order_relaxed);
      if (answer == kUnanswered) continue;
      ++accuracy.total;
      accuracy.correct += answer == labels[i] ? 1 : 0;
    }
    return accuracy;
  }

 private:
  static constexpr std::int64_t kUnanswered = std::numeric_limits<std::int64_t>::min();

  std::vector<std::atomic<std::int64_t>> answers_;
};

}  // namespace mlperf_bake
