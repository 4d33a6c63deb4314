// The Python face: buffers in, no checks beyond what memory safety needs (`_checks` words errors).
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstring>
#include <limits>
#include <vector>

#include "layout.hpp"
#include "pool.hpp"
#include "results.hpp"
#include "byte_rows.hpp"
#include "text_module.hpp"

namespace nb = nanobind;

namespace luce {

#if defined(__x86_64__)
Kernels baseline();
Kernels avx2();
Kernels avx512();
#ifdef LUCE_WIDE_TEST
Kernels avx2x2();
#endif
#elif defined(__aarch64__)
Kernels neon();
#else
Kernels baseline();
#endif

namespace {

Kernels active;

struct Choice {
  const char* name;
  Kernels (*table)();
  bool understood;
};

// Best first.
std::vector<Choice> choices() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  return {{"avx512", avx512, v4},
          {"avx2", avx2, v3},
#ifdef LUCE_WIDE_TEST
          {"avx2x2", avx2x2, v3},  // the code of avx512 in halves, to test it where that is not
#endif
          {"baseline", baseline, bool(__builtin_cpu_supports("sse4.2"))}};
#elif defined(__aarch64__)
  return {{"neon", neon, true}};
#else
  return {{"baseline", baseline, true}};
#endif
}

nb::list available() {
  nb::list names;
  for (const Choice& choice : choices())
    if (choice.understood) names.append(choice.name);
  return names;
}

void select(const char* name) {
  for (const Choice& choice : choices())
    if (choice.understood && std::strcmp(name, choice.name) == 0) {
      active = choice.table();
      return;
    }
  throw nb::value_error("not an available instruction set");
}

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
  int64_t size() const { return view_.len / view_.itemsize; }
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

void require(bool condition, const char* what) {
  if (!condition) {
    if (PyErr_Occurred()) throw nb::python_error();
    throw nb::type_error(what);
  }
}

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

struct Shape {
  int64_t outer = 1, n = 1, inner = 1;

  Shape(const Array& z, int axis) {
    if (axis < 0) axis += z.ndim();
    require(axis >= 0 && axis < z.ndim(), "axis out of range");
    for (int i = 0; i < z.ndim(); ++i) (i < axis ? outer : i > axis ? inner : n) *= z.shape(i);
  }
};

void apply(Kind kind, nb::handle z_, nb::handle out_, int axis, double temperature) {
  Array z(z_, false), out(out_, true);
  require(z && out && z.kind() == out.kind(), "two C-contiguous arrays of one dtype expected");
  const Shape s(z, axis);
  require(out.size() == (kind == Kind::logsumexp ? s.outer * s.inner : z.size()), "out does not fit");
  if (z.size() == 0) return;
  by_type(z, [&](const auto& kernels, auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    along_axis<T>(kernels, kind, z.data<T>(), out.data<T>(), s.outer, s.n, s.inner, temperature);
  });
}

void softmax(nb::handle z, nb::handle out, int axis, double temperature) {
  apply(Kind::softmax, z, out, axis, temperature);
}
void log_softmax(nb::handle z, nb::handle out, int axis, double temperature) {
  apply(Kind::log_softmax, z, out, axis, temperature);
}
void logsumexp(nb::handle z, nb::handle out, int axis, double temperature) {
  apply(Kind::logsumexp, z, out, axis, temperature);
}

// An uninitialised array like `x_`, in memory that is used again once the array is gone.
nb::object empty_like(nb::handle x_) {
  Array x(x_, false);
  require(x && (x.kind() == 'f' || x.kind() == 'd'), "C-contiguous float32 or float64 expected");
  void* memory = take_result_memory(x.bytes());
  if (!memory) throw std::bad_alloc();
  nb::capsule owner(memory, [](void* p) noexcept { give_result_memory(p); });
  std::vector<size_t> shape;
  for (int i = 0; i < x.ndim(); ++i) shape.push_back(x.shape(i));
  if (x.kind() == 'f')
    return nb::ndarray<nb::numpy, float>(memory, x.ndim(), shape.data(), owner).cast();
  return nb::ndarray<nb::numpy, double>(memory, x.ndim(), shape.data(), owner).cast();
}

enum class Curve { sigmoid, log_sigmoid, softplus };

template <Curve curve>
void write_curve(const Array& x, const Array& out) {
  by_type(x, [&](const auto& kernels, auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    elementwise<T>(curve == Curve::sigmoid       ? kernels.sigmoid
                   : curve == Curve::log_sigmoid ? kernels.log_sigmoid
                                                 : kernels.softplus,
                   x.data<T>(), out.data<T>(), x.size());
  });
}

template <Curve curve>
void elementwise_of(nb::handle x_, nb::handle out_) {
  Array x(x_, false), out(out_, true);
  require(x && out && x.kind() == out.kind() && x.size() == out.size(), "arrays do not fit");
  write_curve<curve>(x, out);
}

// A call that needs no preparation: `args` and `kwargs` hold a plain array that is ready for the
// kernels, and at most an axis, a temperature, and such an array for the result.
class QuickCall {
 public:
  QuickCall(nb::handle args, nb::handle kwargs, bool has_axis) : has_axis_(has_axis) {
    const Py_ssize_t count = PyTuple_GET_SIZE(args.ptr());
    if (count < 1 || count > 2 || !take("x", PyTuple_GET_ITEM(args.ptr(), 0))) return;
    if (count == 2 && !(has_axis && take("axis", PyTuple_GET_ITEM(args.ptr(), 1)))) return;
    PyObject *key, *value;
    for (Py_ssize_t at = 0; PyDict_Next(kwargs.ptr(), &at, &key, &value);)
      if (!take(PyUnicode_AsUTF8(key), value)) return;
    ready_ = bool(x_);
  }

