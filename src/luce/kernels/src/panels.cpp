#include "panels.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "pool.hpp"

namespace luce {
namespace {

constexpr int64_t kWork = 1 << 19;     // multiplications that are worth a second thread
constexpr int64_t kParts = 16;         // sums of panels, added up in order
constexpr int64_t kNumbers = 1 << 22;  // of all these sums together, where it can be
constexpr int64_t kRoom = 1 << 14;     // numbers of a panel of sparse rows, which stays in the cache
constexpr int64_t kUnit = 32;          // rows: a panel has a multiple of them

// Copy the lower triangles of all cells to both sides of the matrix.
void spread_out(const PanelModel& a, const double* cells, double* hessian) {
  const int64_t m = (a.k - 1) * a.d;
  for (int64_t j = 0; j < a.k - 1; ++j)
    for (int64_t l = j; l < a.k - 1; ++l, cells += a.d * a.d)
      for (int64_t c = 0; c < a.d; ++c)
        for (int64_t e = 0; e <= c; ++e) {
          const double value = cells[c * a.d + e];
          double *at = hessian + j * a.d * m + l * a.d, *mirror = hessian + l * a.d * m + j * a.d;
          at[c * m + e] = at[e * m + c] = mirror[c * m + e] = mirror[e * m + c] = value;
        }
}

// Sums over all panels of `size` numbers, to which each panel adds. How many partial sums there are
// depends on the sizes alone, and so do the bits of the whole.
class Sums {
 public:
  template <class Body>  // body(first panel, last panel, sums, work)
  Sums(const PanelsOf& kernels, const PanelModel& a, int64_t size, int64_t work_a_row, Body body) {
    const int64_t parts =
        std::min({a.panels(), kParts, std::max<int64_t>(kNumbers / size, 2)});
    const int threads = a.n * work_a_row < kWork ? 1 : num_threads();
    held_.resize(size_t(size * parts));
    const std::unique_ptr<double[]> room(new double[size_t(kernels.work(a) * threads + 8)]);
    double* buffers = room.get();
    while (reinterpret_cast<uintptr_t>(buffers) % 64 != 0) ++buffers;  // whole lines of the cache
    run(parts, threads, [&](int64_t part, int worker) {
      body(part * a.panels() / parts, (part + 1) * a.panels() / parts, held_.data() + part * size,
           buffers + kernels.work(a) * worker);
    });
    for (int64_t part = 1; part < parts; ++part)
      for (int64_t i = 0; i < size; ++i) held_[size_t(i)] += held_[size_t(part * size + i)];
  }
  const double& operator[](int64_t i) const { return held_[size_t(i)]; }

 private:
  std::vector<double> held_;
};

}  // namespace

void to_panels(const double* x, int64_t n, int64_t d, int64_t wide, double* panels) {
  const int64_t count = (n + wide - 1) / wide;
  run(count, n * d < kWork ? 1 : num_threads(), [&](int64_t panel, int) {
    double* to = panels + panel * d * wide;
    const int64_t first = panel * wide, rows = std::min(wide, n - first);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < d; ++c) to[c * wide + r] = x[(first + r) * d + c];
    for (int64_t c = 0; c < d; ++c) std::fill(to + c * wide + rows, to + (c + 1) * wide, 0.0);
  });
}

void softmax_pass(const PanelsOf& kernels, const PanelModel& a, double* loss, double* right,
                  double* gradient, double* hessian) {
  const int64_t cells = hessian ? a.pairs() * a.d * a.d : 0;
  const Sums sums(kernels, a, 2 + a.k * a.d + cells, 4 * a.k * a.d + cells,
                  [&](int64_t first, int64_t last, double* at, double* work) {
                    double* of_cells = hessian ? at + 2 + a.k * a.d : nullptr;
                    kernels.pass(a, first, last, {at, at + 1, at + 2, of_cells}, work);
                  });
  *loss = sums[0];
  *right = sums[1];
  std::copy_n(&sums[2], a.k * a.d, gradient);
  if (hessian) spread_out(a, &sums[2 + a.k * a.d], hessian);
}

double softmax_dual(const PanelsOf& kernels, const PanelModel& a, const Repair& repair,
                    double* gradient) {
  const Sums sums(kernels, a, 1 + a.k * a.d, 4 * a.k * a.d,
                  [&](int64_t first, int64_t last, double* at, double* work) {
                    kernels.dual(a, repair, first, last, {at, nullptr, at + 1, nullptr}, work);
                  });
  std::copy_n(&sums[1], a.k * a.d, gradient);
  return sums[0];
}

