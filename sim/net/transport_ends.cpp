// How streams end: by a goodbye, a reset, silence, or because nobody holds them any more. Also the
// alarms, which wait while the node that they concern is paused.

#include <algorithm>
#include <string_view>
#include <utility>

#include "sim/net/transport.hpp"
#include "traces/assert.hpp"
#include "traces/events.hpp"

namespace sim::net {
namespace {

std::string_view reason_of(StreamStatus status) {
  switch (status) {
    case StreamStatus::Ok:
      break;
    case StreamStatus::Closed:
      return "closed";
    case StreamStatus::Reset:
      return "reset";
    case StreamStatus::TimedOut:
      return "timeout";
  }
  HVSIM_ASSERT(false, "an open stream has no reason to end");
  return {};
}

}  // namespace

// ---------------------------------------------------------------- connection.hpp

void Alarm::wake() { end.connection.transport->fire(*this); }

Outgoing::Outgoing(End& sender, std::uint64_t order, Part what, Message content, Time now)
    : end(sender),
      number(order),
      part(what),
      message(std::move(content)),
      bytes(std::max<std::uint64_t>({message.bytes, message.body.size(), kControlBytes})),
      remaining(bytes),
      sent_at(now),
      patience_from(now),
      arrival_alarm(AlarmKind::Arrival, sender, this),
      answer_alarm(AlarmKind::Answer, sender, this),
      retry_alarm(AlarmKind::Retry, sender, this) {}

End::End(Connection& whole, Side which, Node& where)
    : connection(whole),
      side(which),
      node(where),
      generation(where.generation()),
      path(path_of(which == Side::Client ? "net.client" : "net.server", whole.number)),
      silence_alarm(AlarmKind::Silence, *this, nullptr),
      abort_alarm(AlarmKind::Abort, *this, nullptr) {}

Connection::Connection(Transport& owner, std::uint64_t id, Node& from, Node& to, std::string name,
                       std::string over)
    : transport(&owner),
      number(id),
      service(std::move(name)),
      network(std::move(over)),
      ends{End(*this, Side::Client, from), End(*this, Side::Server, to)} {}

// ---------------------------------------------------------------- alarms

void Transport::arm(Alarm& alarm, Time when) {
  HVSIM_ASSERT(!alarm.pending(), "one alarm of a kind at a time");
  End& end = alarm.end;
  alarm.armed = true;
  alarm.handle = world_.schedule(EventKey{when, NodeId{}, end.sequence++, end.path}, alarm);
}

void Transport::disarm(Alarm& alarm) {
  if (alarm.armed) world_.cancel(alarm.handle);
  alarm.armed = false;
  alarm.deferred = false;
}

void Transport::fire(Alarm& alarm) {
  alarm.armed = false;
  const bool arrival = alarm.kind == AlarmKind::Arrival;
  Node& concerned = arrival ? alarm.end.peer().node : alarm.end.node;
  if (arrival) {
    alarm.out->landed = concerned.alive();
    alarm.out->flying = false;
  }
  if (concerned.alive() && concerned.paused()) {
    alarm.deferred = true;
    std::shared_ptr<Outgoing> out = alarm.out != nullptr ? alarm.out->shared_from_this() : nullptr;
    deferred_[concerned.id()].push_back(
        {alarm.end.connection.shared_from_this(), std::move(out), &alarm});
    return;
  }
  handle(alarm);
}

void Transport::handle(Alarm& alarm) {
  const std::shared_ptr<Connection> connection = alarm.end.connection.shared_from_this();
  const std::shared_ptr<Outgoing> out =
      alarm.out != nullptr ? alarm.out->shared_from_this() : nullptr;
  switch (alarm.kind) {
    case AlarmKind::Arrival:
      on_arrival(*out);
      break;
    case AlarmKind::Answer:
      on_answer(*out);
      break;
    case AlarmKind::Retry:
      on_retry(*out);
      break;
    case AlarmKind::Silence:
      on_silence(alarm.end);
      break;
    case AlarmKind::Abort:
      on_abort(alarm.end);
      break;
  }
  sweep(*connection);
}

// ---------------------------------------------------------------- ends

void Transport::close(End& end) {
  if (!end.open()) return;
  // What was sent before stays on its way and is acknowledged; the goodbye comes after it.
  send(end, Part::Goodbye, Message{});
  end.status = StreamStatus::Closed;
  disarm(end.silence_alarm);
  traces::ev::StreamClosed closed;
  closed.stream = end.connection.number;
  closed.reason = reason_of(end.status);
  world_.emit(end.node.id(), closed);
  end.readable.raise();
  sweep(end.connection);
}

void Transport::desert(End& end) {
  if (end.dead || end.deserted || end.status != StreamStatus::Ok) return;
  const std::shared_ptr<Connection> connection = end.connection.shared_from_this();
  end.deserted = true;
  disarm(end.silence_alarm);
  end.inbox.clear();
  for (const auto& out : end.outgoing) {
    disarm(out->retry_alarm);
    out->result = StreamStatus::Closed;
    out->done.raise();
  }
  review(*connection);
  sweep(*connection);
}

void Transport::end_stream(End& end, StreamStatus status) {
  if (end.status == StreamStatus::Ok) {
    end.status = status;
    disarm(end.silence_alarm);
    if (end.established) {
      traces::ev::StreamClosed closed;
      closed.stream = end.connection.number;
      closed.reason = reason_of(status);
      world_.emit(end.node.id(), closed);
    }
    end.readable.raise();
  }
  fail_outgoing(end, status);
}

void Transport::fail_outgoing(End& end, StreamStatus status) {
  while (!end.outgoing.empty()) {
    const std::shared_ptr<Outgoing> out = end.outgoing.front();
    end.outgoing.pop_front();
    finish(*out, status);
  }
}

void Transport::time_out(End& end) {
  end_stream(end, StreamStatus::TimedOut);
  // A last frame tells the peer, if the way there is the half that works.
  End& peer = end.peer();
  const Path& way = path(end, peer);
  if (!way.connected || !peer.open() || peer.abort_alarm.pending()) return;
  peer.abort_flight = fly_control(way, now());
  arm(peer.abort_alarm, peer.abort_flight.arrival);
}

void Transport::on_abort(End& end) {
  if (end.open() && end.present()) end_stream(end, StreamStatus::TimedOut);
}

bool Transport::can_hear_peer(const End& end) {
  const End& peer = end.peer();
  return peer.present() && !peer.deserted && !peer.node.paused() && path(end, peer).connected &&
         path(peer, end).connected;
}

/// Starts or stops the patience of both ends with the other's silence.
void Transport::review(Connection& connection) {
  for (End& end : connection.ends) {
    if (!end.open() || can_hear_peer(end)) {
      disarm(end.silence_alarm);
    } else if (!end.silence_alarm.pending()) {
      arm(end.silence_alarm, now() + end.patience);
    }
  }
}

void Transport::on_silence(End& end) {
  if (!end.open() || can_hear_peer(end)) return;
  const End& peer = end.peer();
  const bool answers = peer.node.alive() && !peer.node.paused() && path(end, peer).connected &&
                       path(peer, end).connected;
  if (answers && !peer.present()) {
    end_stream(end, StreamStatus::Reset);  // another incarnation of the node answers the probe
  } else {
    time_out(end);
  }
}

/// Forgets a connection that nobody can do anything with any more.
void Transport::sweep(Connection& connection) {
  for (const End& end : connection.ends) {
    const bool ended = end.status != StreamStatus::Ok || !end.established;
    const bool over = end.dead || end.deserted || (ended && end.outgoing.empty());
    if (!over || end.silence_alarm.pending() || end.abort_alarm.pending()) return;
    for (const auto& out : end.outgoing) {
      if (out->arrival_alarm.pending() || out->answer_alarm.pending()) return;
    }
  }
  release(connection);
}

void Transport::release(Connection& connection) {
  const std::shared_ptr<Connection> kept = connection.shared_from_this();
  for (End& end : connection.ends) {
    disarm(end.silence_alarm);
    disarm(end.abort_alarm);
    for (const auto& out : end.outgoing) {
      disarm(out->arrival_alarm);
      disarm(out->answer_alarm);
      disarm(out->retry_alarm);
    }
    end.outgoing.clear();
    end.early.clear();
  }
  connection.transport = nullptr;
  connections_.erase(connection.number);
}

}  // namespace sim::net
