// The inner loops of panels.hpp.
#pragma once
#include "panels.hpp"
#include "product_tiles.hpp"
#include "wide.hpp"

namespace {

using luce::PanelModel;
using luce::PanelSums;

// A tile of scalar products is so tall and so wide: its sums, and what they are made of, stay in
// registers.
constexpr int kDotTall = 4;
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kDotWide = 4;
#else
constexpr int kDotWide = 2;
#endif

inline double lanes_sum(D v) {
#if defined(__AVX512F__) && LUCE_VECTOR_BYTES == 64
  return _mm512_reduce_add_pd(v);
#elif defined(__AVX__) && LUCE_VECTOR_BYTES == 32
  const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
  return half[0] + half[1];
#else
  return added_up(v);
#endif
}

// exp(x) for x <= 0, half a unit in the last place or little more; below kLeast as there.
inline D exp_below(D x) {
  x = larger(x, all(kLeast));
  const D t = x * kLog2e + kRound;
  D low;
  const D r = reduced(x, t - kRound, &low);
  const D square = r * r;
  const D p = 1.0 + (r + (estrin(kExpD, r, square) * square + low));
  return reinterpret_cast<D>(reinterpret_cast<L>(p) + (reinterpret_cast<L>(t) << 52));
}

constexpr double kLogSeries[] = {1 / 3.,  1 / 5.,  1 / 7.,  1 / 9.,  1 / 11.,
                             1 / 13., 1 / 15., 1 / 17., 1 / 19., 1 / 21.};

// log(1 + r) for r >= 0: 1 + r = m 2^e with m in [0.7, 1.42), log(m) = 2 atanh(s), whose series
// ends below 2^-60. Where e is 0, s is computed from r, which 1 + r would round.
inline D log1p_above(D r) {
  const D u = 1.0 + r;
  const L bits = reinterpret_cast<L>(u);
  const L e = (bits - 0x3fe6a09e667f3bcd) >> 52;
  const D m = reinterpret_cast<D>(bits - (e << 52));
  const L near = r < 0.41;
  const D s = (near ? r : m - 1.0) / (near ? 2.0 + r : m + 1.0);
  const D square = s * s;
  const D exponent = reinterpret_cast<D>(e + reinterpret_cast<L>(all(kRound))) - kRound;
  return exponent * 0x1.62e42fefa39efp-1 + (2.0 * s + 2.0 * s * square * horner(kLogSeries, square));
}

// out_ij (+)= sum_r a_ir b_jr for R rows of a and C of b, each `wide` long.
template <int R, int C>
inline void dot_tile(const double* a, const double* b, int64_t wide, double* out, int64_t row) {
  D sum[R][C];
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < C; ++j) sum[i][j] = D{};
  for (int64_t r = 0; r < wide; r += kDoubles) {
    D right[C];
#pragma GCC unroll 8
    for (int j = 0; j < C; ++j) right[j] = load(b + j * wide + r);
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) {
      const D left = load(a + i * wide + r);
#pragma GCC unroll 8
      for (int j = 0; j < C; ++j) sum[i][j] += left * right[j];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < C; ++j) out[i * row + j] += lanes_sum(sum[i][j]);
}

template <int R>
inline void dot_tile(int64_t columns, const double* a, const double* b, int64_t wide, double* out,
                     int64_t row) {
  if constexpr (kDotWide == 4) {
    if (columns >= 4) return dot_tile<R, 4>(a, b, wide, out, row);
    if (columns == 3) return dot_tile<R, 3>(a, b, wide, out, row);
  }
  if (columns >= 2) return dot_tile<R, 2>(a, b, wide, out, row);
  dot_tile<R, 1>(a, b, wide, out, row);
}

inline void dot_tile(int64_t rows, int64_t columns, const double* a, const double* b, int64_t wide,
                     double* out, int64_t row) {
  if (rows >= 4) return dot_tile<4>(columns, a, b, wide, out, row);
  if (rows == 3) return dot_tile<3>(columns, a, b, wide, out, row);
  if (rows == 2) return dot_tile<2>(columns, a, b, wide, out, row);
  dot_tile<1>(columns, a, b, wide, out, row);
}

// z_jr = sum_c theta_jc x_cr for J classes and V vectors of rows.
template <int J, int V>
inline void logit_tile(const double* x, const double* theta, int64_t d, int64_t wide, double* z) {
  D sum[J][V];
#pragma GCC unroll 8
  for (int j = 0; j < J; ++j)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) sum[j][v] = D{};
  for (int64_t c = 0; c < d; ++c, x += wide) {
    D here[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) here[v] = load(x + v * kDoubles);
#pragma GCC unroll 8
    for (int j = 0; j < J; ++j) {
      const double factor = theta[j * d + c];
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sum[j][v] += factor * here[v];
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < J; ++j)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) store_as(z + j * wide + v * kDoubles, sum[j][v]);
}

