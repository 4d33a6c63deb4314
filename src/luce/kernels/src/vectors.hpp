// Vectors of LUCE_VECTOR_BYTES bytes in the generic GCC and Clang notation; no intrinsics.
//
// Everything here is in an anonymous namespace: an inline function shared between object files
// would be merged by the linker into one copy, perhaps of an instruction set that is not there.
// `a * b + c` is fused where the instruction set can (-ffp-contract=fast); code below that needs
// the fused form says so, and has another way under `#ifndef LUCE_FMA`.
#pragma once
#include <cstdint>
#include <cstring>

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define LUCE_FMA 1
#endif

namespace {

constexpr int kBytes = LUCE_VECTOR_BYTES;
constexpr int kFloats = kBytes / 4;
constexpr int kDoubles = kBytes / 8;

typedef float F __attribute__((vector_size(kBytes)));
typedef double D __attribute__((vector_size(kBytes)));
typedef int32_t I __attribute__((vector_size(kBytes)));
typedef int64_t L __attribute__((vector_size(kBytes)));
typedef float HalfF __attribute__((vector_size(kBytes / 2)));

constexpr float kInfF = __builtin_inff();
constexpr double kInf = __builtin_inf();

template <class V, class T>
inline V load_as(const T* p) {
  V v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

template <class V, class T>
inline void store_as(T* p, V v) {
  std::memcpy(p, &v, sizeof v);
}

inline F all(float x) { return F{} + x; }
inline D all(double x) { return D{} + x; }

template <class V>
inline V larger(V a, V b) {  // b where either is NaN
  return a > b ? a : b;
}

inline D widen_low(F v) {
  HalfF half;
  std::memcpy(&half, &v, sizeof half);
  return __builtin_convertvector(half, D);
}

inline D widen_high(F v) {
  HalfF half;
  std::memcpy(&half, reinterpret_cast<const char*>(&v) + sizeof half, sizeof half);
  return __builtin_convertvector(half, D);
}

inline F narrow(D low, D high) {
  HalfF a = __builtin_convertvector(low, HalfF), b = __builtin_convertvector(high, HalfF);
  F v;
  std::memcpy(&v, &a, sizeof a);
  std::memcpy(reinterpret_cast<char*>(&v) + sizeof a, &b, sizeof b);
  return v;
}

// Numbers of either type as doubles, kDoubles at a time.
inline D load_wide(const double* p) { return load_as<D>(p); }
inline D load_wide(const float* p) { return __builtin_convertvector(load_as<HalfF>(p), D); }
inline void store_narrow(double* p, D v) { store_as(p, v); }
inline void store_narrow(float* p, D v) { store_as(p, __builtin_convertvector(v, HalfF)); }

template <class V>
inline double added_up(V v) {
  double sum = 0;
  for (unsigned i = 0; i < sizeof v / sizeof v[0]; ++i) sum += v[i];
  return sum;
}

template <class V>
inline auto largest(V v) {
  auto top = v[0];
  for (unsigned i = 1; i < sizeof v / sizeof v[0]; ++i) top = v[i] > top ? v[i] : top;
  return top;
}

// Call body(pointer to `lanes` inputs, pointer to `lanes` outputs) along a row. The last, partial
// vector is filled up, so that an element's result does not depend on where it stands.
template <int lanes, class T, class U, class Body>
inline void along(const T* in, U* out, int64_t n, T filling, Body body) {
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) body(in + i, out + i);
  if (i == n) return;
  T padded[lanes];
  U results[lanes];
  for (int j = 0; j < lanes; ++j) padded[j] = i + j < n ? in[i + j] : filling;
  body(padded, results);
  for (int j = 0; i + j < n; ++j) out[i + j] = results[j];
}

}  // namespace
