// One row of logits, measured: write the result.
#pragma once
#include "sums.hpp"

namespace {

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
