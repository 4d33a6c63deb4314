// One row of floats, or a piece of it: measured, then written.
//
// The order of the sum is fixed, and the same for every layout: kDoubles partial sums, of the
// classes j, j + kDoubles, j + 2 kDoubles and so on, which are then added up in order.
#pragma once
#include "float_exp.hpp"

namespace {

// kDoubles logits from index i, filled up with -inf.
inline D logits_at(const float* z, int64_t i, int64_t n) {
  return numbers_at(z, i, n, -kInfF);
}

// Call body(kDoubles logits, index) along a row.
template <class Body>
inline void along_wide(const float* z, int64_t n, Body body) {
  int64_t i = 0;
  for (; i + kDoubles <= n; i += kDoubles) body(load_wide(z + i), i);
  if (i < n) body(logits_at(z, i, n), i);
}

// ---- measure ------------------------------------------------------------------------------------

// Sum of exponentials, which go to `keep` if that is wanted: n of them, in whole vectors.
template <bool kept, class Scale>
double sum_of_powers(const float* z, int64_t n, Scale scale, double* keep) {
  D sum{};
  along_wide(z, n, [&](D x, int64_t i) {
    const D e = exp_wide(scale(x));
    if (kept) store_as(keep + i, e);
    sum += e;
  });
  return added_up(sum);
}

// The fast path of `Sum`: `high` is the sum of e^(z / temperature).
inline void measure(const float* z, int64_t n, bool with_top, double temperature, Sum* sum) {
  *sum = {with_top ? double(maximum(z, n)) : 0.0, -1, 0, 0, false};
  sum->high = with_scale(temperature, [&](auto scale) {
    return sum_of_powers<false>(z, n, scale, nullptr);
  });
}

// The exact path, for any finite `top`: `high` counts the classes that have the largest logit,
// `low` is the sum of e^((z - top) / temperature) over the others.
inline void measure_exact(const float* z, int64_t n, int64_t, double top, double temperature,
                          Sum* sum) {
  const Shifted scale{top, temperature};
  D others{}, tops{};
  along_wide(z, n, [&](D x, int64_t) {
    const D y = scale(x);
    const L wins = x == top;
    tops += wins ? all(1.0) : D{};
    others += (wins | (y < kLeast)) ? D{} : exp_wide(y);
  });
  *sum = {top, -1, added_up(tops), added_up(others), true};
}

// Sum of the exponentials of the others, relative to that of one class with the largest logit.
inline double rest_of(const Sum& sum, double temperature) {
  if (sum.exact) return (sum.high - 1) + sum.low;
  const double e = exp_wide(all(sum.top / temperature))[0];
  return (sum.high - e) / e;
}

inline void fold(const float*, Sum* total, const Sum& piece) {
  total->top = larger(piece.top, total->top);
  total->high += piece.high;
  total->low += piece.low;
}

// Below this, the difference in `rest_of` would show the roundings of the sum.
constexpr double kCancels = 0x1p-16;
// Below this, what `exp_wide` has clamped might show in a gradient, divided by a small temperature.
constexpr double kShowsClamp = 0x1p-300;

inline bool rest_settled(double sum, double rest) { return sum >= kShowsClamp && rest >= kCancels; }

inline bool settled(const float*, const Sum& sum, bool with_top, double temperature) {
  return in_range(sum.high) && (!with_top || rest_settled(sum.high, rest_of(sum, temperature)));
}

inline Sum sum_of_row(const float* z, int64_t n, bool with_top, double temperature) {
  Sum sum;
  measure(z, n, with_top, temperature, &sum);
  if (settled(z, sum, with_top, temperature)) return sum;
  const double top = maximum(z, n);
  if (finite(top)) measure_exact(z, n, -1, top, temperature, &sum);
  sum.top = top;
  return sum;
}

// A measured row with the logarithm of its denominator relative to one with the largest logit.
struct FloatOdds {
  Sum sum;
  double rest, log;
};

inline FloatOdds odds_of(const float*, const Sum& sum, double temperature) {
  const double rest = rest_of(sum, temperature);
  return {sum, rest, __builtin_log1p(rest)};
}

constexpr int64_t kKept = 2 * luce::kPiece;  // exponentials of the rows that are in flight

inline int64_t in_vectors(int64_t n) { return (n + kDoubles - 1) / kDoubles * kDoubles; }
inline int64_t in_flight(int64_t n) {
  return std::max<int64_t>(1, std::min<int64_t>(kDoubles, kKept / in_vectors(n)));
}

// Measure rows of n <= kPiece classes, `in_flight` of them at most: none waits for the logarithm
// of the one before. The exponentials go to `keep` if that is wanted. Rows for which needed(i) is
// false are left out.
template <bool kept, class Scale, class Needed>
void measure_rows(const float* z, int64_t rows, int64_t n, double temperature, Scale scale,
                  double* keep, FloatOdds* odds, Needed needed) {
  alignas(kBytes) double top[kDoubles], sum[kDoubles], rests[kDoubles], logs[kDoubles];
  for (int64_t i = 0; i < kDoubles; ++i) {
    const bool here = i < rows && needed(i);
    top[i] = here ? maximum(z + i * n, n) : 0;
    sum[i] = here ? sum_of_powers<kept>(z + i * n, n, scale, keep + i * in_vectors(n)) : 1;
  }
  const D e = exp_wide(scale(load(top))), rest = (load(sum) - e) / e;
  store_as(rests, rest);
  store_as(logs, log_wide(1.0 + rest));
  for (int64_t i = 0; i < rows; ++i) {
    odds[i] = {{top[i], -1, sum[i], 0, false}, rests[i], logs[i]};
    if (needed(i) && !(in_range(sum[i]) && rest_settled(sum[i], rests[i])))
      odds[i] = odds_of(z, sum_of_row(z + i * n, n, true, temperature), temperature);
  }
}

// ---- write --------------------------------------------------------------------------------------

// Call body(index) for kDoubles results at a time and put them into `out`, past the cache if it
// is large (`end_of_stream` is left to the caller). The last, partial vector is computed whole.
// Doubles stay in the cache.
template <class Body>
inline void write_along(float* out, int64_t n, bool streaming, Body body) {
  int64_t i = 0;
  if (streaming) {
    const int64_t lead = std::min<int64_t>(n, -reinterpret_cast<uintptr_t>(out) % kBytes / 4);
    for (; i < lead; i += kDoubles) write_numbers(out, i, lead, body(i));
    for (i = lead; i + kFloats <= n; i += kFloats)
      stream(out + i, narrow(body(i), body(i + kDoubles)));
  }
  for (; i + kDoubles <= n; i += kDoubles) store_narrow(out + i, body(i));
  if (i < n) write_numbers(out, i, n, body(i));
}

template <class Body>
inline void write_along(double* out, int64_t n, bool, Body body) {
  for (int64_t i = 0; i < n; i += kDoubles) write_numbers(out, i, n, body(i));
}

// factor * softmax(z)
inline void write_multiple(const float* z, float* out, int64_t n, const Sum& sum,
                           double temperature, double factor, bool streaming = false) {
  const double inverse = factor / (sum.exact ? sum.high + sum.low : sum.high);
  auto write = [&](auto scale) {
    write_along(out, n, streaming,
                [&](int64_t i) { return exp_wide(scale(logits_at(z, i, n))) * inverse; });
  };
  if (sum.exact)
    write(Shifted{sum.top, temperature});
  else
    with_scale(temperature, write);
  if (streaming) end_of_stream();
}

#ifdef LUCE_FMA
// softmax(z) of a row that has settled at temperature 1, with exponentials in float.
inline void write_softmax(const float* z, float* out, int64_t n, const FloatSoftmax& softmax,
                          bool streaming) {
  auto stored = [&](const float* x, float* y) { store_as(y, softmax(load(x))); };
  int64_t i = 0;
  if (streaming) {
    i = std::min<int64_t>(n, -reinterpret_cast<uintptr_t>(out) % kBytes / 4);
    along<kFloats>(z, out, i, 0.0f, stored);
    for (; i + kFloats <= n; i += kFloats) stream(out + i, softmax(load(z + i)));
    end_of_stream();
  }
  along<kFloats>(z + i, out + i, n - i, 0.0f, stored);
}
#endif

inline void write_log_softmax(const float* z, float* out, int64_t n, const FloatOdds& odds,
                              double temperature) {
  const double log = odds.log, top = odds.sum.top;
  auto write = [&](auto gap) {
    write_along(out, n, false, [&](int64_t i) { return gap(logits_at(z, i, n)) - log; });
  };
  if (temperature != 1) return write(Shifted{top, temperature});
  // The normaliser in two floats: the first difference is exact for the likely classes.
  const float high = float(top + log), low = float((top - high) + log);
  along<kFloats>(z, out, n, 0.0f,
                 [=](const float* x, float* y) { store_as(y, (load(x) - high) - low); });
}

inline void write_logsumexp(const float* z, float* out, int64_t n, const FloatOdds& odds,
                            double temperature) {
  const double top = odds.sum.top;
  *out = float(finite(top) ? top + temperature * odds.log : logsumexp_of_extremes(z, n, top));
}

inline void finish(Kind kind, const float* z, float* out, int64_t n, const Sum& sum,
                   double temperature, bool streaming = false) {
  if (kind == Kind::logsumexp)
    return write_logsumexp(z, out, n, odds_of(z, sum, temperature), temperature);
  if (!finite(sum.top)) return fill(out, n, __builtin_nan(""));
  if (kind == Kind::log_softmax)
    return write_log_softmax(z, out, n, odds_of(z, sum, temperature), temperature);
#ifdef LUCE_FMA
  if (!sum.exact && temperature == 1)
    return write_softmax(z, out, n, RowConstants(sum.high), streaming);
#endif
  write_multiple(z, out, n, sum, temperature, 1, streaming);
}

// ---- whole rows of one piece --------------------------------------------------------------------

inline void row(Kind kind, const float* z, float* out, int64_t n, double temperature) {
  finish(kind, z, out, n, sum_of_row(z, n, kind != Kind::softmax, temperature), temperature);
}

// The same as `row` for each row, several in flight at a time, and without computing the
// exponentials of a softmax twice.
template <class Scale>
void softmax_rows(const float* z, float* out, int64_t rows, int64_t n, double temperature,
                  Scale scale, bool streaming) {
  alignas(kBytes) double powers[kKept];
  double sums[kDoubles];
  const int64_t step = in_flight(n), length = in_vectors(n);
  for (int64_t first = 0; first < rows; first += step) {
    const int64_t count = std::min(step, rows - first);
    for (int64_t i = 0; i < count; ++i)
      sums[i] = sum_of_powers<true>(z + (first + i) * n, n, scale, powers + i * length);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t at = (first + i) * n;
      if (!in_range(sums[i])) {
        row(Kind::softmax, z + at, out + at, n, temperature);
        continue;
      }
      const double inverse = 1 / sums[i];
      const double* power = powers + i * length;
      write_along(out + at, n, streaming, [&](int64_t j) { return load(power + j) * inverse; });
    }
  }
  if (streaming) end_of_stream();
}

