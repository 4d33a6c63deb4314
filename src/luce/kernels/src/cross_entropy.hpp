// Cross-entropy of a row and its gradient, from one measurement of the row.
#pragma once
#include "double_lanes.hpp"
#include "float_lanes.hpp"
#include "jacobian_rows.hpp"

namespace {

using luce::Targets;

// ---- one row ------------------------------------------------------------------------------------

// What is known of a measured row: its probabilities of kDoubles logits x from index j on, and
// (z - top) / temperature.
struct FloatRow {
  const FloatOdds& odds;
  const double* powers;  // exponentials that were kept, or null
  double temperature, total = odds.sum.exact ? odds.sum.high + odds.sum.low : odds.sum.high;

  double top() const { return odds.sum.top; }
  double rest() const { return odds.rest; }
  double log() const { return odds.log; }
  D gap(D x) const { return temperature == 1 ? x - top() : (x - top()) / temperature; }
  D probability(D x, int64_t j) const {
    if (odds.sum.exact) {
      const D g = gap(x);
      return g < kLeast ? D{} : exp_wide(g) / total;  // a small temperature would show the clamp
    }
    if (powers) return load(powers + j) * (1 / total);
    return exp_wide(x * (1 / temperature)) * (1 / total);
  }
};

struct DoubleRow {
  const Sum& sum;
  double temperature;
  Log logs = log_of(sum);
  double high, low;  // 1 / the whole sum of exponentials

  DoubleRow(const Sum& s, double t) : sum(s), temperature(t) {
    Sum whole = s, winner{};  // the winner is put back into the sum
    winner.high = 0x1p512;
    add(&whole, winner);
    reciprocal(whole, &high, &low);
  }
  double top() const { return sum.top; }
  double rest() const { return rest_of(sum); }
  double log() const { return logs.high; }
  Pair pair(D x) const {
    return temperature == 1 ? Gap<true>(sum.top, 1)(x) : Gap<false>(sum.top, temperature)(x);
  }
  D gap(D x) const { return pair(x).high; }
  D probability(D x, int64_t) const {
    const Pair g = pair(x), e = exp_pair(g.high, g.low);
    return e.high * high + (e.high * low + e.low * high);
  }
};

// The part of a target that the vectors below go along: without the label's own.
template <class Q>
struct Shares {
  const Q* q;
  const double* w;
  double own, spread;
  int64_t k;

  D operator()(int64_t j) const {
    const D share = q ? own * numbers_at(q, j, k) + spread : all(spread);
    const D weights = w || j + kDoubles > k ? weights_at(j) : all(1.0);
    return weights == 0.0 ? D{} : weights * share;
  }

 private:
  D weights_at(int64_t j) const {
    if (w) return numbers_at(w, j, k);
    double ones[kDoubles] = {};
    std::fill(ones, ones + std::min<int64_t>(k - j, kDoubles), 1.0);
    return load_as<D>(ones);
  }
};

// A sum that carries its rounding error along; infinity stays infinity.
struct Adder {
  D high{}, low{};

