// What waiting does to latency: a simulated queue of queries that arrive at random before the lanes.
#pragma once

#include <cstdint>
#include <vector>

namespace mlperf_bake {

class QueueModel {
 public:
  // `batch_seconds`: what batches were measured to take, in any order, at least one and none zero. A batch
  // that is not full is taken to last as long as a full one.
  QueueModel(std::vector<double> batch_seconds, int lanes, int batch);

  // The latency in seconds that `share` of the queries do not exceed when `queries` arrive at `rate` a second
  // (Poisson, one sample each) and every batch takes `slowdown` times what was measured. The same arguments
  // always give the same figure.
  double Latency(double share, double rate, double slowdown, std::uint64_t queries) const;

  // How much slower than measured the lanes must have been for `latency_s` not to be exceeded by `share` of
  // `queries` at `rate`.
  double Slowdown(double share, double latency_s, double rate, std::uint64_t queries) const;

  // The highest rate at which so few queries are later than `limit_s` that LoadGen is certain of its 99th
  // percentile after some thousands of them; 0 when a lone batch takes too long.
  double HighestRate(double limit_s, double slowdown) const;

 private:
  std::vector<double> batch_seconds_;
  std::size_t lanes_;
  std::size_t batch_;
  double capacity_;  // samples/s
};

}  // namespace mlperf_bake
