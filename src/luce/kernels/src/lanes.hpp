// Short rows of floats, several at a time: one row in each lane of the vectors.
//
// A row on its own would leave lanes empty, and its sum would have to be gathered from all of
// them. What a row gives does not depend on its neighbours: lanes never meet, and a row that the
// fast path cannot hold is computed on its own.
#pragma once
#include "rows.hpp"

namespace {

using luce::kShort;

// kFloats rows, class by class: logits[j] holds class j of every row.
struct Tile {
  F logits[kShort];

  // Four classes of all rows at a time; the last four overlap the ones before.
  void read_rows(const float* z, int64_t rows, int64_t n) {
    if (rows < kFloats || n < 4) {
      float* cells = reinterpret_cast<float*>(logits);
      for (int64_t i = 0; i < kFloats; ++i)
        for (int64_t j = 0; j < n; ++j) cells[j * kFloats + i] = z[(i < rows ? i : 0) * n + j];
      return;
    }
    for (int64_t j = 0; j < n; j += 4) {
      const int64_t at = j + 4 <= n ? j : n - 4;
      F block[4];
      for (int i = 0; i < 4; ++i) block[i] = gather_fours(z + i * n + at, 4 * n);
      transpose_fours(block);
      for (int i = 0; i < 4; ++i) logits[at + i] = block[i];
    }
  }
  void write_rows(float* out, int64_t rows, int64_t n) const {
    if (rows < kFloats || n < 4) {
      const float* cells = reinterpret_cast<const float*>(logits);
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < n; ++j) out[i * n + j] = cells[j * kFloats + i];
      return;
    }
    for (int64_t j = 0; j < n; j += 4) {
      const int64_t at = j + 4 <= n ? j : n - 4;
      F block[4];
      for (int i = 0; i < 4; ++i) block[i] = logits[at + i];
      transpose_fours(block);
      for (int i = 0; i < 4; ++i) scatter_fours(block[i], out + i * n + at, 4 * n);
    }
  }
  void read_columns(const float* z, int64_t columns, int64_t n, int64_t stride) {
    for (int64_t j = 0; j < n; ++j) {
      if (columns == kFloats) {
        logits[j] = load(z + j * stride);
        continue;
      }
      for (int i = 0; i < kFloats; ++i) logits[j][i] = z[j * stride + (i < columns ? i : 0)];
    }
  }
  void read_row(float* row, int lane, int64_t n) const {
    for (int64_t j = 0; j < n; ++j) row[j] = logits[j][lane];
  }
};

inline F maximum(const Tile& tile, int64_t n) {
  F top = all(-kInfF);
  for (int64_t j = 0; j < n; ++j) top = larger(tile.logits[j], top);
  return top;
}

// Overwrite logits by probabilities.
inline void softmax_lanes(Tile* tile, int64_t n, F top) {
  FastExp exp(top);
  D low{}, high{};
  for (int64_t j = 0; j < n; ++j) {
    F p = tile->logits[j] = exp(tile->logits[j]);
    low += widen_low(p);
    high += widen_high(p);
  }
  const F k = exponent(top) - kRoundF, p_top = exp(top);  // as in `lost_at`
  low += exp_top(widen_low(top), widen_low(k)) * 0x1p64 - widen_low(p_top);
  high += exp_top(widen_high(top), widen_high(k)) * 0x1p64 - widen_high(p_top);
  low = 1.0 / low;
  high = 1.0 / high;
  F first = narrow(low, high);
  F second = narrow(low - widen_low(first), high - widen_high(first));
  for (int64_t j = 0; j < n; ++j)
    tile->logits[j] = probability(tile->logits[j], first, second);
}

// Compute the lanes that the fast path cannot hold on their own.
inline void mend(Tile* tile, const Tile& logits, int64_t n, F top) {
  for (int i = 0; i < kFloats; ++i) {
    if (fast_top(top[i])) continue;
    float row_in[kShort], row_out[kShort];
    logits.read_row(row_in, i, n);
    row(Kind::softmax, row_in, row_out, n, 1);
    for (int64_t j = 0; j < n; ++j) tile->logits[j][i] = row_out[j];
  }
}

inline bool all_fast(F top) {
  L outside = reinterpret_cast<L>((top > kLimitF) | (top < -kLimitF));
  int64_t any = 0;
  for (int i = 0; i < kDoubles; ++i) any |= outside[i];
  return !any;
}

inline void softmax_tile(Tile* tile, int64_t n) {
  F top = maximum(*tile, n);
  if (all_fast(top)) return softmax_lanes(tile, n, top);
  Tile logits = *tile;
  softmax_lanes(tile, n, top);
  mend(tile, logits, n, top);
}

inline void softmax_short_rows(const float* z, float* out, int64_t rows, int64_t n) {
  Tile tile;
  for (int64_t i = 0; i < rows; i += kFloats) {
    int64_t count = rows - i < kFloats ? rows - i : kFloats;
    tile.read_rows(z + i * n, count, n);
    softmax_tile(&tile, n);
    tile.write_rows(out + i * n, count, n);
  }
}

inline void softmax_short_columns(Kind, const float* z, float* out, int64_t columns, int64_t n,
                                  int64_t stride) {
  Tile tile;
  for (int64_t i = 0; i < columns; i += kFloats) {
    int64_t count = columns - i < kFloats ? columns - i : kFloats;
    tile.read_columns(z + i, count, n, stride);
    softmax_tile(&tile, n);
    for (int64_t j = 0; j < n; ++j)
      std::memcpy(out + i + j * stride, &tile.logits[j], count * sizeof(float));
  }
}

}  // namespace
