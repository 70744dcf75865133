// Arithmetic on unevaluated sums of two doubles: some 104 bits of precision out of IEEE additions,
// multiplications and divisions alone, so that results are the same on every host. The file that
// includes this must be compiled with -ffp-contract=off.
#pragma once

#include <cstdint>

namespace sim::unicorn {

struct Twofold {
  double high = 0, low = 0;
  constexpr Twofold() = default;
  constexpr Twofold(double value) : high(value) {}
  constexpr Twofold(double h, double l) : high(h), low(l) {}
  constexpr double rounded() const { return high + low; }
};

/// The exact sum of two doubles, in any order of magnitude.
constexpr Twofold exact_sum(double a, double b) {
  const double sum = a + b;
  const double part = sum - a;
  return {sum, (a - (sum - part)) + (b - part)};
}

/// The exact sum where `a` is the larger one.
constexpr Twofold renormalized(double a, double b) {
  const double sum = a + b;
  return {sum, b - (sum - a)};
}

/// The exact product, from halves of 26 bits. Magnitudes must stay below 2^996.
constexpr Twofold exact_product(double a, double b) {
  constexpr double kSplit = 134217729.0;  // 2^27 + 1
  const double ta = kSplit * a, tb = kSplit * b;
  const double ah = ta - (ta - a), bh = tb - (tb - b);
  const double al = a - ah, bl = b - bh;
  const double product = a * b;
  return {product, ((ah * bh - product) + ah * bl + al * bh) + al * bl};
}

constexpr Twofold operator+(Twofold a, Twofold b) {
  const Twofold high = exact_sum(a.high, b.high);
  const Twofold low = exact_sum(a.low, b.low);
  const Twofold first = renormalized(high.high, high.low + low.high);
  return renormalized(first.high, first.low + low.low);
}
constexpr Twofold operator-(Twofold a) { return {-a.high, -a.low}; }
constexpr Twofold operator-(Twofold a, Twofold b) { return a + -b; }
constexpr Twofold operator*(Twofold a, Twofold b) {
  const Twofold product = exact_product(a.high, b.high);
  return renormalized(product.high, product.low + (a.high * b.low + a.low * b.high));
}
constexpr Twofold operator/(Twofold a, Twofold b) {
  const double first = a.high / b.high;
  const Twofold rest = a - b * Twofold(first);
  const double second = rest.high / b.high;
  const Twofold rest2 = rest - b * Twofold(second);
  const Twofold quotient = renormalized(first, second);
  return quotient + Twofold(rest2.high / b.high);
}

}  // namespace sim::unicorn
