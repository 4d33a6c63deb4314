// Products of a sparse matrix in compressed rows with a dense one, split over threads.
#pragma once
#include <cstdint>

namespace luce {

// What one instruction set offers: out (rows, k) = X w, the numbers x at `columns` of w's rows;
// those of row i are starts[i]..starts[i + 1] - 1. Sums are of type A.
template <class T, class A, class Index>
using SparseRows = void (*)(const Index* starts, const Index* columns, const T* x, int64_t rows,
                            const T* w, int64_t k, A* out);

template <class T>
struct SparseOf {
  SparseRows<T, T, int32_t> narrow;
  SparseRows<T, T, int64_t> wide;
  SparseRows<T, double, int32_t> narrow_in_double;
  SparseRows<T, double, int64_t> wide_in_double;
};

template <class T, class A, class Index>
void sparse_product(SparseRows<T, A, Index> kernel, const Index* starts, const Index* columns,
                    const T* x, int64_t rows, const T* w, int64_t k, A* out);

}  // namespace luce
