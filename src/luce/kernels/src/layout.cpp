#include "layout.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <vector>

#include "pool.hpp"

namespace luce {
namespace {

constexpr int64_t kGrain = 16384;        // elements that make a task worth waking a thread for
constexpr int64_t kFineGrain = 4096;     // or worth one that is awake
constexpr int64_t kLarge = 12 << 20;     // bytes of a result that would fill the cache
constexpr int64_t kTileElements = 32768;  // of a tile of gathered columns
constexpr int64_t kTileColumns = 16;      // at least: a cache line of floats
constexpr int64_t kBlockElements = 1 << 17;  // of a block of columns, half a megabyte of floats
constexpr int64_t kKeptElements = 1 << 16;   // exponentials of a block that are kept, as much
constexpr int64_t kKept = kKeptElements / 64;  // classes of columns whose exponentials are kept

int64_t divided_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Call body(first, last, worker) on ranges of rows that are worth a thread, as many for each thread.
// Whoever keeps something for each worker asks for the number of threads first: another thread may
// change it.
template <class Body>
void split(int64_t rows, int64_t elements_a_row, Body body, int threads = num_threads()) {
  const int64_t grain = workers_are_awake() ? kFineGrain : kGrain;
  int64_t tasks = std::min<int64_t>(rows * std::max<int64_t>(1, elements_a_row) / grain, 8 * threads);
  if (tasks < 2) return body(0, rows, 0);
  tasks = std::min(rows, divided_up(tasks, threads) * threads);
  const int64_t step = divided_up(rows, tasks);
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
  Sum measured(Each each, bool with_top) const {
    std::vector<Sum> parts(pieces());
    Sum total = first_look(each, with_top, &parts);
    if (kernels.settled(z, total, with_top, temperature)) return total;
    if (sizeof(T) == 4 && !with_top) total = first_look(each, true, &parts);  // for the top
    if (!std::isfinite(total.top)) return total;
    const Sum top = total;
    each(pieces(), [&](int64_t i) {
      int64_t winner = top.winner - start(i);
      if (winner < 0 || winner >= length(i)) winner = -1;
      kernels.measure_exact(z + start(i), length(i), winner, top.top, temperature, &parts[i]);
      parts[i].winner = top.winner;
    });
    return folded(parts);
  }

  template <class Each>
  Sum write(Each each, Kind kind, T* out) const {
    const Sum sum = measured(each, kind != Kind::softmax);
    if (kind == Kind::logsumexp) {
      kernels.finish(kind, z, out, n, sum, temperature, false);
      return sum;
    }
    each(pieces(), [&](int64_t i) {
      kernels.finish(kind, z + start(i), out + start(i), length(i), sum, temperature, streaming);
    });
    return sum;
  }

 private:
  template <class Each>
  Sum first_look(Each each, bool with_top, std::vector<Sum>* parts) const {
    each(pieces(), [&](int64_t i) {
      Sum& part = (*parts)[i];
      kernels.measure(z + start(i), length(i), with_top, temperature, &part);
      if (part.winner >= 0) part.winner += start(i);
    });
    return folded(*parts);
  }
  Sum folded(const std::vector<Sum>& parts) const {
    Sum total = parts[0];
    for (size_t i = 1; i < parts.size(); ++i) kernels.fold(z, &total, parts[i]);
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
                         int64_t outer, int64_t n, int64_t inner, double temperature) {
  const int64_t m = kind == Kind::logsumexp ? 1 : n;  // length of a result
  const int64_t wide = std::min(inner, divided_up(divided_up(kFineGrain, n), 16) * 16);
  const int64_t tiles = divided_up(inner, wide);
  split(outer * tiles, n * wide, [&](int64_t first, int64_t last, int) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t column = i % tiles * wide, block = i / tiles * inner;
      kernels.short_columns(kind, z + block * n + column, out + block * m + column,
                            std::min(wide, inner - column), n, inner, temperature);
    }
  });
}

// Columns are gathered into rows, computed there and scattered.
template <class T>
void gather_columns(const KernelsOf<T>& kernels, Kind kind, const T* z, T* out, int64_t columns,
                    int64_t n, int64_t inner, double temperature, T* buffer) {
  const int64_t m = kind == Kind::logsumexp ? 1 : n;
  for (int64_t j = 0; j < n; ++j)
    for (int64_t c = 0; c < columns; ++c) buffer[c * n + j] = z[j * inner + c];
  rows(kernels, kind, buffer, buffer, columns, n, temperature);
  for (int64_t j = 0; j < m; ++j)
    for (int64_t c = 0; c < columns; ++c) out[j * inner + c] = buffer[c * m + j];
}

template <class T>
void split_gathered_columns(const KernelsOf<T>& kernels, Kind kind, const T* z, T* out,
                            int64_t outer, int64_t n, int64_t inner, double temperature) {
  const int64_t m = kind == Kind::logsumexp ? 1 : n;
  const int64_t wide = std::min(inner, std::max(kTileColumns, kTileElements / n));
  const int64_t tiles = divided_up(inner, wide);
  const int threads = num_threads();
  std::vector<T> buffers(threads * wide * n);
  split(outer * tiles, n * wide, [&](int64_t first, int64_t last, int worker) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t column = i % tiles * wide, block = i / tiles * inner;
      gather_columns(kernels, kind, z + block * n + column, out + block * m + column,
                     std::min(wide, inner - column), n, inner, temperature,
                     buffers.data() + worker * wide * n);
    }
  }, threads);
}

