// Vectors of LUCE_VECTOR_BYTES bytes in the generic GCC and Clang notation.
//
// Everything here is in an anonymous namespace: an inline function shared between object files
// would be merged by the linker into one copy, perhaps of an instruction set that is not there.
// `a * b + c` is fused where the instruction set can (-ffp-contract=fast); code below that needs
// the fused form says so, and has another way under `#ifndef LUCE_FMA`.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#ifdef __SSE2__
#include <immintrin.h>
#endif

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

// Intrinsics stand only where GCC turns the generic notation into a detour through memory
// (conversions, vectors put together from parts) or into two instructions for one (the larger of
// two), and where there is no generic notation (streaming stores).
#if defined(__AVX512F__) && LUCE_VECTOR_BYTES == 64
inline D widened(HalfF v) { return _mm512_cvtps_pd(v); }
inline HalfF narrowed(D v) { return _mm512_cvtpd_ps(v); }
#elif defined(__AVX__) && LUCE_VECTOR_BYTES == 32
inline D widened(HalfF v) { return _mm256_cvtps_pd(v); }
inline HalfF narrowed(D v) { return _mm256_cvtpd_ps(v); }
#else
inline D widened(HalfF v) { return __builtin_convertvector(v, D); }
inline HalfF narrowed(D v) { return __builtin_convertvector(v, HalfF); }
#endif

// The larger and the smaller of two; b where either is NaN.
template <class V>
inline V larger(V a, V b) {
  return a > b ? a : b;
}
template <class V>
inline V smaller(V a, V b) {
  return a < b ? a : b;
}
#if defined(__AVX512F__) && LUCE_VECTOR_BYTES == 64
inline F larger(F a, F b) { return _mm512_max_ps(a, b); }
inline D larger(D a, D b) { return _mm512_max_pd(a, b); }
inline D smaller(D a, D b) { return _mm512_min_pd(a, b); }
#elif defined(__AVX__) && LUCE_VECTOR_BYTES == 32
inline F larger(F a, F b) { return _mm256_max_ps(a, b); }
inline D larger(D a, D b) { return _mm256_max_pd(a, b); }
inline D smaller(D a, D b) { return _mm256_min_pd(a, b); }
#elif defined(__SSE2__) && LUCE_VECTOR_BYTES == 16
inline F larger(F a, F b) { return _mm_max_ps(a, b); }
inline D larger(D a, D b) { return _mm_max_pd(a, b); }
inline D smaller(D a, D b) { return _mm_min_pd(a, b); }
#endif

// Rows of 4 numbers, `stride` apart, side by side in one vector; and back.
inline F gather_fours(const float* p, int64_t stride) {
#if defined(__AVX512F__) && LUCE_VECTOR_BYTES == 64
  F v = _mm512_castps128_ps512(_mm_loadu_ps(p));
  v = _mm512_insertf32x4(v, _mm_loadu_ps(p + stride), 1);
  v = _mm512_insertf32x4(v, _mm_loadu_ps(p + 2 * stride), 2);
  return _mm512_insertf32x4(v, _mm_loadu_ps(p + 3 * stride), 3);
#elif defined(__AVX__) && LUCE_VECTOR_BYTES == 32
  return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + stride), 1);
#else
  F v;
  for (int i = 0; i < kFloats / 4; ++i)
    std::memcpy(reinterpret_cast<float*>(&v) + 4 * i, p + i * stride, 16);
  return v;
#endif
}

inline void scatter_fours(F v, float* p, int64_t stride) {
#if defined(__AVX512F__) && LUCE_VECTOR_BYTES == 64
  _mm_storeu_ps(p, _mm512_castps512_ps128(v));
  _mm_storeu_ps(p + stride, _mm512_extractf32x4_ps(v, 1));
  _mm_storeu_ps(p + 2 * stride, _mm512_extractf32x4_ps(v, 2));
  _mm_storeu_ps(p + 3 * stride, _mm512_extractf32x4_ps(v, 3));
#elif defined(__AVX__) && LUCE_VECTOR_BYTES == 32
  _mm_storeu_ps(p, _mm256_castps256_ps128(v));
  _mm_storeu_ps(p + stride, _mm256_extractf128_ps(v, 1));
#else
  for (int i = 0; i < kFloats / 4; ++i)
    std::memcpy(p + i * stride, reinterpret_cast<float*>(&v) + 4 * i, 16);
#endif
}

