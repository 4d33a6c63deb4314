#include "layout.hpp"

#include <algorithm>
#include <vector>

#include "pool.hpp"

namespace luce {
namespace {

constexpr int64_t kGrain = 16384;        // elements that make a task worth a thread
constexpr int64_t kLarge = 24 << 20;     // bytes of a result that would fill the cache
constexpr int64_t kTileElements = 32768;  // of a tile of gathered columns
constexpr int64_t kTileColumns = 16;      // at least: a cache line of floats

int64_t divided_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Call body(first, last, worker) on ranges of rows, each of at least kGrain elements. Whoever keeps
// something for each worker asks for the number of threads first: another thread may change it.
template <class Body>
void split(int64_t rows, int64_t elements_a_row, Body body, int threads = num_threads()) {
  int64_t step = std::max<int64_t>(divided_up(kGrain, std::max<int64_t>(1, elements_a_row)),
                                   divided_up(rows, 8 * threads));
  if (rows <= step) return body(0, rows, 0);
  run(divided_up(rows, step), threads, [&](int64_t task, int worker) {
    body(task * step, std::min(rows, (task + 1) * step), worker);
  });
}

// How a long row's pieces are gone through: one after the other, or over threads.
struct Serially {
  template <class Body>
  void operator()(int64_t pieces, Body body) const {
    for (int64_t i = 0; i < pieces; ++i) body(i);
  }
};
struct OverThreads {
  template <class Body>
  void operator()(int64_t pieces, Body body) const {
    split(pieces, kPiece, [&](int64_t first, int64_t last, int) {
      for (int64_t i = first; i < last; ++i) body(i);
    });
  }
};

template <class T>
struct LongRow {
  const KernelsOf<T>& kernels;
  const T* z;
  int64_t n;
  double temperature = 1;
  bool streaming = false;

  int64_t pieces() const { return divided_up(n, kPiece); }
  int64_t start(int64_t i) const { return i * kPiece; }
  int64_t length(int64_t i) const { return std::min(kPiece, n - start(i)); }

  template <class Each>
  Sum measured(Each each, bool leave_winner, bool top_only) const {
    std::vector<Sum> parts(pieces());
    each(pieces(), [&](int64_t i) {
      kernels.measure(z + start(i), length(i), leave_winner, top_only, &parts[i]);
      if (parts[i].winner >= 0) parts[i].winner += start(i);
    });
    Sum total = folded(parts, leave_winner);
    if (kernels.settled(total)) return total;
    each(pieces(), [&](int64_t i) {
      int64_t winner = total.winner - start(i);
      if (winner < 0 || winner >= length(i)) winner = -1;
      kernels.measure_exact(z + start(i), length(i), winner, total.top, temperature, &parts[i]);
      parts[i].winner = total.winner;
    });
    return folded(parts, leave_winner);
  }

  template <class Each>
  void write(Each each, Kind kind, T* out) const {
    bool top_only = sizeof(T) == 8 || temperature != 1 || kind == Kind::logsumexp;
    Sum sum = measured(each, kind != Kind::softmax, top_only);
    if (kind == Kind::logsumexp) return kernels.finish(kind, z, out, n, sum, temperature, false);
    each(pieces(), [&](int64_t i) {
      kernels.finish(kind, z + start(i), out + start(i), length(i), sum, temperature, streaming);
    });
  }

