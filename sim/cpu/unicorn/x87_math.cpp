#include "sim/cpu/unicorn/x87_math.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "sim/cpu/unicorn/double_double.hpp"

namespace sim::unicorn {

namespace {

constexpr Twofold kPi{3.141592653589793116, 1.224646799147353207e-16};
constexpr Twofold kHalfPi{1.570796326794896558, 6.123233995736766036e-17};
constexpr Twofold kLn2{6.931471805599452862e-01, 2.319046813846299558e-17};
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// value * 2^exponent, exact where the result is a normal number.
double scaled(double value, int exponent) { return std::ldexp(value, exponent); }

/// An angle as quadrant (of pi/2) and the rest in [-pi/4, pi/4].
struct Angle {
  unsigned quadrant = 0;
  Twofold rest;
};

/// 2/pi as a binary fraction of 256 bits, most significant first.
constexpr std::array<std::uint64_t, 4> kTwoOverPi = {0xa2f9836e4e441529, 0xfc2757d1f534ddc0,
                                                     0xdb6295993c439041, 0xfe5163abdebbc561};

using Limbs = std::array<std::uint64_t, 5>;  // least significant first

Limbs times_two_over_pi(std::uint64_t mantissa) {
  Limbs product{};
  unsigned __int128 carry = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    carry += static_cast<unsigned __int128>(mantissa) * kTwoOverPi[3 - i];
    product[i] = static_cast<std::uint64_t>(carry);
    carry >>= 64;
  }
  product[4] = static_cast<std::uint64_t>(carry);
  return product;
}

/// 64 bits of a number from bit `low` on; bits below zero are zero.
std::uint64_t bits_from(const Limbs& number, int low) {
  std::uint64_t result = 0;
  for (int i = 0; i < 64; ++i) {
    const int bit = low + i;
    if (bit < 0 || bit >= 320) continue;
    const auto limb = static_cast<std::size_t>(bit / 64);
    result |= ((number[limb] >> (bit % 64)) & 1) << i;
  }
  return result;
}

Twofold from_integer(std::uint64_t value, int exponent) {
  const Twofold high(scaled(static_cast<double>(value >> 32), exponent + 32));
  return high + Twofold(scaled(static_cast<double>(value & 0xffffffff), exponent));
}

/// For finite |x| below 2^64.
Angle reduce(double x) {
  constexpr double kQuarterPi = 0.785398163397448279;
  if (std::fabs(x) <= kQuarterPi) return {0, Twofold(x)};
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const int exponent = static_cast<int>((bits >> 52) & 0x7ff) - 1075;
  const std::uint64_t mantissa = (bits & ((1ull << 52) - 1)) | (1ull << 52);
  const Limbs product = times_two_over_pi(mantissa);
  const int point = 256 - exponent;  // the bit where the integer part begins
  auto quadrant = static_cast<unsigned>(bits_from(product, point) & 3);
  std::uint64_t a = bits_from(product, point - 64), b = bits_from(product, point - 128),
                c = bits_from(product, point - 192);
  const bool beyond_half = a >> 63;
  if (beyond_half) {
    ++quadrant;
    c = ~c + 1;
    b = ~b + (c == 0);
    a = ~a + (c == 0 && b == 0);
  }
  Twofold rest = from_integer(a, -64) + from_integer(b, -128) + from_integer(c, -192);
  rest = rest * kHalfPi;
  if (beyond_half) rest = -rest;
  if (x < 0) return {(4 - (quadrant & 3)) & 3, -rest};
  return {quadrant & 3, rest};
}

/// Sum of x^k / k! over k = first, first + 2, ... with alternating signs.
Twofold alternating_series(Twofold x, int first) {
  const Twofold square = x * x;
  Twofold term = first == 1 ? x : Twofold(1.0);
  Twofold sum = term;
  for (int k = first + 1; k < first + 30; k += 2) {
    term = -(term * square) / Twofold(static_cast<double>(k) * (k + 1));
    sum = sum + term;
  }
  return sum;
}
Twofold sine(Twofold x) { return alternating_series(x, 1); }
Twofold cosine(Twofold x) { return alternating_series(x, 0); }

/// atan of 0 <= q <= 1.
Twofold arc_tangent(Twofold q) {
  if (q.high < 0x1p-30) return q - q * q * q / Twofold(3.0);
  Twofold angle(q.high * (0.7853981633974483 + 0.273 * (1 - q.high)));
  for (int step = 0; step < 2; ++step) {
    const Twofold s = sine(angle), c = cosine(angle);
    const Twofold d = (q * c - s) / (c + q * s);  // tangent of what is missing
    const Twofold d2 = d * d;
    angle = angle + (d - d * d2 / Twofold(3.0) + d * d2 * d2 / Twofold(5.0));
  }
  return angle;
}

double atan2_of_special(double y, double x) {
  if (std::isnan(x) || std::isnan(y)) return kNan;
  const bool left = std::signbit(x);
  double angle = 0;
  if (y == 0) {
    angle = left ? kPi.high : 0;
  } else if (std::isinf(y)) {
    constexpr double kQuarter = 0.785398163397448279, kThreeQuarters = 2.356194490192344837;
    angle = !std::isinf(x) ? kHalfPi.high : left ? kThreeQuarters : kQuarter;
  } else if (std::isinf(x)) {
    angle = left ? kPi.high : 0;
  } else {
    angle = kHalfPi.high;  // x is zero
  }
  return std::copysign(angle, y);
}

}  // namespace

