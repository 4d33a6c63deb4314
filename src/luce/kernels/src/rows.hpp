// One row of logits: measure it (maximum and sum of exponentials), then write the result.
//
// Fast path (float, temperature 1, no huge maximum): FastExp, sums in double.
// Exact path (everything else): z - max as a sum of two doubles, divided by the temperature with
// its remainder, exponentials with their rounding error, sums with theirs.
#pragma once
#include "exponential.hpp"
#include "kernels.hpp"

namespace {

using luce::Kind;
using luce::Sum;

constexpr double kMost = 0x1.fffffffffffffp1023;

// ---- what both paths need -----------------------------------------------------------------------

inline F load(const float* p) { return load_as<F>(p); }
inline D load(const double* p) { return load_as<D>(p); }

template <class T>
constexpr int lanes_of = kBytes / sizeof(T);

template <class T>
T maximum(const T* z, int64_t n) {  // NaN is passed over
  constexpr int lanes = lanes_of<T>;
  constexpr T none = -__builtin_inf();
  T top = none;
  int64_t i = 0;
  if (n >= lanes) {
    auto a = all(none), b = a, c = a, d = a;
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
      a = larger(load(z + i), a);
      b = larger(load(z + i + lanes), b);
      c = larger(load(z + i + 2 * lanes), c);
      d = larger(load(z + i + 3 * lanes), d);
    }
    for (; i + lanes <= n; i += lanes) a = larger(load(z + i), a);
    top = largest(larger(larger(a, b), larger(c, d)));
  }
  for (; i < n; ++i) top = z[i] > top ? z[i] : top;
  return top;
}

template <class T>
int64_t first_place(const T* z, int64_t n, T top) {
  constexpr int lanes = lanes_of<T>;
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    auto top_lanes = all(top);
    auto hit = (load(z + i) == top_lanes) | (load(z + i + lanes) == top_lanes) |
               (load(z + i + 2 * lanes) == top_lanes) | (load(z + i + 3 * lanes) == top_lanes);
    L words = reinterpret_cast<L>(hit);
    int64_t any = 0;
    for (int j = 0; j < kDoubles; ++j) any |= words[j];
    if (any) break;
  }
  while (i < n && z[i] != top) ++i;
  return i < n ? i : -1;
}

// Call body(pointer to `step` logits, index) along a row whose rest is filled up with -inf, and
// in which the logit at `skip` is replaced by -inf.
template <int step, class T, class Body>
inline void along_without(const T* z, int64_t first, int64_t last, int64_t n, int64_t skip,
                          Body body) {
  for (int64_t i = first; i < last; i += step) {
    if (i + step <= n && (skip < i || skip >= i + step)) {
      body(z + i, i);
      continue;
    }
    T copy[step];
    for (int j = 0; j < step; ++j)
      copy[j] = i + j < n && i + j != skip ? z[i + j] : T(-__builtin_inf());
    body(copy, i);
  }
}

// ---- fast path ----------------------------------------------------------------------------------

inline double scale_of(float top) { return double(exponent(all(top))[0] - kRoundF); }

// What FastExp lost at the maximum. The largest exponential makes up most of many a sum, and all
// that it has lost would be in every result.
inline double lost_at(float top, const FastExp& exp) {
  return exp_top(double(top), scale_of(top)) * 0x1p64 - double(exp(all(top))[0]);
}

// Sum of exponentials times 2^kLiftF; the exponentials go to `keep` if that is given.
template <bool kept>
double fast_sum(const float* z, int64_t n, int64_t skip, const FastExp& exp, float* keep) {
  D a{}, b{}, c{}, d{};
  const int64_t blocks = n - n % (4 * kFloats);
  along_without<4 * kFloats>(z, 0, blocks, n, skip, [&](const float* x, int64_t i) {
    F p = exp(load(x)), q = exp(load(x + kFloats));
    F r = exp(load(x + 2 * kFloats)), s = exp(load(x + 3 * kFloats));
    if (kept) {
      store_as(keep + i, p);
      store_as(keep + i + kFloats, q);
      store_as(keep + i + 2 * kFloats, r);
      store_as(keep + i + 3 * kFloats, s);
    }
    a += widen_low(p) + widen_low(q);
    b += widen_high(p) + widen_high(q);
    c += widen_low(r) + widen_low(s);
    d += widen_high(r) + widen_high(s);
  });
  along_without<kFloats>(z, blocks, n, n, skip, [&](const float* x, int64_t i) {
    F p = exp(load(x));
    if (kept) std::memcpy(keep + i, &p, (n - i < kFloats ? n - i : kFloats) * sizeof(float));
    a += widen_low(p);
    b += widen_high(p);
  });
  return added_up((a + b) + (c + d));
}