// The sums of exponentials that `log_gradient` can use go to `sums` if that is wanted, 0 for others.
inline void log_rows(Kind kind, const float* z, float* out, int64_t rows, int64_t n,
                     double temperature, double* sums = nullptr) {
  FloatOdds odds[kDoubles];
  const int64_t length = kind == Kind::logsumexp ? 1 : n;
  with_scale(temperature, [&](auto scale) {
    for (int64_t first = 0; first < rows; first += kDoubles) {
      const int64_t count = std::min<int64_t>(kDoubles, rows - first);
      measure_rows<false>(z + first * n, count, n, temperature, scale, nullptr, odds,
                          [](int64_t) { return true; });
      for (int64_t i = 0; i < count; ++i) {
        const float* from = z + (first + i) * n;
        float* to = out + (first + i) * length;
        if (sums) sums[first + i] = odds[i].sum.exact ? 0 : odds[i].sum.high;
        if (kind == Kind::logsumexp)
          write_logsumexp(from, to, n, odds[i], temperature);
        else if (finite(odds[i].sum.top))
          write_log_softmax(from, to, n, odds[i], temperature);
        else
          fill(to, n, __builtin_nan(""));
      }
    }
  });
}

inline void softmax_rows(const float* z, float* out, int64_t rows, int64_t n, double temperature,
                         bool streaming) {
  with_scale(temperature, [&](auto scale) {
    softmax_rows(z, out, rows, n, temperature, scale, streaming);
  });
}

}  // namespace
