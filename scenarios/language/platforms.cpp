#include "scenarios/language/platforms.hpp"

#include <algorithm>

namespace scenarios {

namespace {

using hv::Generation;

constexpr Platform kPlatforms[] = {
    {"ws2008", Generation::Ws2008, 1024, 64, false},
    {"ws2008r2", Generation::Ws2008R2, 1024, 64, true},
    {"ws2012", Generation::Ws2012, 4096, 1024, true},
    {"current", Generation::Current, 4096, 1024, true},
};

}  // namespace

std::span<const Platform> platforms() { return kPlatforms; }

const Platform* find_platform(std::string_view name) {
  const auto* found = std::find_if(std::begin(kPlatforms), std::end(kPlatforms),
                                   [&](const Platform& one) { return one.name == name; });
  return found == std::end(kPlatforms) ? nullptr : found;
}

}  // namespace scenarios
