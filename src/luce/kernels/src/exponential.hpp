// exp() of doubles with its rounding error, for double logits.
//
// x = k ln2 + r, exp(x) = exp(r) 2^k; the subtraction is exact in its first step (Cody and Waite).
// Results are returned times 2^kLift, so that what ends in the subnormal range is rounded only
// once, by the last multiplication, which takes the factor back.
#pragma once
#include "vectors.hpp"

namespace {

// Minimax for (exp(r) - 1 - r) / r^2 on |r| <= ln2 / 2: exp is off by 2^-57.3. Lowest power first.
constexpr double kExpD[] = {
    0x1.000000000000ap-1,  0x1.55555555554f5p-3,  0x1.555555555051fp-5,  0x1.1111111128bfbp-7,
    0x1.6c16c184f40cfp-10, 0x1.a01a012670b68p-13, 0x1.a01997cac82f3p-16, 0x1.71df2a8073ec3p-19,
    0x1.28af9fe092263p-22, 0x1.ad7ce2ede05a2p-26};

template <class V, class C, int n>
inline V horner(const C (&c)[n], V x) {
  V y = V{} + c[n - 1];
  for (int i = n - 2; i >= 0; --i) y = y * x + c[i];
  return y;
}

// The same for kExpD, by Estrin's scheme: some products more, and half as long to wait for.
template <class V>
inline V estrin(const double (&c)[10], V x, V x2) {
  V x4 = x2 * x2;
  V low = (c[0] + c[1] * x) + (c[2] + c[3] * x) * x2;
  V high = (c[4] + c[5] * x) + (c[6] + c[7] * x) * x2;
  return low + (high + (c[8] + c[9] * x) * x4) * x4;
}

constexpr double kLog2e = 0x1.71547652b82fep0;
constexpr double kRound = 0x1.8p52;
constexpr int kLift = 512;
constexpr int kField = 1023 + kLift;
constexpr double kLowest = -kField * 0x1.62e42fefa39efp-1;  // its exponent field is 0

inline D reduced(D x, D k, D* low) {
#ifdef LUCE_FMA
  D r = x - k * 0x1.62e42fefa39efp-1;
  D tail = k * 0x1.abc9e3b39803fp-56;
#else  // parts of 40 bits: products with |k| < 2^13 are exact
  D r = x - k * 0x1.62e42fefa4000p-1;
  D tail = k * -0x1.8432a1b0e2000p-43 + k * -0x1.8cff81a12a17ep-85;
#endif
  D sum = r - tail;
  *low = (r - sum) - tail;
  return sum;
}

// A double and its rounding error.
struct Pair {
  D high, low;
};
inline Pair sum_pair(D a, D b) {  // Knuth
  const D total = a + b, seen = total - a;
  return {total, (a - (total - seen)) + (b - seen)};
}

// exp(x + tail) 2^512 for x <= 0, with what the last rounding left over.
inline Pair exp_pair(D x, D tail) {
  x = larger(all(kLowest), x);
  D t = x * kLog2e + kRound;
  D low;
  D r = reduced(x, t - kRound, &low);
  D shifted = r + (low + tail);
  low = (low + tail) - (shifted - r);
  r = shifted;
  D r2 = r * r;
  D q = estrin(kExpD, r, r2) * r2 + (low + low * r);
  D h = r + q, h_left = q - (h - r);  // |r| > |q| and 1 > |h|: the errors are exact (Fast2Sum)
  D p = 1.0 + h, p_left = h - (p - 1.0);
  D power = reinterpret_cast<D>((reinterpret_cast<L>(t) + kField) << 52);
  return {p * power, (p_left + h_left) * power};
}

}  // namespace