template <int V>
inline void logit_tile(int64_t classes, const double* x, const double* theta, int64_t d,
                       int64_t wide, double* z) {
  if (classes >= 6) return logit_tile<6, V>(x, theta, d, wide, z);
  if (classes == 5) return logit_tile<5, V>(x, theta, d, wide, z);
  if (classes == 4) return logit_tile<4, V>(x, theta, d, wide, z);
  if (classes == 3) return logit_tile<3, V>(x, theta, d, wide, z);
  if (classes == 2) return logit_tile<2, V>(x, theta, d, wide, z);
  logit_tile<1, V>(x, theta, d, wide, z);
}

inline void panel_logits(const PanelModel& a, const double* x, double* z) {
  for (int64_t j = 0; j < a.k; j += 6) {
    const double* theta = a.theta + j * a.d;
    int64_t r = 0;
    for (; r + kWide * kDoubles <= a.wide; r += kWide * kDoubles)
      logit_tile<kWide>(a.k - j, x + r, theta, a.d, a.wide, z + j * a.wide + r);
    for (; r < a.wide; r += kDoubles)
      logit_tile<1>(a.k - j, x + r, theta, a.d, a.wide, z + j * a.wide + r);
  }
}

// What one panel needs beside its rows.
struct PanelWork {
  double *s, *residual, *p, *bend, *weight, *bent;  // bend: s p (1 - p); bent: weighted columns
  int64_t* y;

  static int64_t size(const PanelModel& a) { return a.wide * (3 + 3 * a.k + a.d); }
  PanelWork(const PanelModel& a, double* work) {
    const int64_t of_classes = a.wide * a.k;
    s = work;
    weight = s + a.wide;
    y = reinterpret_cast<int64_t*>(weight + a.wide);
    residual = weight + 2 * a.wide;
    p = residual + of_classes;
    bend = p + of_classes;
    bent = bend + of_classes;
  }
  void take(const PanelModel& a, int64_t panel) const {
    const int64_t first = panel * a.wide, count = fewer(a.wide, a.n - first);
    std::memcpy(s, a.s + first, count * sizeof(double));
    std::memcpy(y, a.y + first, count * sizeof(int64_t));
    std::fill(s + count, s + a.wide, 0.0);
    std::fill(y + count, y + a.wide, int64_t(0));
  }
};

// Turn logits, which stand in `residual`, into s (p - t); add the loss. 1 - p of a class that has
// nearly all is the sum of the others. A logit that is not finite makes the loss NaN.
inline void softmax_panel(const PanelModel& a, const PanelWork& w, const PanelSums& sums) {
  D losses{}, right{};
  for (int64_t r = 0; r < a.wide; r += kDoubles) {
    double *z = w.residual + r, *p = w.p + r, *bend = w.bend + r;
    D top = all(-kInf), total{};
    L winner{};
    for (int64_t j = 0; j < a.k; ++j) {
      const D here = load(z + j * a.wide);
      const L above = here > top;
      top = above ? here : top;
      winner = above ? L{} + j : winner;
      total += here;
    }
    const L label = load_as<L>(w.y + r);
    D rest{}, power_of_label{}, gap_of_label{};
    for (int64_t j = 0; j < a.k; ++j) {
      const D gap = load(z + j * a.wide) - top, power = exp_below(gap);
      const L own = label == j;
      rest += winner == j ? D{} : power;
      power_of_label = own ? power : power_of_label;
      gap_of_label = own ? gap : gap_of_label;
      store_as(p + j * a.wide, power);
    }
    const D whole = 1.0 + rest, inverse = 1.0 / whole, s = load(w.s + r);
    const L hit = winner == label;
    losses += s * ((log1p_above(rest) - gap_of_label) + (total - total));
    right += hit ? s : D{};
    const D lacking = (hit ? rest : whole - power_of_label) * inverse;  // 1 - p of the label
    for (int64_t j = 0; j < a.k; ++j) {
      const D power = load(p + j * a.wide), own = power * inverse;
      store_as(p + j * a.wide, own);
      store_as(z + j * a.wide, s * (label == j ? -lacking : own));
      if (sums.cells) {
        const D others = (winner == j ? rest : whole - power) * inverse;
        store_as(bend + j * a.wide, s * own * others);
      }
    }
  }
  *sums.loss += lanes_sum(losses);
  *sums.right += lanes_sum(right);
}

// cell += sum_r weight_r x_cr x_er for e <= c (and a few e above, in the tiles of the diagonal)
inline void add_cell(const PanelModel& a, const double* x, const PanelWork& w, double* cell) {
  for (int64_t c = 0; c < a.d; ++c)
    for (int64_t r = 0; r < a.wide; r += kDoubles)
      store_as(w.bent + c * a.wide + r, load(w.weight + r) * load(x + c * a.wide + r));
  for (int64_t c = 0; c < a.d; c += kDotTall)
    for (int64_t e = 0; e < fewer(c + kDotTall, a.d); e += kDotWide)
      dot_tile(a.d - c, a.d - e, w.bent + c * a.wide, x + e * a.wide, a.wide, cell + c * a.d + e,
               a.d);
}

