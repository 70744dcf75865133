#include "sim/kernel/random.hpp"

#include <Random123/philox.h>

#include "traces/assert.hpp"
#include "traces/digest.hpp"

namespace sim {
namespace {

__extension__ using Wide = unsigned __int128;

}  // namespace

Draw::Draw(std::uint64_t seed, std::uint64_t stream, std::array<std::uint64_t, 3> operation)
    : counter_{operation[0], operation[1], operation[2], 0}, key_{seed, stream} {}

std::uint64_t Draw::bits() {
  if (used_ == block_.size()) {
    const philox4x64_ctr_t counter{{counter_[0], counter_[1], counter_[2], counter_[3]}};
    const philox4x64_key_t key{{key_[0], key_[1]}};
    const philox4x64_ctr_t block = philox4x64_R(10, counter, key);
    for (unsigned i = 0; i < block_.size(); ++i) block_[i] = block.v[i];
    ++counter_[3];
    used_ = 0;
  }
  return block_[used_++];
}

/// The upper half of bits * bound is uniform once the few lower halves that would favour some
/// results are thrown away. There are 2^64 mod bound of them.
std::uint64_t Draw::below(std::uint64_t bound) {
  HVSIM_ASSERT(bound > 0, "a choice among nothing");
  Wide product = Wide{bits()} * bound;
  if (static_cast<std::uint64_t>(product) < bound) {
    const std::uint64_t unfair = (0 - bound) % bound;
    while (static_cast<std::uint64_t>(product) < unfair) product = Wide{bits()} * bound;
  }
  return static_cast<std::uint64_t>(product >> 64);
}

std::int64_t Draw::between(std::int64_t low, std::int64_t high) {
  HVSIM_ASSERT(low <= high, "an empty range");
  const std::uint64_t span = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  const std::uint64_t offset = span == UINT64_MAX ? bits() : below(span + 1);
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + offset);
}

Duration Draw::between(Duration low, Duration high) { return {between(low.ns, high.ns)}; }

bool Draw::happens(Chance chance) {
  HVSIM_ASSERT(chance.denominator > 0, "a chance without a denominator");
  if (chance.numerator == 0) return false;
  if (chance.numerator >= chance.denominator) return true;
  return below(chance.denominator) < chance.numerator;
}

Draw Random::draw(std::string_view stream, std::uint64_t a, std::uint64_t b, std::uint64_t c,
                  std::uint64_t d) const {
  // The fourth number shares the key's word with the stream: an odd factor keeps all apart.
  return Draw(seed_, traces::hash64_of(stream) + d * 0x9e37'79b9'7f4a'7c15, {a, b, c});
}

}  // namespace sim
