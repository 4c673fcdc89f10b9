// Any runtime that Python can call: CPython in this process, and a class of about 30 lines, named by its file
// (docs/backends.md). One instance a worker; while its runtime computes without the interpreter's lock,
// workers compute side by side.
//
// The interpreter is never finalised: runtimes keep threads that may still hold or want Python objects, and
// taking the interpreter away under them crashes. The process ends without it.
#define PY_SSIZE_T_CLEAN
#include <Python.h>
// Python.h comes first, as its documentation asks.
#include <algorithm>
#include <array>
#include <filesystem>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "backends/answer.h"
#include "backends/backend.h"
#include "backends/batch_inputs.h"
#include "core/failure.h"
#include "core/memory.h"
#include "core/sha256.h"

namespace mlperf_bake {
namespace {

constexpr const char* kHost =
#include "python_host.inc"
    ;

// One owned reference; used only by who holds the interpreter's lock.
class Ref {
 public:
  Ref() = default;
  explicit Ref(PyObject* owned) : object_(owned) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() { Py_XDECREF(object_); }
  explicit operator bool() const { return object_ != nullptr; }
  PyObject* get() const { return object_; }
  PyObject* release() { return std::exchange(object_, nullptr); }

 private:
  PyObject* object_ = nullptr;
};

// The interpreter's lock, held by this thread. A thread keeps its Python state until the process ends: a new
// one for each batch would cost more than the call, and a thread that ends could wait for ever for the lock
// it takes to give the state back.
class Lock {
 public:
  Lock() {
    if (state_ == nullptr) state_ = PyThreadState_New(PyInterpreterState_Main());
    PyEval_RestoreThread(state_);
  }
  ~Lock() { PyEval_SaveThread(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  // For the thread that made the interpreter and so holds the lock.
  static void Adopt() { state_ = PyEval_SaveThread(); }

 private:
  static thread_local PyThreadState* state_;
};

thread_local PyThreadState* Lock::state_ = nullptr;

// The exception under way, taken from the interpreter.
Ref TakeException() {
#if PY_VERSION_HEX >= 0x030C0000
  return Ref(PyErr_GetRaisedException());
#else
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback != nullptr) PyException_SetTraceback(value, traceback);
  Py_XDECREF(type);
  Py_XDECREF(traceback);
  return Ref(value);
#endif
}

std::string Text(PyObject* object) {
  const char* const text = object == nullptr ? nullptr : PyUnicode_AsUTF8(object);
  if (text == nullptr) PyErr_Clear();
  return text == nullptr ? "" : text;
}

Ref NewText(const std::string& text) {
  return Ref(PyUnicode_DecodeFSDefaultAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

// A tuple of the items, which must all be there.
template <typename... Items>
Ref Tuple(const Items&... items) {
  return Ref(PyTuple_Pack(sizeof...(items), items.get()...));
}

// What python_host.py defines.
class Host {
 public:
  explicit Host(PyObject* names) : names_(names) {}

  Ref Call(const char* function, const Ref& arguments) const {
    PyObject* const callable = PyDict_GetItemString(names_, function);
    return Ref(callable == nullptr || !arguments ? nullptr : PyObject_CallObject(callable, arguments.get()));
  }

  // The exception under way as one line.
  std::string Exception(const std::string& class_file) const {
    const Ref error = TakeException();
    if (!error) return "unknown error";
    const Ref path = NewText(class_file);
    const Ref text = Call("explain", Ref(PyTuple_Pack(2, error.get(), path.get())));
    if (!text) PyErr_Clear();
    return text ? Text(text.get()) : Py_TYPE(error.get())->tp_name;
  }

 private:
  PyObject* names_;  // never given back, as the interpreter itself
};

// The standard library that lies beside the program in an image: lib/python3.N below this directory.
void CheckHome(const std::filesystem::path& home) {
  const std::filesystem::path library =
      home / "lib" / ("python" + std::to_string(PY_MAJOR_VERSION) + "." + std::to_string(PY_MINOR_VERSION));
  if (std::filesystem::exists(library / "os.py")) return;
  throw Failure(ExitCode::kBackend, "Backend option home: " + home.string() + " has no Python " +
                                        PY_VERSION " (" + (library / "os.py").string() +
                                        "); name the directory that holds lib/, or leave the option out.");
}

[[noreturn]] void Refuse(PyStatus status) {
  throw Failure(ExitCode::kBackend, std::string("Python cannot be started: ") +
                                        (status.err_msg == nullptr ? "unknown error" : status.err_msg) +
                                        "; check the backend option home.");
}

// Starts the interpreter, cut off from the user's environment: no PYTHON* variables, no user or site
// packages, no signal handlers, nothing written beside sources.
void Start(const std::filesystem::path& home) {
  PyPreConfig before;
  PyPreConfig_InitIsolatedConfig(&before);
  before.utf8_mode = 1;
  if (const PyStatus status = Py_PreInitialize(&before); PyStatus_Exception(status)) Refuse(status);
  PyConfig config;
  PyConfig_InitIsolatedConfig(&config);
  config.install_signal_handlers = 0;
  config.site_import = 0;
  config.write_bytecode = 0;
  PyStatus status = PyStatus_Ok();
  if (!home.empty()) {
    CheckHome(home);
    status = PyConfig_SetBytesString(&config, &config.home, home.c_str());
  }
  if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&config);
  PyConfig_Clear(&config);
  if (PyStatus_Exception(status)) Refuse(status);
}

// The one interpreter of this process.
class Interpreter {
 public:
  // Started at the first call, whose `home` counts. The calling thread does not hold the lock afterwards.
  static Interpreter& Open(const std::filesystem::path& home) {
    static Interpreter* const only = new Interpreter(home);
    return *only;
  }

  const Host& host() const { return host_; }

 private:
  explicit Interpreter(const std::filesystem::path& home) : host_(Defined(home)) { Lock::Adopt(); }

  static Host Defined(const std::filesystem::path& home) {
    Start(home);
    PyObject* const names = PyDict_New();
    PyDict_SetItemString(names, "__builtins__", PyEval_GetBuiltins());
    const Ref code(Py_CompileString(kHost, "python_host.py", Py_file_input));
    const Ref done(code ? PyEval_EvalCode(code.get(), names, names) : nullptr);
    if (!done) {
      const Ref error = TakeException();
      const Ref text(PyObject_Str(error.get()));
      throw Failure(ExitCode::kBackend, "Python's standard library is incomplete: " + Text(text.get()) + ".");
    }
    return Host(names);
  }

  Host host_;
};

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

// The class as it is spoken of in messages.
struct ClassName {
  std::string file, name;
  std::string text() const { return "Class " + name + " of " + file; }
};

// What an output must be, as people read it: float32 of shape 2x384.
std::string Expected(const Cell& cell, const NamedTensor& output, std::size_t count) {
  const Shape shape = cell.IsOpenEnded() ? output.shape : BatchShape(output, count);
  return std::string(NameOf(output.dtype)) + " of shape " + ToString(shape);
}

Ref Extents(const Shape& shape) {
  Ref extents(PyTuple_New(static_cast<Py_ssize_t>(shape.size())));
  Py_ssize_t at = 0;
  for (const std::int64_t extent : shape) {
    PyTuple_SET_ITEM(extents.get(), at++,
                     extent == kAnyExtent ? Py_NewRef(Py_None) : PyLong_FromLongLong(extent));
  }
  return extents;
}

// A buffer held on an array, which it keeps alive.
class Held {
 public:
  Held() = default;
  Held(Held&& other) noexcept : buffer_(std::exchange(other.buffer_, Py_buffer{})) {}
  ~Held() { PyBuffer_Release(&buffer_); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  Held& operator=(Held&&) = delete;

  // False, with a Python exception, where `object` is no C-contiguous array.
  bool Take(PyObject* object) {
    PyBuffer_Release(&buffer_);
    return PyObject_GetBuffer(object, &buffer_, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) == 0;
  }
  const void* data() const { return buffer_.buf; }
  std::span<const Py_ssize_t> shape() const {
    return {buffer_.shape, buffer_.shape == nullptr ? 0 : static_cast<std::size_t>(buffer_.ndim)};
  }
  bool Holds(DType dtype) const {
    std::string_view format = buffer_.format == nullptr ? "B" : buffer_.format;
    if (format.starts_with('<') || format.starts_with('=') || format.starts_with('@'))
      format.remove_prefix(1);
    return static_cast<std::size_t>(buffer_.itemsize) == BytesOf(dtype) && format.size() == 1 &&
           Formats(dtype).find(format) != std::string_view::npos;
  }
  void Release() { PyBuffer_Release(&buffer_); }

 private:
  // The struct module's letters.
  static std::string_view Formats(DType dtype) {
    switch (dtype) {
      case DType::kFloat32:
        return "f";
      case DType::kFloat16:
        return "e";
      case DType::kUint8:
        return "B";
      case DType::kInt8:
        return "b";
      case DType::kInt32:
        return "il";
      case DType::kInt64:
        return "lq";
    }
    return "";
  }

  Py_buffer buffer_{};
};

class PythonInstance final : public Instance {
 public:
  // `predict` is the bound method of a loaded instance, `array` NumPy's array type. The caller holds the
  // lock.
  PythonInstance(const Host& host, const Cell& cell, ClassName name, Ref predict, PyObject* array, int batch)
      : host_(host),
        cell_(cell),
        name_(std::move(name)),
        predict_(std::move(predict)),
        array_(array),
        pieces_(cell, batch),
        answer_(cell),
        held_(cell.outputs.size()) {
    for (const NamedTensor& input : cell.inputs) {
      inputs_.push_back({NewText(input.name), NewText(std::string(NameOf(input.dtype))), {}});
      for (int count = 1; count <= batch; ++count) {
        inputs_.back().shapes.push_back(Extents(BatchShape(input, static_cast<std::size_t>(count))));
      }
    }
    for (const NamedTensor& output : cell.outputs) output_names_.push_back(NewText(output.name));
  }

  ~PythonInstance() override {
    const Lock lock;
    held_.clear();
    inputs_.clear();
    output_names_.clear();
    predict_ = Ref();
  }

  Output Run(const std::byte* samples, std::size_t count) override {
    const Lock lock;
    for (Held& held : held_) held.Release();
    const Ref result = Predict(samples, count);
    if (!result) {
      throw Failure(ExitCode::kBackend, name_.text() + " failed in predict: " + host_.Exception(name_.file));
    }
    if (cell_.output_kind != OutputKind::kTensors) {
      Take(0, result.get(), result.get(), count);
      return ClassesAt(cell_, held_[0].data(), count);
    }
    for (std::size_t i = 0; i < held_.size(); ++i) {
      Take(i, Part(result.get(), i), result.get(), count);
      answer_.Set(i, held_[i].shape(), held_[i].data());
    }
    return answer_.output();
  }

 private:
  // What predict() is handed of an input.
  struct Given {
    Ref name, dtype;
    std::vector<Ref> shapes;  // of a batch of 1, 2, ...
  };

  // The batch through the class: as one read-only array over the samples where they lie, or as a dictionary
  // of them.
  Ref Predict(const std::byte* samples, std::size_t count) {
    const auto pieces = pieces_.Locate(samples, count);
    if (pieces.size() == 1) return Called(Array(0, pieces[0], count));
    Ref arrays(PyDict_New());
    for (std::size_t i = 0; arrays && i < pieces.size(); ++i) {
      const Ref array = Array(i, pieces[i], count);
      if (!array || PyDict_SetItem(arrays.get(), inputs_[i].name.get(), array.get()) != 0) return Ref();
    }
    return Called(arrays);
  }

  Ref Called(const Ref& argument) const {
    return Ref(argument ? PyObject_CallOneArg(predict_.get(), argument.get()) : nullptr);
  }

  Ref Array(std::size_t i, const std::byte* piece, std::size_t count) const {
    const auto bytes = static_cast<Py_ssize_t>(count * pieces_.bytes(i));
    auto* const memory = reinterpret_cast<char*>(const_cast<std::byte*>(piece));  // the view is read-only
    const Ref view(PyMemoryView_FromMemory(memory, bytes, PyBUF_READ));
    if (!view) return Ref();
    const Given& given = inputs_[i];
    const std::array<PyObject*, 3> arguments = {given.shapes[count - 1].get(), given.dtype.get(), view.get()};
    return Ref(PyObject_Vectorcall(array_, arguments.data(), arguments.size(), nullptr));
  }

  // Output `i` of an answer of several: by its name, or by its place. Null where it is not there.
  PyObject* Part(PyObject* result, std::size_t i) const {
    if (PyDict_Check(result)) return PyDict_GetItem(result, output_names_[i].get());
    const bool all = (PyTuple_Check(result) || PyList_Check(result)) &&
                     PySequence_Size(result) == static_cast<Py_ssize_t>(output_names_.size());
    if (!all) return output_names_.size() == 1 ? result : nullptr;
    const auto at = static_cast<Py_ssize_t>(i);
    return PyTuple_Check(result) ? PyTuple_GET_ITEM(result, at) : PyList_GET_ITEM(result, at);
  }

  // Holds `part` of `result` as output `i`, whose element type and shape it must have.
  void Take(std::size_t i, PyObject* part, PyObject* result, std::size_t count) {
    if (part == nullptr) throw WrongParts(result);
    if (!held_[i].Take(part)) {
      PyErr_Clear();
      throw Wrong(i, part, count, "; numpy.ascontiguousarray(x, dtype) makes one");
    }
    if (!held_[i].Holds(cell_.outputs[i].dtype) || !Fits(i, count)) throw Wrong(i, part, count, "");
  }

  bool Fits(std::size_t i, std::size_t count) const {
    const NamedTensor& output = cell_.outputs[i];
    const Shape wanted = cell_.IsOpenEnded() ? output.shape : BatchShape(output, count);
    const auto found = held_[i].shape();
    return std::equal(found.begin(), found.end(), wanted.begin(), wanted.end(),
                      [](Py_ssize_t have, std::int64_t want) { return want == kAnyExtent || have == want; });
  }

  std::string Describe(PyObject* value) const {
    const Ref text = host_.Call("describe", Ref(PyTuple_Pack(1, value)));
    if (!text) PyErr_Clear();
    return Text(text.get());
  }

  Failure Wrong(std::size_t i, PyObject* part, std::size_t count, const std::string& remedy) const {
    const NamedTensor& output = cell_.outputs[i];
    const std::string as = cell_.outputs.size() == 1 ? "" : " as \"" + output.name + "\"";
    return Failure(ExitCode::kWrongAnswer, name_.text() + " returned " + Describe(part) + as +
                                               " from predict; expected a C-contiguous array of " +
                                               Expected(cell_, output, count) + remedy + ".");
  }

  Failure WrongParts(PyObject* result) const {
    std::string names;
    for (const NamedTensor& output : cell_.outputs) names += (names.empty() ? "" : ", ") + output.name;
    return Failure(ExitCode::kWrongAnswer,
                   name_.text() + " returned " + Describe(result) +
                       " from predict; expected a dict, or a tuple in this order, of " + names + ".");
  }

  const Host& host_;
  const Cell& cell_;
  ClassName name_;
  Ref predict_;
  PyObject* array_;
  BatchInputs pieces_;
  std::vector<Given> inputs_;
  std::vector<Ref> output_names_;
  TensorAnswer answer_;
  std::vector<Held> held_;  // the arrays that the last Run() returned
};

void Set(const Ref& dictionary, const char* key, const Ref& value) {
  if (value) PyDict_SetItemString(dictionary.get(), key, value.get());
}

// Inputs or outputs as `name`, `shape` and `dtype` of each.
Ref TensorFacts(const std::vector<NamedTensor>& tensors) {
  Ref all(PyList_New(0));
  for (const NamedTensor& tensor : tensors) {
    const Ref facts(PyDict_New());
    Set(facts, "name", NewText(tensor.name));
    Set(facts, "shape", Extents(tensor.shape));
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
  Set(facts, "input_shape", Extents(input.shape));
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
        host_(Interpreter::Open(place.home).host()),
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
    return std::make_unique<PythonInstance>(host_, cell_, std::move(name), std::move(predict), array_.get(),
                                            resources.batch);
  }

  static std::string PythonVersion() {
    const std::string text = Py_GetVersion();
    return text.substr(0, text.find(' '));
  }

 private:
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