  // Null if the call is not such a one.
  nb::object along(Kind kind) const {
    return answered(kind == Kind::logsumexp, [&](const Array& z, const Array& out) {
      const Shape s(z, axis_);
      by_type(z, [&](const auto& kernels, auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        along_axis<T>(kernels, kind, z.data<T>(), out.data<T>(), s.outer, s.n, s.inner,
                      temperature_);
      });
    });
  }
  template <Curve curve>
  nb::object of_each() const {
    if (temperature_ != 1) return {};
    return answered(false, write_curve<curve>);
  }

 private:
  static constexpr int64_t kLarge = 4 << 20;  // bytes, from which faulting pages in costs most

  static PyObject* numpy(const char* name) {
    return nb::getattr(nb::module_::import_("numpy"), name).release().ptr();
  }

  bool take(const char* name, PyObject* value) {
    static PyObject* const ndarray = numpy("ndarray");  // never released: modules stay
    if (has_axis_ && std::strcmp(name, "axis") == 0) {
      if (!PyLong_CheckExact(value)) return false;
      int overflow;
      const long axis = PyLong_AsLongAndOverflow(value, &overflow);
      axis_ = axis < -64 || axis > 64 ? 65 : int(axis);
      return !overflow;
    }
    if (std::strcmp(name, "temperature") == 0) {
      if (!PyFloat_CheckExact(value)) return false;
      temperature_ = PyFloat_AS_DOUBLE(value);
      return temperature_ > 0 && temperature_ <= std::numeric_limits<double>::max();
    }
    const bool is_out = std::strcmp(name, "out") == 0;
    if (is_out && value == Py_None) return true;
    if (reinterpret_cast<PyObject*>(Py_TYPE(value)) != ndarray) return false;
    if (is_out)
      out_ = value;
    else if (std::strcmp(name, "x") == 0 && !x_)
      x_ = value;
    else
      return false;
    return true;
  }

  // The result, written by body(x, out); `reduces` says that it is without the axis.
  template <class Body>
  nb::object answered(bool reduces, Body body) const {
    if (!ready_) return {};
    Array x(x_, false);
    if (!x) return PyErr_Clear(), nb::object();
    if ((x.kind() != 'f' && x.kind() != 'd') || x.size() == 0) return {};
    if (has_axis_ && (axis_ < -x.ndim() || axis_ >= x.ndim())) return {};
    nb::object target = out_ ? nb::borrow(out_) : reduces ? without_axis(x) : like(x);
    Array out(target, true);
    if (!out) return PyErr_Clear(), nb::object();
    if (out.kind() != x.kind()) return {};
    if (!(reduces ? out.is_without(x, axis_) && out.apart(x)
                  : out.same_shape(x) && out.same_or_apart(x)))
      return {};
    body(x, out);
    if (!reduces || out_ || x.ndim() > 1) return target;
    return nb::steal(PyObject_GetItem(target.ptr(), nb::tuple().ptr()));  // a scalar
  }
  nb::object like(const Array& x) const {
    static PyObject* const small = numpy("empty_like");
    return x.bytes() >= kLarge ? empty_like(x_) : nb::steal(PyObject_CallOneArg(small, x_.ptr()));
  }
  nb::object without_axis(const Array& x) const {
    static PyObject* const empty = numpy("empty");
    nb::list shape;
    for (int i = 0; i < x.ndim(); ++i)
      if (i != (axis_ < 0 ? axis_ + x.ndim() : axis_)) shape.append(x.shape(i));
    return nb::borrow(empty)(shape, x_.attr("dtype"));
  }

