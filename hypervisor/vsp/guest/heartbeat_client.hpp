// The guest's side of the heartbeat (spec D.3): agrees on versions, returns every number plus one.
#pragma once

#include <cstdint>

#include "hypervisor/vmbus/guest/bus.hpp"

namespace vsp::guest {

class HeartbeatClient {
 public:
  explicit HeartbeatClient(vmbus::guest::Bus& bus) : bus_(bus) {}

  /// The channel is open, or the bus was restored with it open.
  void opened(std::uint32_t relid) { relid_ = relid; }
  void readable();
  /// Heartbeats answered.
  std::uint64_t answered() const { return answered_; }
  /// A guest that hangs: it reads and does not answer.
  void set_silent(bool silent) { silent_ = silent; }

  void save(traces::ByteWriter& out) const;
  bool restore(traces::ByteReader& in);

 private:
  void handle(const vmbus::Packet& packet);

  vmbus::guest::Bus& bus_;
  std::uint32_t relid_ = 0;
  std::uint64_t answered_ = 0;
  bool silent_ = false;
};

}  // namespace vsp::guest
