// Products of a vector and the Jacobian of softmax or its logarithm, row by row.
//
// v is first measured from the winner's, whose probability may be all there is; the mean of that
// is a centre close to the mean itself, and what it misses is small in the second sum. So neither
// a large common part of v nor a winner with 1 - p = 1e-18 costs a digit. Float logits are computed
// in double; double logits take exponentials and sums as pairs.
#pragma once
#include "double_rows.hpp"
#include "elementwise.hpp"
#include "float_rows.hpp"

namespace {

using luce::kPiece;
using luce::Product;

constexpr double kRoomy = 0x1p400;  // sums and quotients of smaller numbers cannot overflow

inline L places_from(int64_t i) {
  L places;
  for (int j = 0; j < kDoubles; ++j) places[j] = i + j;
  return places;
}

// a b as a sum of two doubles.
inline Pair product_pair(D a, D b) {
  const D product = a * b;
#ifdef LUCE_FMA
  return {product, a * b - product};
#else  // Dekker
  const D c = a * 134217729.0, d = b * 134217729.0;
  const D a_high = c - (c - a), b_high = d - (d - b), a_low = a - a_high, b_low = b - b_high;
  return {product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low};
#endif
}

// A sum of pairs in every lane.
struct Total {
  D high{}, low{};

  void add(Pair x) {
    const Pair sum = sum_pair(high, x.high);
    high = sum.high;
    low += sum.low + x.low;
  }
  Sum added_up() const {
    Sum sum{};
    for (int i = 0; i < kDoubles; ++i) ::add(&sum, Sum{0, 0, high[i], low[i], true});
    return sum;
  }
};

// ---- floats -------------------------------------------------------------------------------------

// e^((x - top) / temperature)
struct FloatPower {
  double top, temperature;

