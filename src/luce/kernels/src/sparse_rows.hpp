// Products of sparse rows with a dense matrix.
//
// The numbers of a row are added up in their order, whatever stands beside it: the number of
// threads does not show.
#pragma once
#include <cstdint>

namespace {

// out_j = sum_p x_p w_{c_p, j} for kTile neighbouring columns j, in registers.
template <class T, class A, class Index, int kTile>
inline void sparse_tile(const Index* columns, const T* x, int64_t count, const T* w, int64_t k,
                        A* out) {
  A sum[kTile] = {};
  for (int64_t p = 0; p < count; ++p) {
    const T* row = w + int64_t(columns[p]) * k;
    const A factor = x[p];
    for (int j = 0; j < kTile; ++j) sum[j] += factor * A(row[j]);
  }
  for (int j = 0; j < kTile; ++j) out[j] = sum[j];
}

// out (rows, k) = X w for some rows of X, in compressed form; w (columns of X, k)
template <class T, class A, class Index>
void sparse_rows(const Index* starts, const Index* columns, const T* x, int64_t rows, const T* w,
                 int64_t k, A* out) {
  for (int64_t i = 0; i < rows; ++i, out += k) {
    const int64_t first = starts[i], count = int64_t(starts[i + 1]) - first;
    const Index* c = columns + first;
    const T* v = x + first;
    int64_t j = 0;
    for (; j + 32 <= k; j += 32) sparse_tile<T, A, Index, 32>(c, v, count, w + j, k, out + j);
    if (j + 16 <= k) sparse_tile<T, A, Index, 16>(c, v, count, w + j, k, out + j), j += 16;
    if (j + 8 <= k) sparse_tile<T, A, Index, 8>(c, v, count, w + j, k, out + j), j += 8;
    if (j + 4 <= k) sparse_tile<T, A, Index, 4>(c, v, count, w + j, k, out + j), j += 4;
    if (j + 2 <= k) sparse_tile<T, A, Index, 2>(c, v, count, w + j, k, out + j), j += 2;
    if (j < k) sparse_tile<T, A, Index, 1>(c, v, count, w + j, k, out + j);
  }
}

}  // namespace
