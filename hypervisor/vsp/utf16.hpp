// Text between people (UTF-8) and integration components (UTF-16, little-endian, with a zero at its
// end).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vsp {

/// With the zero. Nothing when the text is not UTF-8 or has a zero in it.
std::optional<std::vector<std::byte>> utf16_of(std::string_view text);
/// Up to the first zero or the end. Nothing when it is not UTF-16.
std::optional<std::string> utf8_of(std::span<const std::byte> text);

}  // namespace vsp
