#include "traces/byte_buffer.hpp"

#include <algorithm>

namespace traces {

std::byte* put_u64(std::byte* to, std::uint64_t value) {
  for (unsigned i = 0; i < 8; ++i) *to++ = static_cast<std::byte>(value >> (8 * i));
  return to;
}

std::byte* put_digest(std::byte* to, const Digest& digest) {
  for (const std::uint64_t half : {digest.high, digest.low}) {
    for (unsigned i = 0; i < 8; ++i) *to++ = static_cast<std::byte>(half >> (56 - 8 * i));
  }
  return to;
}

void ByteBuffer::enlarge(std::size_t more) {
  const std::size_t capacity = std::max({size_ + more, 2 * capacity_, std::size_t{256}});
  std::unique_ptr<std::byte[]> larger(new std::byte[capacity]);
  if (size_ != 0) std::memcpy(larger.get(), bytes_.get(), size_);
  bytes_ = std::move(larger);
  capacity_ = capacity;
}

void ByteBuffer::append(std::span<const std::byte> bytes) {
  std::byte* to = reserve(bytes.size());
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  end_at(to + bytes.size());
}

void ByteBuffer::append_varint(std::uint64_t value) {
  end_at(put_varint(reserve(kMaxVarint), value));
}

void ByteBuffer::append_u8(std::uint8_t value) {
  std::byte* to = reserve(1);
  *to = static_cast<std::byte>(value);
  end_at(to + 1);
}

void ByteBuffer::append_u32(std::uint32_t value) {
  std::byte* to = reserve(4);
  for (unsigned i = 0; i < 4; ++i) *to++ = static_cast<std::byte>(value >> (8 * i));
  end_at(to);
}

void ByteBuffer::append_u64(std::uint64_t value) { end_at(put_u64(reserve(8), value)); }

void ByteBuffer::append_digest(const Digest& digest) { end_at(put_digest(reserve(16), digest)); }

void ByteBuffer::append_text(std::string_view text) {
  append_varint(text.size());
  append(std::as_bytes(std::span(text)));
}

bool ByteCursor::get_varint(std::uint64_t& value) {
  std::uint64_t result = 0;
  for (std::size_t i = 0; i < kMaxVarint && position_ + i < bytes_.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(bytes_[position_ + i]);
    result |= std::uint64_t{byte & 0x7Fu} << (7 * i);
    if (byte >= 0x80) continue;
    const bool needless = byte == 0 && i != 0;
    const bool too_large = i == kMaxVarint - 1 && byte > 1;
    if (needless || too_large) return false;
    position_ += i + 1;
    value = result;
    return true;
  }
  return false;
}

bool ByteCursor::get_u8(std::uint8_t& value) {
  if (left() < 1) return false;
  value = static_cast<std::uint8_t>(bytes_[position_++]);
  return true;
}

bool ByteCursor::get_u32(std::uint32_t& value) {
  if (left() < 4) return false;
  value = 0;
  for (unsigned i = 0; i < 4; ++i) {
    value |= static_cast<std::uint32_t>(bytes_[position_++]) << (8 * i);
  }
  return true;
}

bool ByteCursor::get_u64(std::uint64_t& value) {
  if (left() < 8) return false;
  value = 0;
  for (unsigned i = 0; i < 8; ++i) {
    value |= static_cast<std::uint64_t>(bytes_[position_++]) << (8 * i);
  }
  return true;
}

bool ByteCursor::get_digest(Digest& digest) {
  if (left() < 16) return false;
  digest = {};
  for (unsigned i = 0; i < 16; ++i) {
    std::uint64_t& half = i < 8 ? digest.high : digest.low;
    half = half << 8 | static_cast<std::uint64_t>(bytes_[position_++]);
  }
  return true;
}

bool ByteCursor::get_bytes(std::uint64_t count, std::span<const std::byte>& bytes) {
  if (left() < count) return false;
  bytes = bytes_.subspan(position_, static_cast<std::size_t>(count));
  position_ += static_cast<std::size_t>(count);
  return true;
}

bool ByteCursor::get_text(std::string_view& text) {
  const std::size_t start = position_;
  std::uint64_t size = 0;
  std::span<const std::byte> bytes;
  if (!get_varint(size) || !get_bytes(size, bytes)) {
    position_ = start;
    return false;
  }
  text = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  return true;
}

}  // namespace traces