// The softmax of columns that are longer than kShort: measured and written where they stand.
template <class T>
class Columns {
 public:
  Columns(const KernelsOf<T>& kernels, const T* z, T* out, int64_t outer, int64_t n, int64_t inner,
          double temperature)
      : kernels_(kernels), z_(z), out_(out), n_(n), inner_(inner), temperature_(temperature),
        streaming_(z != out && outer * n * inner * int64_t(sizeof(T)) >= kLarge),
        wide_(width(outer, n, inner)), tiles_(divided_up(inner, wide_)), pieces_(divided_up(n, kPiece)),
        blocks_(outer * tiles_) {}

  void softmax() {
    if (pieces_ == 1) {
      // measured and written one after the other, while the block is in the cache
      split(blocks_, n_ * wide_, [&](int64_t first, int64_t last, int) {
        double sums[kColumns];
        double* keep = n_ <= kKept ? kept_powers() : nullptr;
        for (int64_t block = first; block < last; ++block) {
          measure(block, 0, sums, keep);
          if (fits(block, sums)) write(block, 0, sums, keep);
          else gather(block);
        }
      });
      return;
    }
    std::vector<double> sums(blocks_ * pieces_ * kColumns);
    each_piece([&](int64_t block, int64_t piece) {
      measure(block, piece, &sums[(block * pieces_ + piece) * kColumns], nullptr);
    });
    std::vector<char> gathered(blocks_);
    for (int64_t block = 0; block < blocks_; ++block) {
      double* total = &sums[block * pieces_ * kColumns];
      for (int64_t i = kColumns; i < pieces_ * kColumns; ++i) total[i % kColumns] += total[i];
      gathered[block] = !fits(block, total);
    }
    each_piece([&](int64_t block, int64_t piece) {
      if (!gathered[block]) write(block, piece, &sums[block * pieces_ * kColumns], nullptr);
    });
    for (int64_t block = 0; block < blocks_; ++block)
      if (gathered[block]) gather(block);
  }

 private:
  // So many columns that a block of them, or its exponentials, stay in the second-level cache
  // between the two passes, but whole cache lines, and no more than leave something for each thread.
  static int64_t width(int64_t outer, int64_t n, int64_t inner) {
    const int64_t cached = n <= kKept ? kKeptElements / n : kBlockElements / std::min(n, kPiece);
    const int64_t shared = divided_up(outer * inner, num_threads());
    const int64_t lines = std::max<int64_t>(1, std::min(cached, shared) / kTileColumns);
    return std::min({inner, kColumns, lines * kTileColumns});
  }
  static double* kept_powers() {
    struct Buffer {
      alignas(64) double powers[kKeptElements];
    };
    static thread_local std::unique_ptr<Buffer> buffer(new Buffer);
    return buffer->powers;
  }
  int64_t column(int64_t block) const { return block % tiles_ * wide_; }
  int64_t columns(int64_t block) const { return std::min(wide_, inner_ - column(block)); }
  int64_t at(int64_t block, int64_t piece) const {
    return (block / tiles_ * n_ + piece * kPiece) * inner_ + column(block);
  }
  int64_t length(int64_t piece) const { return std::min(kPiece, n_ - piece * kPiece); }

