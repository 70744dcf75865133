// Which build this is. Information for people, outside hash and comparison (law 1).
#pragma once

#include <string>

namespace scenarios {

/// Version, compiler and build type, e.g. "0.1.0 gcc-12.2.0 release".
std::string build_id();

}  // namespace scenarios
