#include "backends/python_instance.h"
// Python.h comes first.
#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "backends/answer.h"
#include "backends/batch_inputs.h"
#include "core/failure.h"

namespace mlperf_bake::python {
namespace {

// What an output must be, as people read it: float32 of shape 2x384.
std::string Expected(const Cell& cell, const NamedTensor& output, std::size_t count) {
  const Shape shape = cell.IsOpenEnded() ? output.shape : BatchShape(output, count);
  return std::string(NameOf(output.dtype)) + " of shape " + ToString(shape);
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
        inputs_.back().shapes.push_back(NewShape(BatchShape(input, static_cast<std::size_t>(count))));
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

}  // namespace

std::unique_ptr<Instance> OpenInstance(const Host& host, const Cell& cell, ClassName name, Ref predict,
                                       PyObject* array, int batch) {
  return std::make_unique<PythonInstance>(host, cell, std::move(name), std::move(predict), array, batch);
}

}  // namespace mlperf_bake::python
