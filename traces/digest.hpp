// The one digest of the project: XXH3-128. Streaming for long inputs, one call for short ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "traces/events.hpp"

namespace traces {

Digest digest_of(std::span<const std::byte> bytes);
Digest digest_of(std::string_view text);
/// 64-bit form for sectors, packets and keys.
std::uint64_t hash64_of(std::span<const std::byte> bytes);
std::uint64_t hash64_of(std::string_view text);

class DigestStream {
 public:
  DigestStream();
  ~DigestStream();
  DigestStream(const DigestStream&) = delete;
  void add(std::span<const std::byte> bytes);
  void add_u64(std::uint64_t value);
  Digest finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace traces
