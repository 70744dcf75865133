// The bytes of the built guests, as embed.py puts them into a source file. Use images.hpp.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace guests::detail {

struct Embedded {
  std::string_view name;
  const unsigned char* bytes;
  std::size_t size;
};

std::span<const Embedded> embedded();

}  // namespace guests::detail
