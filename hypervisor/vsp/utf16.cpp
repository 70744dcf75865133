#include "hypervisor/vsp/utf16.hpp"

#include <cstdint>

namespace vsp {
namespace {

constexpr std::uint32_t kHighSurrogate = 0xD800;
constexpr std::uint32_t kLowSurrogate = 0xDC00;
constexpr std::uint32_t kAfterSurrogates = 0xE000;
constexpr std::uint32_t kFirstPair = 0x10000;
constexpr std::uint32_t kLast = 0x10FFFF;

bool is_surrogate(std::uint32_t code) { return code >= kHighSurrogate && code < kAfterSurrogates; }

/// Takes one code point from the front; nothing when there is none that is well formed.
std::optional<std::uint32_t> next_code(std::string_view& text) {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
  const std::uint8_t lead = byte(0);
  const std::size_t more = lead < 0x80       ? 0
                           : lead >> 5 == 6  ? 1
                           : lead >> 4 == 14 ? 2
                           : lead >> 3 == 30 ? 3
                                             : 4;
  if (more == 4 || text.size() <= more) return std::nullopt;
  std::uint32_t code = more == 0 ? lead : lead & (0x3Fu >> more);
  for (std::size_t i = 1; i <= more; ++i) {
    if (byte(i) >> 6 != 2) return std::nullopt;
    code = code << 6 | (byte(i) & 0x3F);
  }
  constexpr std::uint32_t kShortest[] = {0, 0x80, 0x800, kFirstPair};
  if (code < kShortest[more] || code > kLast || is_surrogate(code)) return std::nullopt;
  text.remove_prefix(more + 1);
  return code;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | code >> 6);
  } else {
    if (code < kFirstPair) {
      put(0xE0 | code >> 12);
    } else {
      put(0xF0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3F));
    }
    put(0x80 | (code >> 6 & 0x3F));
  }
  put(0x80 | (code & 0x3F));
}

}  // namespace

std::optional<std::vector<std::byte>> utf16_of(std::string_view text) {
  std::vector<std::byte> out;
  const auto put = [&out](std::uint32_t unit) {
    out.push_back(static_cast<std::byte>(unit & 0xFF));
    out.push_back(static_cast<std::byte>(unit >> 8));
  };
  while (!text.empty()) {
    const auto code = next_code(text);
    if (!code || *code == 0) return std::nullopt;
    if (*code < kFirstPair) {
      put(*code);
    } else {
      put(kHighSurrogate + ((*code - kFirstPair) >> 10));
      put(kLowSurrogate + ((*code - kFirstPair) & 0x3FF));
    }
  }
  put(0);
  return out;
}

std::optional<std::string> utf8_of(std::span<const std::byte> text) {
  std::string out;
  const auto unit = [&](std::size_t at) {
    return std::to_integer<std::uint32_t>(text[at]) | std::to_integer<std::uint32_t>(text[at + 1])
                                                          << 8;
  };
  for (std::size_t at = 0; at + 2 <= text.size(); at += 2) {
    std::uint32_t code = unit(at);
    if (code == 0) break;
    if (is_surrogate(code)) {
      if (code >= kLowSurrogate || at + 4 > text.size()) return std::nullopt;
      const std::uint32_t low = unit(at += 2);
      if (low < kLowSurrogate || low >= kAfterSurrogates) return std::nullopt;
      code = kFirstPair + ((code - kHighSurrogate) << 10) + (low - kLowSurrogate);
    }
    append_utf8(out, code);
  }
  return out;
}

}  // namespace vsp
