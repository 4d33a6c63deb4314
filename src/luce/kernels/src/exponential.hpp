// exp() on vectors, without the error that a shift by the maximum would bring.
//
// x = k ln2 + r, exp(x) = exp(r) 2^k. The subtraction k ln2 is exact in its first step (Cody and
// Waite), so the logits themselves are never rounded: exp(x - max) is exp(r) 2^(k - K) with K the
// maximum's own k. Results are returned times 2^kLift, so that what ends in the subnormal range
// is rounded only once, by the last multiplication, which takes the factor back.
#pragma once
#include "vectors.hpp"

namespace {

// Polynomials for (exp(r) - 1 - r) / r^2 on |r| <= 0.3485, minimax in the relative error of exp:
// 2^-28.2 in float, 2^-57.8 in double. Lowest power first.
constexpr float kExpF[] = {0x1.fffffcp-2f, 0x1.55548ep-3f, 0x1.555906p-5f, 0x1.123d2p-7f,
                           0x1.6a1ecep-10f};
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

// The same for kExpD, by Estrin's scheme: some products more, and half as long to wait for. (For
// kExpF it would cost a fifth of an ULP, and gain nothing.)
template <class V>
inline V estrin(const double (&c)[10], V x, V x2) {
  V x4 = x2 * x2;
  V low = (c[0] + c[1] * x) + (c[2] + c[3] * x) * x2;
  V high = (c[4] + c[5] * x) + (c[6] + c[7] * x) * x2;
  return low + (high + (c[8] + c[9] * x) * x4) * x4;
}

// ---- float ----------------------------------------------------------------------------------

constexpr float kLog2eF = 0x1.715476p0f;
constexpr float kRoundF = 0x1.8p23f;  // adding it rounds to an integer, which the low bits hold
constexpr int kLiftF = 64;
constexpr int kFieldF = 127 + kLiftF;  // exponent field of 2^kLift; field 0 is the number 0
#ifdef LUCE_FMA
constexpr float kLimitF = 32768;  // |max| beyond which k would not be found exactly
#else
constexpr float kLimitF = 512;
#endif

inline F reduced(F x, F k) {
#ifdef LUCE_FMA
  return (x - k * 0x1.62e43p-1f) - k * -0x1.05c61p-29f;
#else  // the first part has 13 bits: its product with |k| < 2^11 is exact
  return (x - k * 0x1.62ep-1f) - k * 0x1.0bfbe8p-15f;
#endif
}

inline F exponent(F x) { return x * kLog2eF + kRoundF; }

// exp(x - K ln2) 2^64, for any x up to the maximum that K belongs to. What is below 2^-190 of the
// maximum, -inf and the fillings of vectors included, gives exactly 0. NaN gives NaN.
struct FastExp {
  F lowest;
  I field;

  explicit FastExp(F top) {
    F t = exponent(top), k = t - kRoundF;
    lowest = (k - float(kFieldF)) * 0x1.62e43p-1f;
    field = kFieldF - (reinterpret_cast<I>(t) - reinterpret_cast<I>(all(kRoundF)));
  }
  F operator()(F x) const {
    x = larger(lowest, x);
    F t = exponent(x);
    F r = reduced(x, t - kRoundF);
#ifdef LUCE_FMA
    F p = (horner(kExpF, r) * r + 1.0f) * r + 1.0f;
#else
    F p = (horner(kExpF, r) * (r * r) + r) + 1.0f;
#endif
    return p * reinterpret_cast<F>((reinterpret_cast<I>(t) + field) << 23);
  }
};

// ---- double ---------------------------------------------------------------------------------

constexpr double kLog2e = 0x1.71547652b82fep0;
constexpr double kRound = 0x1.8p52;
constexpr int kLift = 512;
constexpr int kField = 1023 + kLift;
constexpr double kLowest = -kField * 0x1.62e42fefa39efp-1;  // its exponent field is 0

template <class V>
inline V reduced(V x, V k, V* low) {
#ifdef LUCE_FMA
  V r = x - k * 0x1.62e42fefa39efp-1;
  V tail = k * 0x1.abc9e3b39803fp-56;
#else  // parts of 40 bits: products with |k| < 2^13 are exact
  V r = x - k * 0x1.62e42fefa4000p-1;
  V tail = k * -0x1.8432a1b0e2000p-43 + k * -0x1.8cff81a12a17ep-85;
#endif
  V sum = r - tail;
  *low = (r - sum) - tail;
  return sum;
}

// A double and its rounding error.
struct Pair {
  D high, low;
};

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

// exp(x - k ln2), for the largest logit of a row on the fast path.
template <class V>
inline V exp_top(V x, V k) {
  V low, r = reduced(x, k, &low);
  return 1.0 + (r + (low + estrin(kExpD, r, r * r) * (r * r)));
}

}  // namespace
