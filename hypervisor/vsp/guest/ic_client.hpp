// The guest's side of an integration component (spec D.3), for model guests and tests: agrees on
// versions as Linux does, hands requests to its owner and sends back what the owner answers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "hypervisor/vmbus/guest/bus.hpp"
#include "hypervisor/vsp/icmsg_protocol.hpp"

namespace vsp::guest {

/// A request of the host as its owner sees it.
struct IcQuestion {
  icmsg::Header header;
  std::uint64_t transaction = 0;
  std::vector<std::byte> body;
};

class IcClientOwner {
 public:
  /// True: the question is answered now, with this status, `question.body` being the answer's.
  /// False: the owner calls answer() later.
  virtual bool asked(std::uint32_t relid, IcQuestion& question, std::uint32_t& status) = 0;

 protected:
  ~IcClientOwner() = default;
};

class IcClient {
 public:
  /// What this guest speaks, best first.
  IcClient(vmbus::guest::Bus& bus, IcClientOwner& owner, std::vector<icmsg::Version> frameworks,
           std::vector<icmsg::Version> messages);

  /// The channel is open, or the bus was restored with it open.
  void opened(std::uint32_t relid) { relid_ = relid; }
  void readable();
  /// A guest that hangs: it reads and does not answer.
  void set_silent(bool silent) { silent_ = silent; }
  void answer(const IcQuestion& question, std::uint32_t status);
  /// 0.0 until it is agreed.
  icmsg::Version version() const { return version_; }

 private:
  void handle(const vmbus::Packet& packet);
  void negotiate(IcQuestion& question);

  vmbus::guest::Bus& bus_;
  IcClientOwner& owner_;
  std::vector<icmsg::Version> frameworks_, messages_;
  icmsg::Version version_;
  std::uint32_t relid_ = 0;
  bool silent_ = false;
};

}  // namespace vsp::guest
