#include "support.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#include "core/sha256.h"

namespace mlperf_bake::testing {

namespace fs = std::filesystem;

Scratch::Scratch() {
  std::string name = fs::temp_directory_path() / "harness-test-XXXXXX";
  REQUIRE(mkdtemp(name.data()) != nullptr);
  path_ = name;
}

Scratch::~Scratch() {
  fs::remove_all(path_);
}

void WriteFile(const fs::path& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
  REQUIRE(file.good());
}

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE_MESSAGE(file.good(), path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

namespace {

std::string Sha256Of(const std::string& text) {
  return Sha256Hex(std::as_bytes(std::span(text)));
}

constexpr const char* kWeights = "weights of the echo backend";

}  // namespace

std::string CellText() {
  return "# a small cell\n"
         "cell = tiny-cpp-echo-cpu-debian12\nmodel = tiny\nimplementation = cpp\nframework = echo\nhardware "
         "= cpu\n"
         "os = debian12\ndivision = open\nround = v6.1\nbenchmark = resnet\nloadgen_model = resnet50\n"
         "task = image-classification\nbackend = echo\nprecision = fp32\nweights = "
         "weights.bin\nweights_sha256 = " +
         Sha256Of(kWeights) +
         "\ninput_name = images\ninput_shape = 2x3\ninput_dtype = float32\noutput_name = logits\n"
         "output_kind = scores  # a comment\nclasses = 10\nlabel_offset = 0\npreprocessing = none\n"
         "performance_sample_count = 16\nserver_target_latency_ms = 15\n"
         "qsl_rng_seed = 2085463073848966840\nsample_index_rng_seed = 2747215439041700203\n"
         "schedule_rng_seed = 16159082839903944936\n";
}

std::string SpanCellText() {
  std::string text = CellText();
  for (const auto& [key, line] : std::initializer_list<std::pair<const char*, const char*>>{
           {"task", "task = question-answering"},
           {"benchmark", "benchmark = bert-99"},
           {"loadgen_model", "loadgen_model = bert"},
           {"input_name", "input_name = ids, mask, segments"},
           {"input_shape", "input_shape = 4, 4, 4"},
           {"input_dtype", "input_dtype = int64, int64, int64\ninput_values = 5..9, 1, 0..1"},
           {"output_name", "output_name = starts, ends"},
           {"output_kind", "output_kind = tensors\noutput_shape = 4, 4\noutput_dtype = float32, float32"},
           {"classes", "# no classes"},
           {"label_offset", "# no labels"}}) {
    text = Replaced(text, std::string(key) + " = ", line);
  }
  return text;
}

std::string BoxCellText() {
  std::string text = CellText();
  for (const auto& [key, line] : std::initializer_list<std::pair<const char*, const char*>>{
           {"task", "task = object-detection"},
           {"benchmark", "benchmark = retinanet"},
           {"loadgen_model", "loadgen_model = retinanet"},
           {"input_shape", "input_shape = 1x4x8\ninput_values = 2..3"},
           {"output_name", "output_name = boxes, labels, scores"},
           {"output_kind",
            "output_kind = tensors\noutput_shape = nx4, n, n\noutput_dtype = float32, int64, float32"},
           {"classes", "# no classes"},
           {"label_offset", "# no labels"}}) {
    text = Replaced(text, std::string(key) + " = ", line);
  }
  return text;
}

fs::path WriteSamples(const fs::path& directory, int count, const std::string& samples,
                      const std::string& layout) {
  fs::create_directories(directory);
  WriteFile(directory / "samples.bin", samples);
  WriteFile(directory / "dataset.conf",
            "name = digits\npreprocessing = none\ncount = " + std::to_string(count) + "\n" + layout +
                "samples_sha256 = " + Sha256Of(samples) +
                "\ndemonstration = yes\nofficial_count = 1000\nsource = this test\n");
  return directory;
}

void WriteLabels(const fs::path& directory, const std::vector<std::int32_t>& labels) {
  const std::string bytes(reinterpret_cast<const char*>(labels.data()), labels.size() * sizeof labels[0]);
  WriteFile(directory / "labels.bin", bytes);
  WriteFile(directory / "dataset.conf",
            ReadFile(directory / "dataset.conf") + "labels_sha256 = " + Sha256Of(bytes) + "\n");
}

fs::path WriteCell(const fs::path& directory, const std::string& text) {
  WriteFile(directory / "cell.conf", text);
  WriteFile(directory / "weights.bin", kWeights);
  return directory / "cell.conf";
}

std::string Replaced(std::string text, const std::string& old_line_start, const std::string& new_line) {
  const std::size_t at = text.find(old_line_start);
  REQUIRE(at != std::string::npos);
  return text.replace(at, text.find('\n', at) - at, new_line);
}

fs::path WriteDataSet(const fs::path& directory, int count, int wrong) {
  std::string samples, labels;
  for (int i = 0; i < count; ++i) {
    const auto value = static_cast<float>(i % 10);
    for (int element = 0; element < 6; ++element)
      samples.append(reinterpret_cast<const char*>(&value), sizeof value);
    const std::int32_t label = i % 10 + (i < wrong ? 1 : 0);
    labels.append(reinterpret_cast<const char*>(&label), sizeof label);
  }
  fs::create_directories(directory);
  WriteFile(directory / "samples.bin", samples);
  WriteFile(directory / "labels.bin", labels);
  WriteFile(directory / "dataset.conf",
            "name = digits\npreprocessing = none\ncount = " + std::to_string(count) +
                "\nshape = 2x3\ndtype = float32\nclasses = 10\nsamples_sha256 = " + Sha256Of(samples) +
                "\nlabels_sha256 = " + Sha256Of(labels) +
                "\ndemonstration = yes\nofficial_count = 1000\nsource = this test\n");
  return directory;
}

Child::Child(const std::vector<std::string>& arguments, const std::string& fault) {
  std::vector<std::string> words = {MLPERF_BAKE_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    if (!fault.empty()) setenv("ECHO_FAULT", fault.c_str(), 1);
    const int out = open((scratch_.path() / "out").c_str(), O_CREAT | O_WRONLY, 0600);
    const int err = open((scratch_.path() / "err").c_str(), O_CREAT | O_WRONLY, 0600);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
}

Child::~Child() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
}

void Child::AwaitOutput(const std::string& text) {
  for (int i = 0; i < 6000; ++i) {
    if (fs::exists(scratch_.path() / "out") && Contains(ReadFile(scratch_.path() / "out"), text)) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  FAIL("no \"" << text << "\" on stdout");
}

Finished Child::Wait() {
  int status = 0;
  pid_t ended = 0;
  for (int i = 0; i < 9000 && ended == 0; ++i) {
    ended = waitpid(pid_, &status, WNOHANG);
    if (ended == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  REQUIRE_MESSAGE(ended == pid_, "the program did not end in 90 s");
  pid_ = -1;
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), ReadFile(scratch_.path() / "out"),
          ReadFile(scratch_.path() / "err")};
}

Finished RunHarness(const std::vector<std::string>& arguments, const std::string& fault) {
  return Child(arguments, fault).Wait();
}

}  // namespace mlperf_bake::testing
