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
