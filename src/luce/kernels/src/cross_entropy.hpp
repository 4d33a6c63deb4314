// Cross-entropy of a row and its gradient, from one measurement of the row.
#pragma once
#include "rows.hpp"

namespace {

using luce::Targets;

// sum_j w_j log(p_j / p_winner), with 0 * -inf = 0
template <class T>
double weighted_gaps(const T* z, int64_t k, double top, const double* w) {
  const Gap<T, true> gap(top, 1);
  D high{}, low{};
  double weights[kDoubles];
  for (int64_t j = 0; j < k; j += kDoubles) {
    T logits[kDoubles];
    for (int i = 0; i < kDoubles; ++i) {
      const bool there = j + i < k;
      weights[i] = !there ? 0 : w ? w[j + i] : 1;
      logits[i] = there ? z[j + i] : T(0);
    }
    const D weight = load_as<D>(weights), g = gap(load_wide(logits)).high;
    const D term = weight == 0.0 ? D{} : weight * g;
    const D total = high + term, seen = total - high;
    const D left = (high - (total - seen)) + (term - seen);
    low += total >= -kMost ? left : D{};
    high = total;
  }
  return added_up(high) + added_up(low);
}

// total p_j - b w_j; only for b != 0, where the two terms are of the same kind of size
template <class T>
void smoothed_gradient(const T* z, T* grad, int64_t k, const Sum& sum, double total, double b,
                       const double* w) {
  finish(Kind::softmax, z, grad, k, sum, 1);
  for (int64_t j = 0; j < k; ++j) grad[j] = T(total * grad[j] - (w ? b * w[j] : b));
}

template <class T>
void scale(T* grad, int64_t k, double factor) {
  if (factor == 1) return;
  for (int64_t j = 0; j < k; ++j) grad[j] = T(factor * grad[j]);
}

template <class T>
void plain_gradient(const T* z, T* grad, int64_t k, const Sum& sum, double a) {
  if constexpr (sizeof(T) == 4) {
    if (!sum.exact) return fast_softmax(z, grad, k, sum, a);
  }
  finish(Kind::softmax, z, grad, k, sum, 1);
  scale(grad, k, a);
}

// The same row with its winner put back into the sum, as `finish` wants it for probabilities.
inline Sum completed(const Sum& sum) {
  Sum whole = sum, top{};
  if (!sum.exact) {
    whole.high += lifted_top(sum);
    return whole;
  }
  top.high = 0x1p512;
  add(&whole, top);
  return whole;
}

template <class T>
void cross_entropy_row(const T* z, const Targets& t, int64_t i, double* loss, T* grad, int64_t k,
                       const Sum& sum) {
  const double a = t.a[i], b = t.b[i];
  if (a == 0 && b == 0) {  // an ignored row counts nothing, whatever it holds
    loss[i] = 0;
    if (grad) fill(grad, k, 0);
    return;
  }
  if (!finite(sum.top)) {
    loss[i] = __builtin_nan("");
    if (grad) fill(grad, k, loss[i]);
    return;
  }
  const int64_t y = t.y[i];
  const double rest = rest_of(sum), log = log_of(sum, z).high;
  const double gap_y = double(z[y]) - sum.top;
  double total = 0;
  if (a != 0) total += a * (log - gap_y);
  if (b != 0) total += b * (t.total_w * log - weighted_gaps(z, k, sum.top, t.w));
  loss[i] = total;
  if (!grad) return;

  const double w_y = t.w ? t.w[y] : 1, p_y = __builtin_exp(gap_y) / (1 + rest);
  const double others = y == sum.winner ? rest / (1 + rest) : 1 - p_y;
  const Sum whole = completed(sum);
  if (b == 0)
    plain_gradient(z, grad, k, whole, a);
  else
    smoothed_gradient(z, grad, k, whole, a + b * t.total_w, b, t.w);
  grad[y] = T(b * (t.total_w * p_y - w_y) - a * others);
}

template <class T>
void cross_entropy(const T* z, const Targets& t, double* loss, T* grad, int64_t first,
                   int64_t last, int64_t k) {
  z += first * k;
  if (grad) grad += first * k;
  for (int64_t i = first; i < last; ++i, z += k) {
    Sum sum{};
    if (t.a[i] != 0 || t.b[i] != 0) sum = sum_of_row(z, k, true, sizeof(T) == 8, 1);
    cross_entropy_row(z, t, i, loss, grad, k, sum);
    if (grad) grad += k;
  }
}

// scale_i p_ij (u_ij - sum_l p_il u_il)
template <class T>
void curvature(const T* p, const T* u, const T* scale, T* out, int64_t rows, int64_t k) {
  for (int64_t i = 0; i < rows; ++i, p += k, u += k, out += k) {
    D sum{};
    int64_t j = 0;
    for (; j + kDoubles <= k; j += kDoubles) sum += load_wide(p + j) * load_wide(u + j);
    double mean = added_up(sum);
    for (; j < k; ++j) mean += double(p[j]) * double(u[j]);
    const double s = scale[i];
    for (j = 0; j + kDoubles <= k; j += kDoubles)
      store_narrow(out + j, load_wide(p + j) * (load_wide(u + j) - mean) * s);
    for (; j < k; ++j) out[j] = T(double(p[j]) * (double(u[j]) - mean) * s);
  }
}

}  // namespace
