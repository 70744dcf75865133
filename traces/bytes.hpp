// Little-endian byte strings: how saved states, messages and files are put together and taken
// apart. The reader takes untrusted bytes: a short read sets `ok()` to false and yields zeros.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace traces {

class ByteWriter {
 public:
  template <class T>
  void put(T value) {
    static_assert(std::is_integral_v<T> || std::is_enum_v<T>);
    auto bits = static_cast<std::uint64_t>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bytes_.push_back(static_cast<std::byte>(bits & 0xFF));
      bits >>= 8;
    }
  }
  void raw(std::span<const std::byte> data) {
    bytes_.insert(bytes_.end(), data.begin(), data.end());
  }
  /// A length (u64) and the bytes.
  void block(std::span<const std::byte> data) {
    put<std::uint64_t>(data.size());
    raw(data);
  }
  void text(std::string_view value) { block(std::as_bytes(std::span(value))); }

  const std::vector<std::byte>& bytes() const { return bytes_; }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  template <class T>
  T get() {
    static_assert(std::is_integral_v<T> || std::is_enum_v<T>);
    std::uint64_t bits = 0;
    if (rest_.size() < sizeof(T)) {
      fail();
      return T{};
    }
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bits |= static_cast<std::uint64_t>(rest_[i]) << (8 * i);
    }
    rest_ = rest_.subspan(sizeof(T));
    return static_cast<T>(bits);
  }
  std::span<const std::byte> raw(std::size_t count) {
    if (rest_.size() < count) {
      fail();
      return {};
    }
    auto head = rest_.first(count);
    rest_ = rest_.subspan(count);
    return head;
  }
  std::span<const std::byte> block() {
    auto count = get<std::uint64_t>();
    if (count > rest_.size()) {
      fail();
      return {};
    }
    return raw(static_cast<std::size_t>(count));
  }
  std::string text() {
    auto bytes = block();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  /// A count of items that each need at least `bytes_each`; fails when they cannot all be there.
  std::uint64_t count(std::size_t bytes_each) {
    auto n = get<std::uint64_t>();
    if (bytes_each != 0 && n > rest_.size() / bytes_each) {
      fail();
      return 0;
    }
    return n;
  }

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  void fail() {
    ok_ = false;
    rest_ = {};
  }
  std::size_t remaining() const { return rest_.size(); }

 private:
  std::span<const std::byte> rest_;
  bool ok_ = true;
};

}  // namespace traces