inline void panel_cells(const PanelModel& a, const double* x, const PanelWork& w, double* cells) {
  for (int64_t j = 0; j < a.k; ++j) {
    if (j == a.left_out) continue;
    for (int64_t l = j; l < a.k; ++l) {
      if (l == a.left_out) continue;
      const double *first = w.p + j * a.wide, *second = w.p + l * a.wide;
      for (int64_t r = 0; r < a.wide; r += kDoubles)
        store_as(w.weight + r, l == j ? load(w.bend + j * a.wide + r)
                                      : -(load(w.s + r) * load(first + r) * load(second + r)));
      add_cell(a, x, w, cells);
      cells += a.d * a.d;
    }
  }
}

// gradient += residual^T x
inline void add_gradient(const PanelModel& a, const double* x, const PanelWork& w,
                         double* gradient) {
  for (int64_t j = 0; j < a.k; j += kDotTall)
    for (int64_t c = 0; c < a.d; c += kDotWide)
      dot_tile(a.k - j, a.d - c, w.residual + j * a.wide, x + c * a.wide, a.wide,
               gradient + j * a.d + c, a.d);
}

inline void panel_pass(const PanelModel& a, int64_t first, int64_t last, const PanelSums& sums,
                       double* work) {
  const PanelWork w(a, work);
  for (int64_t panel = first; panel < last; ++panel) {
    const double* x = a.x + panel * a.d * a.wide;
    w.take(a, panel);
    panel_logits(a, x, w.residual);
    softmax_panel(a, w, sums);
    add_gradient(a, x, w, sums.gradient);
    if (sums.cells) panel_cells(a, x, w, sums.cells);
  }
}

// log(v) for 0 < v <= 1 that is a normal number; what is smaller counts as the smallest of them.
inline D log_below(D v) {
  v = larger(v, all(0x1p-1022));
  const L bits = reinterpret_cast<L>(v);
  const L e = (bits - 0x3fe6a09e667f3bcd) >> 52;
  const D m = reinterpret_cast<D>(bits - (e << 52)), s = (m - 1.0) / (m + 1.0), square = s * s;
  const D exponent = reinterpret_cast<D>(e + reinterpret_cast<L>(all(kRound))) - kRound;
  return exponent * 0x1.62e42fefa39efp-1 + (2.0 * s + 2.0 * s * square * horner(kLogSeries, square));
}

// Turn s (p - t), which stands in `residual`, into s (q - t), and add the entropy of q. That of the
// class which had most comes from what the others have, for its logarithm would cancel.
inline void repair_panel(const PanelModel& a, const luce::Repair& repair, const PanelWork& w,
                         double* entropy) {
  D sum{};
  for (int64_t r = 0; r < a.wide; r += kDoubles) {
    double *g = w.residual + r, *p = w.p + r;
    D freed{}, top = all(-kInf);
    L winner{};
    for (int64_t j = 0; j < a.k; ++j) {
      const D own = load(p + j * a.wide);
      freed += own * repair.given[j];
      const L above = own > top;
      top = above ? own : top;
      winner = above ? L{} + j : winner;
    }
    const D s = load(w.s + r);
    D others{}, of_others{};
    for (int64_t j = 0; j < a.k; ++j) {
      const D own = load(p + j * a.wide);
      const D change = freed * repair.received[j] - own * repair.given[j];
      const D q = larger(own + change, D{});  // a class that gives all may end at -1e-17
      store_as(g + j * a.wide, load(g + j * a.wide) + s * change);
      const L lost = winner == j;
      others += lost ? D{} : q;
      of_others += lost ? D{} : q * log_below(q);
    }
    // log(1 - others) = -log(1 + others / left)
    const D left = larger(1.0 - others, all(0x1p-1022));
    sum += s * (left * log1p_above(others / left) - of_others);
  }
  *entropy += lanes_sum(sum);
}

inline void panel_dual(const PanelModel& a, const luce::Repair& repair, int64_t first,
                       int64_t last, const PanelSums& sums, double* work) {
  const PanelWork w(a, work);
  double loss = 0, right = 0;
  for (int64_t panel = first; panel < last; ++panel) {
    const double* x = a.x + panel * a.d * a.wide;
    w.take(a, panel);
    panel_logits(a, x, w.residual);
    softmax_panel(a, w, {&loss, &right, nullptr, nullptr});
    if (loss != loss) *sums.loss = loss;  // a logit was not finite
    repair_panel(a, repair, w, sums.loss);
    add_gradient(a, x, w, sums.gradient);
  }
}

inline void panel_grams(const PanelModel& a, const double* weights, int64_t first, int64_t last,
                        double* cells, double* work) {
  const PanelWork w(a, work);
  for (int64_t panel = first; panel < last; ++panel) {
    const int64_t row = panel * a.wide, count = fewer(a.wide, a.n - row);
    std::fill(w.weight + count, w.weight + a.wide, 0.0);
    for (int64_t j = 0; j < a.k; ++j) {
      for (int64_t r = 0; r < count; ++r) w.weight[r] = weights[(row + r) * a.k + j];
      add_cell(a, a.x + row * a.d, w, cells + j * a.d * a.d);
    }
  }
}

}  // namespace
