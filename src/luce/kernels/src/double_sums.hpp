// Measure a row of doubles, or a piece of it: its maximum and the sum of exponentials.
//
// z - max is a sum of two doubles, divided by the temperature with its remainder; exponentials
// come with their rounding error, and sums carry theirs along.
#pragma once
#include "exponential.hpp"
#include "kernels.hpp"

namespace {

using luce::Kind;
using luce::Sum;

inline int64_t first_place(const double* z, int64_t n, double top) {
  constexpr int lanes = kDoubles;
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    D top_lanes = all(top);
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
template <int step, class Body>
inline void along_without(const double* z, int64_t first, int64_t last, int64_t n, int64_t skip,
                          Body body) {
  for (int64_t i = first; i < last; i += step) {
    if (i + step <= n && (skip < i || skip >= i + step)) {
      body(z + i, i);
      continue;
    }
    double copy[step];
    for (int j = 0; j < step; ++j)
      copy[j] = i + j < n && i + j != skip ? z[i + j] : -kInf;
    body(copy, i);
  }
}

// Maximum and winner; the sum is still to be found.
inline void measure(const double* z, int64_t n, bool leave_winner, double, Sum* sum) {
  const double top = maximum(z, n);
  *sum = {top, leave_winner ? first_place(z, n, top) : -1, 0, 0, true};
}

inline bool settled(const double*, const Sum&, bool, double) { return false; }

inline void add(Sum* total, const Sum& piece) {
  double sum = total->high + piece.high, seen = sum - total->high;
  total->low += piece.low + ((total->high - (sum - seen)) + (piece.high - seen));
  total->high = sum;
}

inline void fold(const double*, Sum* total, const Sum& piece) {
  if (piece.top > total->top) {
    total->top = piece.top;
    total->winner = piece.winner;
  }
  add(total, piece);
}

// (z - top) / temperature as a sum of two doubles.
template <bool unit>
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
    D seen = gap - z;
    D tail = (z - (gap - seen)) - (top + seen);  // Knuth's TwoSum
    if (!unit) {
      D quotient = gap / temperature;
      tail = (remainder(gap, quotient) + tail) / temperature;
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
template <bool kept, bool unit>
void exact_sum(const double* z, int64_t n, int64_t skip, const Gap<unit>& gap, Sum* sum,
               double* keep) {
  D high{}, low{};
  along_without<kDoubles>(z, 0, n, n, skip, [&](const double* x, int64_t i) {
    Pair g = gap(load(x));
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

inline void measure_exact(const double* z, int64_t n, int64_t winner, double top,
                          double temperature, Sum* sum) {
  *sum = {top, winner, 0, 0, true};
  if (temperature == 1)
    exact_sum<false>(z, n, winner, Gap<true>(top, 1), sum, nullptr);
  else
    exact_sum<false>(z, n, winner, Gap<false>(top, temperature), sum, nullptr);
}

}  // namespace
