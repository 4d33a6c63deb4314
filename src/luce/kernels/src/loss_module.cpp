// Cross-entropy, and the linear layer before it, for Python.
#include "modules.hpp"

#include "arrays.hpp"

namespace luce {
namespace {

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

}  // namespace

void bind_losses(nb::module_& m) {
  using namespace nb::literals;
  m.def("cross_entropy_rows", cross_entropy_rows, "z"_a, "target"_a, "own"_a, "spread"_a,
        "w"_a.none(), "loss"_a, "grad"_a.none(), "z_weight"_a.none() = nb::none(),
        "temperature"_a = 1.0);
  m.def("linear", linear, "h"_a, "w"_a, "transposed"_a, "bias"_a.none(), "z"_a);
  m.def("linear_grad_hidden", linear_grad_hidden);
  m.def("linear_grad_weight", linear_grad_weight);
}

}  // namespace luce
