// Compiled once for each instruction set, with LUCE_TABLE naming the table it fills.
#include "compressed_pass.hpp"
#include "coordinate_descent.hpp"
#include "cross_entropy.hpp"
#include "double_lanes.hpp"
#include "elementwise.hpp"
#include "float_columns.hpp"
#include "float_lanes.hpp"
#include "gradient_rows.hpp"
#include "jacobian_rows.hpp"
#include "narrow_rows.hpp"
#include "panel_pass.hpp"
#include "product_tiles.hpp"
#include "sparse_rows.hpp"

namespace {

void rows(Kind kind, const float* z, float* out, int64_t count, int64_t n, double temperature,
          bool streaming) {
  if (n <= kShort) return short_rows(kind, z, out, count, n, temperature);
  if (kind == Kind::softmax) return softmax_rows(z, out, count, n, temperature, streaming);
  log_rows(kind, z, out, count, n, temperature);
}

void rows(Kind kind, const double* z, double* out, int64_t count, int64_t n, double temperature,
          bool) {
  if (n <= kShort) return short_rows(kind, z, out, count, n, temperature);
  const int64_t step = kind == Kind::logsumexp ? 1 : n;
  for (int64_t i = 0; i < count; ++i) {
    if (kind == Kind::softmax)
      softmax_row(z + i * n, out + i * n, n, temperature);
    else
      row(kind, z + i * n, out + i * step, n, temperature);
  }
}

template <class T>
void kept_log_rows(const T* z, T* out, double* sums, int64_t count, int64_t n, double temperature) {
  if constexpr (sizeof(T) == 4)
    if (n > kShort) return log_rows(Kind::log_softmax, z, out, count, n, temperature, sums);
  rows(Kind::log_softmax, z, out, count, n, temperature, false);
  std::fill(sums, sums + count, 0.0);
}

template <class T>
luce::KernelsOf<T> table() {
  luce::KernelsOf<T> t{};
  t.rows = rows;
  t.log_rows = kept_log_rows<T>;
  t.softmax_gradient = softmax_gradient<T>;
  t.log_gradient = log_gradient;
  t.measure = measure;
  t.fold = fold;
  t.settled = settled;
  t.measure_exact = measure_exact;
  t.finish = finish;
  t.cross_entropy = cross_entropy;
  t.cross_entropy_row = cross_entropy_row;
  t.curvature = curvature<T>;
  t.sigmoid = sigmoid<T>;
  t.log_sigmoid = log_sigmoid<T>;
  t.softplus = softplus<T>;
  t.jacobian_rows = jacobian_rows;
  t.products = products<T>();
  t.sparse = {sparse_rows<T, T, int32_t>, sparse_rows<T, T, int64_t>,
              sparse_rows<T, double, int32_t>, sparse_rows<T, double, int64_t>};
  return t;
}

}  // namespace

namespace luce {
Kernels LUCE_TABLE() {
  Kernels all{LUCE_NAME, table<float>(), table<double>()};
  all.f32.short_columns = short_columns;
  all.f32.measure_columns = measure_columns;
  all.f32.write_columns = write_columns;
  all.f32.in_range = in_range;
  all.jacobian_mixed = jacobian_rows;
  all.panels = {panel_pass,      panel_dual,          panel_grams,
                PanelWork::size, compressed<int32_t>(), compressed<int64_t>()};
  all.narrow = {narrow_logits, narrow_pulled};
  all.descend_matrix = descend_matrix;
  all.descend_columns = descend_columns;
  return all;
}
}  // namespace luce