  nb::handle x_, out_;
  bool has_axis_;
  int axis_ = -1;
  double temperature_ = 1;
  bool ready_ = false;
};

template <Kind kind>
nb::object quick_along(nb::handle args, nb::handle kwargs) {
  nb::object result = QuickCall(args, kwargs, true).along(kind);
  return result ? result : nb::none();
}
template <Curve curve>
nb::object quick_of_each(nb::handle args, nb::handle kwargs) {
  nb::object result = QuickCall(args, kwargs, false).of_each<curve>();
  return result ? result : nb::none();
}

bool doubles(const Array& a, int64_t n) { return a && a.kind() == 'd' && a.size() == n; }

void cross_entropy_rows(nb::handle z_, nb::handle target_, nb::handle own_, nb::handle spread_,
                        nb::handle w_, nb::handle loss_, nb::handle grad_, nb::handle z_weight_,
                        double temperature) {
  Array z(z_, false), target(target_, false), own(own_, false), spread(spread_, false);
  Array loss(loss_, true), w(w_.is_none() ? own_ : w_, false);
  Array z_weight(z_weight_.is_none() ? own_ : z_weight_, false);
  Array grad(grad_.is_none() ? loss_ : grad_, true);
  require(bool(z) && z.ndim() == 2, "logits of two axes expected");
  const int64_t n = z.shape(0), k = z.shape(1);
  require(bool(target), "a target expected");
  const bool labels = target.kind() == 'q' && target.size() == n;
  require(labels || ((target.kind() == 'f' || target.kind() == 'd') && target.same_shape(z)),
          "one int64 label a row expected, or probabilities like the logits");
  require(doubles(own, n) && doubles(spread, n) && doubles(loss, n), "one float64 a row expected");
  require(doubles(z_weight, n), "one float64 weight of the z-loss a row expected");
  require(w_.is_none() || doubles(w, k), "one float64 weight a class expected");
  require(bool(grad) && (grad_.is_none() || (grad.kind() == z.kind() && grad.size() == z.size())),
          "a gradient like the logits expected");
  Targets targets{};
  targets.k = k;
  if (labels) targets.y = target.data<int64_t>();
  if (target.kind() == 'f') targets.q32 = target.data<float>();
  if (target.kind() == 'd') targets.q64 = target.data<double>();
  targets.own = own.data<double>();
  targets.spread = spread.data<double>();
  targets.total_w = double(k);
  if (!w_.is_none()) {
    targets.w = w.data<double>();
    targets.total_w = 0;
    for (int64_t j = 0; j < k; ++j) targets.total_w += targets.w[j];
  }
  if (!z_weight_.is_none()) targets.z_weight = z_weight.data<double>();
  targets.temperature = temperature;
  by_type(z, [&](const auto& kernels, auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    cross_entropy<T>(kernels, z.data<T>(), targets, loss.data<double>(),
                     grad_.is_none() ? nullptr : grad.data<T>(), n, k);
  });
}

void softmax_curvature(nb::handle p_, nb::handle u_, nb::handle scale_, nb::handle out_) {
  Array p(p_, false), u(u_, false), scale(scale_, false), out(out_, true);
  require(p && u && scale && out && p.ndim() == 2, "probabilities of two axes expected");
  require(p.same_shape(u) && p.same_shape(out) && scale.size() == p.shape(0), "arrays do not fit");
  require(p.kind() == u.kind() && p.kind() == out.kind() && p.kind() == scale.kind(),
          "arrays of one dtype expected");
  by_type(p, [&](const auto& kernels, auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    curvature<T>(kernels, p.data<T>(), u.data<T>(), scale.data<T>(), out.data<T>(), p.shape(0),
                 p.shape(1));
  });
}

bool alike(const Array& a, const Array& b) {
  return a && b && a.kind() == b.kind() && a.same_shape(b);
}

// The rows that lie along the last axis.
int64_t rows_of(const Array& a) { return a.ndim() && a.size() ? a.size() / a.shape(a.ndim() - 1) : 0; }

void log_softmax_and_sums(nb::handle z_, nb::handle out_, nb::handle sums_, double temperature) {
  Array z(z_, false), out(out_, true), sums(sums_, true);
  require(alike(z, out) && doubles(sums, rows_of(z)), "arrays do not fit");
  if (z.size() == 0) return;
  by_type(z, [&](const auto& kernels, auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    const int64_t n = rows_of(z);
    log_softmax_with_sums<T>(kernels, z.data<T>(), out.data<T>(), sums.data<double>(), n,
                             z.size() / n, temperature);
  });
}

void softmax_gradient_of(nb::handle p_, nb::handle v_, nb::handle out_, double temperature) {
  Array p(p_, false), v(v_, false), out(out_, true);
  require(alike(p, v) && alike(p, out), "arrays do not fit");
  if (p.size() == 0) return;
  by_type(p, [&](const auto& kernels, auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    const int64_t n = rows_of(p);
    softmax_gradient<T>(kernels, p.data<T>(), v.data<T>(), out.data<T>(), n, p.size() / n,
                        temperature);
  });
}

bool log_softmax_gradient_of(nb::handle z_, nb::handle sums_, nb::handle v_, nb::handle out_,
                             double temperature) {
  Array z(z_, false), sums(sums_, false), v(v_, false), out(out_, true);
  require(alike(z, v) && alike(z, out) && doubles(sums, rows_of(z)), "arrays do not fit");
  if (z.size() == 0) return true;
  bool done = false;
  by_type(z, [&](const auto& kernels, auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    const int64_t n = rows_of(z);
    done = log_softmax_gradient<T>(kernels, z.data<T>(), sums.data<double>(), v.data<T>(),
                                   out.data<T>(), n, z.size() / n, temperature);
  });
  return done;
}

template <Product product>
bool jacobian_product_of(nb::handle z_, nb::handle v_, nb::handle out_, int axis,
                         double temperature) {
  Array z(z_, false), v(v_, false), out(out_, true);
  require(z && v && out && z.same_shape(v) && z.same_shape(out), "arrays of one shape expected");
  const bool wide = v.kind() == 'd';
  require(z.kind() == out.kind() && (wide || v.kind() == z.kind()), "dtypes do not fit");
  const Shape s(z, axis);
  if (z.size() == 0) return true;
  bool done = false;
  by_type(z, [&](const auto& kernels, auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    auto with = [&](auto kernel, auto* v_data) {
      done = jacobian_product(kernel, product, z.data<T>(), v_data, out.data<T>(), s.outer, s.n,
                              s.inner, temperature);
    };
    if constexpr (sizeof(T) == 4) {
      if (wide) return with(active.jacobian_mixed, static_cast<const double*>(v.data<double>()));
    }
    with(kernels.jacobian_rows, static_cast<const T*>(v.data<T>()));
  });
  return done;
}

// Weights (k, d), or (d, k) if they are transposed.
template <class T>
Weights<T> weights_of(const Array& w, bool transposed) {
  const int64_t k = w.shape(transposed), d = w.shape(!transposed);
  return {w.data<T>(), k, d, transposed ? 1 : d, transposed ? k : 1};
}

bool matrix(const Array& a, const Array& like, int64_t rows, int64_t columns) {
  return a && a.kind() == like.kind() && a.ndim() == 2 && a.shape(0) == rows &&
         a.shape(1) == columns && a.size() > 0;
}

void linear(nb::handle h_, nb::handle w_, bool transposed, nb::handle bias_, nb::handle z_) {
  Array h(h_, false), w(w_, false), bias(bias_.is_none() ? w_ : bias_, false), z(z_, true);
  require(h && w && bias && h.ndim() == 2 && w.ndim() == 2, "matrices expected");
  const int64_t n = h.shape(0), d = h.shape(1), k = w.shape(transposed);
  require(w.kind() == h.kind() && w.shape(!transposed) == d, "weights do not fit");
  require(bias_.is_none() || (bias.kind() == h.kind() && bias.size() == k), "bias does not fit");
  require(matrix(z, h, n, k), "logits do not fit");
  by_type(z, [&](const auto& kernels, auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    logits_of<T>(kernels.products, h.data<T>(), n, weights_of<T>(w, transposed),
              bias_.is_none() ? nullptr : bias.data<T>(), z.data<T>());
  });
}

void linear_grad_hidden(nb::handle g_, nb::handle w_, bool transposed, nb::handle out_) {
  Array g(g_, false), w(w_, false), out(out_, true);
  require(g && w && g.ndim() == 2 && w.ndim() == 2 && w.kind() == g.kind() &&
              w.shape(transposed) == g.shape(1) && g.size() > 0, "weights do not fit");
  require(matrix(out, g, g.shape(0), w.shape(!transposed)), "result does not fit");
  by_type(g, [&](const auto& kernels, auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    grad_hidden<T>(kernels.products, g.data<T>(), g.shape(0), weights_of<T>(w, transposed),
                          out.data<T>());
  });
}

void linear_grad_weight(nb::handle g_, nb::handle h_, nb::handle out_, bool add) {
  Array g(g_, false), h(h_, false), out(out_, true);
  require(g && h && g.ndim() == 2 && h.ndim() == 2, "matrices expected");
  require(g.size() > 0 && matrix(h, g, g.shape(0), h.shape(1)), "rows do not fit");
  require(matrix(out, g, g.shape(1), h.shape(1)), "result does not fit");
  by_type(g, [&](const auto& kernels, auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    grad_weight<T>(kernels.products, g.data<T>(), g.shape(0), g.shape(1), h.data<T>(),
                          h.shape(1), out.data<T>(), add);
  });
}

bool int64s(const Array& a, int64_t size) { return a && a.kind() == 'q' && a.size() == size; }

template <class Pass>
double passes(int64_t most, double tol, int64_t group, Pass pass) {
  std::vector<double> step(size_t(2 * group));
  double farthest = 0;
  nb::gil_scoped_release released;
  for (int64_t count = 0; count < most; ++count) {
    farthest = pass(step.data());
    if (!(farthest > tol)) break;
  }
  return farthest;
}

double descend_matrix(nb::handle h_, nb::handle g_, nb::handle v_, nb::handle bound_,
                      nb::handle weight_, int64_t group, int64_t most, double tol) {
  Array h(h_, false), g(g_, true), v(v_, true), bound(bound_, false), weight(weight_, false);
  require(bool(v) && v.kind() == 'd' && group > 0 && v.size() % group == 0, "blocks do not fit");
  const int64_t m = v.size(), count = m / group;
  require(doubles(h, m * m) && doubles(g, m) && doubles(bound, count) && doubles(weight, count),
          "a float64 matrix, and vectors that fit, expected");
  return passes(most, tol, group, [&](double* step) {
    return active.descend_matrix(h.data<double>(), g.data<double>(), v.data<double>(),
                                 bound.data<double>(), weight.data<double>(), m, group, step);
  });
}

double descend_columns(nb::handle start_, nb::handle rows_, nb::handle values_, nb::handle column_,
                       nb::handle classes_, nb::handle gradient_, nb::handle ridge_,
                       nb::handle from_, nb::handle bound_, nb::handle weight_, nb::handle sp_,
                       nb::handle p_, nb::handle change_, nb::handle mean_, nb::handle v_,
                       int64_t group, int64_t most, double tol) {
  Array start(start_, false), rows(rows_.is_none() ? start_ : rows_, false), values(values_, false);
  Array column(column_, false), classes(classes_, false), gradient(gradient_, false);
  Array ridge(ridge_, false), from(from_, false), bound(bound_, false), weight(weight_, false);
  Array sp(sp_, false), p(p_.is_none() ? sp_ : p_, false), change(change_, true);
  Array mean(mean_, true), v(v_, true);
  require(bool(v) && v.kind() == 'd' && group > 0 && v.size() % group == 0, "blocks do not fit");
  require(bool(start) && start.kind() == 'q' && start.size() > 0, "starts of columns expected");
  require(bool(values) && values.kind() == 'd' && bool(mean) && mean.kind() == 'd',
          "float64 values expected");
  require(bool(sp) && sp.ndim() == 2 && sp.kind() == 'd', "probabilities by class expected");
  const int64_t m = v.size(), count = m / group, n = mean.size(), k = sp.shape(0);
  const int64_t columns = start.size() - 1, held = values.size();
  require(sp.shape(1) == n && doubles(p, k * n) && doubles(change, k * n), "classes do not fit");
  require(doubles(gradient, m) && doubles(ridge, m) && doubles(from, m) && doubles(bound, count) &&
              doubles(weight, count) && int64s(column, count) && int64s(classes, m),
          "vectors that fit expected");
  const int64_t* starts = start.data<int64_t>();
  bool inside = starts[0] == 0 && starts[columns] == held;
  for (int64_t c = 0; c < columns; ++c) {
    const int64_t length = starts[c + 1] - starts[c];
    inside = inside && length >= 0 && (!rows_.is_none() || length == n);
  }
  for (int64_t b = 0; b < count; ++b) {
    const int64_t c = column.data<int64_t>()[b];
    inside = inside && c >= 0 && c < columns;
  }
  for (int64_t c = 0; c < m; ++c) {
    const int64_t j = classes.data<int64_t>()[c];
    inside = inside && j >= 0 && j < k;
  }
  if (!rows_.is_none()) {
    require(int64s(rows, held), "a row for each value expected");
    for (int64_t e = 0; e < held; ++e) {
      const int64_t i = rows.data<int64_t>()[e];
      inside = inside && i >= 0 && i < n;
    }
  }
  require(inside, "indices within the arrays expected");
  ColumnModel model{n, m, group, starts, rows_.is_none() ? nullptr : rows.data<int64_t>(),
                    values.data<double>(), column.data<int64_t>(), classes.data<int64_t>(),
                    gradient.data<double>(), ridge.data<double>(), from.data<double>(),
                    bound.data<double>(), weight.data<double>(), sp.data<double>(),
                    p_.is_none() ? nullptr : p.data<double>(), change.data<double>(),
                    mean.data<double>()};
  return passes(most, tol, group,
                [&](double* step) { return active.descend_columns(model, v.data<double>(), step); });
}

// out (n, k) = X w for X (n, m) in compressed rows; out may be float64 where X is float32.
void sparse_rows(nb::handle starts_, nb::handle columns_, nb::handle x_, nb::handle w_,
                 nb::handle out_) {
  Array starts(starts_, false), columns(columns_, false), x(x_, false), w(w_, false);
  Array out(out_, true);
  require(starts && columns && x && w && out && w.ndim() == 2 && out.ndim() == 2,
          "contiguous arrays expected");
  require(w.kind() == x.kind() && w.shape(1) == out.shape(1), "weights do not fit");
  const bool in_double = out.kind() == 'd' && x.kind() == 'f', narrow = starts.kind() == 'i';
  require(in_double || out.kind() == x.kind(), "result does not fit");
  require((narrow || starts.kind() == 'q') && columns.kind() == starts.kind(),
          "indices of one type, int32 or int64, expected");
  require(starts.size() == out.shape(0) + 1 && columns.size() == x.size(), "rows do not fit");
  const int64_t n = out.shape(0), k = out.shape(1);
  if (n == 0 || k == 0) return;
  by_type(x, [&](const auto& kernels, auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    const auto with = [&](auto kernel, const auto* start, auto* result) {
      const auto* column = columns.data<std::remove_const_t<std::remove_pointer_t<decltype(start)>>>();
      sparse_product(kernel, start, column, static_cast<const T*>(x.data<T>()), n,
                     static_cast<const T*>(w.data<T>()), k, result);
    };
    const auto* start32 = static_cast<const int32_t*>(starts.data<int32_t>());
    const auto* start64 = static_cast<const int64_t*>(starts.data<int64_t>());
    const SparseOf<T>& sparse = kernels.sparse;
    if constexpr (sizeof(T) == 4) {
      if (in_double && narrow) return with(sparse.narrow_in_double, start32, out.data<double>());
      if (in_double) return with(sparse.wide_in_double, start64, out.data<double>());
    }
    if (narrow) return with(sparse.narrow, start32, out.data<T>());
    with(sparse.wide, start64, out.data<T>());
  });
}

// Lay rows (n, d) out in panels (panels, d, wide).
void lay_out_panels(nb::handle x_, nb::handle panels_) {
  Array x(x_, false), panels(panels_, true);
  require(x && panels && x.kind() == 'd' && panels.kind() == 'd' && x.ndim() == 2 &&
              panels.ndim() == 3 && x.size() > 0,
          "float64 rows and panels expected");
  const int64_t n = x.shape(0), d = x.shape(1), wide = panels.shape(2);
  require(wide > 0 && panels.shape(1) == d && panels.shape(0) == (n + wide - 1) / wide,
          "panels do not fit");
  without_gil(x.size(), [&] {
    to_panels(x.data<double>(), n, d, wide, panels.data<double>());
  });
}

// The rows of a model, their labels, weights and parameters; held as long as this lives.
class PanelArrays {
 public:
  PanelArrays(nb::handle panels, nb::handle y, nb::handle s, nb::handle theta)
      : panels_(panels, false), y_(y, false), s_(s, false), theta_(theta, false) {
    require(bool(panels_) && panels_.kind() == 'd' && panels_.ndim() == 3 && panels_.size() > 0 &&
                panels_.shape(2) % 32 == 0,
            "float64 panels of 32 rows, or 64, ... expected");
    const int64_t n = y_.size(), d = panels_.shape(1), wide = panels_.shape(2);
    require(int64s(y_, n) && n > 0 && doubles(s_, n) && panels_.shape(0) == (n + wide - 1) / wide,
            "a label and a weight for each row expected");
    require(bool(theta_) && theta_.ndim() == 2 && theta_.shape(1) == d && theta_.shape(0) > 1 &&
                theta_.kind() == 'd',
            "parameters do not fit");
  }
  PanelModel model(int64_t left_out = 0) const {
    return {y_.size(), panels_.shape(1), theta_.shape(0), panels_.shape(2), panels_.data<double>(),
            y_.data<int64_t>(), s_.data<double>(), theta_.data<double>(), left_out};
  }

