// Nodes, links and the way between two nodes: fewest links, ties by link name. A route only uses
// directions that are up and relays (nodes of kind "switch") that run, so a second link between
// two nodes takes over when the first is cut.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sim/kernel/world.hpp"
#include "sim/net/link_calendar.hpp"
#include "sim/net/network.hpp"

namespace sim::net {

/// One direction of a link.
struct Direction {
  std::string link;
  std::string network;
  Node* from = nullptr;
  Node* to = nullptr;
  std::uint64_t bits_per_second = 0;
  Duration latency{};
  bool up = true;
  std::set<std::string> cuts;  ///< rules that hold it down
  std::map<std::string, LinkFaults> rules;
  LinkFaults faults;  ///< all rules together
  LinkCalendar calendar;
  LinkCalendar frames;  ///< the same for Ethernet frames, which wait for each other only
  /// Names of this direction's random streams, so that a fault taken away here leaves the draws
  /// of every other direction as they were.
  std::string loss_draws, ack_loss_draws, duplication_draws, reordering_draws;
  std::string corruption_draws, ack_corruption_draws;

  std::uint64_t rate() const {
    return faults.bits_per_second == 0 ? bits_per_second
                                       : std::min(bits_per_second, faults.bits_per_second);
  }
};

/// What all rules of a direction do together.
LinkFaults combine(const std::map<std::string, LinkFaults>& rules);

/// Frames of one node to another on one link.
struct Pair {
  std::string link;
  NodeId from{}, to{};
  friend auto operator<=>(const Pair&, const Pair&) = default;
};

struct Path {
  bool connected = false;
  std::vector<Direction*> hops;  ///< empty on the way from a node to itself
};

class Topology {
 public:
  Topology();
  ~Topology();

  void add_link(const LinkConfig& config, Node& a, Node& b);
  bool has_link(std::string_view link) const;
  /// The direction that `from` sends on. A name that does not exist is a programmer's mistake:
  /// scenario names are checked before they come here.
  Direction& direction(std::string_view link, NodeId from);
  /// Both directions of a link, in the order of add_link's ends.
  std::vector<Direction*> directions(std::string_view link);
  const std::vector<std::unique_ptr<Direction>>& directions() const { return directions_; }

  /// The way from one node to another over links of `network` (any when empty). Valid until
  /// something changes; callers may keep it while epoch() is the same.
  const Path& path(NodeId from, NodeId to, std::string_view network);
  /// Adds or takes away a reason why such frames are not carried; true when that changed anything.
  bool block(const Pair& pair, const std::string& rule);
  bool unblock(const Pair& pair, const std::string& rule);
  std::uint64_t epoch() const { return epoch_; }
  /// A direction was cut or healed, or a node changed: routes are to be found anew.
  void changed();

 private:
  struct Graph;
  Path search(NodeId from, NodeId to, std::string_view network) const;

  std::unique_ptr<Graph> graph_;
  std::vector<std::unique_ptr<Direction>> directions_;
  std::map<Pair, std::set<std::string>> blocked_;
  std::uint64_t epoch_ = 0;
};

}  // namespace sim::net
