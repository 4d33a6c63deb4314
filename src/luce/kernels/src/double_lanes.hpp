// Short rows of doubles, several at a time: one row in each lane of the vectors.
#pragma once
#include "double_rows.hpp"

namespace {

using luce::kShort;

// kDoubles rows, class by class, and what `measure` finds of them.
struct DoubleTile {
  D logits[kShort], power[kShort];
  D top;                   // NaN where it is not finite
  L winner;
  D high, low;             // sum of exponentials without the winner's, times 2^512
  double log_high[kDoubles], log_low[kDoubles];

  void read(const double* z, int64_t rows, int64_t n) {
    double* cells = reinterpret_cast<double*>(logits);
    for (int64_t i = 0; i < kDoubles; ++i) {
      const double* row = z + (i < rows ? i : 0) * n;
      for (int64_t j = 0; j < n; ++j) cells[j * kDoubles + i] = row[j];
    }
  }
  static void write(const D* cells_, double* out, int64_t rows, int64_t n) {
    const double* cells = reinterpret_cast<const double*>(cells_);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < n; ++j) out[i * n + j] = cells[j * kDoubles + i];
  }

  template <bool unit>
  void measure(int64_t n, double temperature) {
    D most = all(-kInf);
    for (int64_t j = 0; j < n; ++j) most = larger(logits[j], most);
    top = (most <= kMost) & (most >= -kMost) ? most : all(__builtin_nan(""));
    const Gap<unit> gap(top, temperature);
    high = low = D{};
    winner = L{} - 1;
    for (int64_t j = 0; j < n; ++j) {
      const Pair g = gap(logits[j]);
      const Pair p = exp_pair(g.high, g.low);
      const L wins = (logits[j] == top) & (winner < 0);
      winner = wins ? L{} + j : winner;
      power[j] = p.high + p.low;
      const D others = wins ? D{} : p.high;
      const D total = high + others, seen = total - high;
      low += ((high - (total - seen)) + (others - seen)) + (wins ? D{} : p.low);
      high = total;
    }
  }

  Sum sum(int lane) const { return {top[lane], winner[lane], high[lane], low[lane], true}; }

  // 1 / (1 + rest), times 2^-512
  D inverse() const {
    D total = high + 0x1p512;
    D left = (low + (high - (total - 0x1p512)));
    D first = 1.0 / total;
    return first - first * (left * first);
  }

  template <bool unit>
  D log_probability(int64_t j, const Gap<unit>& gap) const {
    return log_of_probability(gap(logits[j]), load_as<D>(log_high), load_as<D>(log_low));
  }

  void take_logarithms() {
    for (int i = 0; i < kDoubles; ++i) {
      Log log = log_of(sum(i));
      log_high[i] = log.high;
      log_low[i] = log.low;
    }
  }
};

template <bool unit>
void short_rows(Kind kind, const double* z, double* out, int64_t rows, int64_t n, double temperature) {
  DoubleTile tile;
  for (int64_t i = 0; i < rows; i += kDoubles) {
    const int64_t count = rows - i < kDoubles ? rows - i : kDoubles;
    tile.read(z + i * n, count, n);
    tile.measure<unit>(n, temperature);
    if (kind == Kind::logsumexp) {
      for (int r = 0; r < count; ++r) {
        Sum sum = tile.sum(r);
        if (!finite(sum.top)) sum.top = maximum(z + (i + r) * n, n);
        finish_logsumexp(z + (i + r) * n, out + i + r, n, sum, temperature);
      }
      continue;
    }
    if (kind == Kind::softmax) {
      const D inverse = tile.inverse();
      for (int64_t j = 0; j < n; ++j) tile.power[j] *= inverse;
    } else {
      tile.take_logarithms();
      const Gap<unit> gap(tile.top, temperature);
      for (int64_t j = 0; j < n; ++j) tile.power[j] = tile.log_probability(j, gap);
    }
    DoubleTile::write(tile.power, out + i * n, count, n);
  }
}

inline void short_rows(Kind kind, const double* z, double* out, int64_t rows, int64_t n,
                       double temperature) {
  temperature == 1 ? short_rows<true>(kind, z, out, rows, n, 1)
                   : short_rows<false>(kind, z, out, rows, n, temperature);
}

}  // namespace
