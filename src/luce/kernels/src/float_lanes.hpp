// Short rows of floats, several at a time: one row in each lane of the vectors.
//
// A row on its own would leave lanes empty, and its sum would have to be gathered from all of
// them. What a row gives does not depend on its neighbours: lanes never meet, and a row that does
// not fit is computed on its own.
#pragma once
#include <utility>

#include "float_rows.hpp"

namespace {

using luce::kShort;

// ---- rows of two or three classes: their vectors are sorted by class in one or two shuffles -------

template <int (*index)(int), int... i>
inline F shuffled(F x, F y, std::integer_sequence<int, i...>) {
  return LUCE_SHUFFLE(x, y, index(i)...);
}
template <int (*index)(int)>
inline F shuffled(F x, F y) {
  return shuffled<index>(x, y, std::make_integer_sequence<int, kFloats>{});
}

constexpr int in_both(int cell) { return cell < 2 * kFloats ? cell : 0; }
constexpr int in_third(int lane, int cell) { return cell < 2 * kFloats ? lane : cell - kFloats; }
template <int k, int n>
constexpr int first_of(int lane) { return in_both(n * lane + k); }
template <int k>
constexpr int third_of(int lane) { return in_third(lane, 3 * lane + k); }
template <int v, int n>
constexpr int first_to(int lane) {
  const int cell = v * kFloats + lane, k = cell % n;
  return k < 2 ? k * kFloats + cell / n : 0;
}
template <int v>
constexpr int third_to(int lane) {
  const int cell = v * kFloats + lane;
  return cell % 3 < 2 ? lane : kFloats + cell / 3;
}

inline void read_pairs(const float* z, F* logits) {
  const F a = load(z), b = load(z + kFloats);
  logits[0] = shuffled<first_of<0, 2>>(a, b);
  logits[1] = shuffled<first_of<1, 2>>(a, b);
}
inline void write_pairs(const F* results, float* out) {
  store_as(out, shuffled<first_to<0, 2>>(results[0], results[1]));
  store_as(out + kFloats, shuffled<first_to<1, 2>>(results[0], results[1]));
}
inline void read_triples(const float* z, F* logits) {
  const F a = load(z), b = load(z + kFloats), c = load(z + 2 * kFloats);
  logits[0] = shuffled<third_of<0>>(shuffled<first_of<0, 3>>(a, b), c);
  logits[1] = shuffled<third_of<1>>(shuffled<first_of<1, 3>>(a, b), c);
  logits[2] = shuffled<third_of<2>>(shuffled<first_of<2, 3>>(a, b), c);
}
inline void write_triples(const F* results, float* out) {
  const F a = results[0], b = results[1], c = results[2];
  store_as(out, shuffled<third_to<0>>(shuffled<first_to<0, 3>>(a, b), c));
  store_as(out + kFloats, shuffled<third_to<1>>(shuffled<first_to<1, 3>>(a, b), c));
  store_as(out + 2 * kFloats, shuffled<third_to<2>>(shuffled<first_to<2, 3>>(a, b), c));
}

// Up to kFloats rows of n classes, sorted by class: cells[j] holds class j of every row.
inline void read_rows(const float* z, int64_t rows, int64_t n, F* cells) {
  if (rows < kFloats || n == 1) {
    float* each = reinterpret_cast<float*>(cells);
    for (int64_t i = 0; i < kFloats; ++i)
      for (int64_t j = 0; j < n; ++j) each[j * kFloats + i] = z[(i < rows ? i : 0) * n + j];
    return;
  }
  if (n == 2) return read_pairs(z, cells);
  if (n == 3) return read_triples(z, cells);
  for (int64_t j = 0; j < n; j += 4) {  // the last four overlap the ones before
    const int64_t at = j + 4 <= n ? j : n - 4;
    F block[4];
    for (int i = 0; i < 4; ++i) block[i] = gather_fours(z + i * n + at, 4 * n);
    transpose_fours(block);
    for (int i = 0; i < 4; ++i) cells[at + i] = block[i];
  }
}

inline void write_rows(const F* cells, float* out, int64_t rows, int64_t n) {
  if (rows < kFloats || n == 1) {
    const float* each = reinterpret_cast<const float*>(cells);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < n; ++j) out[i * n + j] = each[j * kFloats + i];
    return;
  }
  if (n == 2) return write_pairs(cells, out);
  if (n == 3) return write_triples(cells, out);
  for (int64_t j = 0; j < n; j += 4) {
    const int64_t at = j + 4 <= n ? j : n - 4;
    F block[4];
    for (int i = 0; i < 4; ++i) block[i] = cells[at + i];
    transpose_fours(block);
    for (int i = 0; i < 4; ++i) scatter_fours(block[i], out + i * n + at, 4 * n);
  }
}

