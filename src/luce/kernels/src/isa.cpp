// Compiled once for each instruction set, with LUCE_TABLE naming the table it fills.
#include "cross_entropy.hpp"
#include "elementwise.hpp"
#include "exact_lanes.hpp"
#include "lanes.hpp"

namespace {

template <class T>
void exact_rows(Kind kind, const T* z, T* out, int64_t count, int64_t n, double temperature) {
  if (n <= kShort)
    return temperature == 1 ? exact_short_rows<T, true>(kind, z, out, count, n, 1)
                            : exact_short_rows<T, false>(kind, z, out, count, n, temperature);
  const int64_t step = kind == Kind::logsumexp ? 1 : n;
  for (int64_t i = 0; i < count; ++i) row(kind, z + i * n, out + i * step, n, temperature);
}

void rows(Kind kind, const float* z, float* out, int64_t count, int64_t n, double temperature,
          bool streaming) {
  if (kind == Kind::softmax && temperature == 1) {
    if (n <= kShort) return softmax_short_rows(z, out, count, n);
    for (int64_t i = 0; i < count; ++i) softmax_row(z + i * n, out + i * n, n, streaming);
    return;
  }
  exact_rows(kind, z, out, count, n, temperature);
}

void rows(Kind kind, const double* z, double* out, int64_t count, int64_t n, double temperature,
          bool) {
  if (kind == Kind::softmax && n > kShort) {
    for (int64_t i = 0; i < count; ++i) softmax_row(z + i * n, out + i * n, n, temperature);
    return;
  }
  exact_rows(kind, z, out, count, n, temperature);
}

template <class T>
void finish_row(Kind kind, const T* z, T* out, int64_t n, const Sum& sum, double temperature,
                bool streaming) {
  if (kind == Kind::logsumexp) return finish_logsumexp(z, out, n, sum);
  finish(kind, z, out, n, sum, temperature, streaming);
}

template <class T>
luce::KernelsOf<T> table() {
  luce::KernelsOf<T> t{};
  t.rows = rows;
  t.measure = measure<T>;
  t.measure_exact = measure_exact<T>;
  t.fold = fold;
  t.settled = settled;
  t.finish = finish_row<T>;
  t.cross_entropy = cross_entropy<T>;
  t.cross_entropy_row = cross_entropy_row<T>;
  t.curvature = curvature<T>;
  t.sigmoid = sigmoid<T>;
  t.log_sigmoid = log_sigmoid<T>;
  return t;
}

}  // namespace

namespace luce {
Kernels LUCE_TABLE() {
  Kernels all{LUCE_NAME, table<float>(), table<double>()};
  all.f32.columns = softmax_short_columns;
  return all;
}
}  // namespace luce
