// Which Windows Server a host is (spec, preface 1): what CPUID says of it, and how new the
// protocols are that its virtualisation stack speaks. A VM keeps its generation wherever it runs.
#pragma once

#include <cstdint>

namespace hv {

enum class Generation : std::uint32_t {
  Ws2008,
  Ws2008R2,
  Ws2012,
  Current,  ///< whatever the stack here has, up to VMBus 5.3
};

}  // namespace hv
