// A worker's instance of a Python class: batches go in as arrays over the samples, answers come out as
// buffers.
#pragma once

#include "backends/python_interpreter.h"
// Python.h comes first.
#include <memory>
#include <string>

#include "backends/backend.h"

namespace mlperf_bake::python {

// The class as it is spoken of in messages.
struct ClassName {
  std::string file, name;
  std::string text() const { return "Class " + name + " of " + file; }
};

// `predict` is the bound method of a loaded instance, `array` NumPy's array type. The caller holds the lock.
std::unique_ptr<Instance> OpenInstance(const Host& host, const Cell& cell, ClassName name, Ref predict,
                                       PyObject* array, int batch);

}  // namespace mlperf_bake::python
