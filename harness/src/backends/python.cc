// Any runtime that Python can call: CPython in this process (python_interpreter.h), and a class of about 30
// lines, named by its file (docs/backends.md). One instance a worker (python_instance.h); while its runtime
// computes without the interpreter's lock, workers compute side by side.
#include "backends/python_interpreter.h"
// Python.h comes first.
#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "backends/backend.h"
#include "backends/python_instance.h"
#include "core/failure.h"
#include "core/memory.h"
#include "core/sha256.h"

namespace mlperf_bake {
namespace {

using python::ClassName, python::Host, python::Lock, python::NewShape, python::NewText, python::Ref,
    python::Set, python::Text, python::Tuple;

// What `class=FILE[:CLASS]` and `packages=DIR[:DIR]` name; paths are relative to the directory of cell.conf.
struct ClassPlace {
  std::filesystem::path file;
  std::string name;  // empty: the only one in the file
  std::vector<std::string> packages;
  std::filesystem::path home;
};

std::filesystem::path Beside(const Cell& cell, const std::string& path) {
  return (std::filesystem::absolute(cell.conf).parent_path() / path).lexically_normal();
}

ClassPlace PlaceOf(const Network& network) {
  const auto& options = network.configuration.options;
  const auto given = options.find("class");
  if (given == options.end()) {
    throw Failure(
        ExitCode::kUsage,
        "Backend \"python\" needs a class; --backend-option class=FILE.py or FILE.py:CLASS names it.");
  }
  ClassPlace place;
  const std::size_t colon = given->second.rfind(':');
  place.file = Beside(network.cell, given->second.substr(0, colon));
  if (colon != std::string::npos) place.name = given->second.substr(colon + 1);
  if (const auto home = options.find("home"); home != options.end()) {
    place.home = Beside(network.cell, home->second);
  }
  if (const auto packages = options.find("packages"); packages != options.end()) {
    const std::string& list = packages->second;
    for (std::size_t start = 0; start < list.size();) {
      const std::size_t end = std::min(list.find(':', start), list.size());
      if (end > start)
        place.packages.push_back(Beside(network.cell, list.substr(start, end - start)).string());
      start = end + 1;
    }
  }
  return place;
}

// Inputs or outputs as `name`, `shape` and `dtype` of each.
Ref TensorFacts(const std::vector<NamedTensor>& tensors) {
  Ref all(PyList_New(0));
  for (const NamedTensor& tensor : tensors) {
    const Ref facts(PyDict_New());
    Set(facts, "name", NewText(tensor.name));
    Set(facts, "shape", NewShape(tensor.shape));
    Set(facts, "dtype", NewText(std::string(NameOf(tensor.dtype))));
    PyList_Append(all.get(), facts.get());
  }
  return all;
}

const char* KindText(OutputKind kind) {
  switch (kind) {
    case OutputKind::kScores:
      return "scores";
    case OutputKind::kArgmax:
      return "argmax";
    case OutputKind::kTensors:
      break;
  }
  return "tensors";
}

// What a class is told of its cell.
Ref CellFacts(const Cell& cell, const std::string& precision) {
  Ref facts(PyDict_New());
  Set(facts, "id", NewText(cell.id));
  Set(facts, "model", NewText(cell.model));
  Set(facts, "precision", NewText(precision));
  const NamedTensor& input = cell.inputs.front();
  Set(facts, "input_name", NewText(input.name));
  Set(facts, "input_shape", NewShape(input.shape));
  Set(facts, "input_dtype", NewText(std::string(NameOf(input.dtype))));
  Set(facts, "output_name", NewText(cell.outputs.front().name));
  Set(facts, "output_kind", NewText(KindText(cell.output_kind)));
  Set(facts, "classes", Ref(PyLong_FromSize_t(cell.classes)));
  Set(facts, "inputs", TensorFacts(cell.inputs));
  Set(facts, "outputs", TensorFacts(cell.outputs));
  return facts;
}

constexpr std::string_view kClassOption = "python.";

class PythonBackend final : public Backend {
 public:
  PythonBackend(const Network& network, const ClassPlace& place)
      : cell_(network.cell),
        configuration_(network.configuration),
        host_(Host::Open(place.home)),
        class_file_(place.file.string()) {
    const Memory source = Memory::MapFile(place.file, ExitCode::kBackend);
    sha256_ = Sha256Hex(source.bytes());
    const Lock lock;
    Ref packages(PyList_New(0));
    for (const std::string& directory : place.packages) {
      if (!std::filesystem::is_directory(directory)) {
        throw Failure(ExitCode::kBackend, "Backend option packages: " + directory + " is not a directory.");
      }
      PyList_Append(packages.get(), NewText(directory).get());
    }
    Ref array = host_.Call("prepare", Tuple(packages));
    if (!array) {
      throw Failure(ExitCode::kBackend, "Python cannot import NumPy: " + host_.Exception("") +
                                            "; --backend-option packages=DIR says where it is.");
    }
    const Ref bytes(PyBytes_FromStringAndSize(reinterpret_cast<const char*>(source.bytes().data()),
                                              static_cast<Py_ssize_t>(source.bytes().size())));
    Ref opened = host_.Call("open_class", Tuple(NewText(class_file_), bytes, NewText(place.name)));
    if (!opened) {
      throw Failure(ExitCode::kBackend,
                    "The class of " + class_file_ + " cannot be had: " + host_.Exception(class_file_));
    }
    class_name_ = Text(PyTuple_GetItem(opened.get(), 1));
    runtime_ = Text(PyTuple_GetItem(opened.get(), 2));
    CheckPrecision(PyTuple_GetItem(opened.get(), 3));
    class_ = Ref(Py_NewRef(PyTuple_GetItem(opened.get(), 0)));
    array_ = std::move(array);
  }

