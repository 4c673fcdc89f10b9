#include "core/lane.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "loadgen.h"

namespace mlperf_bake {

Lane::Lane(std::unique_ptr<Instance> instance, std::unique_ptr<Decoder> decoder, const SampleLibrary& library,
           std::size_t batch, std::vector<int> cpus, const OutputRule& rule, CallCount& calls)
    : instance_(std::move(instance)),
      decoder_(std::move(decoder)),
      library_(library),
      batch_(batch),
      cpus_(std::move(cpus)),
      rule_(rule),
      calls_(calls),
      staging_(batch > 1 ? Memory::Allocate(batch * library.sample_bytes()) : Memory()) {}

void Lane::Reserve(std::size_t most_held) {
  static_assert(std::is_trivially_copyable_v<mlperf::QuerySampleResponse>);  // so zeroed memory will do
  responses_memory_ = Memory::Allocate(most_held * sizeof(mlperf::QuerySampleResponse));
  responses_ = {reinterpret_cast<mlperf::QuerySampleResponse*>(responses_memory_.writable().data()),
                most_held};
  decoder_->Reserve(most_held);
}

void Lane::Answer(std::span<const mlperf::QuerySample> samples) {
  const std::size_t count = samples.size();
  while (!samples.empty()) {
    const auto batch = samples.first(std::min(batch_, samples.size()));
    samples = samples.subspan(batch.size());
    decoder_->Decode(Compute(batch), batch, responses_.subspan(held_, batch.size()));
    held_ += batch.size();
  }
  // This lane is the only writer, so no read-modify-write is needed.
  answered_.store(answered_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
}

void Lane::Deliver() {
  mlperf::QuerySamplesComplete(responses_.data(), held_);
  held_ = 0;
  decoder_->Release();
}

Output Lane::Compute(std::span<const mlperf::QuerySample> batch) {
  const std::byte* const samples = InOnePiece(batch);
  const Output output = [&] {
    const CallCount::Call call(calls_);
    return instance_->Run(samples, batch.size());
  }();
  rule_.Check(output, batch.size());
  return output;
}

const std::byte* Lane::InOnePiece(std::span<const mlperf::QuerySample> batch) {
  const std::byte* const first = library_.Find(batch.front().index);
  const std::size_t bytes = library_.sample_bytes();
  bool neighbours = true;
  for (std::size_t i = 1; neighbours && i < batch.size(); ++i) {
    neighbours = library_.Find(batch[i].index) == first + i * bytes;
  }
  if (neighbours) return first;
  std::byte* slot = staging_.writable().data();
  for (const mlperf::QuerySample& sample : batch) {
    std::memcpy(slot, library_.Find(sample.index), bytes);
    slot += bytes;
  }
  return staging_.bytes().data();
}

std::uint64_t Answered(const Lanes& lanes) {
  std::uint64_t answered = 0;
  for (const auto& lane : lanes) answered += lane->answered();
  return answered;
}

bool AnyBusy(const Lanes& lanes) {
  FenceAllThreads();
  return std::any_of(lanes.begin(), lanes.end(), [](const auto& lane) { return lane->busy(); });
}

}  // namespace mlperf_bake
