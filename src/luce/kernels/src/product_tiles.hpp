// The inner loops of products.hpp: tiles of sums in registers, over packed panels.
#pragma once
#include "products.hpp"
#include "vectors.hpp"

namespace {

using luce::Weights;

template <class T>
struct VectorOf;
template <>
struct VectorOf<float> {
  typedef F type;
};
template <>
struct VectorOf<double> {
  typedef D type;
};

// A tile is kTall x kWide vectors: with a row of b and a number of a, all the registers there are.
constexpr int kTall = 6;
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kWide = 4;
#else
constexpr int kWide = kBytes == 64 ? 1 : 2;
#endif

template <class T>
constexpr int kLanes = kBytes / int(sizeof(T));
template <class T>
constexpr int kPanel = kWide * kLanes<T>;
template <class T>
constexpr int64_t kLine = 64 / int64_t(sizeof(T));

constexpr int64_t kLogitDepth = 256;  // of the width: as much of a panel stays near
constexpr int64_t kHiddenDepth = 128;  // classes: what is packed of them fits the first cache

inline int64_t fewer(int64_t a, int64_t b) { return a < b ? a : b; }

// Memory that will be needed soon: `rows` of `width` numbers. One line of it is asked for every
// few steps of the sums; many requests at once would hold up the loads of the sums themselves.
template <class T>
struct Ahead {
  const T* row = nullptr;
  int64_t rows = 0, width = 0, step = 0;
  int64_t every = 1, at = 0;

