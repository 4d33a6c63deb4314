// The logistic function and its logarithm, in double whatever the type.
#pragma once
#include "exponential.hpp"

namespace {

// log(1 + x) = x - (x^2 / 2 - s (x^2 / 2 + 2 s^2 R(s^2))), s = x / (2 + x), as in fdlibm; the
// polynomial is a minimax fit of (atanh(s) / s - 1) / s^2 on s^2 <= 1/9 to 2^-69.8.
constexpr double kAtanh[] = {
    0.3333333333333333,  0.20000000000000112, 0.1428571428569036,   0.111111111136502,
    0.09090908933200458, 0.07692313916881385, 0.06666503314615345,  0.058852650416527964,
    0.05227842165499969, 0.050471265858197056, 0.02898784013445566, 0.08028000159913148};

inline D log_one_plus(D x) {  // 0 <= x <= 1
  D s = x / (x + 2.0), u = s * s, half = x * x * 0.5;
  return x - (half - s * (half + 2.0 * u * horner(kAtanh, u)));
}

inline D magnitude(D x) { return x < 0.0 ? -x : x; }

// exp(-|x|) 2^512
inline D decay(D x) {
  Pair p = exp_pair(-magnitude(x), D{});
  return p.high + p.low;
}

template <class T>
void sigmoid(const T* x, T* out, int64_t n) {
  along<kDoubles>(x, out, n, T(0), [](const T* in, T* result) {
    D z = load_wide(in), small = decay(z);
    D sum = 1.0 + small * 0x1p-512, lost = small * 0x1p-512 - (sum - 1.0);
    D quotient = (z < 0.0 ? small : all(0x1p512)) / sum;
    quotient -= quotient * lost;  // sum is in [1, 2], so that its error counts fully or half
    store_narrow(result, (quotient)*0x1p-512);
  });
}

inline D log_sigmoid(D z) { return (z < 0.0 ? z : D{}) - log_one_plus(decay(z) * 0x1p-512); }

template <class T>
void log_sigmoid(const T* x, T* out, int64_t n) {
  along<kDoubles>(x, out, n, T(0), [](const T* in, T* result) {
    store_narrow(result, log_sigmoid(load_wide(in)));
  });
}

template <class T>
void softplus(const T* x, T* out, int64_t n) {
  along<kDoubles>(x, out, n, T(0), [](const T* in, T* result) {
    store_narrow(result, 0.0 - log_sigmoid(-load_wide(in)));  // not -, which turns 0 into -0
  });
}

}  // namespace
