// Products of rows of floats with few classes.
#pragma once
#include <cstdint>

namespace luce {

constexpr int64_t kNarrow = 16;  // classes at most

// What one instruction set offers. `work` holds d * kNarrow numbers.
struct NarrowOf {
  // z (n, k) = x (n, d) w^T
  void (*logits)(const float* x, int64_t n, int64_t d, const float* w, int64_t k, float* z,
                 float* work);
  // out (k, d) = g (n, k)^T x (n, d)
  void (*pulled)(const float* g, int64_t n, int64_t k, const float* x, int64_t d, float* out,
                 float* work);
};

}  // namespace luce