  Ahead() = default;
  Ahead(const T* first, int64_t row_step, int64_t count, int64_t numbers, int64_t steps)
      : row(first), rows(count), width(numbers), step(row_step) {
    const int64_t lines = rows * ((width + kLine<T> - 1) / kLine<T>);
    if (steps > lines) every = steps / lines;
  }
  bool left() const { return rows > 0; }
  void fetch() {
    __builtin_prefetch(row + at, 0, 3);
    at += kLine<T>;
    if (at < width) return;
    at = 0;
    row += step;
    --rows;
  }
};

// The left factor: number r, p stands at data + r * row + p * step.
template <class T>
struct Left {
  const T* data;
  int64_t row, step;
};

// c_rq (+)= sum_p a_rp b_pq. Rows of b are b_step apart; `packing` copies them to `panel` on the
// way, which costs nothing beside the sums.
template <class T, int R, int V, bool packing>
void tile(Left<T> a, const T* b, int64_t b_step, int64_t depth, T* c, int64_t c_row, bool add,
          Ahead<T>& ahead, T* panel) {
  typedef typename VectorOf<T>::type X;
  X sum[R][V];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int q = 0; q < V; ++q) sum[r][q] = X{};
  for (int64_t p = 0; p < depth;) {
    int64_t stop = depth;
    if (ahead.left()) {
      ahead.fetch();
      stop = fewer(depth, p + ahead.every);
    }
    for (; p < stop; ++p, a.data += a.step, b += b_step) {
      X v[V];
#pragma GCC unroll 8
      for (int q = 0; q < V; ++q) v[q] = load_as<X>(b + q * kLanes<T>);
      if (packing) {
#pragma GCC unroll 8
        for (int q = 0; q < V; ++q) store_as(panel + q * kLanes<T>, v[q]);
        panel += kPanel<T>;
      }
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const X s = a.data[r * a.row] - X{};  // x - 0 is x, and no operation
#pragma GCC unroll 8
        for (int q = 0; q < V; ++q) sum[r][q] += s * v[q];
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int q = 0; q < V; ++q) {
      T* to = c + r * c_row + q * kLanes<T>;
      if (add) sum[r][q] += load_as<X>(to);
      store_as(to, sum[r][q]);
    }
}

template <class T, int V>
inline void tile_of(int64_t rows, Left<T> a, const T* panel, int64_t depth, T* c, int64_t c_row,
                    bool add, Ahead<T>& ahead) {
  constexpr int n = kPanel<T>;
  switch (rows) {
    case 1: return tile<T, 1, V, false>(a, panel, n, depth, c, c_row, add, ahead, nullptr);
    case 2: return tile<T, 2, V, false>(a, panel, n, depth, c, c_row, add, ahead, nullptr);
    case 3: return tile<T, 3, V, false>(a, panel, n, depth, c, c_row, add, ahead, nullptr);
    case 4: return tile<T, 4, V, false>(a, panel, n, depth, c, c_row, add, ahead, nullptr);
    case 5: return tile<T, 5, V, false>(a, panel, n, depth, c, c_row, add, ahead, nullptr);
    default: return tile<T, kTall, V, false>(a, panel, n, depth, c, c_row, add, ahead, nullptr);
  }
}

// A tile of up to kTall rows of which only some columns of the panel are there.
template <class T>
void multiply(int64_t rows, int64_t columns, Left<T> a, const T* panel, int64_t depth, T* c,
              int64_t c_row, bool add, Ahead<T>& ahead) {
  constexpr int n = kPanel<T>, half = kWide > 1 ? kWide / 2 : 1;
  if (columns == n) return tile_of<T, kWide>(rows, a, panel, depth, c, c_row, add, ahead);
  T part[kTall * n];
  if (columns <= kLanes<T>)
    tile_of<T, 1>(rows, a, panel, depth, part, n, false, ahead);
  else if (columns <= half * kLanes<T>)
    tile_of<T, half>(rows, a, panel, depth, part, n, false, ahead);
  else if (columns <= (kWide - 1) * kLanes<T>)
    tile_of<T, kWide - 1 + (kWide == 1)>(rows, a, panel, depth, part, n, false, ahead);
  else
    tile_of<T, kWide>(rows, a, panel, depth, part, n, false, ahead);
  for (int64_t r = 0; r < rows; ++r, c += c_row)
    for (int64_t q = 0; q < columns; ++q) c[q] = add ? T(part[r * n + q] + c[q]) : part[r * n + q];
}

template <class T>
void pack(const T* x, int64_t row, int64_t depth, int64_t columns, T* panel) {
  for (int64_t p = 0; p < depth; ++p, x += row, panel += kPanel<T>) {
    std::memcpy(panel, x, columns * sizeof(T));
    for (int64_t q = columns; q < kPanel<T>; ++q) panel[q] = 0;
  }
}

template <class T>
void pack_transposed(const T* x, int64_t row, int64_t depth, int64_t columns, T* panel) {
  for (int64_t p = 0; p < depth; ++p, ++x, panel += kPanel<T>) {
    for (int64_t q = 0; q < columns; ++q) panel[q] = x[q * row];
    for (int64_t q = columns; q < kPanel<T>; ++q) panel[q] = 0;
  }
}

template <class T>
int64_t logits_work(int64_t n, int64_t d) {
  const int64_t panels = (n + kPanel<T> - 1) / kPanel<T>;
  return luce::kLogitClasses * (panels * kPanel<T> + d);
}

// Sums stand with the classes one below the other until they are complete: work is (panel, class,
// row of the panel).
template <class T>
void logits(const T* packed, int64_t n, const Weights<T>& w, const T* bias, T* z, int64_t row,
            T* work) {
  constexpr int64_t wide = kPanel<T>, block = luce::kLogitClasses * wide;
  const int64_t panels = (n + wide - 1) / wide;
  Left<T> left{w.data, w.of_class, 1};
  if (w.of_width != 1) {
    T* copy = work + panels * block;
    for (int64_t p = 0; p < w.d; ++p)
      for (int64_t j = 0; j < w.k; ++j) copy[j * w.d + p] = *w.at(j, p);
    left = {copy, w.d, 1};
  }
  Ahead<T> nothing;
  int64_t p = 0;
  do {
    const int64_t depth = fewer(w.d - p, kLogitDepth);
    for (int64_t i = 0; i < panels; ++i)
      for (int64_t j = 0; j < w.k; j += kTall)
        multiply(fewer(w.k - j, kTall), fewer(n - i * wide, wide),
                 Left<T>{left.data + j * left.row + p, left.row, 1},
                 packed + (i * w.d + p) * wide, depth, work + i * block + j * wide, wide, p > 0,
                 nothing);
    p += depth;
  } while (p < w.d);
  for (int64_t i = 0; i < n; ++i, z += row) {
    const T* sums = work + i / wide * block + i % wide;
    for (int64_t j = 0; j < w.k; ++j) z[j] = bias ? sums[j * wide] + bias[j] : sums[j * wide];
  }
}

template <class T>
int64_t hidden_work(int64_t n) {
  return kHiddenDepth * (n + kPanel<T>);
}

// For a block of classes: copy their columns of g, then for each panel of the width copy that part
// of their weights while the first tile is computed, and compute the others.
template <class T>
void hidden(const T* g, int64_t n, const Weights<T>& w, int64_t first, int64_t last, T* out,
            T* work) {
  constexpr int64_t wide = kPanel<T>;
  T *panel = work, *mine = work + kHiddenDepth * wide;
  for (int64_t j = 0; j < w.k; j += kHiddenDepth) {
    const int64_t depth = fewer(w.k - j, kHiddenDepth), then = fewer(w.k - j - depth, kHiddenDepth);
    for (int64_t i = 0; i < n; ++i)
      std::memcpy(mine + i * kHiddenDepth, g + i * w.k + j, depth * sizeof(T));
    for (int64_t c = first; c < last; c += wide) {
      const int64_t columns = fewer(last - c, wide), steps = (n + kTall - 1) / kTall * depth;
      const T* here = w.at(j, c);
      Ahead<T> ahead;
      if (w.of_width == 1 && c + wide < last)
        ahead = Ahead<T>(here + wide, w.of_class, depth, wide, steps);
      else if (w.of_width == 1 && then > 0)
        ahead = Ahead<T>(w.at(j + depth, first), w.of_class, then, wide, steps);
      const bool whole = w.of_width == 1 && columns == wide && n >= kTall;
      if (!whole && w.of_width == 1) pack(here, w.of_class, depth, columns, panel);
      if (!whole && w.of_width != 1) pack_transposed(here, w.of_width, depth, columns, panel);
      for (int64_t i = 0; i < n; i += kTall) {
        const Left<T> left{mine + i * kHiddenDepth, kHiddenDepth, 1};
        T* to = out + i * w.d + c;
        if (i == 0 && whole)
          tile<T, kTall, kWide, true>(left, here, w.of_class, depth, to, w.d, j > 0, ahead, panel);
        else
          multiply(fewer(n - i, kTall), columns, left, panel, depth, to, w.d, j > 0, ahead);
      }
    }
  }
}

template <class T>
int64_t weight_work(int64_t n, int64_t classes) {
  return n * (classes + kTall);
}

template <class T>
void weight(const T* g, int64_t row, int64_t n, int64_t classes, const T* packed, int64_t d,
            T* out, bool add, T* work) {
  constexpr int64_t wide = kPanel<T>;
  for (int64_t j = 0; j < classes; j += kTall)
    for (int64_t i = 0; i < n; ++i)
      std::memcpy(work + j * n + i * kTall, g + i * row + j,
                  fewer(classes - j, kTall) * sizeof(T));
  for (int64_t c = 0; c < d; c += wide) {
    const int64_t columns = fewer(d - c, wide);
    for (int64_t j = 0; j < classes; j += kTall) {
      T* to = out + j * d + c;
      Ahead<T> ahead;  // the tile that comes next
      if (j + kTall < classes)
        ahead = Ahead<T>(to + kTall * d, d, fewer(classes - j - kTall, kTall), columns, n);
      else if (c + wide < d)
        ahead = Ahead<T>(out + c + wide, d, kTall, fewer(d - c - wide, wide), n);
      multiply(fewer(classes - j, kTall), columns, Left<T>{work + j * n, 1, kTall},
               packed + c * n, n, to, d, add, ahead);
    }
  }
}

template <class T>
luce::ProductsOf<T> products() {
  return {kPanel<T>,       pack<T>,   pack_transposed<T>, logits_work<T>, logits<T>,
          hidden_work<T>, hidden<T>, weight_work<T>,     weight<T>};
}

}  // namespace