// Store past the cache, which a large result would only sweep empty; p is aligned to kBytes.
inline void stream(float* p, F v) {
#if defined(__AVX512F__) && LUCE_VECTOR_BYTES == 64
  _mm512_stream_ps(p, v);
#elif defined(__AVX__) && LUCE_VECTOR_BYTES == 32
  _mm256_stream_ps(p, v);
#else
  store_as(p, v);
#endif
}

inline void end_of_stream() {
#ifdef __AVX__
  _mm_sfence();
#endif
}

// The same shuffle within each group of 4 lanes; indices kFloats.. name the second vector.
#if LUCE_VECTOR_BYTES == 16
#define LUCE_FOURS(a, b, c, d) a, b, c, d
#elif LUCE_VECTOR_BYTES == 32
#define LUCE_FOURS(a, b, c, d) a, b, c, d, a + 4, b + 4, c + 4, d + 4
#else
#define LUCE_FOURS(a, b, c, d)                                                               \
  a, b, c, d, a + 4, b + 4, c + 4, d + 4, a + 8, b + 8, c + 8, d + 8, a + 12, b + 12, c + 12, \
      d + 12
#endif
#ifdef __clang__
#define LUCE_SHUFFLE(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define LUCE_SHUFFLE(x, y, ...) __builtin_shuffle(x, y, I{__VA_ARGS__})
#endif

// Transpose each 4 x 4 block that four vectors hold side by side.
inline void transpose_fours(F (&v)[4]) {
  constexpr int n = kFloats;
  F a = LUCE_SHUFFLE(v[0], v[1], LUCE_FOURS(0, n, 1, n + 1));
  F b = LUCE_SHUFFLE(v[0], v[1], LUCE_FOURS(2, n + 2, 3, n + 3));
  F c = LUCE_SHUFFLE(v[2], v[3], LUCE_FOURS(0, n, 1, n + 1));
  F d = LUCE_SHUFFLE(v[2], v[3], LUCE_FOURS(2, n + 2, 3, n + 3));
  v[0] = LUCE_SHUFFLE(a, c, LUCE_FOURS(0, 1, n, n + 1));
  v[1] = LUCE_SHUFFLE(a, c, LUCE_FOURS(2, 3, n + 2, n + 3));
  v[2] = LUCE_SHUFFLE(b, d, LUCE_FOURS(0, 1, n, n + 1));
  v[3] = LUCE_SHUFFLE(b, d, LUCE_FOURS(2, 3, n + 2, n + 3));
}

// The two halves of a vector of floats as doubles, and back.
#if defined(__AVX512F__) && LUCE_VECTOR_BYTES == 64
inline D widen_low(F v) { return widened(_mm512_castps512_ps256(v)); }
inline D widen_high(F v) { return widened(_mm512_extractf32x8_ps(v, 1)); }
inline F narrow(D low, D high) {
  return _mm512_insertf32x8(_mm512_castps256_ps512(narrowed(low)), narrowed(high), 1);
}
#elif defined(__AVX__) && LUCE_VECTOR_BYTES == 32
inline D widen_low(F v) { return widened(_mm256_castps256_ps128(v)); }
inline D widen_high(F v) { return widened(_mm256_extractf128_ps(v, 1)); }
inline F narrow(D low, D high) { return _mm256_set_m128(narrowed(high), narrowed(low)); }
#else
struct Halves {
  HalfF low, high;
};
inline D widen_low(F v) {
  Halves h;
  std::memcpy(&h, &v, sizeof h);
  return widened(h.low);
}
inline D widen_high(F v) {
  Halves h;
  std::memcpy(&h, &v, sizeof h);
  return widened(h.high);
}
inline F narrow(D low, D high) {
  Halves h{narrowed(low), narrowed(high)};
  F v;
  std::memcpy(&v, &h, sizeof v);
  return v;
}
#endif

// Numbers of either type as doubles, kDoubles at a time.
inline D load_wide(const double* p) { return load_as<D>(p); }
inline D load_wide(const float* p) { return widened(load_as<HalfF>(p)); }
inline void store_narrow(double* p, D v) { store_as(p, v); }
inline void store_narrow(float* p, D v) { store_as(p, narrowed(v)); }

