// What the solvers ask for: products with sparse rows, fused passes over rows, coordinate descent.
#include "modules.hpp"

#include <vector>

#include "arrays.hpp"

namespace luce {
namespace {

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

bool floats(const Array& a) { return a && a.kind() == 'f' && a.ndim() == 2; }

// Rows x (n, d), logits z (n, k) and weights w (k, d) of k <= 16 classes, two of which give the
// third; on this thread alone.
template <class Product>
void narrow_product(const Array& x, const Array& z, const Array& w, Product product) {
  require(floats(x) && floats(z) && floats(w), "matrices of float32 expected");
  const int64_t n = x.shape(0), d = x.shape(1), k = z.shape(1);
  require(z.shape(0) == n && w.shape(0) == k && w.shape(1) == d && k <= kNarrow,
          "matrices do not fit");
  without_gil(x.size(), [&] {
    std::vector<float> work(d * kNarrow);
    product(n, d, k, work.data());
  });
}

// z = x w^T
void narrow_logits(nb::handle x_, nb::handle w_, nb::handle z_) {
  const Array x(x_, false), w(w_, false), z(z_, true);
  narrow_product(x, z, w, [&](int64_t n, int64_t d, int64_t k, float* work) {
    active.narrow.logits(x.data<float>(), n, d, w.data<float>(), k, z.data<float>(), work);
  });
}

// w = z^T x
void narrow_pulled(nb::handle z_, nb::handle x_, nb::handle w_) {
  const Array z(z_, false), x(x_, false), w(w_, true);
  narrow_product(x, z, w, [&](int64_t n, int64_t d, int64_t k, float* work) {
    active.narrow.pulled(z.data<float>(), n, k, x.data<float>(), d, w.data<float>(), work);
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

}  // namespace

void bind_solvers(nb::module_& m) {
  using namespace nb::literals;
  m.def("softmax_curvature", softmax_curvature);
  m.def("descend_matrix", descend_matrix);
  m.def("descend_columns", descend_columns, "start"_a, "rows"_a.none(), "values"_a,
        "column"_a, "classes"_a, "gradient"_a, "ridge"_a, "origin"_a, "bound"_a, "weight"_a, "sp"_a,
        "p"_a.none(), "change"_a, "mean"_a, "v"_a, "group"_a, "most"_a, "tol"_a);
  m.def("sparse_rows", sparse_rows);
  m.def("sparse_pass", pass_over_sparse);
  m.def("sparse_dual", dual_over_sparse);
  m.def("sparse_pulled", pulled_by_sparse);
  m.def("narrow_logits", narrow_logits);
  m.def("narrow_pulled", narrow_pulled);
  m.def("to_panels", lay_out_panels);
  m.def("softmax_pass", pass_over_panels, "panels"_a, "y"_a, "s"_a, "theta"_a, "gradient"_a,
        "hessian"_a.none() = nb::none(), "left_out"_a = 0);
  m.def("softmax_dual", dual_over_panels);
  m.def("weighted_grams", grams_over_panels);
}

}  // namespace luce
