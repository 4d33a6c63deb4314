// Coordinate descent on a quadratic model plus a penalty that shrinks: one block after another,
//
//   v_b <- argmin_v  g_b (v - v_b) + bound_b / 2 |v - v_b|^2 + weight_b |v|_2
//
// with the gradient g kept up to date. Blocks of one coordinate are the lasso, blocks of all
// classes of a feature the group lasso. `bound` is at least the largest eigenvalue of the model in
// the block, so the model never rises; a block with the bound 0 is left as it is.
#pragma once
#include <algorithm>
#include <cmath>

#include "kernels.hpp"

namespace {

// Moves v, writes the change to `step` and returns its size times the bound: how far the block was
// from its optimum, as a gradient.
inline double shrink(double* v, const double* g, double* step, int64_t group, double bound,
                     double weight) {
  double square = 0;
  for (int64_t l = 0; l < group; ++l) {
    step[l] = v[l] - g[l] / bound;
    square += step[l] * step[l];
  }
  const double size = group == 1 ? std::fabs(step[0]) : std::sqrt(square);
  const double left = size * bound > weight ? 1 - weight / (size * bound) : 0.0;
  double moved = 0;
  for (int64_t l = 0; l < group; ++l) {
    const double to = left * step[l];
    step[l] = to - v[l];
    v[l] = to;
    moved += step[l] * step[l];
  }
  return bound * std::sqrt(moved);
}

// The model's matrix h (m, m) is spelled out.
inline double descend_matrix(const double* h, double* g, double* v, const double* bound,
                             const double* weight, int64_t m, int64_t group, double* step) {
  double farthest = 0;
  for (int64_t b = 0; b < m / group; ++b) {
    const int64_t first = b * group;
    if (!(bound[b] > 0)) continue;
    const double moved = shrink(v + first, g + first, step, group, bound[b], weight[b]);
    farthest = std::max(farthest, moved);
    for (int64_t l = 0; l < group; ++l) {
      const double by = step[l];
      if (by == 0) continue;
      const double* __restrict row = h + (first + l) * m;
      double* __restrict gradient = g;
      for (int64_t i = 0; i < m; ++i) gradient[i] += by * row[i];
    }
  }
  return farthest;
}

// sum_i x_i f(i), and for each i the change of what f reads, over the rows that a column holds.
template <class Each>
inline void along_column(const luce::ColumnModel& a, int64_t column, Each each) {
  const int64_t begin = a.start[column], end = a.start[column + 1];
  if (a.rows) {
    for (int64_t e = begin; e < end; ++e) each(a.rows[e], a.values[e]);
  } else {
    const double* x = a.values + begin;
    for (int64_t i = 0; i < a.n; ++i) each(i, x[i]);
  }
}

// The matrix is sum_i s_i (diag p_i - p_i p_i^T) (x) x_i x_i^T + ridge, never spelled out: `change`
// holds the logits' change by class, `mean` its mean over each row's probabilities.
inline double descend_columns(const luce::ColumnModel& a, double* v, double* step) {
  double farthest = 0;
  double* now = step + a.group;
  for (int64_t b = 0; b < a.m / a.group; ++b) {
    const int64_t first = b * a.group;
    if (!(a.bound[b] > 0)) continue;
    for (int64_t l = 0; l < a.group; ++l) {
      const int64_t c = first + l;
      const double *sp = a.sp + a.classes[c] * a.n, *change = a.change + a.classes[c] * a.n;
      const double* mean = a.mean;
      double sum = 0;
      if (a.rows) {
        along_column(a, a.column[b], [&](int64_t i, double x) {
          sum += x * sp[i] * (change[i] - mean[i]);
        });
      } else {
        const double* x = a.values + a.start[a.column[b]];
        double part[8] = {};
        int64_t i = 0;
        for (; i + 8 <= a.n; i += 8)
          for (int t = 0; t < 8; ++t)
            part[t] += x[i + t] * sp[i + t] * (change[i + t] - mean[i + t]);
        for (; i < a.n; ++i) sum += x[i] * sp[i] * (change[i] - mean[i]);
        for (double p : part) sum += p;
      }
      now[l] = a.gradient[c] + a.ridge[c] * (v[c] - a.from[c]) + sum;
    }
    farthest = std::max(farthest, shrink(v + first, now, step, a.group, a.bound[b], a.weight[b]));
    for (int64_t l = 0; l < a.group; ++l) {
      const double by = step[l];
      if (by == 0) continue;
      double* change = a.change + a.classes[first + l] * a.n;
      double* mean = a.mean;
      if (a.p) {
        const double* p = a.p + a.classes[first + l] * a.n;
        along_column(a, a.column[b], [&](int64_t i, double x) {
          change[i] += by * x;
          mean[i] += by * x * p[i];
        });
      } else {
        along_column(a, a.column[b], [&](int64_t i, double x) { change[i] += by * x; });
      }
    }
  }
  return farthest;
}

}  // namespace
