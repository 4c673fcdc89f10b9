// Every way a run can end badly: one exit code and one sentence with the remedy (docs/contracts.md,
// "Harness").
#pragma once

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <string>

namespace mlperf_bake {

enum class ExitCode : int {
  kDone = 0,
  kUsage = 2,
  kCell = 3,
  kDataSet = 4,
  kWeights = 5,
  kBackend = 6,
  kResults = 7,
  kLoadGen = 8,
  kInvalid = 9,
  kInterrupted = 12,
  kHung = 13,
  kWrongAnswer = 14,
  kLeak = 15,
};

// Thrown where the failure is noticed, caught once in main(), which prints the sentence and exits with the
// code.
class Failure : public std::runtime_error {
 public:
  Failure(ExitCode exit_code, const std::string& sentence)
      : std::runtime_error(Printable(sentence)), exit_code_(exit_code) {}

  ExitCode exit_code() const { return exit_code_; }

 private:
  // Sentences quote files: no control character of theirs may reach a terminal.
  static std::string Printable(std::string sentence) {
    std::replace_if(
        sentence.begin(), sentence.end(),
        [](unsigned char c) { return (c < 0x20 && c != '\n') || c == 0x7f; }, '?');
    return sentence;
  }

  ExitCode exit_code_;
};

// The exit code of any exception: a Failure's own; what nobody foresaw comes from a backend or the memory it
// takes.
inline ExitCode ExitCodeOf(const std::exception& error) {
  const auto* const failure = dynamic_cast<const Failure*>(&error);
  return failure == nullptr ? ExitCode::kBackend : failure->exit_code();
}

}  // namespace mlperf_bake