 private:
  Sum folded(const std::vector<Sum>& parts, bool leave_winner) const {
    Sum total = parts[0];
    for (size_t i = 1; i < parts.size(); ++i) kernels.fold(&total, parts[i], leave_winner);
    return total;
  }
};

template <class T>
void rows(const KernelsOf<T>& kernels, Kind kind, const T* z, T* out, int64_t count, int64_t n,
          double temperature, bool streaming = false) {
  if (n <= kPiece) return kernels.rows(kind, z, out, count, n, temperature, streaming);
  const int64_t step = kind == Kind::logsumexp ? 1 : n;
  for (int64_t i = 0; i < count; ++i)
    LongRow<T>{kernels, z + i * n, n, temperature, streaming}.write(Serially{}, kind, out + i * step);
}

template <class T>
void split_rows(const KernelsOf<T>& kernels, Kind kind, const T* z, T* out, int64_t count,
                int64_t n, double temperature) {
  const int64_t step = kind == Kind::logsumexp ? 1 : n;
  const bool streaming = z != out && count * n * int64_t(sizeof(T)) >= kLarge;
  if (n > kPiece && count < 4 * num_threads()) {
    for (int64_t i = 0; i < count; ++i)
      LongRow<T>{kernels, z + i * n, n, temperature, streaming}.write(OverThreads{}, kind, out + i * step);
    return;
  }
  split(count, n, [&](int64_t first, int64_t last, int) {
    rows(kernels, kind, z + first * n, out + first * step, last - first, n, temperature,
         streaming);
  });
}

template <class T>
void split_short_columns(const KernelsOf<T>& kernels, Kind kind, const T* z, T* out,
                         int64_t outer, int64_t n, int64_t inner) {
  const int64_t wide = std::min(inner, divided_up(kGrain, n));
  const int64_t tiles = divided_up(inner, wide);
  split(outer * tiles, n * wide, [&](int64_t first, int64_t last, int) {
    for (int64_t i = first; i < last; ++i) {
      int64_t column = i % tiles * wide, at = i / tiles * n * inner + column;
      kernels.columns(kind, z + at, out + at, std::min(wide, inner - column), n, inner);
    }
  });
}

// Columns are gathered into rows, a tile at a time, computed there and scattered.
template <class T>
void split_columns(const KernelsOf<T>& kernels, Kind kind, const T* z, T* out, int64_t outer,
                   int64_t n, int64_t inner, double temperature) {
  const int64_t m = kind == Kind::logsumexp ? 1 : n;  // length of a result
  const int64_t wide = std::min(inner, std::max(kTileColumns, kTileElements / n));
  const int64_t tiles = divided_up(inner, wide);
  const int threads = num_threads();
  std::vector<T> buffers(threads * wide * n);
  split(outer * tiles, n * wide, [&](int64_t first, int64_t last, int worker) {
    T* buffer = buffers.data() + worker * wide * n;
    for (int64_t i = first; i < last; ++i) {
      const int64_t column = i % tiles * wide, columns = std::min(wide, inner - column);
      const T* from = z + i / tiles * n * inner + column;
      T* to = out + i / tiles * m * inner + column;
      for (int64_t j = 0; j < n; ++j)
        for (int64_t c = 0; c < columns; ++c) buffer[c * n + j] = from[j * inner + c];
      rows(kernels, kind, buffer, buffer, columns, n, temperature);
      for (int64_t j = 0; j < m; ++j)
        for (int64_t c = 0; c < columns; ++c) to[j * inner + c] = buffer[c * m + j];
    }
  }, threads);
}

}  // namespace

template <class T>
void along_axis(const KernelsOf<T>& kernels, Kind kind, const T* z, T* out, int64_t outer,
                int64_t n, int64_t inner, double temperature) {
  if (inner == 1) return split_rows(kernels, kind, z, out, outer, n, temperature);
  if (kernels.columns && kind == Kind::softmax && n <= kShort && temperature == 1)
    return split_short_columns(kernels, kind, z, out, outer, n, inner);
  split_columns(kernels, kind, z, out, outer, n, inner, temperature);
}

template <class T>
void cross_entropy(const KernelsOf<T>& kernels, const T* z, const Targets& targets, double* loss,
                   T* grad, int64_t n, int64_t k) {
  split(n, k, [&](int64_t first, int64_t last, int) {
    T* part = grad ? grad + first * k : nullptr;
    const Targets here{targets.y + first, targets.a + first, targets.b + first, targets.w,
                       targets.total_w};
    if (k <= kPiece)
      return kernels.cross_entropy(z + first * k, here, loss + first, part, last - first, k);
    for (int64_t i = first; i < last; ++i) {
      Sum sum{};
      if (targets.a[i] != 0 || targets.b[i] != 0)
        sum = LongRow<T>{kernels, z + i * k, k}.measured(Serially{}, true, sizeof(T) == 8);
      kernels.cross_entropy_row(z + i * k, targets, i, loss, grad ? grad + i * k : nullptr, k, sum);
    }
  });
}

template <class T>
void curvature(const KernelsOf<T>& kernels, const T* p, const T* u, const T* scale, T* out,
               int64_t n, int64_t k) {
  split(n, k, [&](int64_t first, int64_t last, int) {
    const int64_t at = first * k;
    kernels.curvature(p + at, u + at, scale + first, out + at, last - first, k);
  });
}

template <class T>
void elementwise(void (*kernel)(const T*, T*, int64_t), const T* x, T* out, int64_t n) {
  constexpr int64_t kStep = 64;
  split(divided_up(n, kStep), kStep, [&](int64_t first, int64_t last, int) {
    kernel(x + first * kStep, out + first * kStep, std::min(n, last * kStep) - first * kStep);
  });
}

#define LUCE_INSTANTIATE(T)                                                                       \
  template void along_axis(const KernelsOf<T>&, Kind, const T*, T*, int64_t, int64_t, int64_t,   \
                           double);                                                              \
  template void cross_entropy(const KernelsOf<T>&, const T*, const Targets&, double*, T*,        \
                              int64_t, int64_t);                                                 \
  template void curvature(const KernelsOf<T>&, const T*, const T*, const T*, T*, int64_t,        \
                          int64_t);                                                              \
  template void elementwise(void (*)(const T*, T*, int64_t), const T*, T*, int64_t);
LUCE_INSTANTIATE(float)
LUCE_INSTANTIATE(double)
#undef LUCE_INSTANTIATE

}  // namespace luce