  void add(D x) {
    const Pair total = sum_pair(high, x);
    low += total.high <= kMost ? total.low : D{};
    high = total.high;
  }
  double sum() const { return added_up(high) + added_up(low); }
};

// Any target. A class that has more than half of the probability is treated apart: its p times
// the sum of all targets would cancel with its target.
template <class T, class Q, class Row>
void general_row(const T* z, const Q* q, const Targets& t, double* loss, T* grad, const Row& row) {
  const int64_t k = t.k, y = t.y ? *t.y : -1;
  const double rest = row.rest(), log = row.log(), others = rest / (1 + rest);
  const Shares<Q> shares{q, t.w, *t.own, *t.spread, k};
  const double winner = rest < 1 ? row.top() : __builtin_nan("");

  Adder surprise, weight, weight_others;
  for (int64_t j = 0; j < k; j += kDoubles) {
    const D x = numbers_at(z, j, k), share = shares(j);
    surprise.add(share == 0.0 ? D{} : share * (log - row.gap(x)));
    weight.add(share);
    weight_others.add(x == winner ? D{} : share);
  }
  double total = surprise.sum();
  const double gap_y = y < 0 ? 0 : row.gap(all(double(z[y])))[0];
  const double own = y < 0 ? 0 : *t.own;
  if (own != 0) total += own * (log - gap_y);
  const double z_weight = t.z_weight ? *t.z_weight : 0, lse = row.top() / t.temperature + log;
  if (z_weight != 0) total += z_weight * lse * lse;
  *loss = total;
  if (!grad) return;

  const double pull = z_weight == 0 ? 0 : 2 * z_weight * lse;
  const double all_shares = weight.sum(), other_shares = weight_others.sum();
  const bool label_wins = y >= 0 && double(z[y]) == winner;  // asked now: `grad` may be `z`
  double p_y = 0;
  for (int64_t j = 0; j < k; j += kDoubles) {
    const D x = numbers_at(z, j, k), share = shares(j), p = row.probability(x, j);
    const D slope = x == winner ? p * (own + other_shares + pull) - share * others
                                : p * (own + all_shares + pull) - share;
    if (j <= y && y < j + kDoubles) p_y = p[y - j];
    write_numbers(grad, j, k, slope / t.temperature);
  }
  if (y < 0) return;
  const double share = *t.spread * (t.w ? t.w[y] : 1);
  const double at_label = label_wins
                              ? p_y * (other_shares + pull) - (share + own) * others
                              : (p_y * (all_shares + pull) - share) - own * (1 - p_y);
  grad[y] = T(at_label / t.temperature);
}

// A label alone.
template <class T, class Row>
void plain_row(const T* z, const Targets& t, double* loss, T* grad, const Row& row) {
  const int64_t k = t.k, y = *t.y;
  const double a = *t.own, gap_y = double(z[y]) - row.top(), rest = row.rest();
  *loss = a * (row.log() - gap_y);
  if (!grad) return;
  const double others =
      gap_y == 0 ? rest / (1 + rest) : 1 - __builtin_exp(gap_y) / (1 + rest);
  for (int64_t j = 0; j < k; j += kDoubles)
    write_numbers(grad, j, k, a * row.probability(numbers_at(z, j, k), j));
  grad[y] = T(-a * others);
}

// A label that is smoothed, without weights of the classes. Of floats, whose sums have digits to
// spare: no term of sum_j (log - gap_j) is negative. A class with more than half is treated apart.
inline void smoothed_row(const float* z, const Targets& t, double* loss, float* grad,
                         const FloatRow& row) {
  const int64_t k = t.k, y = *t.y;
  const double a = *t.own, b = *t.spread, rest = row.rest(), others = rest / (1 + rest);
  const float top = float(row.top());
  const double gap_y = double(z[y]) - top;
  D gaps{};
  for (int64_t j = 0; j < k; j += kDoubles) gaps += double(top) - numbers_at(z, j, k, top);
  *loss = b * (k * row.log() + added_up(gaps));
  if (a != 0) *loss += a * (row.log() - gap_y);
  if (!grad) return;

  const int64_t winner = rest < 1 ? first_of_the_largest(z, k, top) : -1;  // `grad` may be `z`
  const double most = 1 / (1 + rest);  // of the winner, if there is one
  const double p_y = __builtin_exp(gap_y) / (1 + rest), total = a + b * k;
  for (int64_t j = 0; j < k; j += kDoubles)
    write_numbers(grad, j, k, row.probability(numbers_at(z, j, k), j) * total - b);
  const double rest_of_b = b * (k - 1);
  if (winner >= 0) grad[winner] = float(most * (a + rest_of_b) - b * others);
  grad[y] = float(winner == y ? most * rest_of_b - (b + a) * others
                              : (p_y * (b * k) - b) - a * (1 - p_y));
}

template <class T, class Row>
void write_row(const T* z, const Targets& t, double* loss, T* grad, const Row& row) {
  if (!finite(row.top()) || row.rest() != row.rest()) {  // a NaN may hide behind a finite top
    *loss = __builtin_nan("");
    if (grad) fill(grad, t.k, *loss);
    return;
  }
  if (t.plain() && *t.spread == 0) return plain_row(z, t, loss, grad, row);
  if constexpr (sizeof(T) == 4)
    if (t.plain() && !t.w) return smoothed_row(z, t, loss, grad, row);
  if (t.q32) return general_row(z, t.q32, t, loss, grad, row);
  general_row(z, t.q64, t, loss, grad, row);
}

// A row that has been measured, unless it counts nothing: then it may hold anything.
inline void cross_entropy_row(const float* z, const Targets& t, double* loss, float* grad,
                              int64_t, const Sum& sum) {
  const FloatOdds odds = odds_of(z, sum, t.temperature);
  write_row(z, t, loss, grad, FloatRow{odds, nullptr, t.temperature});
}
inline void cross_entropy_row(const double* z, const Targets& t, double* loss, double* grad,
                              int64_t, const Sum& sum) {
  write_row(z, t, loss, grad, DoubleRow(sum, t.temperature));
}

template <class T>
void write_nothing(double* loss, T* grad, int64_t k) {
  *loss = 0;
  if (grad) fill(grad, k, 0);
}

// ---- short rows, a lane each --------------------------------------------------------------------

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
  std::memcpy(&a, t.own, rows * sizeof(double));
  std::memcpy(&b, t.spread, rows * sizeof(double));
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
      if (!t.counts(i)) return write_nothing(loss + i, grad ? mended[i] : nullptr, k);
      cross_entropy_row(row, t.from(i), loss + i, grad ? mended[i] : nullptr, k,
                        sum_of_row(row, k, true, 1));
    });

  double a[kFloats]{}, b[kFloats]{}, gap_y[kFloats]{};
  bool smoothed = false;
  for (int64_t i = 0; i < rows; ++i) {
    a[i] = t.own[i];
    b[i] = t.spread[i];
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

// ---- many rows ----------------------------------------------------------------------------------

template <class T>
void cross_entropy_tiles(const T* z, const Targets& t, double* loss, T* grad, int64_t rows) {
  constexpr int64_t step = sizeof(T) == 4 ? kFloats : kDoubles;
  for (int64_t i = 0; i < rows; i += step)
    cross_entropy_tile(z + i * t.k, t.from(i), loss + i, grad ? grad + i * t.k : nullptr,
                       std::min(step, rows - i), t.k);
}

inline void cross_entropy(const float* z, const Targets& t, double* loss, float* grad,
                          int64_t rows, int64_t k) {
  if (k <= kShort && t.plain()) return cross_entropy_tiles(z, t, loss, grad, rows);
  alignas(kBytes) double powers[kKept];
  FloatOdds odds[kDoubles];
  const int64_t step = in_flight(k);
  with_scale(t.temperature, [&](auto scale) {
    for (int64_t first = 0; first < rows; first += step) {
      const int64_t count = std::min(step, rows - first);
      measure_rows<true>(z + first * k, count, k, t.temperature, scale, powers, odds,
                         [&](int64_t i) { return t.counts(first + i); });
      for (int64_t i = 0; i < count; ++i) {
        const int64_t at = first + i;
        float* to = grad ? grad + at * k : nullptr;
        if (t.counts(at))
          write_row(z + at * k, t.from(at), loss + at, to,
                    FloatRow{odds[i], powers + i * in_vectors(k), t.temperature});
        else
          write_nothing(loss + at, to, k);
      }
    }
  });
}

inline void cross_entropy(const double* z, const Targets& t, double* loss, double* grad,
                          int64_t rows, int64_t k) {
  if (k <= kShort && t.plain()) return cross_entropy_tiles(z, t, loss, grad, rows);
  for (int64_t i = 0; i < rows; ++i) {
    double* to = grad ? grad + i * k : nullptr;
    if (t.counts(i))
      cross_entropy_row(z + i * k, t.from(i), loss + i, to, k,
                        sum_of_row(z + i * k, k, true, t.temperature));
    else
      write_nothing(loss + i, to, k);
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