// ---- tiles --------------------------------------------------------------------------------------

// The rows of a tile in double: two vectors for one of floats.
struct FloatTile {
  F logits[kShort];
  D power[kShort][2];
  D sum[2], top[2], rest[2];

  static D half(F v, int h) { return h ? widen_high(v) : widen_low(v); }

  template <class Scale>
  void measure(int64_t n, Scale scale) {
    sum[0] = sum[1] = D{};
    for (int64_t j = 0; j < n; ++j)
      for (int h = 0; h < 2; ++h) sum[h] += power[j][h] = exp_wide(scale(half(logits[j], h)));
  }
  template <class Scale>
  void measure_rest(int64_t n, Scale scale) {
    F most = logits[0];
    for (int64_t j = 1; j < n; ++j) most = larger(logits[j], most);
    for (int h = 0; h < 2; ++h) {
      top[h] = half(most, h);
      const D e = exp_wide(scale(top[h]));
      rest[h] = (sum[h] - e) / e;
    }
  }
  // Lanes that `settled` would refuse; a logit that is not finite makes its lane one of them.
  L unfit(int h, bool with_rest) const {
    const L fits = (sum[h] >= 0x1p-860) & (sum[h] <= 0x1p920);
    return ~(with_rest ? fits & (rest[h] >= kCancels) : fits);
  }
  bool all_fit(bool with_rest) const { return !any(unfit(0, with_rest) | unfit(1, with_rest)); }

  // Call body(lane, its logits) for the rows that do not fit.
  template <class Body>
  void each_unfit(int64_t rows, int64_t n, bool with_rest, Body body) const {
    float row[kShort];
    for (int64_t i = 0; i < rows; ++i) {
      if (!unfit(i / kDoubles, with_rest)[i % kDoubles]) continue;
      for (int64_t j = 0; j < n; ++j) row[j] = logits[j][i];
      body(i, row);
    }
  }

  // Overwrite logits by results.
  void take_softmax(int64_t n) {
    const D inverse[2] = {reciprocal_wide(sum[0]), reciprocal_wide(sum[1])};
    for (int64_t j = 0; j < n; ++j)
      logits[j] = narrow(power[j][0] * inverse[0], power[j][1] * inverse[1]);
  }
  void take_log_softmax(int64_t n, double temperature) {
    const D log[2] = {log_wide(1.0 + rest[0]), log_wide(1.0 + rest[1])};
    for (int64_t j = 0; j < n; ++j) {
      D gap[2] = {half(logits[j], 0) - top[0], half(logits[j], 1) - top[1]};
      if (temperature != 1) {
        gap[0] /= temperature;
        gap[1] /= temperature;
      }
      logits[j] = narrow(gap[0] - log[0], gap[1] - log[1]);
    }
  }
  void take_logsumexp(double temperature) {
    logits[0] = narrow(top[0] + temperature * log_wide(1.0 + rest[0]),
                       top[1] + temperature * log_wide(1.0 + rest[1]));
  }
};

