// The pass of panel_pass.hpp over sparse rows: logits are gathered, gradients are scattered.
//
// Each part of the rows has a gradient of its own, which must stay in the cache: for few classes
// and columns that many rows share. Elsewhere two products, by rows and by columns, are faster.
#pragma once
#include <type_traits>

#include "panel_pass.hpp"

namespace {

using luce::CompressedRows;

// Call body(j, tile) for tiles of neighbouring classes, whose numbers fit into registers.
template <class Body>
inline void by_tiles(int64_t k, Body body) {
  int64_t j = 0;
  for (; j + 32 <= k; j += 32) body(j, std::integral_constant<int, 32>{});
  if (j + 16 <= k) body(j, std::integral_constant<int, 16>{}), j += 16;
  if (j + 8 <= k) body(j, std::integral_constant<int, 8>{}), j += 8;
  if (j + 4 <= k) body(j, std::integral_constant<int, 4>{}), j += 4;
  if (j + 2 <= k) body(j, std::integral_constant<int, 2>{}), j += 2;
  if (j < k) body(j, std::integral_constant<int, 1>{});
}

// The logits of one row; those of its neighbours stand beside them.
template <class Index>
inline void gather_row(const PanelModel& a, const CompressedRows<Index>& rows, int64_t row,
                       double* z) {
  const int64_t start = rows.starts[row], count = int64_t(rows.starts[row + 1]) - start;
  const Index* columns = rows.columns + start;
  const double* x = rows.x + start;
  by_tiles(a.k, [&](int64_t j, auto tile) {
    double sum[tile()];
    for (int l = 0; l < tile(); ++l) sum[l] = rows.constant[j + l];
    for (int64_t p = 0; p < count; ++p) {
      const double *w = a.theta + int64_t(columns[p]) * a.k + j, factor = x[p];
      for (int l = 0; l < tile(); ++l) sum[l] += factor * w[l];
    }
    for (int l = 0; l < tile(); ++l) z[(j + l) * a.wide] = sum[l];
  });
}

// gradient += x_i^T g for one row and its residual g (k,); the last row of it += g
template <class Index>
inline void scatter_row(const CompressedRows<Index>& rows, int64_t row, const double* g, int64_t k,
                        double* gradient) {
  const int64_t start = rows.starts[row], count = int64_t(rows.starts[row + 1]) - start;
  const Index* columns = rows.columns + start;
  const double* x = rows.x + start;
  by_tiles(k, [&](int64_t j, auto tile) {
    double here[tile()];
    for (int l = 0; l < tile(); ++l) here[l] = g[j + l];
    for (int64_t p = 0; p < count; ++p) {
      double* to = gradient + int64_t(columns[p]) * k + j;
      const double factor = x[p];
      for (int l = 0; l < tile(); ++l) to[l] += factor * here[l];
    }
    double* total = gradient + rows.width * k + j;
    for (int l = 0; l < tile(); ++l) total[l] += here[l];
  });
}

template <class Index>
inline void gather_panel(const PanelModel& a, const CompressedRows<Index>& rows, int64_t panel,
                         const PanelWork& w) {
  const int64_t first = panel * a.wide, count = fewer(a.wide, a.n - first);
  w.take(a, panel);
  for (int64_t r = 0; r < count; ++r) gather_row(a, rows, first + r, w.residual + r);
  for (int64_t j = 0; j < a.k; ++j)  // rows that are not there, without weight
    std::fill(w.residual + j * a.wide + count, w.residual + (j + 1) * a.wide, 0.0);
}

template <class Index>
inline void scatter_panel(const PanelModel& a, const CompressedRows<Index>& rows, int64_t panel,
                          const PanelWork& w, double* gradient) {
  const int64_t first = panel * a.wide, count = fewer(a.wide, a.n - first);
  double* g = w.bend;  // has room for a row
  for (int64_t r = 0; r < count; ++r) {
    for (int64_t j = 0; j < a.k; ++j) g[j] = w.residual[j * a.wide + r];
    scatter_row(rows, first + r, g, a.k, gradient);
  }
}

template <class Index>
void compressed_pass(const PanelModel& a, const CompressedRows<Index>& rows, int64_t first,
                     int64_t last, const PanelSums& sums, double* work) {
  const PanelWork w(a, work);
  for (int64_t panel = first; panel < last; ++panel) {
    gather_panel(a, rows, panel, w);
    softmax_panel(a, w, sums);
    scatter_panel(a, rows, panel, w, sums.gradient);
  }
}

template <class Index>
void compressed_dual(const PanelModel& a, const CompressedRows<Index>& rows,
                     const luce::Repair& repair, int64_t first, int64_t last,
                     const PanelSums& sums, double* work) {
  const PanelWork w(a, work);
  double loss = 0, right = 0;
  for (int64_t panel = first; panel < last; ++panel) {
    gather_panel(a, rows, panel, w);
    softmax_panel(a, w, {&loss, &right, nullptr, nullptr});
    if (loss != loss) *sums.loss = loss;  // a logit was not finite
    repair_panel(a, repair, w, sums.loss);
    scatter_panel(a, rows, panel, w, sums.gradient);
  }
}

template <class Index>
void compressed_pull(const CompressedRows<Index>& rows, const double* r, int64_t first,
                     int64_t last, int64_t k, double* gradient) {
  for (int64_t row = first; row < last; ++row) scatter_row(rows, row, r + row * k, k, gradient);
}

template <class Index>
constexpr luce::CompressedOf<Index> compressed() {
  return {compressed_pass<Index>, compressed_dual<Index>, compressed_pull<Index>};
}

}  // namespace