inline bool fast_top(double top) { return top <= kLimitF && top >= -kLimitF; }
inline bool far_below(double top) { return top < -2 * kLimitF; }  // 0 next to any fast row

// 2^e for e from -2000 to 1000
inline double power_of_2(double e) {
  if (e < -1000) return 0;
  uint64_t bits = uint64_t(int64_t(e) + 1023) << 52;
  double x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// Maximum and winner, and on the fast path the sum; `exact` says that it is still to be found.
template <class T>
void measure(const T* z, int64_t n, bool leave_winner, bool top_only, Sum* sum) {
  const T top = maximum(z, n);
  *sum = {double(top), leave_winner ? first_place(z, n, top) : -1, 0, 0, 0, true};
  if constexpr (sizeof(T) == 4) {
    const float base = far_below(top) ? 0.0f : top;
    if (top_only || !fast_top(base)) return;
    sum->exact = false;
    sum->scale = scale_of(base);
    const FastExp exp(all(base));
    const int64_t skip = far_below(top) ? -1 : sum->winner;
    sum->high = fast_sum<false>(z, n, skip, exp, nullptr);
    if (!leave_winner && !far_below(top)) sum->high += lost_at(top, exp);
  }
}

inline double lifted_top(const Sum& sum) {
  return far_below(sum.top) ? 0 : exp_top(sum.top, sum.scale) * power_of_2(kLiftF);
}

inline void add(Sum* total, const Sum& piece) {
  double sum = total->high + piece.high, seen = sum - total->high;
  total->low += piece.low + ((total->high - (sum - seen)) + (piece.high - seen));
  total->high = sum;
}

inline void fold(Sum* total, const Sum& piece, bool leave_winner) {
  Sum winner = piece.top > total->top ? piece : *total;
  Sum loser = piece.top > total->top ? *total : piece;
  total->top = winner.top;
  total->winner = winner.winner;
  total->exact = total->exact || piece.exact;
  if (total->exact) return add(total, piece);
  double factor = far_below(loser.top) ? 1 : power_of_2(loser.scale - winner.scale);
  total->scale = winner.scale;
  total->high = winner.high + (loser.high + (leave_winner ? lifted_top(loser) : 0)) * factor;
}

inline bool settled(const Sum& sum) { return !sum.exact && fast_top(sum.top); }

// ---- exact path ---------------------------------------------------------------------------------

// (z - top) / temperature as a sum of two doubles. For float the first is exact enough.
template <class T, bool unit>
struct Gap {
  D top, temperature;
  double factor = 1;

  Gap(D top_, double temperature_) {
    // where the difference might overflow although its quotient does not
    if (temperature_ > 0x1p900) factor = 0x1p-100;
    top = top_ * factor;
    temperature = all(temperature_ * factor);
  }
  Gap(double top_, double temperature_) : Gap(all(top_), temperature_) {}
  Pair operator()(D z) const {
    if (!unit) z = z * factor;
    D gap = z - top;
    D tail{};
    if (sizeof(T) == 8) {  // Knuth's TwoSum
      D seen = gap - z;
      tail = (z - (gap - seen)) - (top + seen);
    }
    if (!unit) {
      D quotient = gap / temperature;
      if (sizeof(T) == 8) tail = (remainder(gap, quotient) + tail) / temperature;
      gap = quotient;
    }
    return {gap, gap >= kLowest ? tail : D{}};
  }

 private:
  D remainder(D gap, D quotient) const {
#ifdef LUCE_FMA
    return gap - quotient * temperature;
#else  // Dekker's product
    D near = larger(quotient, all(kLowest));
    D a = halved(near), b = near - a, c = halved(temperature), d = temperature - c;
    D product = near * temperature;
    return (gap - product) + (((product - a * c) - b * c - a * d) - b * d);
#endif
  }
  static D halved(D x) {
    D scaled = x * 134217729.0;
    return scaled - (scaled - x);
  }
};

// Adds to `sum`; the exponentials go to `keep` if that is given.
template <bool kept, class T, bool unit>
void exact_sum(const T* z, int64_t n, int64_t skip, const Gap<T, unit>& gap, Sum* sum,
               double* keep) {
  D high{}, low{};
  along_without<kDoubles>(z, 0, n, n, skip, [&](const T* x, int64_t i) {
    Pair g = gap(load_wide(x));
    Pair p = exp_pair(g.high, g.low);
    if (kept)
      std::memcpy(keep + i, &p.high, (n - i < kDoubles ? n - i : kDoubles) * sizeof(double));
    D total = high + p.high, seen = total - high;
    low += ((high - (total - seen)) + (p.high - seen)) + p.low;
    high = total;
  });
  Sum lane{};
  for (int i = 0; i < kDoubles; ++i) {
    lane.high = high[i];
    lane.low = low[i];
    add(sum, lane);
  }
}

template <class T>
void measure_exact(const T* z, int64_t n, int64_t winner, double top, double temperature,
                   Sum* sum) {
  *sum = {top, winner, 0, 0, 0, true};
  if (temperature == 1)
    exact_sum<false>(z, n, winner, Gap<T, true>(top, 1), sum, nullptr);
  else
    exact_sum<false>(z, n, winner, Gap<T, false>(top, temperature), sum, nullptr);
}

// ---- results ------------------------------------------------------------------------------------

inline bool finite(double x) { return x <= kMost && x >= -kMost; }

// 1 / (high + low) as a sum of two doubles.
inline void reciprocal(const Sum& sum, double* high, double* low) {
#ifdef LUCE_FMA
  *high = 1 / sum.high;
  *low = ((1 - sum.high * *high) - sum.low * *high) * *high;
#else
  long double wide = 1 / ((long double)sum.high + sum.low);
  *high = double(wide);
  *low = double(wide - *high);
#endif
}

// log(1 + rest), the logarithm of the denominator relative to the winner.
struct Log {
  double high, low;
};
inline double rest_of(const Sum& sum) {
  return sum.exact ? (sum.high + sum.low) * 0x1p-512 : sum.high / lifted_top(sum);
}
inline Log log_of(const Sum& sum, const float*) { return {__builtin_log1p(rest_of(sum)), 0}; }
inline Log log_of(const Sum& sum, const double*) {
  long double wide = __builtin_log1pl(((long double)sum.high + sum.low) * 0x1p-512l);
  double high = double(wide);
  return {high, double(wide - high)};
}

// p / sum, the reciprocal of the sum given as two floats
inline F scaled(F p, F high, F low) {
#ifdef LUCE_FMA
  return fused(p, high, p * low);
#else
  return narrow(widen_low(p) * (widen_low(high) + widen_low(low)),
                widen_high(p) * (widen_high(high) + widen_high(low)));
#endif
}

// The winner's exponential may be rounded up, but no probability is above 1.
inline F probability(F p, F high, F low) { return smaller(all(1.0f), scaled(p, high, low)); }

// Call body(pointer to kFloats inputs) along a row and put its results into `out`.
template <class Body>
inline void along_streaming(const float* in, float* out, int64_t n, Body body) {
  int64_t i = (-reinterpret_cast<uintptr_t>(out) % kBytes) / sizeof(float);
  if (i > n) i = n;
  auto stored = [&](const float* x, float* y) { store_as(y, body(x)); };
  along<kFloats>(in, out, i, 0.0f, stored);
  for (; i + kFloats <= n; i += kFloats) stream(out + i, body(in + i));
  along<kFloats>(in + i, out + i, n - i, 0.0f, stored);
  end_of_stream();
}

inline void fast_softmax(const float* z, float* out, int64_t n, const Sum& sum, bool streaming) {
  double inverse = 1 / sum.high;  // holds the 2^-64 that takes back the exponentials' lift
  F high = all(float(inverse)), low = all(float(inverse - float(inverse)));
  FastExp exp(all(float(sum.top)));
  auto body = [=](const float* x) { return probability(exp(load(x)), high, low); };
  if (streaming) return along_streaming(z, out, n, body);
  along<kFloats>(z, out, n, 0.0f, [=](const float* x, float* y) { store_as(y, body(x)); });
}

// factor * exp(z - top) / sum
inline void fast_multiple(const float* z, float* out, int64_t n, const Sum& sum, double factor) {
  double inverse = factor / sum.high;
  F high = all(float(inverse)), low = all(float(inverse - float(inverse)));
  FastExp exp(all(float(sum.top)));
  along<kFloats>(z, out, n, 0.0f, [=](const float* x, float* y) {
    store_as(y, scaled(exp(load(x)), high, low));
  });
}

template <class T, bool unit>
void exact_softmax(const T* z, T* out, int64_t n, const Sum& sum, const Gap<T, unit>& gap) {
  double high, low;
  reciprocal(sum, &high, &low);
  along<kDoubles>(z, out, n, T(-kInf), [&](const T* x, T* y) {
    Pair g = gap(load_wide(x));
    Pair p = exp_pair(g.high, g.low);
    store_narrow(y, p.high * high + (p.high * low + p.low * high));
  });
}

// gap - log(1 + rest), the small parts added first
inline D log_of_probability(Pair gap, D log_high, D log_low) {
  D total = gap.high - log_high, seen = total - gap.high;
  D left = (gap.high - (total - seen)) - (log_high + seen);
  D result = total + (left + (gap.low - log_low));
  return gap.high >= -kMost ? result : total;  // -inf, or NaN
}

template <class T, bool unit>
void log_softmax(const T* z, T* out, int64_t n, Log log, const Gap<T, unit>& gap) {
  along<kDoubles>(z, out, n, T(0), [&](const T* x, T* y) {
    store_narrow(y, log_of_probability(gap(load_wide(x)), all(log.high), all(log.low)));
  });
}

template <class T>
void fill(T* out, int64_t n, double value) {
  for (int64_t i = 0; i < n; ++i) out[i] = T(value);
}

// The maximum is infinite, or there are only NaNs and -inf.
template <class T>
double logsumexp_of_extremes(const T* z, int64_t n, double top) {
  for (int64_t i = 0; i < n; ++i)
    if (z[i] != z[i]) return z[i];
  return top;
}

template <class T>
void finish(Kind kind, const T* z, T* out, int64_t n, const Sum& sum, double temperature,
            bool streaming = false) {
  if (!finite(sum.top)) return fill(out, n, __builtin_nan(""));
  Gap<T, true> plain(sum.top, 1);
  Gap<T, false> divided(sum.top, temperature);
  if (kind == Kind::log_softmax) {
    Log log = log_of(sum, z);
    return temperature == 1 ? log_softmax(z, out, n, log, plain)
                            : log_softmax(z, out, n, log, divided);
  }
  if constexpr (sizeof(T) == 4)
    if (!sum.exact) return fast_softmax(z, out, n, sum, streaming);
  temperature == 1 ? exact_softmax(z, out, n, sum, plain)
                   : exact_softmax(z, out, n, sum, divided);
}

template <class T>
void finish_logsumexp(const T* z, T* out, int64_t n, const Sum& sum) {
  if (!finite(sum.top)) {
    *out = T(logsumexp_of_extremes(z, n, sum.top));
    return;
  }
  Log log = log_of(sum, z);
  double total = sum.top + log.high, seen = total - sum.top;
  *out = T(total + (((sum.top - (total - seen)) + (log.high - seen)) + log.low));
}

// ---- whole rows of one piece --------------------------------------------------------------------

template <class T>
Sum sum_of_row(const T* z, int64_t n, bool leave_winner, bool top_only, double temperature) {
  Sum sum;
  measure(z, n, leave_winner, top_only, &sum);
  if (settled(sum) || !finite(sum.top)) return sum;
  measure_exact(z, n, sum.winner, sum.top, temperature, &sum);
  return sum;
}

template <class T>
void row(Kind kind, const T* z, T* out, int64_t n, double temperature) {
  bool leave_winner = kind != Kind::softmax;
  bool top_only = sizeof(T) == 8 || temperature != 1 || kind == Kind::logsumexp;
  Sum sum = sum_of_row(z, n, leave_winner, top_only, temperature);
  if (kind == Kind::logsumexp) return finish_logsumexp(z, out, n, sum);
  finish(kind, z, out, n, sum, temperature);
}

// The same as `row` with Kind::softmax, without computing the exponentials twice.
inline void softmax_row(const float* z, float* out, int64_t n, bool streaming) {
  float top = maximum(z, n);
  if (!fast_top(top)) return row(Kind::softmax, z, out, n, 1);
  float held[luce::kPiece];
  float* powers = streaming ? held : out;
  const FastExp exp{all(top)};
  double inverse = 1 / (fast_sum<true>(z, n, -1, exp, powers) + lost_at(top, exp));
  F high = all(float(inverse)), low = all(float(inverse - float(inverse)));
  auto body = [=](const float* p) { return probability(load(p), high, low); };
  if (streaming) return along_streaming(powers, out, n, body);
  along<kFloats>(powers, out, n, 0.0f, [=](const float* p, float* y) { store_as(y, body(p)); });
}

template <bool unit>
void softmax_row(const double* z, double* out, int64_t n, const Gap<double, unit>& gap) {
  Sum sum{};
  exact_sum<true>(z, n, -1, gap, &sum, out);
  double high, low;
  reciprocal(sum, &high, &low);
  along<kDoubles>(out, out, n, 0.0, [&](const double* p, double* y) {
    D power = load(p);
    store_as(y, power * high + power * low);
  });
}

inline void softmax_row(const double* z, double* out, int64_t n, double temperature) {
  const double top = maximum(z, n);
  if (!finite(top)) return fill(out, n, __builtin_nan(""));
  if (temperature == 1) return softmax_row(z, out, n, Gap<double, true>(top, 1));
  softmax_row(z, out, n, Gap<double, false>(top, temperature));
}

}  // namespace
