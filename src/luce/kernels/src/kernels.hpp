// What one instruction set offers to the layer above: plain functions on contiguous rows.
//
// Every instruction set compiles the same sources into one object file and fills one `Kernels`.
// Type 0 is float, type 1 is double throughout.
#pragma once
#include <cstdint>

namespace luce {

// A row longer than this is worked on in pieces of this many classes, whatever the number of
// threads: the pieces, and with them the result, depend on the row alone.
constexpr int64_t kPiece = 4096;

// Rows of at most this many classes are worked on several at a time, one in each vector lane.
constexpr int64_t kShort = 32;

// What is known of a piece of a row, or of several pieces folded together.
struct Sum {
  double top;      // largest logit, -inf if there is none; NaN is left to the sum
  int64_t winner;  // where it stands; set only if asked for
  double scale;    // `high` counts units of 2^scale (fast path) or exp(top) (exact path)
  double high;     // sum of exponentials, without the winner's if that was asked for
  double low;      // its rounding error (exact path)
  bool exact;      // whether the fast path does not hold
};

enum class Kind { softmax, log_softmax, logsumexp };

// The target of a row: a * [j = y] + b * w_j.
struct Targets {
  const int64_t* y;
  const double* a;
  const double* b;
  const double* w;  // null = ones
  double total_w;
};

template <class T>
struct KernelsOf {
  // Whole rows of n <= kPiece classes; out may be z. For logsumexp out holds one number a row.
  // `streaming`: the result is large, and need not stay in the cache.
  void (*rows)(Kind, const T* z, T* out, int64_t rows, int64_t n, double temperature,
               bool streaming);
  // Neighbouring columns of n <= kShort classes, `stride` apart; temperature 1. Null = not offered.
  void (*columns)(Kind, const T* z, T* out, int64_t columns, int64_t n, int64_t stride);
  // The parts that a longer row is made of: measure pieces, fold them in order, finish pieces.
  void (*measure)(const T* z, int64_t n, bool leave_winner, bool top_only, Sum*);
  void (*measure_exact)(const T* z, int64_t n, int64_t winner, double top, double temperature, Sum*);
  void (*fold)(Sum* total, const Sum& piece, bool leave_winner);
  bool (*settled)(const Sum&);  // whether the fast path held, or there is nothing to add up
  void (*finish)(Kind, const T* z, T* out, int64_t n, const Sum&, double temperature,
                 bool streaming);

  void (*cross_entropy)(const T* z, const Targets&, double* loss, T* grad, int64_t rows,
                        int64_t k);  // rows of k <= kPiece classes; grad null or z too
  void (*cross_entropy_row)(const T* z, const Targets&, int64_t row, double* loss, T* grad,
                            int64_t k, const Sum&);
  void (*curvature)(const T* p, const T* u, const T* scale, T* out, int64_t rows, int64_t k);
  void (*sigmoid)(const T* x, T* out, int64_t n);
  void (*log_sigmoid)(const T* x, T* out, int64_t n);
};

struct Kernels {
  const char* name;
  KernelsOf<float> f32;
  KernelsOf<double> f64;
};

}  // namespace luce