// Overwrite the tile's logits by results; for logsumexp by one row of them.
inline void finish_tile(FloatTile* tile, Kind kind, int64_t n, double temperature) {
  if (kind == Kind::softmax) tile->take_softmax(n);
  if (kind == Kind::log_softmax) tile->take_log_softmax(n, temperature);
  if (kind == Kind::logsumexp) tile->take_logsumexp(temperature);
}

// The same where some rows do not fit.
__attribute__((noinline)) void mend_tile(FloatTile* tile, Kind kind, int64_t rows, int64_t n,
                                         double temperature) {
  const bool with_rest = kind != Kind::softmax;
  float mended[kFloats][kShort];
  tile->each_unfit(rows, n, with_rest, [&](int64_t i, const float* z) {
    row(kind, z, mended[i], n, temperature);
  });
  finish_tile(tile, kind, n, temperature);
  const int64_t length = kind == Kind::logsumexp ? 1 : n;
  for (int64_t i = 0; i < rows; ++i) {
    if (!tile->unfit(i / kDoubles, with_rest)[i % kDoubles]) continue;
    for (int64_t j = 0; j < length; ++j) tile->logits[j][i] = mended[i][j];
  }
}

template <Kind kind, class Scale, class Read, class Write>
inline void each_tile(int64_t rows, int64_t n, double temperature, Scale scale, Read read,
                      Write write) {
  constexpr bool with_rest = kind != Kind::softmax;
  FloatTile tile;
  for (int64_t i = 0; i < rows; i += kFloats) {
    const int64_t count = std::min<int64_t>(rows - i, kFloats);
    read(i, count, tile.logits);
    tile.measure(n, scale);
    if (with_rest) tile.measure_rest(n, scale);
    if (tile.all_fit(with_rest))
      finish_tile(&tile, kind, n, temperature);
    else
      mend_tile(&tile, kind, count, n, temperature);
    write(i, count, tile.logits);
  }
}

template <class Read, class Write>
inline void each_tile(Kind kind, int64_t rows, int64_t n, double temperature, Read read,
                      Write write) {
  with_scale(temperature, [&](auto scale) {
    if (kind == Kind::softmax)
      each_tile<Kind::softmax>(rows, n, temperature, scale, read, write);
    else if (kind == Kind::log_softmax)
      each_tile<Kind::log_softmax>(rows, n, temperature, scale, read, write);
    else
      each_tile<Kind::logsumexp>(rows, n, temperature, scale, read, write);
  });
}

inline void short_rows(Kind kind, const float* z, float* out, int64_t rows, int64_t n,
                       double temperature) {
  const int64_t length = kind == Kind::logsumexp ? 1 : n;
  each_tile(
      kind, rows, n, temperature,
      [=](int64_t i, int64_t count, F* cells) { read_rows(z + i * n, count, n, cells); },
      [=](int64_t i, int64_t count, const F* cells) {
        if (length == 1 && count == kFloats) return store_as(out + i, cells[0]);
        write_rows(cells, out + i * length, count, length);
      });
}

// Neighbouring columns of n classes, `stride` apart.
inline void short_columns(Kind kind, const float* z, float* out, int64_t columns, int64_t n,
                          int64_t stride, double temperature) {
  const int64_t length = kind == Kind::logsumexp ? 1 : n;
  each_tile(
      kind, columns, n, temperature,
      [=](int64_t i, int64_t count, F* cells) {
        for (int64_t j = 0; j < n; ++j) {
          const float* from = z + i + j * stride;
          if (count == kFloats) {
            cells[j] = load(from);
            continue;
          }
          for (int64_t c = 0; c < kFloats; ++c) cells[j][c] = from[c < count ? c : 0];
        }
      },
      [=](int64_t i, int64_t count, const F* cells) {
        for (int64_t j = 0; j < length; ++j) {
          if (count == kFloats)
            store_as(out + i + j * stride, cells[j]);
          else
            std::memcpy(out + i + j * stride, &cells[j], count * sizeof(float));
        }
      });
}

}  // namespace
