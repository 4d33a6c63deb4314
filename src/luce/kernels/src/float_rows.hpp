// One row of floats, or a piece of it: measured, then written.
//
// The order of the sum is fixed, and the same for every layout: kDoubles partial sums, of the
// classes j, j + kDoubles, j + 2 kDoubles and so on, which are then added up in order.
#pragma once
#include "float_exp.hpp"

namespace {

// kDoubles logits from index i, filled up with -inf.
inline D logits_at(const float* z, int64_t i, int64_t n) {
  return i + kDoubles <= n ? load_wide(z + i) : load_some(z + i, n - i);
}

// Call body(kDoubles logits, index) along a row.
template <class Body>
inline void along_wide(const float* z, int64_t n, Body body) {
  int64_t i = 0;
  for (; i + kDoubles <= n; i += kDoubles) body(load_wide(z + i), i);
  if (i < n) body(load_some(z + i, n - i), i);
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

inline bool settled(const float*, const Sum& sum, bool with_top, double temperature) {
  return in_range(sum.high) && (!with_top || rest_of(sum, temperature) >= kCancels);
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

// ---- write --------------------------------------------------------------------------------------

// Call body(index) for kDoubles results at a time and put them into `out`, past the cache if it
// is large (`end_of_stream` is left to the caller). The last, partial vector is computed whole.
template <class Body>
inline void write_along(float* out, int64_t n, bool streaming, Body body) {
  int64_t i = 0;
  if (streaming) {
    const int64_t lead = std::min<int64_t>(n, -reinterpret_cast<uintptr_t>(out) % kBytes / 4);
    for (; i < lead; i += kDoubles)
      store_some(out + i, body(i), std::min<int64_t>(kDoubles, lead - i));
    for (i = lead; i + kFloats <= n; i += kFloats)
      stream(out + i, narrow(body(i), body(i + kDoubles)));
  }
  for (; i + kDoubles <= n; i += kDoubles) store_narrow(out + i, body(i));
  if (i < n) store_some(out + i, body(i), n - i);
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

inline void write_log_softmax(const float* z, float* out, int64_t n, const Sum& sum,
                              double temperature) {
  const double log = __builtin_log1p(rest_of(sum, temperature));
  auto write = [&](auto gap) {
    write_along(out, n, false, [&](int64_t i) { return gap(logits_at(z, i, n)) - log; });
  };
  const double top = sum.top;
  if (temperature == 1) return write([=](D x) { return x - top; });
  write(Shifted{top, temperature});
}

inline void finish(Kind kind, const float* z, float* out, int64_t n, const Sum& sum,
                   double temperature, bool streaming = false) {
  if (kind == Kind::logsumexp) {
    *out = float(finite(sum.top) ? sum.top + __builtin_log1p(rest_of(sum, 1))
                                 : logsumexp_of_extremes(z, n, sum.top));
    return;
  }
  if (!finite(sum.top)) return fill(out, n, __builtin_nan(""));
  if (kind == Kind::log_softmax) return write_log_softmax(z, out, n, sum, temperature);
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

// The same as `row` with Kind::softmax, without computing the exponentials twice. A few rows are
// in flight at a time, so that one need not wait for the sum of the one before.
template <class Scale>
void softmax_rows(const float* z, float* out, int64_t rows, int64_t n, double temperature,
                  Scale scale, bool streaming) {
  constexpr int64_t most = 4, kept = luce::kPiece + most * kDoubles;
  alignas(kBytes) double powers[kept];
  const int64_t length = (n + kDoubles - 1) / kDoubles * kDoubles;
  const int64_t step = std::max<int64_t>(1, std::min<int64_t>(most, kept / length));
  double sums[most];
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

inline void softmax_rows(const float* z, float* out, int64_t rows, int64_t n, double temperature,
                         bool streaming) {
  with_scale(temperature, [&](auto scale) {
    softmax_rows(z, out, rows, n, temperature, scale, streaming);
  });
}

}  // namespace
