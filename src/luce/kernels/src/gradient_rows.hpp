// Backward passes of softmax and its logarithm, from what the forward passes have kept.
//
// jacobian_rows.hpp has the logits alone, and takes exponentials and their sum once more; here are
// the probabilities, or the sums. Floats are added up in blocks, and the blocks in double.
#pragma once
#include "jacobian_rows.hpp"

namespace {

// ---- rows of floats -----------------------------------------------------------------------------

constexpr int64_t kBlock = 512;  // so many are added up as floats: few roundings one after another

inline D in_double(F x) { return widen_low(x) + widen_high(x); }

// The sum of body(numbers of a, of b) along two rows, filled up with zeros; the order is fixed.
template <class Body>
inline double sum_along(const float* a, const float* b, int64_t n, Body body) {
  D sum{};
  for (int64_t first = 0; first < n; first += kBlock) {
    const int64_t last = std::min(n, first + kBlock);
    F even{}, odd{};
    int64_t i = first;
    for (; i + 2 * kFloats <= last; i += 2 * kFloats) {
      even += body(load(a + i), load(b + i));
      odd += body(load(a + i + kFloats), load(b + i + kFloats));
    }
    for (; i < last; i += kFloats) even += body(floats_at(a, i, last), floats_at(b, i, last));
    sum += in_double(even + odd);
  }
  return added_up(sum);
}

// Write body(numbers of a, of b) along two rows, past the cache if `streaming`.
template <class Body>
inline void write_floats(const float* a, const float* b, float* out, int64_t n, bool streaming,
                         Body body) {
  int64_t i = 0;
  if (streaming) {
    i = std::min<int64_t>(n, -reinterpret_cast<uintptr_t>(out) % kBytes / 4);
    write_floats_at(out, 0, i, body(floats_at(a, 0, i), floats_at(b, 0, i)));
    for (; i + kFloats <= n; i += kFloats) stream(out + i, body(load(a + i), load(b + i)));
  }
  for (; i + kFloats <= n; i += kFloats) store_as(out + i, body(load(a + i), load(b + i)));
  if (i < n) write_floats_at(out, i, n, body(floats_at(a, i, n), floats_at(b, i, n)));
}

// ---- softmax ------------------------------------------------------------------------------------

// sum_j p_j (v_j - centre) over some classes. The centre is the v of a class that has more than
// half, so that the others are not lost in it; else a mean, rounded.
template <class T>
struct Mean {
  double sum, mass;
  T centre;
  bool is_winner;
};

// Of n classes of a row that has `whole`.
inline Mean<float> mean_of(const float* p, const float* v, int64_t n, int64_t whole) {
  const float top = maximum(p, n);
  if (!(top >= 0)) return {0, 0, __builtin_nanf(""), false};
  const bool is_winner = top > 0.5f;
  float centre = 0;
  double mass = 1;
  if (is_winner) {
    centre = v[first_of_the_largest(p, n, top)];
  } else {
    const double sum = sum_along(p, v, n, [](F p, F v) { return p * v; });
    if (n < whole) mass = sum_along(p, p, n, [](F p, F) { return p; });
    if (mass > 0) centre = float(sum / mass);
  }
  const double sum = sum_along(p, v, n, [=](F p, F v) { return p * (v - centre); });
  return {sum, mass, centre, is_winner};
}

inline Mean<double> mean_of(const double* p, const double* v, int64_t n, int64_t) {
  const double top = maximum(p, n);
  const int64_t winner = top >= 0 ? first_of_the_largest(p, n, top) : 0;
  const double centre = top >= 0 ? v[winner] : __builtin_nan("");
  D sum{};
  for (int64_t first = 0; first < n; first += kBlock) {
    const int64_t last = std::min(n, first + kBlock);
    D part{};
    for (int64_t i = first; i < last; i += kDoubles)
      part += numbers_at(p, i, last) * (numbers_at(v, i, last) - centre);
    sum += part;
  }
  return {added_up(sum), 1, centre, true};
}

inline void fold(Mean<float>* total, const Mean<float>& piece) {
  if (piece.is_winner) {
    total->sum += total->mass * (double(total->centre) - piece.centre) + piece.sum;
    total->centre = piece.centre;
  } else {
    total->sum += piece.mass * (double(piece.centre) - total->centre) + piece.sum;
  }
  total->mass += piece.mass;
}

inline void write_gradient(const float* p, const float* v, float* out, int64_t n,
                           const Mean<float>& mean, bool streaming) {
  const double whole = mean.centre + mean.sum;
  const float high = float(whole), low = float((double(mean.centre) - high) + mean.sum);
  write_floats(p, v, out, n, streaming, [=](F p, F v) { return p * ((v - high) - low); });
}
inline void write_gradient(const double* p, const double* v, double* out, int64_t n,
                           const Mean<double>& mean, bool) {
  for (int64_t i = 0; i < n; i += kDoubles) {
    const D away = (numbers_at(v, i, n) - mean.centre) - mean.sum;
    write_numbers(out, i, n, numbers_at(p, i, n) * away);
  }
}

constexpr int64_t kNear = 1024;  // classes that stay in the first-level cache while they are summed

// p_i (v_i - sum_j p_j v_j) / temperature
template <class T>
void softmax_gradient(const T* p, const T* v, T* out, int64_t rows, int64_t n, double temperature,
                      bool streaming) {
  const bool as_it_is = temperature == 1;
  for (int64_t row = 0; row < rows; ++row, p += n, v += n, out += n) {
    const int64_t piece = sizeof(T) == 4 ? kNear : n;
    auto mean = mean_of(p, v, std::min(piece, n), n);
    if constexpr (sizeof(T) == 4)
      for (int64_t i = piece; i < n; i += piece)
        fold(&mean, mean_of(p + i, v + i, std::min(piece, n - i), n));
    write_gradient(p, v, out, n, mean, streaming && as_it_is);
    if (as_it_is) continue;
    for (int64_t i = 0; i < n; i += kDoubles)
      write_numbers(out, i, n, numbers_at(out, i, n) / temperature);
  }
  if (streaming) end_of_stream();
}

// ---- its logarithm ------------------------------------------------------------------------------

inline double sum_of(const float* v, int64_t n) {
  return sum_along(v, v, n, [](F v, F) { return v; });
}

// (v_i - p_i total) / temperature, with p_i = e^(z_i / temperature) / sum.
inline void write_log_gradient(const float* z, const float* v, float* out, int64_t n, double sum,
                               double total, double temperature, bool streaming) {
  const double factor = total / sum;
  with_scale(temperature, [&](auto scale) {
    write_along(out, n, streaming, [&](int64_t i) {
      const D power = exp_wide(scale(logits_at(z, i, n)));
      const D result = numbers_at(v, i, n) - power * factor;
      return temperature == 1 ? result : result / temperature;
    });
  });
}

#ifdef LUCE_FMA
// The same at temperature 1, with exponentials in float: four times as many at a time.
inline void write_log_gradient(const float* z, const float* v, float* out, int64_t n, double sum,
                               double total, bool streaming) {
  const FloatSoftmax softmax = RowConstants(sum);
  const F all_v = all(float(total));
  write_floats(z, v, out, n, streaming, [=](F z, F v) { return v - softmax(z) * all_v; });
}
#endif

constexpr double kFarV = 0x1p120;  // sums of v beyond it might not be floats any more

// (v_i - p_i sum_j v_j) / temperature; sums as `log_rows` has left them. The answer is that of
// `jacobian_rows`.
inline bool log_gradient(const float* z, const double* sums, const float* v, float* out,
                         int64_t rows, int64_t n, double temperature, bool streaming) {
  bool done = true;
  auto by_logits = [&] {
    if (!jacobian_rows(Product::log_backward, z, v, out, 1, n, temperature)) done = false;
  };
  for (int64_t row = 0; row < rows; ++row, z += n, v += n, out += n) {
    const double sum = sums[row];
    if (!in_range(sum)) {  // 0, or a row without a softmax
      by_logits();
      continue;
    }
    const float top = maximum(z, n);
    const int64_t winner = first_of_the_largest(z, n, top);
    const double own = v[winner];
    const double others = sum_of(v, winner) + sum_of(v + winner + 1, n - winner - 1);
    const double total = own + others, rest = rest_of({top, -1, sum, 0, false}, temperature);
    if (!(total <= kFarV && total >= -kFarV)) {
      by_logits();
      continue;
    }
#ifdef LUCE_FMA
    if (temperature == 1)
      write_log_gradient(z, v, out, n, sum, total, streaming);
    else
#endif
      write_log_gradient(z, v, out, n, sum, total, temperature, streaming);
    if (streaming) end_of_stream();  // before one of these numbers is written again
    out[winner] = float((own * rest - others) / (1 + rest) / temperature);
  }
  return done;
}

inline bool log_gradient(const double* z, const double*, const double* v, double* out,
                         int64_t rows, int64_t n, double temperature, bool) {
  return jacobian_rows(Product::log_backward, z, v, out, rows, n, temperature);
}

}  // namespace
