#include "core/queue_model.h"

#include "support.h"

namespace mlperf_bake::testing {
namespace {

TEST_CASE("one lane of constant times is as slow as the exact formula of the M/D/1 queue says") {
  const QueueModel model({1.0}, 1, 1);
  CHECK(model.Latency(0.99, 0.5, 1, 200'000) == doctest::Approx(4.336).epsilon(0.03));
  CHECK(model.Latency(0.99, 0.8, 1, 200'000) == doctest::Approx(11.356).epsilon(0.06));
  CHECK(model.Latency(0.99, 1e-6, 1, 1000) == 1.0);
}

TEST_CASE("twice as slow lanes at half the rate are twice as late") {
  const QueueModel model({0.006, 0.007, 0.009}, 2, 1);
  CHECK(model.Latency(0.99, 50, 2, 5000) == doctest::Approx(2 * model.Latency(0.99, 100, 1, 5000)));
}

TEST_CASE("more lanes, a wider limit and larger batches allow higher rates, slower lanes a lower one") {
  const double rate = QueueModel({0.006}, 2, 1).HighestRate(0.015, 1);
  CHECK(rate > 100);
  CHECK(rate < 250);
  CHECK(QueueModel({0.006}, 4, 1).HighestRate(0.015, 1) > 2 * rate);
  CHECK(QueueModel({0.006}, 2, 1).HighestRate(0.030, 1) > 1.2 * rate);
  CHECK(QueueModel({0.006}, 2, 4).HighestRate(0.015, 1) > rate);
  CHECK(QueueModel({0.006}, 2, 1).HighestRate(0.015, 1.5) < rate);
}

TEST_CASE("where a lone batch is too late there is no rate") {
  CHECK(QueueModel({0.006, 0.020}, 2, 1).HighestRate(0.015, 1) == 0);
}

TEST_CASE(
    "the slowdown that explains a latency is found, in a queue that keeps up and in one that does not") {
  const QueueModel model({0.006, 0.007}, 2, 1);
  for (const double rate : {100.0, 400.0}) {
    CAPTURE(rate);
    const double late = model.Latency(0.99, rate, 1.3, 3000);
    CHECK(model.Slowdown(0.99, late, rate, 3000) == doctest::Approx(1.3).epsilon(0.01));
  }
}

}  // namespace
}  // namespace mlperf_bake::testing
