#include "traces/digest.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace traces {
namespace {

Digest from_xxh(XXH128_hash_t hash) { return {hash.high64, hash.low64}; }

}  // namespace

Digest digest_of(std::span<const std::byte> bytes) {
  return from_xxh(XXH3_128bits(bytes.data(), bytes.size()));
}

Digest digest_of(std::string_view text) { return digest_of(std::as_bytes(std::span(text))); }

std::uint64_t hash64_of(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::uint64_t hash64_of(std::string_view text) { return hash64_of(std::as_bytes(std::span(text))); }

struct DigestStream::State {
  XXH3_state_t xxh;  // wants 64-byte alignment, which its type carries into operator new
};

DigestStream::DigestStream() : state_(std::make_unique<State>()) {
  XXH3_128bits_reset(&state_->xxh);
}

DigestStream::~DigestStream() = default;

void DigestStream::add(std::span<const std::byte> bytes) {
  XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size());
}

void DigestStream::add_u64(std::uint64_t value) {
  std::byte little_endian[8];
  for (unsigned i = 0; i < 8; ++i) {
    little_endian[i] = static_cast<std::byte>(value >> (8 * i));
  }
  add(little_endian);
}

Digest DigestStream::finish() const { return from_xxh(XXH3_128bits_digest(&state_->xxh)); }

}  // namespace traces
