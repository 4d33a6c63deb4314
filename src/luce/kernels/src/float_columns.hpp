// Softmax along columns of floats that lie side by side: vectors run across the columns, so rows
// of memory are read in their order and nothing is gathered.
//
// The sum of a column is added up in the order of `sum_of_powers`, and results are computed as for
// rows, so a column gives the bits of the same row. Who calls looks at the sums: columns that are
// not `in_range` are to be gathered.
#pragma once
#include "float_rows.hpp"

namespace {

using luce::kColumns;

constexpr int64_t kAhead = 8;  // rows of memory, which the processor does not fetch by itself

inline void fetch(const float* z, int64_t columns) {
  for (int64_t c = 0; c < columns; c += 16) __builtin_prefetch(z + c);
}

// Sums of exponentials of up to kColumns columns of n <= kPiece classes. The exponentials go to
// `keep` if that is given: rows of whole vectors.
inline void measure_columns(const float* z, int64_t columns, int64_t n, int64_t stride,
                            double temperature, double* sums, double* keep) {
  D partial[kDoubles][kColumns / kDoubles];
  const int64_t vectors = (columns + kDoubles - 1) / kDoubles;
  for (auto& each : partial) std::fill(each, each + vectors, D{});
  with_scale(temperature, [&](auto scale) {
    for (int64_t j = 0; j < n; ++j) {
      const float* from = z + j * stride;
      if (j + kAhead < n) fetch(from + kAhead * stride, columns);
      D* sum = partial[j % kDoubles];
      for (int64_t v = 0; v < vectors; ++v) {
        const D e = exp_wide(scale(logits_at(from, v * kDoubles, columns)));
        if (keep) store_as(keep + (j * vectors + v) * kDoubles, e);
        sum[v] += e;
      }
    }
  });
  for (int64_t v = 0; v < vectors; ++v) {
    for (int width = kDoubles / 2; width > 0; width /= 2)  // as in `added_up`
      for (int i = 0; i < width; ++i) partial[i][v] += partial[i + width][v];
    std::memcpy(sums + v * kDoubles, &partial[0][v],
                std::min<int64_t>(kDoubles, columns - v * kDoubles) * sizeof(double));
  }
}

#ifdef LUCE_FMA
// The constants of `FloatSoftmax` for neighbouring columns.
struct ColumnConstants {
  float lowest[kColumns], inverse[kColumns], left[kColumns];
  int32_t field[kColumns];

  ColumnConstants(const double* sums, int64_t columns) {
    for (int64_t c = 0; c < columns; ++c) {
      const RowConstants row(sums[c]);
      lowest[c] = row.lowest;
      field[c] = row.field;
      inverse[c] = row.inverse;
      left[c] = row.left;
    }
  }
  FloatSoftmax vector(int64_t c) const {
    return {load(lowest + c), load_as<I>(field + c), load(inverse + c), load(left + c)};
  }
  F one(int64_t c, float x) const {
    return FloatSoftmax{all(lowest[c]), I{} + field[c], all(inverse[c]), all(left[c])}(all(x));
  }
};

inline void write_long_columns(const float* z, float* out, int64_t columns, int64_t n,
                               int64_t stride, const double* sums) {
  const ColumnConstants constants(sums, columns);
  for (int64_t j = 0; j < n; ++j) {
    const float* from = z + j * stride;
    float* to = out + j * stride;
    int64_t c = 0;
    for (; c + kFloats <= columns; c += kFloats)
      store_as(to + c, constants.vector(c)(load(from + c)));
    for (; c < columns; ++c) to[c] = constants.one(c, from[c])[0];
  }
}
#endif

// The softmax of columns with these sums; `kept` as `measure_columns` left it, or null. `part`
// says that the columns are parts of longer ones.
inline void write_columns(const float* z, float* out, int64_t columns, int64_t n, int64_t stride,
                          double temperature, const double* sums, const double* kept, bool part,
                          bool streaming) {
#ifdef LUCE_FMA
  if (part && temperature == 1) return write_long_columns(z, out, columns, n, stride, sums);
#endif
  const int64_t length = (columns + kDoubles - 1) / kDoubles * kDoubles;
  alignas(kBytes) double inverse[kColumns + kDoubles];
  for (int64_t c = 0; c < length + kDoubles; ++c) inverse[c] = c < columns ? 1 / sums[c] : 1;
  with_scale(temperature, [&](auto scale) {
    for (int64_t j = 0; j < n; ++j) {
      const float* from = z + j * stride;
      if (kept) {
        const double* power = kept + j * length;
        write_along(out + j * stride, columns, streaming,
                    [&](int64_t c) { return load(power + c) * load(inverse + c); });
      } else {
        write_along(out + j * stride, columns, streaming, [&](int64_t c) {
          return exp_wide(scale(logits_at(from, c, columns))) * load(inverse + c);
        });
      }
    }
  });
  if (streaming) end_of_stream();
}

}  // namespace
