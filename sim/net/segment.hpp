// One Ethernet: its stations, its switches' tables and the frames on their way.
//
// A frame's whole trip is computed when it is sent, like a message's: it books its time on every
// link direction, and each switch on the way learns and decides as it comes by. Only arriving is an
// event, one for each receiver. Frames wait for frames; bulk streams on the same link make room for
// them, at most one of their packets late, and have so much less of it.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/kernel/world.hpp"
#include "sim/net/frames.hpp"
#include "sim/net/topology.hpp"
#include "traces/events.hpp"

namespace sim::net {

class Segment;

/// Links of one frame's way. No topology of ours is deeper.
inline constexpr std::size_t kMaxHops = 8;

struct FrameHop {
  const Direction* direction = nullptr;
  Time begin{};  ///< first bit enters the link
  Time clear{};  ///< last bit has left it
};

/// A frame on its way to one station.
struct FrameFlight {
  Time arrival{};
  std::uint32_t sender = 0;
  std::uint64_t number = 0;
  EthernetFrame frame;
  std::array<FrameHop, kMaxHops> hops;
  std::size_t hop_count = 0;
};

class Station final : public FrameStation, NodeFate {
 public:
  Station(std::shared_ptr<Segment> segment, Node& node, FrameReceiver& receiver);
  ~Station() override;

  void send(EthernetFrame frame) override;
  Node& node() const { return node_; }

 private:
  friend class Segment;
  void expect(FrameFlight flight);
  void deliver();
  using FlightTest = std::function<bool(const FrameFlight&)>;
  void lose(const FlightTest& is_lost, traces::SegmentLoss reason);
  void node_killed() override;

  std::shared_ptr<Segment> segment_;
  Node& node_;
  FrameReceiver& receiver_;
  Timer timer_;
  std::deque<FrameFlight> inbox_;  ///< by arrival
  std::vector<EthernetFrame> batch_;
};

class Segment final : public std::enable_shared_from_this<Segment> {
 public:
  Segment(World& world, Topology& topology, std::string network)
      : world_(world), topology_(topology), network_(std::move(network)) {}

  const std::string& network() const { return network_; }
  std::unique_ptr<FrameStation> attach(Node& node, FrameReceiver& receiver);
  void send(Station& from, EthernetFrame frame);

  /// The direction's queue and what is on it are lost.
  void emptied(const Direction& direction);
  /// Frames of one node to another on this link are lost.
  void pair_cut(const Pair& pair);
  /// What a killed node had not sent yet is lost.
  void silenced(const Node& node);

  /// Behind which station a switch has an address; for tests and people.
  std::optional<NodeId> station_of(NodeId at, const MacAddress& mac) const;

 private:
  friend class Station;
  /// A copy of the frame that is at a node, and the stations that it may still be for.
  struct Copy {
    Station& from;
    std::uint64_t number;
    const EthernetFrame& frame;
    std::uint64_t id = 0;  ///< 0: the frame itself; others came about by duplication
    Time time{};
    std::array<FrameHop, kMaxHops> hops{};
    std::size_t hop_count = 0;
  };
  struct Address {
    NodeId station{};
    Time seen{};
  };

  void spread(const Copy& copy, std::vector<Station*> targets);
  bool cross(Copy& copy, Direction& direction, bool& twice);
  bool survives(const Copy& copy, const Direction& direction, Duration& late, bool& twice);
  void reach(const Copy& copy, const Direction& direction, std::vector<Station*> targets);
  void learn(Node& at, const Copy& copy);
  void lost(const Copy& copy, traces::SegmentLoss reason, NodeId receiver = {});
  void lost(std::uint32_t sender, std::uint64_t number, traces::SegmentLoss reason,
            NodeId receiver);
  void report(const Copy& copy, const Direction& direction, std::string_view fault);

  World& world_;
  Topology& topology_;
  std::string network_;
  std::map<NodeId, Station*> stations_;
  std::map<NodeId, std::uint64_t> numbers_;  ///< frames so far, of the living and the dead
  std::map<std::pair<NodeId, std::uint64_t>, Address> addresses_;  ///< by switch and MAC
};

}  // namespace sim::net
