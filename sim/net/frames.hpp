// Ethernet between hosts: unreliable frames, each one simulated (design §4, Network).
//
// An Ethernet is all links of one network. Nodes with a station send and receive; nodes of kind
// "switch" are its physical switches: each learns from the frames that cross it behind which
// station a MAC address is, sends what it knows one way and floods the rest. Frames go along the
// topology's paths, which are loop-free, so there is no spanning tree to be computed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "sim/kernel/time.hpp"
#include "sim/net/ethernet.hpp"

namespace sim {

/// What a node does with frames from the wire. Called in events of that node.
class FrameReceiver {
 public:
  virtual void arrived(std::span<const EthernetFrame> frames) = 0;

 protected:
  ~FrameReceiver() = default;
};

/// A node's connection to an Ethernet; destroying it takes the cable out.
class FrameStation {
 public:
  virtual ~FrameStation() = default;
  /// Of at least an Ethernet header. Lost without a word when the wire or the way does so.
  virtual void send(EthernetFrame frame) = 0;
};

/// What a port holds back while its link is busy: more is dropped. A choice of ours: the buffer of
/// a data centre switch, shared.
inline constexpr std::uint64_t kFrameQueueBytes = std::uint64_t{4} << 20;
/// How long a physical switch remembers an address (IEEE 802.1D, table 7-5).
inline constexpr Duration kAddressAge{300'000'000'000};
/// Addresses that the switches of one Ethernet remember together; further ones are flooded.
inline constexpr std::size_t kMaxAddresses = 16384;

}  // namespace sim
