// exp() in float, for the second pass over rows too long to keep their exponentials.
//
// x = k ln2 + r. The first step of the subtraction is exact, so the logits are never rounded, and
// the result is exp(x) 2^(kLift - unit) for a unit that suits the row. Off by at most 1.30 2^-24,
// its own last rounding included (docs/accuracy.md); the sum is of the doubles in wide.hpp.
//
// What the reciprocal of the sum has lost to a float joins r: as a product of its own it would
// be rounded to the subnormal numbers where results are small.
#pragma once
#include <cmath>

#include "wide.hpp"

#ifdef LUCE_FMA
namespace {

// Minimax for (exp(r) - 1 - r) / r^2 on |r| <= 0.3485: exp is off by 2^-27.8. Lowest power first.
constexpr float kExpFloat[] = {0x1.fffffcp-2f, 0x1.55548ep-3f, 0x1.555906p-5f, 0x1.123d2p-7f,
                               0x1.6a1ecep-10f};
constexpr float kRoundFloat = 0x1.8p23f;  // adding it rounds to an integer, in the low bits
constexpr int kLiftFloat = 64;            // keeps what becomes subnormal from being rounded twice

// softmax(x) of rows whose sum of exponentials is known, a lane each.
struct FloatSoftmax {
  F lowest;   // what is below gives 0: its exponent field is 0
  I field;    // of the unit
  F inverse;  // 2^(unit - kLift) / sum is inverse * e^left
  F left;

  F operator()(F x) const {
    x = larger(lowest, x);
    const F t = x * 0x1.715476p0f + kRoundFloat, k = t - kRoundFloat;
    const F r = (x - k * 0x1.62e43p-1f) + (left - k * -0x1.05c61p-29f);
    const F p = (horner(kExpFloat, r) * r + 1.0f) * r + 1.0f;
    const F power = p * reinterpret_cast<F>((reinterpret_cast<I>(t) + field) << 23);
    return smaller(all(1.0f), power * inverse);
  }
};

// The constants of `FloatSoftmax` for one row; its sum is `in_range`.
struct RowConstants {
  float lowest;
  int32_t field;
  float inverse, left;

  explicit RowConstants(double sum) {
    int exponent;
    std::frexp(sum, &exponent);
    const int first = 127 + kLiftFloat - exponent;  // the exponent field of e^0
    lowest = float(-first) * 0x1.62e43p-1f;
    field = first - 0x4b400000;
    const double exact = std::ldexp(1 / sum, exponent - kLiftFloat);
    inverse = float(exact);
    left = float(exact / inverse - 1);
  }
  operator FloatSoftmax() const {
    return {all(lowest), I{} + field, all(inverse), all(left)};
  }
};

}  // namespace
#endif
