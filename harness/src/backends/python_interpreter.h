// CPython embedded: references, the interpreter's lock, and the Python half of the backend.
//
// The interpreter is never finalised: runtimes keep threads that may still hold or want Python objects, and
// taking the interpreter away under them crashes. The process ends without it.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>
// Python.h comes first, as its documentation asks.
#include <filesystem>
#include <string>
#include <utility>

#include "core/tensor.h"

namespace mlperf_bake::python {

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
  Lock();
  ~Lock() { PyEval_SaveThread(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
};

// The text of a str; empty where `object` is none.
std::string Text(PyObject* object);
Ref NewText(const std::string& text);
// A tuple of the extents; None for one that the network decides.
Ref NewShape(const Shape& shape);
void Set(const Ref& dictionary, const char* key, const Ref& value);

// A tuple of the items, which must all be there.
template <typename... Items>
Ref Tuple(const Items&... items) {
  return Ref(PyTuple_Pack(sizeof...(items), items.get()...));
}

// What python_host.py defines.
class Host {
 public:
  // The one interpreter of this process, started at the first call, whose `home` counts: where Python's
  // standard library lies, or empty for the machine's own. The calling thread does not hold the lock
  // afterwards.
  static const Host& Open(const std::filesystem::path& home);

  Ref Call(const char* function, const Ref& arguments) const;
  // The exception under way as one line.
  std::string Exception(const std::string& class_file) const;

 private:
  explicit Host(const std::filesystem::path& home);

  PyObject* names_;  // never given back, as the interpreter itself
};

}  // namespace mlperf_bake::python
