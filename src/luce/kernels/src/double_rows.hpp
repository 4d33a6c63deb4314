// One row of doubles, measured: write the result.
#pragma once
#include "double_sums.hpp"

namespace {

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
inline double rest_of(const Sum& sum) { return (sum.high + sum.low) * 0x1p-512; }
inline Log log_of(const Sum& sum) {
  long double wide = __builtin_log1pl(((long double)sum.high + sum.low) * 0x1p-512l);
  double high = double(wide);
  return {high, double(wide - high)};
}

template <bool unit>
void exact_softmax(const double* z, double* out, int64_t n, const Sum& sum, const Gap<unit>& gap) {
  double high, low;
  reciprocal(sum, &high, &low);
  along<kDoubles>(z, out, n, -kInf, [&](const double* x, double* y) {
    Pair g = gap(load(x));
    Pair p = exp_pair(g.high, g.low);
    store_as(y, p.high * high + (p.high * low + p.low * high));
  });
}

// gap - log(1 + rest), the small parts added first
inline D log_of_probability(Pair gap, D log_high, D log_low) {
  D total = gap.high - log_high, seen = total - gap.high;
  D left = (gap.high - (total - seen)) - (log_high + seen);
  D result = total + (left + (gap.low - log_low));
  return gap.high >= -kMost ? result : total;  // -inf, or NaN
}

template <bool unit>
void log_softmax(const double* z, double* out, int64_t n, Log log, const Gap<unit>& gap) {
  along<kDoubles>(z, out, n, 0.0, [&](const double* x, double* y) {
    store_as(y, log_of_probability(gap(load(x)), all(log.high), all(log.low)));
  });
}

inline void finish_logsumexp(const double* z, double* out, int64_t n, const Sum& sum,
                             double temperature) {
  if (!finite(sum.top)) {
    *out = logsumexp_of_extremes(z, n, sum.top);
    return;
  }
  if (temperature != 1) {
    long double rest = ((long double)sum.high + sum.low) * 0x1p-512l;
    *out = double(sum.top + temperature * __builtin_log1pl(rest));
    return;
  }
  Log log = log_of(sum);
  double total = sum.top + log.high, seen = total - sum.top;
  *out = total + (((sum.top - (total - seen)) + (log.high - seen)) + log.low);
}

inline void finish(Kind kind, const double* z, double* out, int64_t n, const Sum& sum,
                   double temperature, bool = false) {
  if (kind == Kind::logsumexp) return finish_logsumexp(z, out, n, sum, temperature);
  if (!finite(sum.top)) return fill(out, n, __builtin_nan(""));
  Gap<true> plain(sum.top, 1);
  Gap<false> divided(sum.top, temperature);
  if (kind == Kind::log_softmax)
    return temperature == 1 ? log_softmax(z, out, n, log_of(sum), plain)
                            : log_softmax(z, out, n, log_of(sum), divided);
  temperature == 1 ? exact_softmax(z, out, n, sum, plain)
                   : exact_softmax(z, out, n, sum, divided);
}

// ---- whole rows of one piece --------------------------------------------------------------------

inline Sum sum_of_row(const double* z, int64_t n, bool leave_winner, double temperature) {
  Sum sum;
  measure(z, n, leave_winner, temperature, &sum);
  if (finite(sum.top)) measure_exact(z, n, sum.winner, sum.top, temperature, &sum);
  return sum;
}

inline void row(Kind kind, const double* z, double* out, int64_t n, double temperature) {
  finish(kind, z, out, n, sum_of_row(z, n, kind != Kind::softmax, temperature), temperature);
}

template <bool unit>
void softmax_row(const double* z, double* out, int64_t n, const Gap<unit>& gap) {
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
  if (temperature == 1) return softmax_row(z, out, n, Gap<true>(top, 1));
  softmax_row(z, out, n, Gap<false>(top, temperature));
}

}  // namespace
