// Products of rows of floats with few classes, one thread's work.
//
// A vector holds a column of the classes, so a library's tiles, which are wide both ways, would
// stay half empty. Several rows are worked on at once, and each number of them is read once. Sums
// are taken in the order of the columns (or rows), whatever stands beside them.
#pragma once
#include "narrow.hpp"
#include "vectors.hpp"

namespace {

// Vectors in registers: sums of some rows, or what these rows are multiplied by.
constexpr int kNarrowVectors = kBytes == 64 ? 16 : 8;

template <int V, int R>
inline void narrow_row_logits(const float* x, int64_t d, const float* w, int64_t k, float* z) {
  F sum[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int q = 0; q < V; ++q) sum[r][q] = F{};
  for (int64_t c = 0; c < d; ++c, w += V * kFloats) {
    F v[V];
#pragma GCC unroll 4
    for (int q = 0; q < V; ++q) v[q] = load_as<F>(w + q * kFloats);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const F s = x[r * d + c] - F{};  // x - 0 is x, and no operation
#pragma GCC unroll 4
      for (int q = 0; q < V; ++q) sum[r][q] += s * v[q];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    float all_classes[V * kFloats];
    std::memcpy(all_classes, sum[r], sizeof all_classes);
    std::memcpy(z + r * k, all_classes, k * sizeof(float));
  }
}

template <int V, int R>
inline void narrow_row_pull(const float* g, int64_t k, const float* x, int64_t d, float* sums) {
  F v[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    float all_classes[V * kFloats] = {};
    std::memcpy(all_classes, g + r * k, k * sizeof(float));
    std::memcpy(v[r], all_classes, sizeof all_classes);
  }
  for (int64_t c = 0; c < d; ++c, sums += V * kFloats) {
    F sum[V];
#pragma GCC unroll 4
    for (int q = 0; q < V; ++q) sum[q] = load_as<F>(sums + q * kFloats);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const F s = x[r * d + c] - F{};
#pragma GCC unroll 4
      for (int q = 0; q < V; ++q) sum[q] += s * v[r][q];
    }
#pragma GCC unroll 4
    for (int q = 0; q < V; ++q) store_as(sums + q * kFloats, sum[q]);
  }
}

template <int V>
void narrow_logits_of(const float* x, int64_t n, int64_t d, const float* w, int64_t k, float* z,
                      float* work) {
  constexpr int R = kNarrowVectors / V, K = V * kFloats;
  for (int64_t c = 0; c < d; ++c)
    for (int64_t j = 0; j < K; ++j) work[c * K + j] = j < k ? w[j * d + c] : 0.0f;
  int64_t i = 0;
  for (; i + R <= n; i += R) narrow_row_logits<V, R>(x + i * d, d, work, k, z + i * k);
  for (; i < n; ++i) narrow_row_logits<V, 1>(x + i * d, d, work, k, z + i * k);
}

template <int V>
void narrow_pulled_of(const float* g, int64_t n, int64_t k, const float* x, int64_t d, float* out,
                      float* work) {
  constexpr int R = kNarrowVectors / V, K = V * kFloats;
  std::memset(work, 0, d * K * sizeof(float));
  int64_t i = 0;
  for (; i + R <= n; i += R) narrow_row_pull<V, R>(g + i * k, k, x + i * d, d, work);
  for (; i < n; ++i) narrow_row_pull<V, 1>(g + i * k, k, x + i * d, d, work);
  for (int64_t j = 0; j < k; ++j)
    for (int64_t c = 0; c < d; ++c) out[j * d + c] = work[c * K + j];
}

void narrow_logits(const float* x, int64_t n, int64_t d, const float* w, int64_t k, float* z,
                   float* work) {
  if (k <= kFloats) return narrow_logits_of<1>(x, n, d, w, k, z, work);
  if (k <= 2 * kFloats) return narrow_logits_of<2>(x, n, d, w, k, z, work);
  narrow_logits_of<4>(x, n, d, w, k, z, work);
}

void narrow_pulled(const float* g, int64_t n, int64_t k, const float* x, int64_t d, float* out,
                   float* work) {
  if (k <= kFloats) return narrow_pulled_of<1>(g, n, k, x, d, out, work);
  if (k <= 2 * kFloats) return narrow_pulled_of<2>(g, n, k, x, d, out, work);
  narrow_pulled_of<4>(g, n, k, x, d, out, work);
}

}  // namespace
