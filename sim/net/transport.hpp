// The reliable stream protocol over the topology, as arithmetic: a message is one flight per
// attempt, one arrival, one answer and one retry alarm, however large it is.
//
// Loss is made good after a retransmission timeout that doubles as long as nothing gets through. An
// end gives up after its patience without progress. Keep-alive probes are not sent but computed: an
// end whose peer cannot be heard (path cut either way, node dead or paused, stream deserted) for
// the whole of its patience is told so, as probes would have told it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "sim/net/connection.hpp"
#include "sim/net/network.hpp"
#include "sim/net/topology.hpp"

namespace sim::net {

/// First retransmission timeout: the minimum that common TCP implementations use.
inline constexpr Duration kRetransmissionTimeout{200'000'000};
/// It doubles per attempt up to this bound (RFC 6298 2.5 allows a bound of 60 s or more).
inline constexpr Duration kRetransmissionTimeoutMax{60'000'000'000};

Duration retransmission_timeout(std::uint32_t backoff);

class Transport {
 public:
  explicit Transport(World& world);
  ~Transport();
  Transport(const Transport&) = delete;

  World& world() { return world_; }
  Topology& topology() { return topology_; }
  /// Nodes must be known before they use the network: their fate is followed.
  void know(Node& node);

  void listen(Node& node, std::string service, Network::Acceptor acceptor);
  /// A connection whose Hello is on its way; the returned message is done when it is answered.
  std::shared_ptr<Outgoing> open(Node& from, Node& to, const std::string& service,
                                 const std::string& network, Duration give_up, Duration patience);
  std::shared_ptr<Outgoing> send(End& end, Part part, Message message);
  void close(End& end);
  /// The end's Stream is gone without a goodbye: from now on it is silent.
  void desert(End& end);

  void cut(Direction& direction, const std::string& rule);
  void heal(Direction& direction, const std::string& rule);
  void cut_pair(const Pair& pair, const std::string& rule);
  void heal_pair(const Pair& pair, const std::string& rule);
  /// The rules of a direction are others than before.
  void rules_changed(Direction& direction);
  void node_killed(Node& node);
  void node_restarted(Node& node);
  void node_paused(Node& node);
  void node_resumed(Node& node);

  void fire(Alarm& alarm);

  /// Called when what is on a direction is lost, or what one node sends to another on a link: for
  /// others than streams that use the links.
  std::function<void(const Direction*, const Pair*)> on_lost;

 private:
  struct Follower;
  struct Deferred {
    std::shared_ptr<Connection> connection;
    std::shared_ptr<Outgoing> out;
    Alarm* alarm;
  };

  Time now() const { return world_.now(); }
  const Path& path(const End& from, const End& to);
  void arm(Alarm& alarm, Time when);
  void disarm(Alarm& alarm);
  void handle(Alarm& alarm);

  // The sender's part.
  void launch(Outgoing& out);
  void arm_retry(Outgoing& out);
  void settle(Outgoing& out);
  void on_retry(Outgoing& out);
  void on_answer(Outgoing& out);
  Time deadline(const Outgoing& out) const;
  void acknowledge(End& end, std::uint64_t through);
  void finish(Outgoing& out, StreamStatus result);

  // The receiver's part.
  void on_arrival(Outgoing& out);
  void greet(End& end, Outgoing& hello);
  void take(End& end, Outgoing& out);
  void answer(Outgoing& out, Answer verdict);

  // Ends of streams.
  void end_stream(End& end, StreamStatus status);
  void fail_outgoing(End& end, StreamStatus status);
  void time_out(End& end);
  void on_abort(End& end);
  bool can_hear_peer(const End& end);
  void review(Connection& connection);
  void on_silence(End& end);
  void sweep(Connection& connection);
  void release(Connection& connection);

  // Disturbances.
  using HopTest = std::function<bool(const End& sender, const Hop&)>;
  void lose(const HopTest& is_lost);
  void empty(Direction& direction);
  void interrupt(Outgoing& out, const Hop& hop);
  void topology_changed();

  World& world_;
  Topology topology_;
  std::map<NodeId, std::unique_ptr<Follower>> followers_;
  std::map<std::pair<NodeId, std::string>, std::shared_ptr<const Network::Acceptor>> listeners_;
  std::map<std::uint64_t, std::shared_ptr<Connection>> connections_;  // by number
  std::map<std::uint64_t, std::uint64_t> numbers_;  // connections so far, by their common prefix
  std::map<NodeId, std::vector<Deferred>> deferred_;
};

}  // namespace sim::net
