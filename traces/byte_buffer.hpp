// Bytes being written and bytes being read: the layer below the event codec, page sets and trace
// files. Integers are little-endian or varints (7 bits per byte, least significant first, bit 7
// says that more follow, no needless zero bytes at the end); digests are big-endian as XXH3 stores
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "traces/events.hpp"

namespace traces {

/// The longest varint of 64 bits.
inline constexpr std::size_t kMaxVarint = 10;

/// Writes at most kMaxVarint bytes and returns their end.
inline std::byte* put_varint(std::byte* to, std::uint64_t value) {
  while (value >= 0x80) {
    *to++ = static_cast<std::byte>(value | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<std::byte>(value);
  return to;
}

/// Signed numbers as varints: small magnitudes are short.
constexpr std::uint64_t zigzag(std::uint64_t value) { return value << 1 ^ (0 - (value >> 63)); }
constexpr std::uint64_t unzigzag(std::uint64_t value) { return value >> 1 ^ (0 - (value & 1)); }

std::byte* put_u64(std::byte* to, std::uint64_t value);
std::byte* put_digest(std::byte* to, const Digest& digest);

/// Bytes that grow at the end. Unlike std::vector it does not fill what it grows by, and it keeps
/// its storage when cleared, so that encoding an event allocates nothing.
class ByteBuffer {
 public:
  /// Room for `more` bytes behind the content. Write there, then call end_at().
  std::byte* reserve(std::size_t more) {
    if (capacity_ - size_ < more) enlarge(more);
    return bytes_.get() + size_;
  }
  /// Everything before `end`, which lies in the room last reserved, is content.
  void end_at(const std::byte* end) { size_ = static_cast<std::size_t>(end - bytes_.get()); }

  void append(std::span<const std::byte> bytes);
  void append_varint(std::uint64_t value);
  void append_u8(std::uint8_t value);
  void append_u32(std::uint32_t value);
  void append_u64(std::uint64_t value);
  void append_digest(const Digest& digest);
  /// A varint length and the characters.
  void append_text(std::string_view text);

  void clear() { size_ = 0; }
  std::size_t size() const { return size_; }
  std::span<const std::byte> bytes() const { return {bytes_.get(), size_}; }

 private:
  void enlarge(std::size_t more);

  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

/// Reads what ByteBuffer writes, from bytes that nobody vouches for. A `get` that returns false
/// (the input ends early, or is not the one canonical form) leaves the position where it was.
class ByteCursor {
 public:
  explicit ByteCursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  bool get_varint(std::uint64_t& value);
  bool get_u8(std::uint8_t& value);
  bool get_u32(std::uint32_t& value);
  bool get_u64(std::uint64_t& value);
  bool get_digest(Digest& digest);
  /// The bytes and the text point into the input.
  bool get_bytes(std::uint64_t count, std::span<const std::byte>& bytes);
  bool get_text(std::string_view& text);

  bool at_end() const { return position_ == bytes_.size(); }
  std::size_t position() const { return position_; }
  std::size_t left() const { return bytes_.size() - position_; }

 private:
  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
};

}  // namespace traces