// kDoubles numbers from index i of n as doubles, filled up where they end; and back.
template <class T>
inline D numbers_at(const T* x, int64_t i, int64_t n, T filling = 0) {
  if (i + kDoubles <= n) return load_wide(x + i);
#if defined(__AVX512VL__) && LUCE_VECTOR_BYTES == 64
  const __mmask8 there = __mmask8((1 << (n - i)) - 1);
  if constexpr (sizeof(T) == 4)
    return widened(_mm256_mask_loadu_ps(_mm256_set1_ps(filling), there, x + i));
#endif
  T some[kDoubles];
  for (int j = 0; j < kDoubles; ++j) some[j] = i + j < n ? x[i + j] : filling;
  return load_wide(some);
}
template <class T>
inline void write_numbers(T* out, int64_t i, int64_t n, D v) {
  if (i + kDoubles <= n) return store_narrow(out + i, v);
#if defined(__AVX512VL__) && LUCE_VECTOR_BYTES == 64
  const __mmask8 there = __mmask8((1 << (n - i)) - 1);
  if constexpr (sizeof(T) == 4) return _mm256_mask_storeu_ps(out + i, there, narrowed(v));
#endif
  T some[kDoubles];
  store_narrow(some, v);
  std::memcpy(out + i, some, (n - i) * sizeof(T));
}

// kFloats numbers from index i of n, filled up with zeros where they end; and back.
inline F floats_at(const float* x, int64_t i, int64_t n) {
  if (i + kFloats <= n) return load_as<F>(x + i);
#if defined(__AVX512F__) && LUCE_VECTOR_BYTES == 64
  return _mm512_maskz_loadu_ps(__mmask16((1 << (n - i)) - 1), x + i);
#else
  float some[kFloats];
  for (int j = 0; j < kFloats; ++j) some[j] = i + j < n ? x[i + j] : 0.0f;
  return load_as<F>(some);
#endif
}
inline void write_floats_at(float* out, int64_t i, int64_t n, F v) {
  if (i + kFloats <= n) return store_as(out + i, v);
#if defined(__AVX512F__) && LUCE_VECTOR_BYTES == 64
  _mm512_mask_storeu_ps(out + i, __mmask16((1 << (n - i)) - 1), v);
#else
  for (int j = 0; i + j < n; ++j) out[i + j] = v[j];
#endif
}

// The sum of the lanes: the second half is added to the first, and so on.
inline double added_up(D v) {
  double part[kDoubles];
  std::memcpy(part, &v, sizeof part);
  for (int width = kDoubles / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) part[i] += part[i + width];
  return part[0];
}

template <class V>
inline auto largest(V v) {
  auto top = v[0];
  for (unsigned i = 1; i < sizeof v / sizeof v[0]; ++i) top = v[i] > top ? v[i] : top;
  return top;
}

// Whether any lane is true, be it of 64 bits or of 32.
inline bool any(L mask) {
#if defined(__AVX512F__) && LUCE_VECTOR_BYTES == 64
  return _mm512_test_epi64_mask(reinterpret_cast<__m512i>(mask), reinterpret_cast<__m512i>(mask));
#elif defined(__AVX__) && LUCE_VECTOR_BYTES == 32
  return _mm256_movemask_ps(reinterpret_cast<F>(mask));
#else
  int64_t bits = 0;
  for (int i = 0; i < kDoubles; ++i) bits |= mask[i];
  return bits != 0;
#endif
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr double kMost = 0x1.fffffffffffffp1023;

inline bool finite(double x) { return x <= kMost && x >= -kMost; }

template <class T>
void fill(T* out, int64_t n, double value) {
  for (int64_t i = 0; i < n; ++i) out[i] = T(value);
}

inline F load(const float* p) { return load_as<F>(p); }
inline D load(const double* p) { return load_as<D>(p); }

template <class T>
constexpr int lanes_of = kBytes / sizeof(T);

template <class T>
T maximum(const T* z, int64_t n) {  // NaN is passed over
  constexpr int lanes = lanes_of<T>;
  constexpr T none = -__builtin_inf();
  T top = none;
  int64_t i = 0;
  if (n >= lanes) {
    auto a = all(none), b = a, c = a, d = a;
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
      a = larger(load(z + i), a);
      b = larger(load(z + i + lanes), b);
      c = larger(load(z + i + 2 * lanes), c);
      d = larger(load(z + i + 3 * lanes), d);
    }
    for (; i + lanes <= n; i += lanes) a = larger(load(z + i), a);
    top = largest(larger(larger(a, b), larger(c, d)));
  }
  for (; i < n; ++i) top = z[i] > top ? z[i] : top;
  return top;
}

// The logsumexp of a row whose maximum is infinite, or that holds only NaNs and -inf.
template <class T>
double logsumexp_of_extremes(const T* z, int64_t n, double top) {
  for (int64_t i = 0; i < n; ++i)
    if (z[i] != z[i]) return z[i];
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
