// Float logits, computed in double: exponentials without a shift, sums without a care.
//
// e^z of a float fits into a double for |z| up to 700, so no maximum has to be known before the
// sum, and nothing is ever subtracted from a logit. Errors of 2^-34 are far below a float's last
// place; a result is rounded once, at the store. A row that does not fit (a sum outside
// `in_range`: huge logits, NaN, nothing possible) is measured again relative to its maximum.
#pragma once
#include "exponential.hpp"
#include "kernels.hpp"

namespace {

using luce::Kind;
using luce::Sum;

// Minimax for (exp(r) - 1 - r) / r^2 on |r| <= ln2 / 2: exp is off by 2^-34.2. Lowest power first.
constexpr double kExpWide[] = {0x1.0000003a46133p-1, 0x1.55555442925c2p-3,  0x1.55548d74938e3p-5,
                               0x1.11127145b353dp-7, 0x1.6d8d52486f543p-10, 0x1.9f0859da708ccp-13};
constexpr double kLeast = -708, kGreatest = 709;  // exp of what is beyond is not a normal number

// exp(y), with y clamped to kLeast..kGreatest; NaN gives NaN.
inline D exp_wide(D y) {
  y = smaller(all(kGreatest), larger(all(kLeast), y));
  const D t = y * kLog2e + kRound;
  const D r = y - (t - kRound) * 0x1.62e42fefa39efp-1;
  const D p = (horner(kExpWide, r) * r + 1.0) * r + 1.0;
  return reinterpret_cast<D>(reinterpret_cast<L>(p) + (reinterpret_cast<L>(t) << 52));
}

// log(v) for v >= 1, off by 2^-39: v = m 2^k with m in [0.7, 1.42), log(m) = 2 atanh(s).
inline D log_wide(D v) {
  constexpr double atanh[] = {0x1.5555555555555p-2, 0x1.999999999999ap-3, 0x1.2492492492492p-3,
                              0x1.c71c71c71c71cp-4, 0x1.745d1745d1746p-4, 0x1.3b13b13b13b14p-4};
  const L bits = reinterpret_cast<L>(v);
  const L k = (bits - 0x3fe6a09e667f3bcd) >> 52;
  const D m = reinterpret_cast<D>(bits - (k << 52));
  const D s = (m - 1.0) / (m + 1.0), u = s * s;
  const D exponent = reinterpret_cast<D>(k + reinterpret_cast<L>(all(kRound))) - kRound;
  const D log = exponent * 0x1.62e42fefa39efp-1 + (s + s + s * u * 2.0 * horner(atanh, u));
  return v == v ? log : v;
}

// 1 / v, off by 2^-50 at most, in a third of the time of a division where there is a way.
inline D reciprocal_wide(D v) {
#if defined(__AVX512F__) && LUCE_VECTOR_BYTES == 64
  D x = _mm512_rcp14_pd(v);
  x += x * (1.0 - v * x);  // Newton's step doubles the 14 bits, twice
  return x + x * (1.0 - v * x);
#else
  return 1.0 / v;
#endif
}

// A sum that is neither close to the ends of the range nor NaN: then the maximum is not either.
inline bool in_range(double sum) { return sum >= 0x1p-860 && sum <= 0x1p920; }

// How a logit becomes an exponent.
struct Unscaled {
  D operator()(D z) const { return z; }
};
struct Scaled {  // by the temperature
  double inverse;
  D operator()(D z) const { return z * inverse; }
};
struct Shifted {  // (z - top) / temperature; fits whatever the logits are
  double top, temperature;
  D operator()(D z) const { return (z - top) / temperature; }
};

// Call body(Unscaled) or body(Scaled), so that the common case costs no product.
template <class Body>
inline auto with_scale(double temperature, Body body) {
  return temperature == 1 ? body(Unscaled{}) : body(Scaled{1 / temperature});
}

}  // namespace