 private:
  Array panels_, y_, s_, theta_;
};

// Return loss and right; the gradient (k, d), and the Hessian if asked for, are written.
nb::tuple pass_over_panels(nb::handle panels, nb::handle y, nb::handle s, nb::handle theta,
                           nb::handle gradient_, nb::handle hessian_, int64_t left_out) {
  const PanelArrays arrays(panels, y, s, theta);
  const PanelModel a = arrays.model(left_out);
  Array gradient(gradient_, true), hessian(hessian_.is_none() ? gradient_ : hessian_, true);
  require(doubles(gradient, a.k * a.d), "gradient does not fit");
  const int64_t m = (a.k - 1) * a.d;
  require(hessian_.is_none() || (doubles(hessian, m * m) && left_out >= 0 && left_out < a.k),
          "Hessian does not fit");
  double loss = 0, right = 0;
  without_gil(a.n * a.d, [&] {
    softmax_pass(active.panels, a, &loss, &right, gradient.data<double>(),
                 hessian_.is_none() ? nullptr : hessian.data<double>());
  });
  return nb::make_tuple(loss, right);
}

// Return the weighted entropies of repaired probabilities q, and write sum_i s_i (q_i - t_i) x_i^T.
double dual_over_panels(nb::handle panels, nb::handle y, nb::handle s, nb::handle theta,
                        nb::handle given_, nb::handle received_, nb::handle gradient_) {
  const PanelArrays arrays(panels, y, s, theta);
  const PanelModel a = arrays.model();
  Array given(given_, false), received(received_, false), gradient(gradient_, true);
  require(doubles(given, a.k) && doubles(received, a.k) && doubles(gradient, a.k * a.d),
          "shares of classes, and a gradient that fits, expected");
  double entropy = 0;
  without_gil(a.n * a.d, [&] {
    entropy = softmax_dual(active.panels, a, {given.data<double>(), received.data<double>()},
                           gradient.data<double>());
  });
  return entropy;
}

// grams (k, d, d) = sum_i weights_ij x_i x_i^T
void grams_over_panels(nb::handle panels_, nb::handle weights_, nb::handle grams_) {
  Array panels(panels_, false), weights(weights_, false), grams(grams_, true);
  require(bool(panels) && panels.kind() == 'd' && panels.ndim() == 3 && panels.size() > 0 &&
              panels.shape(2) % 32 == 0,
          "float64 panels of 32 rows, or 64, ... expected");
  require(bool(weights) && weights.kind() == 'd' && weights.ndim() == 2 && weights.size() > 0,
          "float64 weights by row and class expected");
  const int64_t n = weights.shape(0), k = weights.shape(1);
  const int64_t d = panels.shape(1), wide = panels.shape(2);
  require(panels.shape(0) == (n + wide - 1) / wide, "weights do not fit");
  require(doubles(grams, k * d * d), "grams do not fit");
  PanelModel a{};
  a.n = n, a.d = d, a.k = k, a.wide = wide, a.x = panels.data<double>();
  without_gil(n * d, [&] {
    weighted_grams(active.panels, a, weights.data<double>(), grams.data<double>());
  });
}

// Sparse rows (n, width) with k residuals or parameters each; held as long as this lives.
class CompressedArrays {
 public:
  CompressedArrays(nb::handle starts, nb::handle columns, nb::handle x)
      : starts_(starts, false), columns_(columns, false), x_(x, false) {
    require(starts_ && columns_ && x_ && x_.kind() == 'd', "contiguous float64 numbers expected");
    require((narrow() || starts_.kind() == 'q') && columns_.kind() == starts_.kind(),
            "indices of one type, int32 or int64, expected");
    require(starts_.size() > 1 && columns_.size() == x_.size(), "rows do not fit");
  }
  int64_t rows() const { return starts_.size() - 1; }
  // body(rows) with the rows in the type of their indices; constant may be null
  template <class Body>
  void with(int64_t width, const double* constant, Body body) const {
    const int64_t work = x_.size() + rows();
    if (narrow()) return run_with<int32_t>(width, constant, work, body);
    run_with<int64_t>(width, constant, work, body);
  }

