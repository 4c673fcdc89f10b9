#include "backends/python_interpreter.h"

#include "core/failure.h"

namespace mlperf_bake::python {
namespace {

constexpr const char* kHost =
#include "python_host.inc"
    ;

// This thread's.
thread_local PyThreadState* thread_state = nullptr;

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

}  // namespace

Lock::Lock() {
  if (thread_state == nullptr) thread_state = PyThreadState_New(PyInterpreterState_Main());
  PyEval_RestoreThread(thread_state);
}

std::string Text(PyObject* object) {
  const char* const text = object == nullptr ? nullptr : PyUnicode_AsUTF8(object);
  if (text == nullptr) PyErr_Clear();
  return text == nullptr ? "" : text;
}

Ref NewText(const std::string& text) {
  return Ref(PyUnicode_DecodeFSDefaultAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

Ref NewShape(const Shape& shape) {
  Ref extents(PyTuple_New(static_cast<Py_ssize_t>(shape.size())));
  Py_ssize_t at = 0;
  for (const std::int64_t extent : shape) {
    PyTuple_SET_ITEM(extents.get(), at++,
                     extent == kAnyExtent ? Py_NewRef(Py_None) : PyLong_FromLongLong(extent));
  }
  return extents;
}

void Set(const Ref& dictionary, const char* key, const Ref& value) {
  if (value) PyDict_SetItemString(dictionary.get(), key, value.get());
}

const Host& Host::Open(const std::filesystem::path& home) {
  static const Host* const only = new Host(home);
  return *only;
}

Host::Host(const std::filesystem::path& home) {
  Start(home);
  names_ = PyDict_New();
  PyDict_SetItemString(names_, "__builtins__", PyEval_GetBuiltins());
  {
    const Ref code(Py_CompileString(kHost, "python_host.py", Py_file_input));
    const Ref done(code ? PyEval_EvalCode(code.get(), names_, names_) : nullptr);
    if (!done) {
      const Ref error = TakeException();
      const Ref text(PyObject_Str(error.get()));
      throw Failure(ExitCode::kBackend, "Python's standard library is incomplete: " + Text(text.get()) + ".");
    }
  }
  thread_state = PyEval_SaveThread();  // the thread that made the interpreter holds the lock
}

Ref Host::Call(const char* function, const Ref& arguments) const {
  PyObject* const callable = PyDict_GetItemString(names_, function);
  return Ref(callable == nullptr || !arguments ? nullptr : PyObject_CallObject(callable, arguments.get()));
}

std::string Host::Exception(const std::string& class_file) const {
  const Ref error = TakeException();
  if (!error) return "unknown error";
  const Ref path = NewText(class_file);
  const Ref text = Call("explain", Ref(PyTuple_Pack(2, error.get(), path.get())));
  if (!text) PyErr_Clear();
  return text ? Text(text.get()) : Py_TYPE(error.get())->tp_name;
}

}  // namespace mlperf_bake::python
