// From arrays of any shape to rows and pieces of rows, split over threads.
//
// How a row is cut into pieces depends on its length alone, and pieces are folded in order, so
// that neither the number of threads nor the axis shows in the result.
#pragma once
#include "kernels.hpp"

namespace luce {

// z is (outer, n, inner); out has the same shape, or (outer, 1, inner) for logsumexp.
template <class T>
void along_axis(const KernelsOf<T>&, Kind, const T* z, T* out, int64_t outer, int64_t n,
                int64_t inner, double temperature);

template <class T>
void cross_entropy(const KernelsOf<T>&, const T* z, const Targets&, double* loss, T* grad,
                   int64_t n, int64_t k);

// Backward passes along rows of k classes, from what the forward pass has kept: the probabilities,
// or the sums of exponentials, one a row; false where `log_gradient` gives that for any row.
template <class T>
void log_softmax_with_sums(const KernelsOf<T>&, const T* z, T* out, double* sums, int64_t n,
                           int64_t k, double temperature);
template <class T>
void softmax_gradient(const KernelsOf<T>&, const T* p, const T* v, T* out, int64_t n, int64_t k,
                      double temperature);
template <class T>
bool log_softmax_gradient(const KernelsOf<T>&, const T* z, const double* sums, const T* v, T* out,
                          int64_t n, int64_t k, double temperature);

template <class T>
void curvature(const KernelsOf<T>&, const T* p, const T* u, const T* scale, T* out, int64_t n,
               int64_t k);

// z, v and out are (outer, n, inner); false where `kernel` gives that for any row.
template <class T, class V>
bool jacobian_product(JacobianRows<T, V> kernel, Product, const T* z, const V* v, T* out,
                      int64_t outer, int64_t n, int64_t inner, double temperature);

template <class T>
void elementwise(void (*kernel)(const T*, T*, int64_t), const T* x, T* out, int64_t n);

}  // namespace luce