 private:
  bool narrow() const { return starts_.kind() == 'i'; }
  template <class Index, class Body>
  void run_with(int64_t width, const double* constant, int64_t work, Body body) const {
    const CompressedRows<Index> rows{width, starts_.data<Index>(), columns_.data<Index>(),
                                     x_.data<double>(), constant};
    without_gil(work, [&] { body(rows); });
  }
  Array starts_, columns_, x_;
};

// A model of sparse rows: labels, weights, parameters (width, k) and a constant of each class.
class CompressedModel {
 public:
  CompressedModel(nb::handle starts, nb::handle columns, nb::handle x, nb::handle constant,
                  nb::handle y, nb::handle s, nb::handle w, nb::handle gradient)
      : rows_(starts, columns, x), constant_(constant, false), y_(y, false), s_(s, false),
        w_(w, false), gradient_(gradient, true) {
    const int64_t n = rows_.rows();
    require(int64s(y_, n) && doubles(s_, n), "a label and a weight for each row expected");
    require(bool(w_) && w_.ndim() == 2 && w_.kind() == 'd' && w_.shape(1) > 1 &&
                doubles(constant_, w_.shape(1)),
            "parameters do not fit");
    require(doubles(gradient_, (w_.shape(0) + 1) * w_.shape(1)), "gradient does not fit");
  }
  int64_t classes() const { return w_.shape(1); }
  double* gradient() const { return gradient_.data<double>(); }
  template <class Body>  // body(model, rows)
  void with(Body body) const {
    PanelModel a{};
    a.n = rows_.rows(), a.k = classes();
    a.y = y_.data<int64_t>(), a.s = s_.data<double>(), a.theta = w_.data<double>();
    rows_.with(w_.shape(0), constant_.data<double>(), [&](const auto& rows) { body(a, rows); });
  }

