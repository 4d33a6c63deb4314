// Python's buffers: their types and shapes, and the kernels for them.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>

#include "layout.hpp"

namespace luce {

namespace nb = nanobind;

extern Kernels active;  // those of the instruction set that was chosen

// A C-contiguous buffer, held as long as this lives.
class Array {
 public:
  Array(nb::handle object, bool writable) {
    const int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0);
    held_ = PyObject_GetBuffer(object.ptr(), &view_, flags) == 0;
  }
  ~Array() {
    if (held_) PyBuffer_Release(&view_);
  }
  Array(const Array&) = delete;

  explicit operator bool() const { return held_; }
  char kind() const {  // 'f', 'd', 'q' (int64), 'i' (int32), others, or 0
    const char* format = view_.format;
    if (!format || !format[0] || format[1]) return 0;
    if (format[0] == 'l' && view_.itemsize == 8) return 'q';
    if (format[0] == 'l' && view_.itemsize == 4) return 'i';
    return format[0];
  }
  template <class T>
  T* data() const {
    return static_cast<T*>(view_.buf);
  }
  int ndim() const { return view_.ndim; }
  int64_t size() const { return view_.itemsize > 0 ? view_.len / view_.itemsize : 0; }
  int64_t bytes() const { return view_.len; }
  int64_t shape(int i) const { return view_.shape[i]; }
  bool same_shape(const Array& other) const {
    if (ndim() != other.ndim()) return false;
    for (int i = 0; i < ndim(); ++i)
      if (shape(i) != other.shape(i)) return false;
    return true;
  }
  bool is_without(const Array& other, int axis) const {
    if (axis < 0) axis += other.ndim();
    if (ndim() != other.ndim() - 1) return false;
    for (int i = 0; i < ndim(); ++i)
      if (shape(i) != other.shape(i < axis ? i : i + 1)) return false;
    return true;
  }
  bool apart(const Array& other) const {
    const char *a = data<char>(), *b = other.data<char>();
    return a + bytes() <= b || b + other.bytes() <= a;
  }
  bool same_or_apart(const Array& other) const {
    return data<char>() == other.data<char>() || apart(other);
  }

 private:
  Py_buffer view_{};
  bool held_;
};

inline void require(bool condition, const char* what) {
  if (!condition) {
    if (PyErr_Occurred()) throw nb::python_error();
    throw nb::type_error(what);
  }
}

inline bool doubles(const Array& a, int64_t n) { return a && a.kind() == 'd' && a.size() == n; }
inline bool int64s(const Array& a, int64_t size) { return a && a.kind() == 'q' && a.size() == size; }

inline bool alike(const Array& a, const Array& b) {
  return a && b && a.kind() == b.kind() && a.same_shape(b);
}

// The rows that lie along the last axis.
inline int64_t rows_of(const Array& a) { return a.ndim() && a.size() ? a.size() / a.shape(a.ndim() - 1) : 0; }

// Small work is done before another thread could have taken the interpreter.
template <class Body>
void without_gil(int64_t elements, Body body) {
  if (elements < 4096) return body();
  nb::gil_scoped_release released;
  body();
}

// Call body with the kernels for the array's type and a null pointer of that type.
template <class Body>
void by_type(const Array& z, Body body) {
  require(z.kind() == 'f' || z.kind() == 'd', "float32 or float64 expected");
  without_gil(z.size(), [&] {
    if (z.kind() == 'f')
      body(active.f32, static_cast<float*>(nullptr));
    else
      body(active.f64, static_cast<double*>(nullptr));
  });
}

}  // namespace luce
