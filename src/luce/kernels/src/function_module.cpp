// Softmax and what is near to it, for Python: forward, and products with derivatives.
#include "modules.hpp"

#include <nanobind/ndarray.h>

#include <cstring>
#include <limits>
#include <vector>

#include "arrays.hpp"
#include "results.hpp"

namespace luce {
namespace {

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
    for (Py_ssize_t at = 0; PyDict_Next(kwargs.ptr(), &at, &key, &value);) {
      const char* name = PyUnicode_AsUTF8(key);
      if (!name) PyErr_Clear();  // no text: let Python refuse it
      if (!name || !take(name, value)) return;
    }
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

}  // namespace

void bind_functions(nb::module_& m) {
  using namespace nb::literals;
  m.def("empty_like", empty_like);
  m.def("softmax", softmax, "z"_a, "out"_a, "axis"_a = -1, "temperature"_a = 1.0);
  m.def("softmax_quick", quick_along<Kind::softmax>);
  m.def("log_softmax_quick", quick_along<Kind::log_softmax>);
  m.def("logsumexp_quick", quick_along<Kind::logsumexp>);
  m.def("sigmoid_quick", quick_of_each<Curve::sigmoid>);
  m.def("log_sigmoid_quick", quick_of_each<Curve::log_sigmoid>);
  m.def("softplus_quick", quick_of_each<Curve::softplus>);
  m.def("log_softmax", log_softmax, "z"_a, "out"_a, "axis"_a = -1, "temperature"_a = 1.0);
  m.def("logsumexp", logsumexp, "z"_a, "out"_a, "axis"_a = -1, "temperature"_a = 1.0);
  m.def("sigmoid", elementwise_of<Curve::sigmoid>);
  m.def("log_sigmoid", elementwise_of<Curve::log_sigmoid>);
  m.def("softplus", elementwise_of<Curve::softplus>);
  m.def("softmax_gradient", softmax_gradient_of);
  m.def("log_softmax_with_sums", log_softmax_and_sums);
  m.def("log_softmax_gradient", log_softmax_gradient_of);
  m.def("softmax_product", jacobian_product_of<Product::softmax>);
  m.def("log_softmax_forward", jacobian_product_of<Product::log_forward>);
  m.def("log_softmax_backward", jacobian_product_of<Product::log_backward>);
}

}  // namespace luce