namespace {

// Sparse rows need no layout of their own: a panel is some neighbours.
PanelModel in_panels(const PanelModel& model) {
  PanelModel a = model;
  a.d = 0;
  a.wide = std::clamp<int64_t>(kRoom / (3 * a.k), kUnit, 16 * kUnit) / kUnit * kUnit;
  return a;
}

const CompressedOf<int32_t>& of_index(const PanelsOf& kernels, int32_t) { return kernels.narrow; }
const CompressedOf<int64_t>& of_index(const PanelsOf& kernels, int64_t) { return kernels.wide; }

}  // namespace

template <class Index>
void sparse_pass(const PanelsOf& kernels, const PanelModel& model,
                 const CompressedRows<Index>& rows, double* loss, double* right,
                 double* gradient) {
  const PanelModel a = in_panels(model);
  const int64_t size = (rows.width + 1) * a.k, stored = int64_t(rows.starts[a.n]) / a.n + 1;
  const Sums sums(kernels, a, 2 + size, 4 * a.k * stored,
                  [&](int64_t first, int64_t last, double* at, double* work) {
                    const PanelSums here{at, at + 1, at + 2, nullptr};
                    of_index(kernels, Index()).pass(a, rows, first, last, here, work);
                  });
  *loss = sums[0];
  *right = sums[1];
  std::copy_n(&sums[2], size, gradient);
}

template <class Index>
double sparse_dual(const PanelsOf& kernels, const PanelModel& model,
                   const CompressedRows<Index>& rows, const Repair& repair, double* gradient) {
  const PanelModel a = in_panels(model);
  const int64_t size = (rows.width + 1) * a.k, stored = int64_t(rows.starts[a.n]) / a.n + 1;
  const Sums sums(kernels, a, 1 + size, 4 * a.k * stored,
                  [&](int64_t first, int64_t last, double* at, double* work) {
                    const PanelSums here{at, nullptr, at + 1, nullptr};
                    of_index(kernels, Index()).dual(a, rows, repair, first, last, here, work);
                  });
  std::copy_n(&sums[1], size, gradient);
  return sums[0];
}

template <class Index>
void sparse_pulled(const PanelsOf& kernels, const CompressedRows<Index>& rows, const double* r,
                   int64_t n, int64_t k, double* gradient) {
  PanelModel a{};
  a.n = n, a.k = k;
  a = in_panels(a);
  const int64_t size = (rows.width + 1) * k, stored = int64_t(rows.starts[n]) / n + 1;
  const Sums sums(kernels, a, size, 2 * k * stored,
                  [&](int64_t first, int64_t last, double* at, double*) {
                    const int64_t end = std::min(last * a.wide, n);
                    of_index(kernels, Index()).pull(rows, r, first * a.wide, end, k, at);
                  });
  std::copy_n(&sums[0], size, gradient);
}

#define LUCE_INSTANTIATE(Index)                                                                  \
  template void sparse_pass<Index>(const PanelsOf&, const PanelModel&,                           \
                                   const CompressedRows<Index>&, double*, double*, double*);     \
  template double sparse_dual<Index>(const PanelsOf&, const PanelModel&,                         \
                                     const CompressedRows<Index>&, const Repair&, double*);      \
  template void sparse_pulled<Index>(const PanelsOf&, const CompressedRows<Index>&,              \
                                     const double*, int64_t, int64_t, double*);
LUCE_INSTANTIATE(int32_t)
LUCE_INSTANTIATE(int64_t)

void weighted_grams(const PanelsOf& kernels, const PanelModel& a, const double* weights,
                    double* grams) {
  const int64_t square = a.d * a.d;
  const Sums sums(kernels, a, a.k * square, a.k * square,
                  [&](int64_t first, int64_t last, double* at, double* work) {
                    kernels.grams(a, weights, first, last, at, work);
                  });
  for (int64_t j = 0; j < a.k; ++j, grams += square)
    for (int64_t c = 0; c < a.d; ++c)
      for (int64_t e = 0; e <= c; ++e)
        grams[c * a.d + e] = grams[e * a.d + c] = sums[j * square + c * a.d + e];
}

}  // namespace luce
