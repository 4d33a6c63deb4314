// One pass over the rows of a linear softmax model: its loss, its gradient, its Hessian.
//
// Rows stand in panels of `wide` neighbours, column after column: number (c, r) of a panel is
// column c of its row r. All arithmetic goes along the rows, so that nothing is summed across a
// vector but one number for each result.
#pragma once
#include <cstdint>

namespace luce {

struct PanelModel {
  int64_t n, d, k, wide;  // rows, columns, classes, rows of a panel
  const double* x;        // (panels, d, wide); rows after the last are zeros
  const int64_t* y;       // (n,) classes
  const double* s;        // (n,) weights
  const double* theta;    // (k, d)
  int64_t left_out;       // the class without cells in the Hessian

  int64_t panels() const { return (n + wide - 1) / wide; }
  int64_t pairs() const { return k * (k - 1) / 2; }  // of k - 1 classes, each with itself too
};

// What a pass finds; sums to which each panel adds.
struct PanelSums {
  double *loss, *right;  // right: the weight of rows whose largest logit is that of their class
  double* gradient;      // (k, d)
  double* cells;         // (pairs, d, d), the lower triangle of each cell; or null
};

// How probabilities are moved between classes, so that their totals become those of the targets:
// q_j = p_j (1 - given_j) + (sum_l p_l given_l) received_j.
struct Repair {
  const double *given, *received;  // (k,)
};

// Sparse rows: the numbers x of row i stand at `columns` from starts[i] to starts[i + 1] - 1, and
// its logits are constant_j + sum_p x_p theta_{column_p, j}: theta is (width, k) here.
template <class Index>
struct CompressedRows {
  int64_t width;
  const Index *starts, *columns;
  const double *x, *constant;
};

// What one instruction set offers for sparse rows; gradients are (width + 1, k), the last row being
// the sum of the residuals.
template <class Index>
struct CompressedOf {
  void (*pass)(const PanelModel&, const CompressedRows<Index>&, int64_t first, int64_t last,
               const PanelSums&, double* work);
  void (*dual)(const PanelModel&, const CompressedRows<Index>&, const Repair&, int64_t first,
               int64_t last, const PanelSums&, double* work);
  // gradient += sum_i x_i^T r_i for rows first..last - 1 and given residuals r (n, k)
  void (*pull)(const CompressedRows<Index>&, const double* r, int64_t first, int64_t last,
               int64_t k, double* gradient);
};

// What one instruction set offers: some panels, one after another; numbers of `work` it needs.
struct PanelsOf {
  void (*pass)(const PanelModel&, int64_t first, int64_t last, const PanelSums&, double* work);
  // loss: sum_i s_i H(q_i); gradient: sum_i s_i (q_i - t_i) x_i^T
  void (*dual)(const PanelModel&, const Repair&, int64_t first, int64_t last, const PanelSums&,
               double* work);
  // cells (k, d, d): sum_i weights_ij x_i x_i^T, lower triangles; weights (n, k)
  void (*grams)(const PanelModel&, const double* weights, int64_t first, int64_t last,
                double* cells, double* work);
  int64_t (*work)(const PanelModel&);
  CompressedOf<int32_t> narrow;
  CompressedOf<int64_t> wide;
};

// Lay rows (n, d) out in panels.
void to_panels(const double* x, int64_t n, int64_t d, int64_t wide, double* panels);

// All panels, on all threads; the result does not depend on how many. `hessian` is
// ((k - 1) d, (k - 1) d) in the classes but `left_out`, or null.
void softmax_pass(const PanelsOf&, const PanelModel&, double* loss, double* right, double* gradient,
                  double* hessian);

double softmax_dual(const PanelsOf&, const PanelModel&, const Repair&, double* gradient);

// The same of sparse rows; of the model only n, k, y, s and theta are read.
template <class Index>
void sparse_pass(const PanelsOf&, const PanelModel&, const CompressedRows<Index>&, double* loss,
                 double* right, double* gradient);

template <class Index>
double sparse_dual(const PanelsOf&, const PanelModel&, const CompressedRows<Index>&, const Repair&,
                   double* gradient);

template <class Index>
void sparse_pulled(const PanelsOf&, const CompressedRows<Index>&, const double* r, int64_t n,
                   int64_t k, double* gradient);

// grams (k, d, d)
void weighted_grams(const PanelsOf&, const PanelModel&, const double* weights, double* grams);

}  // namespace luce
