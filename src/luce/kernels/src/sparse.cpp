#include "sparse.hpp"

#include <algorithm>

#include "pool.hpp"

namespace luce {
namespace {

constexpr int64_t kWork = 1 << 16;  // multiplications that are worth a task

}  // namespace

template <class T, class A, class Index>
void sparse_product(SparseRows<T, A, Index> kernel, const Index* starts, const Index* columns,
                    const T* x, int64_t rows, const T* w, int64_t k, A* out) {
  const int threads = num_threads();
  const int64_t work = (int64_t(starts[rows]) + rows) * k;
  const int64_t tasks = std::clamp<int64_t>(work / kWork, 1, std::min<int64_t>(rows, 16 * threads));
  // Tasks of as many stored numbers, not of as many rows: columns of a table differ a thousandfold.
  const auto first = [&](int64_t task) -> int64_t {
    if (task == 0) return 0;
    if (task == tasks) return rows;
    const auto wanted = Index(double(starts[rows]) * double(task) / double(tasks));
    return std::lower_bound(starts, starts + rows, wanted) - starts;
  };
  run(tasks, threads, [&](int64_t task, int) {
    const int64_t from = first(task), to = first(task + 1);
    if (from < to) kernel(starts + from, columns, x, to - from, w, k, out + from * k);
  });
}

#define LUCE_INSTANTIATE(T, A, Index)                                                            \
  template void sparse_product<T, A, Index>(SparseRows<T, A, Index>, const Index*, const Index*, \
                                            const T*, int64_t, const T*, int64_t, A*);
LUCE_INSTANTIATE(float, float, int32_t)
LUCE_INSTANTIATE(float, float, int64_t)
LUCE_INSTANTIATE(float, double, int32_t)
LUCE_INSTANTIATE(float, double, int64_t)
LUCE_INSTANTIATE(double, double, int32_t)
LUCE_INSTANTIATE(double, double, int64_t)

}  // namespace luce