  D operator()(D x) const {
    D gap = x - top;
    if (temperature != 1) gap /= temperature;
    return gap < kLeast ? D{} : exp_wide(gap);
  }
};

template <class V>
bool centred_row(Product product, const float* z, const V* v, float* out, int64_t n,
                 double temperature, int64_t winner, D* kept) {
  const FloatPower power{z[winner], temperature};
  const double own = v[winner];
  auto power_at = [&](int64_t i) {
    return n <= kPiece ? kept[i / kDoubles] : power(numbers_at(z, i, n, -kInfF));
  };
  auto seen_at = [&](int64_t i, D v_i) {
    return numbers_at(z, i, n, -kInfF) == -kInf ? D{} + own : v_i;
  };
  D sum{}, first{}, second{}, most{};
  for (int64_t i = 0; i < n; i += kDoubles) {
    const D e = power(numbers_at(z, i, n, -kInfF));
    if (n <= kPiece) kept[i / kDoubles] = e;
    const D given = numbers_at(v, i, n), u = seen_at(i, given);
    sum += e;
    first += e * (u - own);
    most = larger(magnitude(product == Product::softmax ? u : given), most);
  }
  const double total = added_up(sum);
  if (!finite(total)) return fill(out, n, __builtin_nan("")), true;
  const double centre = added_up(first) / total, inverse = 1 / total;
  if (!finite(centre) || !(largest(most) <= kRoomy * std::min(1.0, temperature))) return false;
  for (int64_t i = 0; i < n; i += kDoubles)
    second += power_at(i) * ((seen_at(i, numbers_at(v, i, n)) - own) - centre);
  const double missed = added_up(second) * inverse;
  for (int64_t i = 0; i < n; i += kDoubles) {
    const D u = numbers_at(v, i, n), e = power_at(i);
    const D seen = product == Product::softmax ? seen_at(i, u) : u;
    D result = ((seen - own) - centre) - missed;
    if (temperature != 1) result /= temperature;
    if (product == Product::softmax) result *= e * inverse;
    write_numbers(out, i, n, result);
  }
  return true;
}

template <class V>
bool backward_row(const float* z, const V* v, float* out, int64_t n, double temperature,
                  int64_t winner, D* kept) {
  const FloatPower power{z[winner], temperature};
  const double own = v[winner];
  D sum{}, others{}, most{};
  for (int64_t i = 0; i < n; i += kDoubles) {
    const D e = power(numbers_at(z, i, n, -kInfF)), u = numbers_at(v, i, n);
    if (n <= kPiece) kept[i / kDoubles] = e;
    const L wins = places_from(i) == winner;
    sum += wins ? D{} : e;
    others += wins ? D{} : u;
    most = larger(magnitude(u), most);
  }
  const double rest = added_up(sum), others_v = added_up(others), total = others_v + own;
  if (!finite(rest)) return fill(out, n, __builtin_nan("")), true;
  if (!finite(total) || !(largest(most) <= kRoomy * std::min(1.0, temperature))) return false;
  const double inverse = 1 / (1 + rest), own_result = (own * rest - others_v) * inverse;
  for (int64_t i = 0; i < n; i += kDoubles) {
    const D e = n <= kPiece ? kept[i / kDoubles] : power(numbers_at(z, i, n, -kInfF));
    D result = numbers_at(v, i, n) - e * inverse * total;
    if (temperature != 1) result /= temperature;
    write_numbers(out, i, n, result);
  }
  out[winner] = float(own_result / temperature);
  return true;
}

// ---- doubles ------------------------------------------------------------------------------------

template <bool unit>
bool centred_row(Product product, const double* z, const double* v, double* out, int64_t n,
                 double temperature, int64_t winner, Pair* kept) {
  const Gap<unit> gap(z[winner], temperature);
  const double own = v[winner];
  auto power = [&](int64_t i) {
    const Pair g = gap(numbers_at(z, i, n, -kInf));
    return exp_pair(g.high, g.low);
  };
  auto power_at = [&](int64_t i) { return n <= kPiece ? kept[i / kDoubles] : power(i); };
  auto seen_at = [&](int64_t i, D v_i) {
    return numbers_at(z, i, n, -kInf) == -kInf ? D{} + own : v_i;
  };
  Total sum, second;
  D first{}, most{};
  for (int64_t i = 0; i < n; i += kDoubles) {
    const Pair e = power(i);
    if (n <= kPiece) kept[i / kDoubles] = e;
    const D given = numbers_at(v, i, n), u = seen_at(i, given);
    sum.add(e);
    first += e.high * (u - own);
    most = larger(magnitude(product == Product::softmax ? u : given), most);
  }
  const Sum total = sum.added_up();
  if (!finite(total.high)) return fill(out, n, __builtin_nan("")), true;
  double high, low;
  reciprocal(total, &high, &low);
  const double centre = added_up(first) * high;
  if (!finite(centre) || !(largest(most) <= kRoomy * std::min(1.0, temperature))) return false;
  auto away_at = [&](D u) {  // u - own - centre
    const Pair a = sum_pair(u, all(-own)), b = sum_pair(a.high, all(-centre));
    return Pair{b.high, b.low + a.low};
  };
  for (int64_t i = 0; i < n; i += kDoubles) {
    const Pair e = power_at(i), away = away_at(seen_at(i, numbers_at(v, i, n)));
    const Pair term = product_pair(e.high, away.high);
    second.add({term.high, term.low + (e.high * away.low + e.low * away.high)});
  }
  const Sum again = second.added_up();
  const double missed = (again.high + again.low) * high;
  for (int64_t i = 0; i < n; i += kDoubles) {
    const D u = numbers_at(v, i, n);
    const Pair away = away_at(product == Product::softmax ? seen_at(i, u) : u);
    D result = away.high + (away.low - missed);
    if (!unit) result /= temperature;
    if (product == Product::softmax) {
      const Pair e = power_at(i);
      // p times 2^512: one that is subnormal would be rounded to few digits
      const double h = high * 0x1p512, l = low * 0x1p512;
      result = result * (e.high * h + (e.high * l + e.low * h)) * 0x1p-512;
    }
    write_numbers(out, i, n, result);
  }
  return true;
}

template <bool unit>
bool backward_row(const double* z, const double* v, double* out, int64_t n, double temperature,
                  int64_t winner, Pair* kept) {
  const Gap<unit> gap(z[winner], temperature);
  const double own = v[winner];
  auto power = [&](int64_t i) {
    const Pair g = gap(numbers_at(z, i, n, -kInf));
    return exp_pair(g.high, g.low);
  };
  Total sum, others;
  D most{};
  for (int64_t i = 0; i < n; i += kDoubles) {
    const Pair e = power(i);
    if (n <= kPiece) kept[i / kDoubles] = e;
    const D u = numbers_at(v, i, n);
    const L wins = places_from(i) == winner;
    sum.add({wins ? D{} : e.high, wins ? D{} : e.low});
    others.add({wins ? D{} : u, D{}});
    most = larger(magnitude(u), most);
  }
  const Sum rest = sum.added_up(), rest_v = others.added_up();
  if (!finite(rest.high)) return fill(out, n, __builtin_nan("")), true;
  if (!finite(rest_v.high + own) || !(largest(most) <= kRoomy * std::min(1.0, temperature)))
    return false;
  Sum whole = rest, all_v = rest_v;
  add(&whole, Sum{0, 0, 0x1p512, 0, true});
  add(&all_v, Sum{0, 0, own, 0, true});
  double high, low;
  reciprocal(whole, &high, &low);
  for (int64_t i = 0; i < n; i += kDoubles) {
    const Pair e = n <= kPiece ? kept[i / kDoubles] : power(i);
    const Pair p = product_pair(e.high, all(high));
    const D p_low = p.low + (e.high * low + e.low * high);
    const Pair part = product_pair(p.high, all(all_v.high));
    D result = (numbers_at(v, i, n) - part.high) -
               (part.low + (p.high * all_v.low + p_low * all_v.high));
    if (!unit) result /= temperature;
    write_numbers(out, i, n, result);
  }
  const long double inverse = (long double)high + low;
  const long double others_p = ((long double)rest.high + rest.low) * inverse;
  const long double others_v = (long double)rest_v.high + rest_v.low;
  out[winner] = double((own * others_p - 0x1p512l * inverse * others_v) / temperature);
  return true;
}

// ---- rows ---------------------------------------------------------------------------------------

inline int64_t first_of_the_largest(const float* z, int64_t n, float top) {
  int64_t i = 0;
  while (i + kFloats <= n && !any(reinterpret_cast<L>(load(z + i) == top))) i += kFloats;
  while (i < n && z[i] != top) ++i;
  return i;
}
inline int64_t first_of_the_largest(const double* z, int64_t n, double top) {
  return first_place(z, n, top);
}

template <class T, class Body>
bool each_row(const T* z, T* out, int64_t rows, int64_t n, Body body) {
  bool done = true;
  for (int64_t i = 0; i < rows; ++i) {
    const T* from = z + i * n;
    const T top = maximum(from, n);
    const bool possible = finite(top);
    if (possible && body(i * n, first_of_the_largest(from, n, top))) continue;
    fill(out + i * n, n, __builtin_nan(""));
    done = done && !possible;
  }
  return done;
}

template <class V>
bool float_rows(Product product, const float* z, const V* v, float* out, int64_t rows, int64_t n,
                double temperature) {
  D kept[kPiece / kDoubles];
  return each_row(z, out, rows, n, [&](int64_t at, int64_t winner) {
    if (product == Product::log_backward)
      return backward_row(z + at, v + at, out + at, n, temperature, winner, kept);
    return centred_row(product, z + at, v + at, out + at, n, temperature, winner, kept);
  });
}

template <bool unit>
bool double_rows(Product product, const double* z, const double* v, double* out, int64_t rows,
                 int64_t n, double temperature) {
  Pair kept[kPiece / kDoubles];
  return each_row(z, out, rows, n, [&](int64_t at, int64_t winner) {
    if (product == Product::log_backward)
      return backward_row<unit>(z + at, v + at, out + at, n, temperature, winner, kept);
    return centred_row<unit>(product, z + at, v + at, out + at, n, temperature, winner, kept);
  });
}

inline bool jacobian_rows(Product product, const float* z, const float* v, float* out,
                          int64_t rows, int64_t n, double temperature) {
  return float_rows(product, z, v, out, rows, n, temperature);
}
inline bool jacobian_rows(Product product, const float* z, const double* v, float* out,
                          int64_t rows, int64_t n, double temperature) {
  return float_rows(product, z, v, out, rows, n, temperature);
}
inline bool jacobian_rows(Product product, const double* z, const double* v, double* out,
                          int64_t rows, int64_t n, double temperature) {
  return temperature == 1 ? double_rows<true>(product, z, v, out, rows, n, 1)
                          : double_rows<false>(product, z, v, out, rows, n, temperature);
}

}  // namespace