  template <class Body>
  void each_piece(Body body) const {
    split(blocks_ * pieces_, kPiece * wide_, [&](int64_t first, int64_t last, int) {
      for (int64_t i = first; i < last; ++i) body(i / pieces_, i % pieces_);
    });
  }
  void measure(int64_t block, int64_t piece, double* sums, double* keep) const {
    kernels_.measure_columns(z_ + at(block, piece), columns(block), length(piece), inner_,
                             temperature_, sums, keep);
  }
  bool fits(int64_t block, const double* sums) const {
    return std::all_of(sums, sums + columns(block), kernels_.in_range);
  }
  void write(int64_t block, int64_t piece, const double* sums, const double* kept) const {
    const int64_t here = at(block, piece);
    kernels_.write_columns(z_ + here, out_ + here, columns(block), length(piece), inner_,
                           temperature_, sums, kept, pieces_ > 1, streaming_);
  }
  void gather(int64_t block) const {
    std::vector<T> buffer(columns(block) * n_);
    gather_columns(kernels_, Kind::softmax, z_ + at(block, 0), out_ + at(block, 0),
                   columns(block), n_, inner_, temperature_, buffer.data());
  }

  const KernelsOf<T>& kernels_;
  const T* z_;
  T* out_;
  int64_t n_, inner_;
  double temperature_;
  bool streaming_;
  int64_t wide_, tiles_, pieces_, blocks_;
};

}  // namespace

template <class T>
void along_axis(const KernelsOf<T>& kernels, Kind kind, const T* z, T* out, int64_t outer,
                int64_t n, int64_t inner, double temperature) {
  if (inner == 1) return split_rows(kernels, kind, z, out, outer, n, temperature);
  if (kernels.short_columns && n <= kShort)
    return split_short_columns(kernels, kind, z, out, outer, n, inner, temperature);
  if (kernels.write_columns && kind == Kind::softmax)
    return Columns<T>(kernels, z, out, outer, n, inner, temperature).softmax();
  split_gathered_columns(kernels, kind, z, out, outer, n, inner, temperature);
}

template <class T>
void cross_entropy(const KernelsOf<T>& kernels, const T* z, const Targets& targets, double* loss,
                   T* grad, int64_t n, int64_t k) {
  split(n, k, [&](int64_t first, int64_t last, int) {
    if (k <= kPiece)
      return kernels.cross_entropy(z + first * k, targets.from(first), loss + first,
                                   grad ? grad + first * k : nullptr, last - first, k);
    for (int64_t i = first; i < last; ++i) {
      T* to = grad ? grad + i * k : nullptr;
      if (!targets.counts(i)) {
        loss[i] = 0;
        if (to) std::fill(to, to + k, T(0));
        continue;
      }
      const LongRow<T> row{kernels, z + i * k, k, targets.temperature};
      kernels.cross_entropy_row(z + i * k, targets.from(i), loss + i, to, k,
                                row.measured(Serially{}, true));
    }
  });
}

template <class T>
void log_softmax_with_sums(const KernelsOf<T>& kernels, const T* z, T* out, double* sums,
                           int64_t n, int64_t k, double temperature) {
  if (k <= kPiece)
    return split(n, k, [&](int64_t first, int64_t last, int) {
      kernels.log_rows(z + first * k, out + first * k, sums + first, last - first, k, temperature);
    });
  auto write = [&](auto each, int64_t i) {
    const LongRow<T> row{kernels, z + i * k, k, temperature};
    const Sum sum = row.write(each, Kind::log_softmax, out + i * k);
    sums[i] = sum.exact ? 0 : sum.high;
  };
  if (n < 4 * num_threads()) {
    for (int64_t i = 0; i < n; ++i) write(OverThreads{}, i);
    return;
  }
  split(n, k, [&](int64_t first, int64_t last, int) {
    for (int64_t i = first; i < last; ++i) write(Serially{}, i);
  });
}

