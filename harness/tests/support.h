// What several tests need: a scratch directory, a small cell with its data set, and the program run as a
// child.
#pragma once

#include <doctest/doctest.h>
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/failure.h"

namespace mlperf_bake::testing {

// A directory that disappears with the object.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

void WriteFile(const std::filesystem::path& path, const std::string& content);
std::string ReadFile(const std::filesystem::path& path);

// The lines of a cell.conf for backend echo on 2x3 float32 samples of 10 classes; its weights file is
// weights.bin.
std::string CellText();
// Writes cell.conf and weights.bin, and returns the path of the former.
std::filesystem::path WriteCell(const std::filesystem::path& directory, const std::string& text = CellText());
// `old_line_start` up to the end of its line becomes `new_line`.
std::string Replaced(std::string text, const std::string& old_line_start, const std::string& new_line);

// The same for a network of several inputs and outputs: question answering over windows of four tokens. A
// sample is the int64 inputs ids, mask and segments; backend echo answers with ids as start and mask as end
// logits.
std::string SpanCellText();
// And for detection in pictures of 1x4x8 float32: echo finds as many boxes as the first value says, its
// corners and scores being the picture's values.
std::string BoxCellText();

// A data set of `count` samples without labels; `layout` has the lines shape, dtype and classes of its
// dataset.conf.
std::filesystem::path WriteSamples(const std::filesystem::path& directory, int count,
                                   const std::string& samples, const std::string& layout);

// Gives it labels.
void WriteLabels(const std::filesystem::path& directory, const std::vector<std::int32_t>& labels);

// A data set for CellText(): sample i is full of i % 10, its label is i % 10, except the first `wrong`, whose
// label is one more.
std::filesystem::path WriteDataSet(const std::filesystem::path& directory, int count, int wrong = 0);

struct Finished {
  int exit_code;  // or 128 + the signal's number
  std::string out, err;
};

// The harness program with the echo and null backends, as a child process.
class Child {
 public:
  Child(const std::vector<std::string>& arguments, const std::string& fault = "");
  ~Child();
  pid_t pid() const { return pid_; }
  // Waits until `text` has appeared on stdout.
  void AwaitOutput(const std::string& text);
  Finished Wait();

 private:
  Scratch scratch_;
  pid_t pid_ = -1;
};

Finished RunHarness(const std::vector<std::string>& arguments, const std::string& fault = "");

// The message of the Failure that `action` throws, which must have this exit code.
template <typename Action>
std::string FailureOf(ExitCode exit_code, Action action) {
  try {
    action();
  } catch (const Failure& failure) {
    CHECK(static_cast<int>(failure.exit_code()) == static_cast<int>(exit_code));
    return failure.what();
  }
  FAIL("nothing was thrown");
  return "";
}

inline bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace mlperf_bake::testing
