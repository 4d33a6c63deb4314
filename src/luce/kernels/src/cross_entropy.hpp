// Cross-entropy of a row and its gradient, from one measurement of the row.
#pragma once
#include "double_lanes.hpp"
#include "float_lanes.hpp"

namespace {

using luce::Targets;

// sum_j w_j log(p_j / p_winner), with 0 * -inf = 0
template <class T>
double weighted_gaps(const T* z, int64_t k, double top, const double* w) {
  D high{}, low{};
  double weights[kDoubles];
  for (int64_t j = 0; j < k; j += kDoubles) {
    T logits[kDoubles];
    for (int i = 0; i < kDoubles; ++i) {
      const bool there = j + i < k;
      weights[i] = !there ? 0 : w ? w[j + i] : 1;
      logits[i] = there ? z[j + i] : T(0);
    }
    const D weight = load_as<D>(weights), g = load_wide(logits) - top;
    const D term = weight == 0.0 ? D{} : weight * g;
    const D total = high + term, seen = total - high;
    const D left = (high - (total - seen)) + (term - seen);
    low += total >= -kMost ? left : D{};
    high = total;
  }
  return added_up(high) + added_up(low);
}

// What the loss needs to know of a measured row, for either type.
struct Odds {
  double rest, log;
};
inline Odds odds_of(const float*, const Sum& sum) {
  const double rest = rest_of(sum, 1);
  return {rest, __builtin_log1p(rest)};
}
inline Odds odds_of(const double*, const Sum& sum) { return {rest_of(sum), log_of(sum).high}; }

// factor * softmax(z)
inline void write_gradient(const float* z, float* grad, int64_t k, const Sum& sum, double factor) {
  write_multiple(z, grad, k, sum, 1, factor);
}
inline void write_gradient(const double* z, double* grad, int64_t k, const Sum& sum,
                           double factor) {
  Sum whole = sum, top{};  // the winner is put back into the sum
  top.high = 0x1p512;
  add(&whole, top);
  exact_softmax(z, grad, k, whole, Gap<true>(sum.top, 1));
  for (int64_t j = 0; j < k; ++j) grad[j] = factor * grad[j];
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
  const Odds odds = odds_of(z, sum);
  const double gap_y = double(z[y]) - sum.top;
  double total = 0;
  if (a != 0) total += a * (odds.log - gap_y);
  if (b != 0) total += b * (t.total_w * odds.log - weighted_gaps(z, k, sum.top, t.w));
  loss[i] = total;
  if (!grad) return;

  const double w_y = t.w ? t.w[y] : 1, p_y = __builtin_exp(gap_y) / (1 + odds.rest);
  const double others = gap_y == 0 ? odds.rest / (1 + odds.rest) : 1 - p_y;
  write_gradient(z, grad, k, sum, a + b * t.total_w);
  if (b != 0)
    for (int64_t j = 0; j < k; ++j) grad[j] = T(grad[j] - (t.w ? b * t.w[j] : b));
  grad[y] = T(b * (t.total_w * p_y - w_y) - a * others);
}

// sum_j w_j log(p_j) of each lane, with 0 * -inf = 0
inline D weighted_logarithms(const DoubleTile& tile, int64_t k, const double* w) {
  const Gap<true> gap(tile.top, 1);
  D sum{};
  for (int64_t j = 0; j < k; ++j)
    if (!w || w[j] != 0) sum += (w ? w[j] : 1) * tile.log_probability(j, gap);
  return sum;
}

// Up to kDoubles short rows, a lane each. The arrays of targets and losses start with these rows.
inline void cross_entropy_tile(const double* z, const Targets& t, double* loss, double* grad,
                               int64_t rows, int64_t k) {
  DoubleTile tile;
  tile.read(z, rows, k);
  tile.measure<true>(k, 1);
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
  DoubleTile::write(tile.power, grad, rows, k);
}

// Up to kFloats short rows of floats, a lane each.
inline void cross_entropy_tile(const float* z, const Targets& t, double* loss, float* grad,
                               int64_t rows, int64_t k) {
  FloatTile tile;
  read_rows(z, rows, k, tile.logits);
  tile.measure(k, Unscaled{});
  tile.measure_rest(k, Unscaled{});
  float mended[kFloats][kShort];
  const bool all_fit = tile.all_fit(true);
  if (!all_fit)
    tile.each_unfit(rows, k, true, [&](int64_t i, const float* row) {
      const Targets here = t.from(i);
      cross_entropy_row(row, here, 0, loss + i, grad ? mended[i] : nullptr, k,
                        here.counts(0) ? sum_of_row(row, k, true, 1) : Sum{});
    });

  double a[kFloats]{}, b[kFloats]{}, gap_y[kFloats]{};
  bool smoothed = false;
  for (int64_t i = 0; i < rows; ++i) {
    a[i] = t.a[i];
    b[i] = t.b[i];
    smoothed |= b[i] != 0;
    if (t.counts(i)) gap_y[i] = double(z[i * k + t.y[i]]) - double(tile.top[i / kDoubles][i % kDoubles]);
  }
  float at_label[kFloats];
  for (int h = 0; h < 2; ++h) {
    const D rest = tile.rest[h], log = log_wide(1.0 + rest);
    const D own = load_as<D>(a + h * kDoubles), shared = load_as<D>(b + h * kDoubles);
    const D gap = load_as<D>(gap_y + h * kDoubles);
    D total = own == 0.0 ? D{} : own * (log - gap);
    if (smoothed) {
      D spread{};
      for (int64_t j = 0; j < k; ++j)
        if (!t.w || t.w[j] != 0)
          spread += (t.w ? t.w[j] : 1.0) * (FloatTile::half(tile.logits[j], h) - tile.top[h] - log);
      total -= shared == 0.0 ? D{} : shared * spread;
    }
    const D inverse = 1.0 / tile.sum[h];
    const D p_y = exp_wide(gap) / (1.0 + rest);
    const D others = gap == 0.0 ? rest / (1.0 + rest) : 1.0 - p_y;
    const D factor = own + shared * t.total_w;
    for (int64_t j = 0; grad && j < k; ++j)
      tile.power[j][h] = factor * (tile.power[j][h] * inverse) - shared * (t.w ? t.w[j] : 1.0);
    for (int i = 0; i < kDoubles; ++i) {
      const int64_t lane = h * kDoubles + i;
      if (lane >= rows || (!all_fit && tile.unfit(h, true)[i])) continue;
      loss[lane] = t.counts(lane) ? total[i] : 0;
      if (!t.counts(lane)) continue;
      const double w_y = t.w ? t.w[t.y[lane]] : 1;
      at_label[lane] = float(b[lane] * (t.total_w * p_y[i] - w_y) - a[lane] * others[i]);
    }
  }
  if (!grad) return;
  float* cells = reinterpret_cast<float*>(tile.logits);
  L unfit[2] = {tile.unfit(0, true), tile.unfit(1, true)};
  for (int64_t j = 0; j < k; ++j) tile.logits[j] = narrow(tile.power[j][0], tile.power[j][1]);
  for (int64_t i = 0; i < rows; ++i) {
    if (!all_fit && unfit[i / kDoubles][i % kDoubles])
      for (int64_t j = 0; j < k; ++j) cells[j * kFloats + i] = mended[i][j];
    else if (t.counts(i))
      cells[t.y[i] * kFloats + i] = at_label[i];
    else
      for (int64_t j = 0; j < k; ++j) cells[j * kFloats + i] = 0;
  }
  write_rows(tile.logits, grad, rows, k);
}

template <class T>
void cross_entropy(const T* z, const Targets& t, double* loss, T* grad, int64_t rows, int64_t k) {
  if (k <= kShort) {
    constexpr int64_t step = sizeof(T) == 4 ? kFloats : kDoubles;
    for (int64_t i = 0; i < rows; i += step)
      cross_entropy_tile(z + i * k, t.from(i), loss + i, grad ? grad + i * k : nullptr,
                         std::min(step, rows - i), k);
    return;
  }
  for (int64_t i = 0; i < rows; ++i) {
    Sum sum{};
    if (t.counts(i)) sum = sum_of_row(z + i * k, k, true, 1);
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
