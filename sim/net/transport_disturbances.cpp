// What happens to the transport from outside: cuts, and the fate of nodes.

#include <algorithm>
#include <bit>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "sim/net/transport.hpp"
#include "traces/events.hpp"

namespace sim::net {

struct Transport::Follower final : NodeFate {
  Follower(Transport& owner, Node& whom) : transport(owner), node(whom) { node.follow(*this); }
  ~Follower() { node.unfollow(*this); }
  Follower(const Follower&) = delete;
  void node_killed() override { transport.node_killed(node); }
  void node_restarted() override { transport.topology_changed(); }
  void node_paused() override { transport.node_paused(node); }
  void node_resumed() override { transport.node_resumed(node); }

  Transport& transport;
  Node& node;
};

Transport::Transport(World& world) : world_(world) {}

Transport::~Transport() {
  while (!connections_.empty()) {
    const std::shared_ptr<Connection> connection = connections_.begin()->second;
    release(*connection);
  }
}

void Transport::know(Node& node) {
  auto& follower = followers_[node.id()];
  if (!follower) follower = std::make_unique<Follower>(*this, node);
}

const Path& Transport::path(const End& from, const End& to) {
  return topology_.path(from.node.id(), to.node.id(), from.connection.network);
}

void Transport::topology_changed() {
  topology_.changed();
  for (const auto& [number, connection] : connections_) review(*connection);
}

namespace {

void emit_link_state(World& world, const Direction& direction) {
  traces::ev::LinkState state;
  state.link = direction.link;
  state.from = direction.from->name();
  state.to = direction.to->name();
  state.up = direction.up;
  world.emit(direction.from->id(), state);
}

void emit_pair_state(World& world, const Pair& pair, bool up) {
  traces::ev::LinkState state;
  state.link = pair.link;
  state.from = world.node(pair.from).name();
  state.to = world.node(pair.to).name();
  state.up = up;
  world.emit(pair.from, state);
}

/// How many of a flight's chunks had left the hop by `now`: its bits pass evenly.
unsigned chunks_through(const Hop& hop, unsigned chunks, Time now) {
  const Time at_entry = now - (hop.clear - hop.sent);  // what leaves now entered then
  if (at_entry <= hop.begin || hop.sent <= hop.begin) return 0;
  const Duration passed = std::min(at_entry, hop.sent) - hop.begin;
  const Duration all = hop.sent - hop.begin;
  // Without overflow: spans stay below 2^57 ns (four years), chunks below 2^7.
  return static_cast<unsigned>(passed.ns * std::int64_t{chunks} / all.ns);
}

}  // namespace

void Transport::cut(Direction& direction, const std::string& rule) {
  direction.cuts.insert(rule);
  if (!direction.up) return;
  direction.up = false;
  emit_link_state(world_, direction);
  empty(direction);
  topology_changed();
}

/// Whatever is on the direction, or waits for it, is lost.
void Transport::empty(Direction& direction) {
  const Time at = now();
  lose([&direction, at](const End&, const Hop& hop) {
    return hop.direction == &direction && hop.clear > at;
  });
  direction.calendar.clear_from(at);
  direction.frames.clear_from(at);
  if (on_lost) on_lost(&direction, nullptr);
}

void Transport::rules_changed(Direction& direction) {
  const std::uint64_t before = direction.rate();
  direction.faults = combine(direction.rules);
  // A link comes up anew at its new rate, with its queue empty.
  if (direction.rate() != before) empty(direction);
}

void Transport::cut_pair(const Pair& pair, const std::string& rule) {
  if (!topology_.block(pair, rule)) return;
  emit_pair_state(world_, pair, false);
  const Time at = now();
  lose([&pair, at](const End& sender, const Hop& hop) {
    return sender.node.id() == pair.from && sender.peer().node.id() == pair.to &&
           hop.direction->link == pair.link && hop.clear > at;
  });
  if (on_lost) on_lost(nullptr, &pair);
  topology_changed();
}

void Transport::heal_pair(const Pair& pair, const std::string& rule) {
  if (!topology_.unblock(pair, rule)) return;
  emit_pair_state(world_, pair, true);
  topology_changed();
}

void Transport::heal(Direction& direction, const std::string& rule) {
  direction.cuts.erase(rule);
  if (direction.up || !direction.cuts.empty()) return;
  direction.up = true;
  emit_link_state(world_, direction);
  topology_changed();
}

/// Everything that is on such a hop, or has yet to pass it, is gone.
void Transport::lose(const HopTest& is_lost) {
  const auto lost_hop = [&is_lost](const End& sender, const Flight& flight) {
    const auto& hops = flight.hops;
    const auto found = std::find_if(hops.begin(), hops.end(),
                                    [&](const Hop& hop) { return is_lost(sender, hop); });
    return found == hops.end() ? nullptr : &*found;
  };
  for (const auto& [number, connection] : connections_) {
    for (End& end : connection->ends) {
      const End& peer = end.peer();
      for (const auto& out : end.outgoing) {
        if (out->flying) {
          const Hop* hop = lost_hop(end, out->flight);
          if (hop != nullptr) interrupt(*out, *hop);
        }
        const bool answered = out->answer_alarm.armed;
        if (answered && lost_hop(peer, out->answer_flight) != nullptr) disarm(out->answer_alarm);
      }
      const bool noticed = end.abort_alarm.armed;
      if (noticed && lost_hop(peer, end.abort_flight) != nullptr) disarm(end.abort_alarm);
    }
  }
}

/// An attempt is cut short at `hop`: what had passed it counts, the rest is lost.
void Transport::interrupt(Outgoing& out, const Hop& hop) {
  out.flying = false;
  out.flight_end = now();
  if (out.arrival_alarm.armed) disarm(out.arrival_alarm);
  if (!out.landed) {
    const unsigned through = chunks_through(hop, out.verdict.chunks, now());
    const std::uint64_t passed = through == 0 ? 0 : ~std::uint64_t{0} >> (64 - through);
    const auto got = static_cast<unsigned>(std::popcount(passed & ~out.verdict.lost));
    const std::uint64_t gone =
        share_of(out.flight_bytes, out.verdict.chunks - got, out.verdict.chunks);
    out.remaining = std::max(gone, kControlBytes);
    if (got != 0) {
      out.end.last_progress = now();
      out.backoff = 0;
    }
  }
  if (!out.retry_alarm.armed) return;
  out.retry_at = std::min(out.retry_at, now() + retransmission_timeout(out.backoff++));
  arm_retry(out);
}

void Transport::node_killed(Node& node) {
  const Time at = now();
  std::erase_if(listeners_, [&node](const auto& entry) { return entry.first.first == node.id(); });
  const auto waiting = deferred_.extract(node.id());
  if (!waiting.empty()) {
    for (const Deferred& deferred : waiting.mapped()) deferred.alarm->deferred = false;
  }
  // What it had not sent yet is gone, and what it relayed.
  lose([&node, at](const End&, const Hop& hop) {
    return hop.direction->from == &node && hop.sent > at;
  });
  for (const auto& direction : topology_.directions()) {
    if (direction->from == &node) direction->calendar.clear_from(at);
  }
  std::vector<std::shared_ptr<Connection>> touched;
  for (const auto& [number, connection] : connections_) {
    for (End& end : connection->ends) {
      if (&end.node != &node) continue;
      end.dead = true;
      disarm(end.silence_alarm);
      disarm(end.abort_alarm);
      end.inbox.clear();
      for (const auto& out : end.outgoing) {
        disarm(out->retry_alarm);
        disarm(out->answer_alarm);
      }
      touched.push_back(connection);
    }
  }
  topology_changed();
  for (const auto& connection : touched) {
    if (connection->transport != nullptr) sweep(*connection);
  }
}

void Transport::node_paused(Node& node) {
  if (node.kind() == "switch") {
    const Time at = now();
    lose([&node, at](const End&, const Hop& hop) {
      return hop.direction->from == &node && hop.sent > at;
    });
  }
  topology_changed();
}

void Transport::node_resumed(Node& node) {
  topology_changed();
  // Time spent paused does not count against the peer.
  for (const auto& [number, connection] : connections_) {
    for (End& end : connection->ends) {
      if (&end.node == &node) end.last_progress = now();
    }
  }
  const auto waiting = deferred_.extract(node.id());
  if (waiting.empty()) return;
  for (const Deferred& deferred : waiting.mapped()) {
    if (!deferred.alarm->deferred) continue;  // it was disarmed in the meantime
    deferred.alarm->deferred = false;
    handle(*deferred.alarm);
  }
}

}  // namespace sim::net
