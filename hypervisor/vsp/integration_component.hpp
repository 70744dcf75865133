// What all integration components share (spec D.3): a pipe channel, the negotiation of versions,
// the message header, numbers of transactions, and what of it goes with a moving VM. A component
// derives from it and says what its own messages mean.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hypervisor/vmbus/server.hpp"
#include "hypervisor/vsp/icmsg_protocol.hpp"

namespace vsp {

/// Constants of one kind of component.
struct IcKind {
  traces::IcComponent component{};
  icmsg::Type type{};
  vmbus::Guid interface_id, instance_id;
  std::span<const icmsg::Version> frameworks;  ///< best first, the last one is everybody's
  std::span<const icmsg::Version> messages;    ///< likewise
  std::uint32_t saved_format = 0;              ///< first word of a saved state
};

class IntegrationComponent : public vmbus::Device {
 public:
  enum class State : std::uint8_t {
    Closed,
    Opened,       ///< the negotiation found no room yet
    Negotiating,  ///< asked
    Refused,      ///< the guest knows none of our versions: no traffic
    Ready,
  };
  State state() const { return state_; }
  bool ready() const { return state_ == State::Ready; }
  /// Agreed on; zero before.
  icmsg::Version message_version() const { return message_; }

  vmbus::Offer offer() const final;
  void opened(vmbus::Channel& channel) final;
  void closed() final;
  void readable() final;
  void writable() final;
  void quiesce() final;
  /// The guest may keep an answer back for ever: nothing is waited for, it goes with the VM.
  bool idle() const final { return true; }
  sim::Signal& idle_signal() final { return idle_; }
  void resume() final;
  void save(traces::ByteWriter& out) const final;
  bool restore(traces::ByteReader& in, vmbus::Channel* channel) final;
  /// A component with more to see adds it.
  void witness(traces::DigestStream& out) const override;

 protected:
  IntegrationComponent(hv::Partition& partition, std::uint32_t vm, const IcKind& kind)
      : partition_(partition), vm_(vm), kind_(kind) {}

  /// An answer of the guest: to the request of this number, 1 for the first.
  struct Answer {
    std::uint64_t request = 0;
    std::uint32_t status = 0;
    std::span<const std::byte> body;
  };

  // -- what a component adds --
  virtual void on_opened() {}   ///< before anything is said
  virtual void on_asked() {}    ///< versions were asked for
  virtual void on_ready() {}    ///< versions are agreed on
  virtual void on_refused() {}  ///< there is none in common
  virtual void on_closed() {}   ///< the channel is gone
  virtual void on_room() {}     ///< after a request found none
  virtual void on_quiesce() {}  ///< nothing may be sent from here
  virtual void on_resume() {}   ///< until here
  virtual void on_answer(const Answer& answer) = 0;
  virtual void save_more(traces::ByteWriter& /*out*/) const {}
  virtual bool restore_more(traces::ByteReader& /*in*/) { return true; }

  /// Sends the next request. False when the channel is not open or has no room for it.
  bool request(std::span<const std::byte> body);
  std::uint64_t requests() const { return requests_; }  ///< sent since the versions were asked for
  bool quiesced() const { return quiesced_; }

  hv::Partition& partition() const { return partition_; }
  sim::Node& node() const { return partition_.node(); }
  std::uint32_t vm() const { return vm_; }
  const IcKind& kind() const { return kind_; }
  bool plant(const char* name) const { return node().world().plant(node(), name); }
  template <class E>
  void emit(E event) const {
    event.vm = vm_;
    event.partition = partition_.id().value;
    node().world().emit(node().id(), event);
  }
  /// For plants of restored states.
  void set_requests(std::uint64_t requests) { requests_ = requests; }

 private:
  void negotiate();
  void handle(const vmbus::Packet& packet);
  void handle_negotiated(std::span<const std::byte> body);
  bool send(std::uint64_t transaction, icmsg::Header header, std::span<const std::byte> body);

  hv::Partition& partition_;
  std::uint32_t vm_;
  const IcKind& kind_;
  sim::Signal idle_;
  vmbus::Channel* channel_ = nullptr;
  bool quiesced_ = false;

  // Saved.
  State state_ = State::Closed;
  icmsg::Version framework_, message_;
  std::uint64_t requests_ = 0;
};

namespace icmsg {

template <class T>
void append(std::vector<std::byte>& out, const T& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// Takes a structure from the front; false when there is not enough.
template <class T>
bool take(std::span<const std::byte>& in, T& value) {
  if (in.size() < sizeof(T)) return false;
  const auto target = std::as_writable_bytes(std::span(&value, 1));
  for (std::size_t i = 0; i < sizeof(T); ++i) target[i] = in[i];
  in = in.subspan(sizeof(T));
  return true;
}

}  // namespace icmsg

}  // namespace vsp
