// Measure a row of logits, or a piece of it: its maximum and the sum of exponentials.
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

}  // namespace