double steady_sin(double x) {
  if (!std::isfinite(x)) return kNan;
  if (std::fabs(x) < 0x1p-27) return x;
  const Angle angle = reduce(x);
  const Twofold value = angle.quadrant & 1 ? cosine(angle.rest) : sine(angle.rest);
  return angle.quadrant & 2 ? -value.rounded() : value.rounded();
}

double steady_cos(double x) {
  if (!std::isfinite(x)) return kNan;
  const Angle angle = reduce(x);
  const Twofold value = angle.quadrant & 1 ? sine(angle.rest) : cosine(angle.rest);
  return ((angle.quadrant + 1) & 2) ? -value.rounded() : value.rounded();
}

double steady_tan(double x) {
  if (!std::isfinite(x)) return kNan;
  if (std::fabs(x) < 0x1p-27) return x;
  const Angle angle = reduce(x);
  const Twofold s = sine(angle.rest), c = cosine(angle.rest);
  return angle.quadrant & 1 ? -(c / s).rounded() : (s / c).rounded();
}

double steady_atan2(double y, double x) {
  if (!std::isfinite(x) || !std::isfinite(y) || x == 0 || y == 0) return atan2_of_special(y, x);
  int ey = 0, ex = 0;
  const double my = std::frexp(std::fabs(y), &ey), mx = std::frexp(std::fabs(x), &ex);
  constexpr int kFar = 120;
  if (ey - ex > kFar) return std::copysign(kHalfPi.high, y);
  if (ex - ey > kFar) return x > 0 ? y / x : std::copysign(kPi.high, y);
  const Twofold ys(scaled(my, ey - ex)), xs(mx);
  const bool steep = ys.high > xs.high;
  Twofold angle = arc_tangent(steep ? xs / ys : ys / xs);
  if (steep) angle = kHalfPi - angle;
  if (x < 0) angle = kPi - angle;
  return std::copysign(angle.rounded(), y);
}

double steady_log(double x) {
  if (std::isnan(x) || x < 0) return kNan;
  if (x == 0) return -kInfinity;
  if (std::isinf(x)) return kInfinity;
  int exponent = 0;
  double m = std::frexp(x, &exponent);
  constexpr double kRootHalf = 0.70710678118654752;
  if (m < kRootHalf) {
    m *= 2;
    --exponent;
  }
  // ln m = 2 artanh s with s = (m - 1) / (m + 1), and m - 1 is exact.
  const Twofold s = Twofold(m - 1) / exact_sum(m, 1);
  const Twofold square = s * s;
  Twofold power = s, sum = s;
  for (int k = 3; k < 43; k += 2) {
    power = power * square;
    sum = sum + power / Twofold(k);
  }
  return (kLn2 * Twofold(exponent) + sum + sum).rounded();
}

double steady_exp2(double x) {
  if (std::isnan(x)) return kNan;
  if (x >= 1024) return kInfinity;
  if (x < -1080) return 0;
  const double whole = std::nearbyint(x);
  const Twofold t = Twofold(x - whole) * kLn2;
  Twofold term(1.0), sum(1.0);
  for (int k = 1; k < 26; ++k) {
    term = term * t / Twofold(k);
    sum = sum + term;
  }
  return scaled(sum.rounded(), static_cast<int>(whole));
}

}  // namespace sim::unicorn

using namespace sim::unicorn;

extern "C" {

double __real_pow(double x, double y);

double __wrap_sin(double x) { return steady_sin(x); }
double __wrap_cos(double x) { return steady_cos(x); }
double __wrap_tan(double x) { return steady_tan(x); }
double __wrap_atan2(double y, double x) { return steady_atan2(y, x); }
double __wrap_log(double x) { return steady_log(x); }
void __wrap_sincos(double x, double* sine_out, double* cosine_out) {
  *sine_out = steady_sin(x);
  *cosine_out = steady_cos(x);
}
/// F2XM1 asks for powers of two only. Nobody in a world may ask for others.
double __wrap_pow(double x, double y) { return x == 2.0 ? steady_exp2(y) : __real_pow(x, y); }

}  // extern "C"