 private:
  CompressedArrays rows_;
  Array constant_, y_, s_, w_, gradient_;
};

// Return loss and right; the gradient (width + 1, k) is written.
nb::tuple pass_over_sparse(nb::handle starts, nb::handle columns, nb::handle x, nb::handle constant,
                           nb::handle y, nb::handle s, nb::handle w, nb::handle gradient) {
  const CompressedModel model(starts, columns, x, constant, y, s, w, gradient);
  double loss = 0, right = 0;
  model.with([&](const PanelModel& a, const auto& rows) {
    sparse_pass(active.panels, a, rows, &loss, &right, model.gradient());
  });
  return nb::make_tuple(loss, right);
}

double dual_over_sparse(nb::handle starts, nb::handle columns, nb::handle x, nb::handle constant,
                        nb::handle y, nb::handle s, nb::handle w, nb::handle given_,
                        nb::handle received_, nb::handle gradient) {
  const CompressedModel model(starts, columns, x, constant, y, s, w, gradient);
  Array given(given_, false), received(received_, false);
  require(doubles(given, model.classes()) && doubles(received, model.classes()),
          "shares of classes expected");
  double entropy = 0;
  model.with([&](const PanelModel& a, const auto& rows) {
    const Repair repair{given.data<double>(), received.data<double>()};
    entropy = sparse_dual(active.panels, a, rows, repair, model.gradient());
  });
  return entropy;
}

// gradient (width + 1, k) = sum_i x_i^T r_i, and below it the sum of r (n, k)
void pulled_by_sparse(nb::handle starts, nb::handle columns, nb::handle x, nb::handle r_,
                      nb::handle gradient_) {
  const CompressedArrays arrays(starts, columns, x);
  Array r(r_, false), gradient(gradient_, true);
  require(bool(r) && r.ndim() == 2 && r.kind() == 'd' && r.shape(0) == arrays.rows() &&
              r.shape(1) > 0,
          "float64 residuals by row and class expected");
  require(bool(gradient) && gradient.ndim() == 2 && gradient.kind() == 'd' &&
              gradient.shape(0) > 0 && gradient.shape(1) == r.shape(1),
          "gradient does not fit");
  arrays.with(gradient.shape(0) - 1, nullptr, [&](const auto& rows) {
    sparse_pulled(active.panels, rows, r.data<double>(), r.shape(0), r.shape(1),
                  gradient.data<double>());
  });
}

}  // namespace
}  // namespace luce

