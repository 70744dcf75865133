// The shutdown integration component, host side (spec D.3): asks the guest to switch itself off, to
// start again or to hibernate. The guest says whether it will; it alone does it.
#pragma once

#include <string>

#include "hypervisor/vsp/ic_conversation.hpp"

namespace vsp {

enum class ShutdownKind : std::uint8_t { PowerOff, Restart, Hibernate };

struct ShutdownRequest {
  ShutdownKind kind = ShutdownKind::PowerOff;
  bool force = false;        ///< the guest's applications are not asked
  std::uint32_t reason = 0;  ///< a code of Windows' (SHTDN_REASON)
  sim::Duration grace{};     ///< whole seconds that the guest may tell its users about
  std::string message;       ///< UTF-8; up to 1023 UTF-16 units
};

struct ShutdownConfig {
  std::uint32_t vm = 0;
  sim::Duration patience{30'000'000'000};  ///< for the answer, not for the deed
};

class ShutdownComponent final : public IcConversation {
 public:
  ShutdownComponent(hv::Partition& partition, const ShutdownConfig& config);

  /// ok(): the guest agrees and is about to do it. Restart needs version 3.1, Hibernate 3.2.
  sim::Task<IcReply> request_shutdown(ShutdownRequest request);

 private:
  ShutdownConfig config_;
};

}  // namespace vsp
