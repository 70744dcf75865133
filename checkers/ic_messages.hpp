// What host and guest say to each other over the channels of integration components, read by the
// checkers themselves from the rings (spec C.6, D.3): framing and header, and whose VM it is.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "checkers/watched_rings.hpp"

namespace checkers {

/// A component of a VM: the same one on whatever host the VM is.
struct IcKey {
  std::uint32_t vm = 0;
  traces::IcComponent component{};
  friend auto operator<=>(const IcKey&, const IcKey&) = default;
};
std::string name_of(const IcKey& key);

struct IcMessage {
  bool from_guest = false;
  std::uint64_t transaction = 0;  ///< of the packet
  std::uint32_t framework = 0;    ///< major << 16 | minor
  std::uint32_t version = 0;      ///< of the message, likewise
  std::uint16_t type = 0;
  std::uint32_t status = 0;
  std::uint8_t number = 0;  ///< of the transaction, in the header
  std::uint8_t flags = 0;
  std::vector<std::byte> body;  ///< padding of the packet included

  bool negotiates() const { return type == 0; }
  bool answers() const { return (flags & 4) != 0; }
};

/// A property of such messages. Needs level 1. What cannot be read as a message is passed over: a
/// guest may send anything.
class IcProperty : public RingProperty {
 public:
  IcProperty(std::string id, std::string statement, std::initializer_list<traces::EventType> more);
  traces::EventSet events() const override;

 protected:
  virtual void said(const traces::Event& event, const IcKey& key, const IcMessage& message) = 0;
  virtual void more(const traces::Event& /*event*/) {}

 private:
  void other(const traces::Event& event) final;
  bool keeps(const ChannelKey& channel) const final { return channels_.count(channel) != 0; }
  void opened_channel(const traces::Event& event, const traces::ev::VmbusOpened& opened);
  void look(const traces::Event& event, const ChannelKey& channel, std::uint32_t start,
            bool from_guest);

  std::map<ChannelKey, traces::IcComponent> channels_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint32_t> vms_;  // by node and partition
};

}  // namespace checkers
