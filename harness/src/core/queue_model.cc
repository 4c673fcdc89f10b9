#include "core/queue_model.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <queue>
#include <random>

namespace mlperf_bake {
namespace {

// Enough for a 99.5th percentile, and a few milliseconds' work.
constexpr std::uint64_t kQueries = 20'000;
// Half of the one percent that LoadGen's Server scenario allows to be late: it wants certainty.
constexpr double kSafeShare = 0.995;
constexpr int kBisections = 16;

// Where `low` turns into `high`, given that Above(low) is false and Above(high) true.
double Bisect(double low, double high, const std::function<bool(double)>& above) {
  for (int i = 0; i < kBisections; ++i) {
    const double middle = (low + high) / 2;
    (above(middle) ? high : low) = middle;
  }
  return low;
}

}  // namespace

QueueModel::QueueModel(std::vector<double> batch_seconds, int lanes, int batch)
    : batch_seconds_(std::move(batch_seconds)),
      lanes_(static_cast<std::size_t>(lanes)),
      batch_(static_cast<std::size_t>(batch)) {
  const double mean = std::accumulate(batch_seconds_.begin(), batch_seconds_.end(), 0.0) /
                      static_cast<double>(batch_seconds_.size());
  capacity_ = lanes * batch / mean;
}

double QueueModel::Latency(double share, double rate, double slowdown, std::uint64_t queries) const {
  std::mt19937_64 random(0);  // the same arrivals every time, so that a higher rate is a slower queue
  const auto uniform = [&] { return (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53; };
  std::vector<double> arrivals(queries);
  double now = 0;
  for (double& arrival : arrivals) arrival = now -= std::log(uniform()) / rate;
  std::priority_queue<double, std::vector<double>, std::greater<>> free_at(std::greater<>(),
                                                                           std::vector<double>(lanes_, 0.0));
  for (std::size_t next = 0; next < arrivals.size();) {
    const double start = std::max(free_at.top(), arrivals[next]);
    free_at.pop();
    const double end = start + slowdown * batch_seconds_[random() % batch_seconds_.size()];
    free_at.push(end);
    for (std::size_t i = 0; i < batch_ && next < arrivals.size() && arrivals[next] <= start; ++i, ++next) {
      arrivals[next] = end - arrivals[next];  // now its latency
    }
  }
  const auto at =
      arrivals.begin() + static_cast<std::ptrdiff_t>(std::min(share, 1.0) * static_cast<double>(queries - 1));
  std::nth_element(arrivals.begin(), at, arrivals.end());
  return *at;
}

double QueueModel::Slowdown(double share, double latency_s, double rate, std::uint64_t queries) const {
  constexpr double kLeast = 0.1, kMost = 20;
  const std::uint64_t simulated = std::clamp<std::uint64_t>(queries, 1, kQueries);
  return Bisect(kLeast, kMost,
                [&](double slowdown) { return Latency(share, rate, slowdown, simulated) > latency_s; });
}

double QueueModel::HighestRate(double limit_s, double slowdown) const {
  const auto late = [&](double rate) { return Latency(kSafeShare, rate, slowdown, kQueries) > limit_s; };
  const double most = capacity_ / slowdown;
  constexpr double kIdle = 1e-3;
  return late(kIdle * most) ? 0 : Bisect(kIdle * most, most, late);
}

}  // namespace mlperf_bake
