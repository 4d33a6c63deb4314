// What one instruction set offers to the layer above: plain functions on contiguous rows.
//
// Every instruction set compiles the same sources into one object file and fills one `Kernels`.
// Type 0 is float, type 1 is double throughout.
#pragma once
#include <cstdint>

#include "narrow.hpp"
#include "panels.hpp"
#include "products.hpp"
#include "sparse.hpp"

namespace luce {

// A row longer than this is worked on in pieces of this many classes, whatever the number of
// threads: the pieces, and with them the result, depend on the row alone.
constexpr int64_t kPiece = 4096;

// Rows of at most this many classes are worked on several at a time, one in each vector lane.
constexpr int64_t kShort = 32;

// As many columns are worked on side by side at most.
constexpr int64_t kColumns = 256;

// What is known of a piece of a row, or of several pieces folded together. How `high` and `low`
// make up the sum of exponentials is the affair of float_rows.hpp and double_sums.hpp.
struct Sum {
  double top;      // largest logit, -inf if there is none; NaN is left to the sum
  int64_t winner;  // where it stands; double only, and only if asked for
  double high, low;
  bool exact;      // whether the sum is relative to `top`
};

enum class Kind { softmax, log_softmax, logsumexp };

// Products of a vector and a Jacobian at logits / T, p being their softmax: of the softmax, which
// is p_i (v_i - sum_j p_j v_j) / T, of the logarithm's rows (v_i - sum_j p_j v_j) / T, and of its
// columns (v_i - p_i sum_j v_j) / T.
enum class Product { softmax, log_forward, log_backward };

// Rows of any length. A row with a v that is too large, or not a number, is filled with NaN, and
// the answer is false.
template <class T, class V>
using JacobianRows = bool (*)(Product, const T* z, const V* v, T* out, int64_t rows, int64_t n,
                              double temperature);

// The targets of rows of k classes: t_ij = own_i [j = y_i] + spread_i w_j for labels,
// t_ij = (own_i q_ij + spread_i) w_j for distributions. The loss of a row is
// -sum_j t_ij log p_ij + z_weight_i lse_i^2, of logits divided by the temperature.
struct Targets {
  int64_t k;
  const int64_t* y;  // null for distributions
  const float* q32;  // one of these two, or none for labels
  const double* q64;
  const double *own, *spread;
  const double* w;  // null = ones
  double total_w;
  const double* z_weight;  // null = zeros
  double temperature;

  Targets from(int64_t row) const {
    Targets rest = *this;
    if (y) rest.y += row;
    if (q32) rest.q32 += row * k;
    if (q64) rest.q64 += row * k;
    rest.own += row;
    rest.spread += row;
    if (z_weight) rest.z_weight += row;
    return rest;
  }
  bool counts(int64_t row) const { return own[row] != 0 || spread[row] != 0; }
  bool plain() const { return y && !z_weight && temperature == 1; }
};

// A quadratic model of m coefficients whose matrix is that of a softmax's curvature; see
// coordinate_descent.hpp. Arrays of classes are (k, n), one class after another.
struct ColumnModel {
  int64_t n, m, group;
  const int64_t *start, *rows;  // of each column, where its values stand; rows null = all of them
  const double* values;
  const int64_t *column, *classes;  // of each block, of each coefficient
  const double *gradient, *ridge, *from, *bound, *weight;
  const double *sp, *p;  // p null: one row of coefficients, whose mean stays 0
  double *change, *mean;
};

template <class T>
struct KernelsOf {
  // Whole rows of n <= kPiece classes; out may be z. For logsumexp out holds one number a row.
  // `streaming`: the result is large, and need not stay in the cache.
  void (*rows)(Kind, const T* z, T* out, int64_t rows, int64_t n, double temperature,
               bool streaming);

  // The logarithm of the softmax of such rows, and what `log_gradient` needs of each: the sum of
  // e^(z / temperature), or 0.
  void (*log_rows)(const T* z, T* out, double* sums, int64_t rows, int64_t n, double temperature);
  // Rows of any length: the products of Product::softmax and Product::log_backward, from the
  // probabilities, and from the sums of `log_rows`; its answer is that of JacobianRows.
  void (*softmax_gradient)(const T* p, const T* v, T* out, int64_t rows, int64_t n,
                           double temperature, bool streaming);
  bool (*log_gradient)(const T* z, const double* sums, const T* v, T* out, int64_t rows, int64_t n,
                       double temperature, bool streaming);

  // Neighbouring columns, `stride` apart, of n <= kShort classes. These and the next two are null
  // where columns are to be gathered into rows.
  void (*short_columns)(Kind, const T* z, T* out, int64_t columns, int64_t n, int64_t stride,
                        double temperature);
  // The two halves of a softmax of up to kColumns columns of n <= kPiece classes. Columns whose
  // sums are not `in_range` are to be gathered.
  void (*measure_columns)(const T* z, int64_t columns, int64_t n, int64_t stride,
                          double temperature, double* sums, double* keep);
  void (*write_columns)(const T* z, T* out, int64_t columns, int64_t n, int64_t stride,
                        double temperature, const double* sums, const double* kept, bool part,
                        bool streaming);
  bool (*in_range)(double sum);

  // The parts that a longer row is made of: measure pieces, fold them in order; if the sum has
  // not settled, measure them again relative to the largest logit; finish pieces.
  void (*measure)(const T* z, int64_t n, bool with_top, double temperature, Sum*);
  void (*fold)(const T*, Sum* total, const Sum& piece);
  bool (*settled)(const T*, const Sum&, bool with_top, double temperature);
  void (*measure_exact)(const T* z, int64_t n, int64_t winner, double top, double temperature, Sum*);
  void (*finish)(Kind, const T* z, T* out, int64_t n, const Sum&, double temperature,
                 bool streaming);

  void (*cross_entropy)(const T* z, const Targets&, double* loss, T* grad, int64_t rows,
                        int64_t k);  // rows of k <= kPiece classes; grad null or z too
  void (*cross_entropy_row)(const T* z, const Targets&, double* loss, T* grad, int64_t k,
                            const Sum&);
  void (*curvature)(const T* p, const T* u, const T* scale, T* out, int64_t rows, int64_t k);
  void (*sigmoid)(const T* x, T* out, int64_t n);
  void (*log_sigmoid)(const T* x, T* out, int64_t n);
  void (*softplus)(const T* x, T* out, int64_t n);
  JacobianRows<T, T> jacobian_rows;

  ProductsOf<T> products;
  SparseOf<T> sparse;
};

struct Kernels {
  const char* name;
  KernelsOf<float> f32;
  KernelsOf<double> f64;
  JacobianRows<float, double> jacobian_mixed;
  PanelsOf panels;
  NarrowOf narrow;

  // One pass over all coordinates; returns the largest step times its bound. `step` holds 2 groups.
  double (*descend_matrix)(const double* h, double* g, double* v, const double* bound,
                           const double* weight, int64_t m, int64_t group, double* step);
  double (*descend_columns)(const ColumnModel&, double* v, double* step);
};

}  // namespace luce