NB_MODULE(_native, m) {
  using namespace nb::literals;
  m.def("available", luce::available);
  m.def("select", luce::select);
  m.def("get_num_threads", luce::num_threads);
  m.def("set_num_threads", luce::set_num_threads);
  m.def("empty_like", luce::empty_like);
  m.def("softmax", luce::softmax, "z"_a, "out"_a, "axis"_a = -1, "temperature"_a = 1.0);
  m.def("softmax_quick", luce::quick_along<luce::Kind::softmax>);
  m.def("log_softmax_quick", luce::quick_along<luce::Kind::log_softmax>);
  m.def("logsumexp_quick", luce::quick_along<luce::Kind::logsumexp>);
  m.def("sigmoid_quick", luce::quick_of_each<luce::Curve::sigmoid>);
  m.def("log_sigmoid_quick", luce::quick_of_each<luce::Curve::log_sigmoid>);
  m.def("softplus_quick", luce::quick_of_each<luce::Curve::softplus>);
  m.def("log_softmax", luce::log_softmax, "z"_a, "out"_a, "axis"_a = -1, "temperature"_a = 1.0);
  m.def("logsumexp", luce::logsumexp, "z"_a, "out"_a, "axis"_a = -1, "temperature"_a = 1.0);
  m.def("sigmoid", luce::elementwise_of<luce::Curve::sigmoid>);
  m.def("log_sigmoid", luce::elementwise_of<luce::Curve::log_sigmoid>);
  m.def("softplus", luce::elementwise_of<luce::Curve::softplus>);
  m.def("cross_entropy_rows", luce::cross_entropy_rows, "z"_a, "target"_a, "own"_a, "spread"_a,
        "w"_a.none(), "loss"_a, "grad"_a.none(), "z_weight"_a.none() = nb::none(),
        "temperature"_a = 1.0);
  m.def("softmax_curvature", luce::softmax_curvature);
  m.def("softmax_gradient", luce::softmax_gradient_of);
  m.def("log_softmax_with_sums", luce::log_softmax_and_sums);
  m.def("log_softmax_gradient", luce::log_softmax_gradient_of);
  m.def("softmax_product", luce::jacobian_product_of<luce::Product::softmax>);
  m.def("log_softmax_forward", luce::jacobian_product_of<luce::Product::log_forward>);
  m.def("log_softmax_backward", luce::jacobian_product_of<luce::Product::log_backward>);
  m.def("descend_matrix", luce::descend_matrix);
  m.def("descend_columns", luce::descend_columns, "start"_a, "rows"_a.none(), "values"_a,
        "column"_a, "classes"_a, "gradient"_a, "ridge"_a, "origin"_a, "bound"_a, "weight"_a, "sp"_a,
        "p"_a.none(), "change"_a, "mean"_a, "v"_a, "group"_a, "most"_a, "tol"_a);
  m.def("linear", luce::linear, "h"_a, "w"_a, "transposed"_a, "bias"_a.none(), "z"_a);
  m.def("linear_grad_hidden", luce::linear_grad_hidden);
  m.def("linear_grad_weight", luce::linear_grad_weight);
  m.def("sparse_rows", luce::sparse_rows);
  m.def("sparse_pass", luce::pass_over_sparse);
  m.def("sparse_dual", luce::dual_over_sparse);
  m.def("sparse_pulled", luce::pulled_by_sparse);
  m.def("to_panels", luce::lay_out_panels);
  m.def("softmax_pass", luce::pass_over_panels, "panels"_a, "y"_a, "s"_a, "theta"_a, "gradient"_a,
        "hessian"_a.none() = nb::none(), "left_out"_a = 0);
  m.def("softmax_dual", luce::dual_over_panels);
  m.def("weighted_grams", luce::grams_over_panels);
  luce::bind_text(m);
  luce::bind_byte_rows(m);
}
