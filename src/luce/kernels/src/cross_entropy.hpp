// Cross-entropy of a row and its gradient, from one measurement of the row.
#pragma once
#include "exact_lanes.hpp"

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
    if (!sum.exact) return fast_multiple(z, grad, k, sum, a);
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

// sum_j w_j log(p_j) of each lane, with 0 * -inf = 0
template <class T>
D weighted_logarithms(const ExactTile<T>& tile, int64_t k, const double* w) {
  const Gap<T, true> gap(tile.top, 1);
  D sum{};
  for (int64_t j = 0; j < k; ++j)
    if (!w || w[j] != 0) sum += (w ? w[j] : 1) * tile.log_probability(j, gap);
  return sum;
}

// Up to kDoubles short rows, a lane each. The arrays of targets and losses start with these rows.
template <class T>
void cross_entropy_tile(const T* z, const Targets& t, double* loss, T* grad, int64_t rows,
                        int64_t k) {
  ExactTile<T> tile;
  tile.read(z, rows, k);
  tile.template measure<true>(k, 1);
  tile.take_logarithms();
  D a{}, b{};
  std::memcpy(&a, t.a, rows * sizeof(double));
  std::memcpy(&b, t.b, rows * sizeof(double));
  const L counts = (a != 0.0) | (b != 0.0);  // a row without weight may hold anything
  bool smoothed = false;
  for (int r = 0; r < kDoubles; ++r) smoothed |= b[r] != 0;
  const D spread = smoothed ? weighted_logarithms(tile, k, t.w) : D{};

  const D inverse = tile.inverse(), total = a + b * t.total_w;
  double* cells = reinterpret_cast<double*>(tile.power);
  for (int64_t j = 0; j < k; ++j) tile.power[j] *= inverse;
  double at_label[kDoubles];
  for (int r = 0; r < rows; ++r) {
    loss[r] = 0;
    if (!counts[r]) continue;
    const int64_t y = t.y[r];
    const double log_p = (double(z[r * k + y]) - tile.top[r]) - tile.log_high[r];
    if (a[r] != 0) loss[r] -= a[r] * log_p;
    if (b[r] != 0) loss[r] -= b[r] * spread[r];
    const double p = cells[y * kDoubles + r], rest = rest_of(tile.sum(r));
    const double others = y == tile.winner[r] ? rest / (1 + rest) : 1 - p;
    at_label[r] = b[r] * (t.total_w * p - (t.w ? t.w[y] : 1)) - a[r] * others;
  }
  if (!grad) return;
  for (int64_t j = 0; j < k; ++j) {
    const D value = total * tile.power[j] - b * (t.w ? t.w[j] : 1);
    tile.power[j] = counts ? value : D{};
  }
  for (int r = 0; r < rows; ++r)
    if (counts[r]) cells[t.y[r] * kDoubles + r] = at_label[r];
  ExactTile<T>::write(tile.power, grad, rows, k);
}

template <class T>
void cross_entropy_short(const T* z, Targets t, double* loss, T* grad, int64_t rows, int64_t k) {
  for (int64_t i = 0; i < rows; i += kDoubles) {
    const int64_t count = rows - i < kDoubles ? rows - i : kDoubles;
    const Targets here{t.y + i, t.a + i, t.b + i, t.w, t.total_w};
    cross_entropy_tile(z + i * k, here, loss + i, grad ? grad + i * k : nullptr, count, k);
  }
}

template <class T>
void cross_entropy(const T* z, const Targets& t, double* loss, T* grad, int64_t rows, int64_t k) {
  if (k <= kShort) return cross_entropy_short(z, t, loss, grad, rows, k);
  for (int64_t i = 0; i < rows; ++i) {
    Sum sum{};
    if (t.a[i] != 0 || t.b[i] != 0) sum = sum_of_row(z + i * k, k, true, sizeof(T) == 8, 1);
    cross_entropy_row(z + i * k, t, i, loss, grad ? grad + i * k : nullptr, k, sum);
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
