// The data of a ring as a checker keeps it. Rings are long and mostly zero, and ten properties keep
// their own: a page that is zero takes no room and no time.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

namespace checkers {

class RingData {
 public:
  /// Nothing is kept.
  bool empty() const { return size_ == 0; }
  std::uint32_t size() const { return size_; }

  /// Zeros.
  void begin(std::uint32_t bytes) {
    size_ = bytes;
    pages_.clear();
    pages_.resize((std::size_t{bytes} + kPage - 1) / kPage);
  }
  /// What lies beyond the end is left out.
  void write(std::size_t at, std::span<const std::byte> bytes) {
    if (at >= size_) return;
    bytes = bytes.first(std::min(bytes.size(), size_ - at));
    while (!bytes.empty()) {
      const std::span<const std::byte> part = bytes.first(part_at(at, bytes.size()));
      std::unique_ptr<Page>& page = pages_[at / kPage];
      if (page == nullptr && !is_zero(part)) page = std::make_unique<Page>();
      if (page != nullptr) std::memcpy(page->data() + at % kPage, part.data(), part.size());
      bytes = bytes.subspan(part.size());
      at += part.size();
    }
  }
  /// The range ends before size().
  void read(std::size_t at, std::span<std::byte> out) const {
    while (!out.empty()) {
      const std::span<std::byte> part = out.first(part_at(at, out.size()));
      const std::unique_ptr<Page>& page = pages_[at / kPage];
      if (page != nullptr) {
        std::memcpy(part.data(), page->data() + at % kPage, part.size());
      } else {
        std::memset(part.data(), 0, part.size());
      }
      out = out.subspan(part.size());
      at += part.size();
    }
  }

 private:
  static constexpr std::size_t kPage = 4096;
  using Page = std::array<std::byte, kPage>;

  static std::size_t part_at(std::size_t at, std::size_t wanted) {
    return std::min(wanted, kPage - at % kPage);
  }
  static bool is_zero(std::span<const std::byte> bytes) {
    return bytes[0] == std::byte{0} &&
           std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
  }

  std::uint32_t size_ = 0;
  std::vector<std::unique_ptr<Page>> pages_;  // null: zero
};

}  // namespace checkers
