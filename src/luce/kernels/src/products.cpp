#include "products.hpp"

#include <algorithm>
#include <memory>

#include "pool.hpp"

namespace luce {
namespace {

constexpr int64_t kFewRows = 12;  // for a strip of its own: what is copied of w is used so often

int64_t divided_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Memory for each thread, or for all; it starts on a cache line, and is not filled.
template <class T>
class Workspace {
 public:
  explicit Workspace(int64_t size, int64_t copies = 1)
      : size_(divided_up(size, kLine) * kLine), held_(new T[size_ * copies + kLine]) {
    const auto at = reinterpret_cast<uintptr_t>(held_.get());
    start_ = reinterpret_cast<T*>((at + 63) / 64 * 64);
  }
  T* operator[](int64_t copy) const { return start_ + copy * size_; }

 private:
  static constexpr int64_t kLine = 64 / sizeof(T);
  int64_t size_;
  std::unique_ptr<T[]> held_;
  T* start_;
};

}  // namespace

template <class T>
void logits_of(const ProductsOf<T>& products, const T* h, int64_t n, const Weights<T>& w,
            const T* bias, T* z) {
  const int64_t wide = products.panel, panels = divided_up(n, wide);
  Workspace<T> packed(panels * w.d * wide);
  const int threads = num_threads();
  run(panels, threads, [&](int64_t i, int) {
    products.pack_transposed(h + i * wide * w.d, w.d, w.d, std::min(wide, n - i * wide),
                             packed[0] + i * w.d * wide);
  });
  Workspace<T> work(products.logits_work(n, w.of_width == 1 ? 0 : w.d), threads);
  run(divided_up(w.k, kLogitClasses), threads, [&](int64_t block, int worker) {
    const int64_t j = block * kLogitClasses;
    Weights<T> some = w.from(j);
    some.k = std::min(some.k, kLogitClasses);
    products.logits(packed[0], n, some, bias ? bias + j : nullptr, z + j, w.k, work[worker]);
  });
}

template <class T>
void grad_hidden(const ProductsOf<T>& products, const T* g, int64_t n,
                        const Weights<T>& w, T* out) {
  // A part reads its rows of g and its columns of w, and should keep its part of the result in the
  // cache. Threads share the columns, for w is the larger matrix; where panels do not come out even
  // among them, they share the rows.
  const int threads = num_threads();
  const int64_t tiles = divided_up(w.d, products.panel);
  const int64_t widest = std::min(w.d, divided_up(tiles, threads) * products.panel);
  const bool uneven = 10 * widest * threads > 11 * w.d && n >= threads * kFewRows;
  const int64_t strips = uneven ? threads : 1, height = divided_up(n, strips);
  const int64_t most =
      std::max<int64_t>(1, (1 << 19) / (height * products.panel * int64_t(sizeof(T))));
  const int64_t columns = uneven ? divided_up(tiles, most)
                                 : std::min(tiles, threads * divided_up(tiles, threads * most));
  Workspace<T> work(products.hidden_work(height), threads);
  run(strips * columns, threads, [&](int64_t part, int worker) {
    const int64_t column = part / strips, row = part % strips * height;
    const int64_t first = tiles * column / columns * products.panel;
    const int64_t last = std::min(w.d, tiles * (column + 1) / columns * products.panel);
    if (row < n)
      products.hidden(g + row * w.k, std::min(height, n - row), w, first, last, out + row * w.d,
                      work[worker]);
  });
}

template <class T>
void grad_weight(const ProductsOf<T>& products, const T* g, int64_t n, int64_t k,
                        const T* h, int64_t d, T* out, bool add) {
  const int64_t wide = products.panel, panels = divided_up(d, wide);
  Workspace<T> packed(panels * n * wide);
  const int threads = num_threads();
  run(panels, threads, [&](int64_t i, int) {
    products.pack(h + i * wide, d, n, std::min(wide, d - i * wide), packed[0] + i * n * wide);
  });
  Workspace<T> work(products.weight_work(n, kWeightClasses), threads);
  run(divided_up(k, kWeightClasses), threads, [&](int64_t block, int worker) {
    const int64_t j = block * kWeightClasses;
    products.weight(g + j, k, n, std::min(kWeightClasses, k - j), packed[0], d, out + j * d, add,
                    work[worker]);
  });
}

#define LUCE_INSTANTIATE(T)                                                                     \
  template void logits_of<T>(const ProductsOf<T>&, const T*, int64_t, const Weights<T>&, const T*, \
                          T*);                                                                  \
  template void grad_hidden<T>(const ProductsOf<T>&, const T*, int64_t,                  \
                                      const Weights<T>&, T*);                                   \
  template void grad_weight<T>(const ProductsOf<T>&, const T*, int64_t, int64_t,         \
                                      const T*, int64_t, T*, bool);
LUCE_INSTANTIATE(float)
LUCE_INSTANTIATE(double)

}  // namespace luce
