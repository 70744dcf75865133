#include "sim/net/frame_check.hpp"

#include "sim/net/flight.hpp"

namespace sim::net {
namespace {

constexpr std::uint32_t kPolynomial = 0xEDB88320;  // of CRC-32, least significant bit first
constexpr std::uint32_t kFrameBits = kFrameBytes * 8;
constexpr std::uint32_t kMaxBurst = 32;

}  // namespace

Damage draw_damage(Draw& draw) {
  const auto length = static_cast<std::uint32_t>(draw.between(1, kMaxBurst));
  Damage damage;
  damage.first_bit = static_cast<std::uint32_t>(draw.below(kFrameBits - length + 1));
  // The first and the last bit of a burst are flipped; between them each may be.
  const std::uint64_t ends = std::uint64_t{1} | std::uint64_t{1} << (length - 1);
  const std::uint64_t inside = (std::uint64_t{1} << length) - 1;
  damage.pattern = (draw.bits() & inside) | ends;
  return damage;
}

bool check_fails(const Damage& damage) {
  // The remainder of the damage, as a frame of its own that is zero elsewhere. Bits before the
  // first flipped one leave it at zero, bits after the last only shift it.
  std::uint32_t remainder = 0;
  for (std::uint32_t bit = damage.first_bit; bit < kFrameBits; ++bit) {
    const std::uint32_t place = bit - damage.first_bit;
    const bool flipped = place < 64 && (damage.pattern >> place & 1) != 0;
    const bool carry = ((remainder & 1) != 0) != flipped;
    remainder >>= 1;
    if (carry) remainder ^= kPolynomial;
  }
  return remainder != 0;
}

}  // namespace sim::net