  ~PythonBackend() override {
    const Lock lock;
    class_ = Ref();
    array_ = Ref();
  }

  BackendFacts Facts(int usable_cpus) const override {
    const std::string file = std::filesystem::path(class_file_).filename().string();
    BackendFacts facts{"python", PythonVersion(), file + ":" + class_name_, usable_cpus};
    if (!runtime_.empty()) facts.version += " with " + runtime_;
    if (const std::string loaded = Loaded(); !loaded.empty()) facts.version += "; " + loaded;
    facts.files.emplace(file, sha256_);
    return facts;
  }

  std::unique_ptr<Instance> OpenInstance(const Resources& resources) override {
    const Lock lock;
    Ref options(PyDict_New());
    for (const auto& [name, value] : configuration_.options) {
      if (name.starts_with(kClassOption)) {
        Set(options, name.substr(kClassOption.size()).c_str(), NewText(value));
      }
    }
    const Ref arguments(Py_BuildValue("(OsOiiO)", class_.get(), cell_.weights.c_str(),
                                      CellFacts(cell_, configuration_.precision).get(), resources.threads,
                                      resources.batch, options.get()));
    ClassName name{class_file_, class_name_};
    Ref predict = host_.Call("open_instance", arguments);
    if (!predict) {
      throw Failure(ExitCode::kBackend, name.text() + " could not load " + cell_.weights.string() + ": " +
                                            host_.Exception(class_file_));
    }
    return python::OpenInstance(host_, cell_, std::move(name), std::move(predict), array_.get(),
                                resources.batch);
  }

  static std::string PythonVersion() {
    const std::string text = Py_GetVersion();
    return text.substr(0, text.find(' '));
  }

 private:
  // What the class says it has loaded, beyond the package it is of; empty before it has.
  std::string Loaded() const {
    const Lock lock;
    const Ref text = host_.Call("loaded_runtime", Ref(PyTuple_Pack(1, class_.get())));
    if (!text) PyErr_Clear();
    return Text(text.get());
  }

  // The weights' own, or one that the class says it can compute in.
  void CheckPrecision(PyObject* offered) const {
    const std::string& asked = configuration_.precision;
    if (asked == cell_.precision || PySequence_Contains(offered, NewText(asked).get()) == 1) return;
    throw Failure(ExitCode::kUsage,
                  ClassName{class_file_, class_name_}.text() + " does not offer precision " + asked +
                      " (its attribute \"precisions\" lists what it does); leave --precision out.");
  }

  const Cell& cell_;
  BackendConfiguration configuration_;
  const Host& host_;
  std::string class_file_, class_name_, runtime_, sha256_;
  Ref class_, array_;
};

constexpr std::array<std::string_view, 4> kOptions = {"class", "packages", "home", "python.*"};
constexpr std::array<std::string_view, 4> kPrecisions = {"fp32", "fp16", "bf16",
                                                         "int8"};  // the class decides

}  // namespace

extern const BackendEntry kBackend_python;
const BackendEntry kBackend_python = {"python",
                                      &PythonBackend::PythonVersion,
                                      true,
                                      kOptions,
                                      kPrecisions,
                                      [](const Network& network) -> std::unique_ptr<Backend> {
                                        return std::make_unique<PythonBackend>(network, PlaceOf(network));
                                      }};

}  // namespace mlperf_bake
