// The VSS integration component, host side (spec D.3): brings the guest's file systems to rest for
// a backup. The order is the caller's: check, freeze, the host's own snapshot, thaw, backup
// complete.
#pragma once

#include <cstdint>

#include "hypervisor/vsp/ic_conversation.hpp"

namespace vsp {

struct VssConfig {
  std::uint32_t vm = 0;
  /// After so long a guest thaws by itself.
  sim::Duration freeze_patience{900'000'000'000};
  sim::Duration patience{30'000'000'000};  ///< for everything else
};

struct VssResult {
  IcOutcome outcome = IcOutcome::NotConnected;
  std::uint32_t status = 0;  ///< HRESULT, when answered
  std::uint32_t flags = 0;   ///< of a hot backup check; kVssNoAutoRecovery from Linux
  bool ok() const { return outcome == IcOutcome::Answered && status == icmsg::kOk; }
};

class Vss final : public IcConversation {
 public:
  Vss(hv::Partition& partition, const VssConfig& config);

  /// Whether the guest can be backed up while it runs.
  sim::Task<VssResult> check_hot_backup();
  /// ok(): nothing is written from now until thaw(), but no longer than the guest allows.
  sim::Task<VssResult> freeze();
  sim::Task<VssResult> thaw();
  sim::Task<VssResult> complete_backup();

  /// The guest said that it is frozen, and has not thawed since.
  bool frozen() const { return frozen_; }

 private:
  sim::Task<VssResult> exchange(icmsg::VssOperation operation, sim::Duration patience);
  void on_answered(std::uint32_t operation, const Answer& answer) override;
  void on_closed() override;
  void save_state(traces::ByteWriter& out) const override;
  bool restore_state(traces::ByteReader& in) override;

  VssConfig config_;
  bool frozen_ = false;
};

}  // namespace vsp
