// Products of a few rows with a large matrix, split over threads.
//
// A library's product is at its best on matrices that are large both ways. Here one of them has as
// few rows as a small workspace holds logits of, and the large one (the weights or their gradient)
// is read where it stands: no more than tiles of it are copied. Every sum is taken in an order
// that its length alone decides: the rows beside it and the number of threads do not show.
#pragma once
#include <cstdint>

namespace luce {

// The weights: d numbers for each of k classes. One of the two strides is 1.
template <class T>
struct Weights {
  const T* data;
  int64_t k, d, of_class, of_width;

  Weights from(int64_t j) const {
    return {data + j * of_class, k - j, d, of_class, of_width};
  }
  const T* at(int64_t j, int64_t p) const { return data + j * of_class + p * of_width; }
};

// What one instruction set offers: the work of one thread at a time. Memory called `work` holds as
// many numbers as the function above it says.
template <class T>
struct ProductsOf {
  int64_t panel;  // columns that are worked on side by side

  // Columns (or rows) of x side by side: panel_pq = x_pq (or x_qp), filled up with zeros.
  void (*pack)(const T* x, int64_t row, int64_t depth, int64_t columns, T* panel);
  void (*pack_transposed)(const T* x, int64_t row, int64_t depth, int64_t columns, T* panel);

  // z_ij = sum_p h_ip w_jp + bias_j for n rows and up to kLogitClasses classes; `packed` holds the
  // rows in panels of d.
  int64_t (*logits_work)(int64_t n, int64_t d);
  void (*logits)(const T* packed, int64_t n, const Weights<T>&, const T* bias, T* z, int64_t row,
                 T* work);

  // out_ip = sum_j g_ij w_jp for n rows, all classes, and p in first..last-1.
  int64_t (*hidden_work)(int64_t n);
  void (*hidden)(const T* g, int64_t n, const Weights<T>&, int64_t first, int64_t last, T* out,
                 T* work);

  // out_jp (+)= sum_i g_ij h_ip for n rows and some classes; `packed` holds the columns of h in
  // panels of n.
  int64_t (*weight_work)(int64_t n, int64_t classes);
  void (*weight)(const T* g, int64_t row, int64_t n, int64_t classes, const T* packed, int64_t d,
                 T* out, bool add, T* work);
};

constexpr int64_t kLogitClasses = 48;
constexpr int64_t kWeightClasses = 96;

// z (n, k) = h (n, d) w^T + bias; bias may be null
template <class T>
void logits_of(const ProductsOf<T>&, const T* h, int64_t n, const Weights<T>&, const T* bias, T* z);

// out (n, d) = g (n, k) w
template <class T>
void grad_hidden(const ProductsOf<T>&, const T* g, int64_t n, const Weights<T>&, T* out);

// out (k, d) (+)= g (n, k)^T h (n, d)
template <class T>
void grad_weight(const ProductsOf<T>&, const T* g, int64_t n, int64_t k, const T* h,
                        int64_t d, T* out, bool add);

}  // namespace luce