template <class T>
void softmax_gradient(const KernelsOf<T>& kernels, const T* p, const T* v, T* out, int64_t n,
                      int64_t k, double temperature) {
  const bool streaming = n * k * int64_t(sizeof(T)) >= kLarge;
  split(n, k, [&](int64_t first, int64_t last, int) {
    const int64_t at = first * k;
    kernels.softmax_gradient(p + at, v + at, out + at, last - first, k, temperature, streaming);
  });
}

template <class T>
bool log_softmax_gradient(const KernelsOf<T>& kernels, const T* z, const double* sums, const T* v,
                          T* out, int64_t n, int64_t k, double temperature) {
  std::atomic<bool> done{true};
  const bool streaming = n * k * int64_t(sizeof(T)) >= kLarge;
  split(n, k, [&](int64_t first, int64_t last, int) {
    const int64_t at = first * k;
    if (!kernels.log_gradient(z + at, sums + first, v + at, out + at, last - first, k,
                              temperature, streaming))
      done = false;
  });
  return done;
}

template <class T>
void curvature(const KernelsOf<T>& kernels, const T* p, const T* u, const T* scale, T* out,
               int64_t n, int64_t k) {
  split(n, k, [&](int64_t first, int64_t last, int) {
    const int64_t at = first * k;
    kernels.curvature(p + at, u + at, scale + first, out + at, last - first, k);
  });
}

template <class T, class V>
bool jacobian_product(JacobianRows<T, V> kernel, Product product, const T* z, const V* v, T* out,
                      int64_t outer, int64_t n, int64_t inner, double temperature) {
  std::atomic<bool> done{true};
  if (inner == 1) {
    split(outer, n, [&](int64_t first, int64_t last, int) {
      const int64_t at = first * n;
      if (!kernel(product, z + at, v + at, out + at, last - first, n, temperature)) done = false;
    });
    return done;
  }
  const int64_t wide = std::min(inner, std::max(kTileColumns, kTileElements / n));
  const int64_t tiles = divided_up(inner, wide);
  const int threads = num_threads();
  std::vector<T> logits(threads * wide * n);
  std::vector<V> vectors(logits.size());
  split(outer * tiles, n * wide, [&](int64_t first, int64_t last, int worker) {
    T* x = logits.data() + worker * wide * n;
    V* u = vectors.data() + worker * wide * n;
    for (int64_t i = first; i < last; ++i) {
      const int64_t column = i % tiles * wide, at = i / tiles * inner * n + column;
      const int64_t columns = std::min(wide, inner - column);
      for (int64_t j = 0; j < n; ++j) {
        for (int64_t c = 0; c < columns; ++c) x[c * n + j] = z[at + j * inner + c];
        for (int64_t c = 0; c < columns; ++c) u[c * n + j] = v[at + j * inner + c];
      }
      if (!kernel(product, x, u, x, columns, n, temperature)) done = false;
      for (int64_t j = 0; j < n; ++j)
        for (int64_t c = 0; c < columns; ++c) out[at + j * inner + c] = x[c * n + j];
    }
  }, threads);
  return done;
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
  template void log_softmax_with_sums(const KernelsOf<T>&, const T*, T*, double*, int64_t,       \
                                      int64_t, double);                                          \
  template void softmax_gradient(const KernelsOf<T>&, const T*, const T*, T*, int64_t, int64_t,  \
                                 double);                                                        \
  template bool log_softmax_gradient(const KernelsOf<T>&, const T*, const double*, const T*, T*, \
                                     int64_t, int64_t, double);                                  \
  template void curvature(const KernelsOf<T>&, const T*, const T*, const T*, T*, int64_t,        \
                          int64_t);                                                              \
  template void elementwise(void (*)(const T*, T*, int64_t), const T*, T*, int64_t);
template bool jacobian_product(JacobianRows<float, float>, Product, const float*, const float*,
                               float*, int64_t, int64_t, int64_t, double);
template bool jacobian_product(JacobianRows<float, double>, Product, const float*, const double*,
                               float*, int64_t, int64_t, int64_t, double);
template bool jacobian_product(JacobianRows<double, double>, Product, const double*,
                               const double*, double*, int64_t, int64_t, int64_t, double);
LUCE_INSTANTIATE(float)
LUCE_INSTANTIATE(double)
#undef LUCE_INSTANTIATE

}  // namespace luce
