// The way of a message: sent, judged, arrived, answered, tried again.

#include "sim/net/transport.hpp"

#include <algorithm>
#include <bit>

#include "sim/net/stream.hpp"
#include "traces/assert.hpp"
#include "traces/events.hpp"

namespace sim::net {
namespace {

/// A stream's number says which connection it is: (from, to, service, how many before it), never a
/// count over the world, so that one connection less leaves all other numbers as they were.
std::uint64_t number_prefix(const Node& from, const Node& to, const std::string& service) {
  HVSIM_ASSERT(from.id().value < 0x10000 && to.id().value < 0x10000, "node number fits 16 bits");
  const std::uint64_t tag = path_of("net.service:" + service, 0) & 0xff;
  return std::uint64_t{from.id().value} << 48 | std::uint64_t{to.id().value} << 32 | tag << 24;
}

Task<> run_acceptor(std::shared_ptr<const Network::Acceptor> acceptor,
                    std::shared_ptr<Stream> stream) {
  (*acceptor)(std::move(stream));
  co_return;
}

}  // namespace

Duration retransmission_timeout(std::uint32_t backoff) {
  const Duration doubled = kRetransmissionTimeout * (std::int64_t{1} << std::min(backoff, 16U));
  return std::min(doubled, kRetransmissionTimeoutMax);
}

void Transport::listen(Node& node, std::string service, Network::Acceptor acceptor) {
  know(node);
  listeners_[{node.id(), std::move(service)}] =
      std::make_shared<const Network::Acceptor>(std::move(acceptor));
}

std::shared_ptr<Outgoing> Transport::open(Node& from, Node& to, const std::string& service,
                                          const std::string& network, Duration give_up,
                                          Duration patience) {
  know(from);
  know(to);
  const std::uint64_t prefix = number_prefix(from, to, service);
  const std::uint64_t number = prefix | numbers_[prefix]++;
  HVSIM_ASSERT(number >> 24 == prefix >> 24, "at most 2^24 connections of one service and pair");
  auto connection = std::make_shared<Connection>(*this, number, from, to, service, network);
  connection->established_patience = patience;
  connections_.emplace(number, connection);
  connection->end(Side::Client).patience = give_up;
  connection->end(Side::Server).patience = patience;
  return send(connection->end(Side::Client), Part::Hello, Message{});
}

std::shared_ptr<Outgoing> Transport::send(End& end, Part part, Message message) {
  auto out = std::make_shared<Outgoing>(end, end.next_number++, part, std::move(message), now());
  end.outgoing.push_back(out);
  launch(*out);
  return out;
}

// ---------------------------------------------------------------- the sender's part

void Transport::launch(Outgoing& out) {
  const Path& way = path(out.end, out.end.peer());
  const Attempt attempt{out.end.connection.number, out.number, out.attempts};
  if (out.attempts == 0) out.patience_from = now();
  ++out.attempts;
  out.flying = way.connected;
  out.flight_end = now();
  if (!way.connected) {
    out.retry_at = now() + retransmission_timeout(out.backoff++);
    arm_retry(out);
    return;
  }
  out.acknowledges = out.end.expected;
  // When only the answer is missing, one segment is enough to ask for it.
  out.flight_bytes =
      std::max(out.landed ? std::min(out.bytes, kChunkBytes) : out.remaining, kControlBytes);
  out.verdict = judge(world_, out.end.node, way, attempt, out.flight_bytes);
  out.flight = fly(way, out.flight_bytes, now());
  if (out.verdict.duplicated != 0) {
    const unsigned twice = std::min(out.verdict.duplicated, out.verdict.chunks);
    fly(way, std::max<std::uint64_t>(share_of(out.flight_bytes, twice, out.verdict.chunks), 1),
        now());
  }
  if (attempt.number == 0 && !out.flight.hops.empty()) {
    out.patience_from = out.flight.hops.front().begin;
  }
  out.flight_end = out.flight.arrival + out.verdict.delay;
  if (out.verdict.lost == 0 && !out.arrival_alarm.pending()) {
    arm(out.arrival_alarm, out.flight_end);
  }
  const Path& back = path(out.end.peer(), out.end);
  out.retry_at = out.flight_end + control_delay(back) + retransmission_timeout(out.backoff);
  arm_retry(out);
}

Time Transport::deadline(const Outgoing& out) const {
  return std::max(out.end.last_progress, out.patience_from) + out.end.patience;
}

void Transport::arm_retry(Outgoing& out) {
  disarm(out.retry_alarm);
  arm(out.retry_alarm, std::min(out.retry_at, std::max(deadline(out), out.flight_end)));
}

/// The attempt's time is over and it was not cut short: what did it achieve?
void Transport::settle(Outgoing& out) {
  out.flying = false;
  const auto lost = static_cast<unsigned>(std::popcount(out.verdict.lost));
  const bool some_arrived = lost < out.verdict.chunks;
  ++out.backoff;
  if (out.landed || lost == 0) return;
  out.remaining = std::max(share_of(out.flight_bytes, lost, out.verdict.chunks), kControlBytes);
  // Acknowledgements of what arrived came back, unless the way back is cut.
  if (some_arrived && path(out.end.peer(), out.end).connected) {
    out.end.last_progress = now();
    out.backoff = 0;
  }
}

void Transport::on_retry(Outgoing& out) {
  if (out.flying) settle(out);
  if (now() >= deadline(out)) {
    time_out(out.end);
  } else if (now() >= out.retry_at) {
    launch(out);
  } else {
    arm_retry(out);
  }
}

void Transport::on_answer(Outgoing& out) {
  End& end = out.end;
  if (end.deserted || !end.present()) return;
  switch (out.answer) {
    case Answer::Acknowledged:
      acknowledge(end, out.answer_through);
      return;
    case Answer::Refused:
    case Answer::Reset:
      end_stream(end, StreamStatus::Reset);
      return;
    case Answer::Closed:
      end_stream(end, StreamStatus::Closed);
      return;
  }
}

void Transport::acknowledge(End& end, std::uint64_t through) {
  while (!end.outgoing.empty() && end.outgoing.front()->number < through) {
    const std::shared_ptr<Outgoing> out = end.outgoing.front();
    end.outgoing.pop_front();
    end.last_progress = now();
    if (out->part == Part::Hello) {
      end.established = true;
      end.patience = end.connection.established_patience;
      traces::ev::StreamOpened opened;
      opened.stream = end.connection.number;
      opened.peer = end.peer().node.id().value;
      opened.service = end.connection.service;
      world_.emit(end.node.id(), opened);
    }
    finish(*out, StreamStatus::Ok);
    if (out->part == Part::Hello) review(end.connection);
  }
}

void Transport::finish(Outgoing& out, StreamStatus result) {
  disarm(out.arrival_alarm);
  disarm(out.answer_alarm);
  disarm(out.retry_alarm);
  out.flying = false;
  out.result = result;
  out.done.raise();
}

// ---------------------------------------------------------------- the receiver's part

void Transport::on_arrival(Outgoing& out) {
  End& end = out.end.peer();
  if (!end.node.alive()) return;
  if (out.part == Part::Hello && !end.established) {
    greet(end, out);
    return;
  }
  if (!end.present()) {
    answer(out, Answer::Reset);  // this incarnation of the node knows no such stream
    return;
  }
  if (end.deserted) return;
  acknowledge(end, out.acknowledges);
  if (out.number < end.expected) {
    answer(out, Answer::Acknowledged);  // again: the last answer was lost
    return;
  }
  switch (end.status) {
    case StreamStatus::Ok:
      take(end, out);
      return;
    case StreamStatus::Closed:
      // Both say goodbye at once; or data for somebody who has left.
      if (out.part == Part::Goodbye) end.expected = out.number + 1;
      answer(out, out.part == Part::Goodbye ? Answer::Acknowledged : Answer::Closed);
      return;
    case StreamStatus::Reset:
    case StreamStatus::TimedOut:
      answer(out, Answer::Reset);
      return;
  }
}

void Transport::greet(End& end, Outgoing& hello) {
  const auto found = listeners_.find({end.node.id(), end.connection.service});
  if (found == listeners_.end()) {
    answer(hello, Answer::Refused);
    return;
  }
  end.generation = end.node.generation();
  end.established = true;
  end.expected = hello.number + 1;
  end.last_progress = now();
  traces::ev::StreamOpened opened;
  opened.stream = end.connection.number;
  opened.peer = end.peer().node.id().value;
  opened.service = end.connection.service;
  world_.emit(end.node.id(), opened);
  std::shared_ptr<Stream> stream = make_stream(end.connection.shared_from_this(), Side::Server);
  end.node.spawn("net.accept", end.connection.number,
                 run_acceptor(found->second, std::move(stream)));
  answer(hello, Answer::Acknowledged);
  review(end.connection);
}

/// Delivers a message, and those that came before their turn, in order.
void Transport::take(End& end, Outgoing& out) {
  end.early[out.number] = out.shared_from_this();
  std::shared_ptr<Outgoing> last;
  while (end.status == StreamStatus::Ok && !end.early.empty() &&
         end.early.begin()->first == end.expected) {
    last = end.early.begin()->second;
    end.early.erase(end.early.begin());
    ++end.expected;
    if (last->part == Part::Goodbye) {
      end_stream(end, StreamStatus::Closed);
      break;
    }
    if (world_.detail()) {
      traces::ev::StreamTransfer transfer;
      transfer.stream = end.connection.number;
      transfer.bytes = last->bytes;
      transfer.took = now() - last->sent_at;
      transfer.retries = last->attempts - 1;
      world_.emit(end.node.id(), transfer);
    }
    end.inbox.push_back(std::move(last->message));
    end.readable.raise();
  }
  if (last) answer(*last, Answer::Acknowledged);
}

void Transport::answer(Outgoing& out, Answer verdict) {
  End& from = out.end.peer();
  const Path& back = path(from, out.end);
  const Attempt attempt{from.connection.number, out.number, out.answers++};
  if (!back.connected) return;
  if (acknowledgement_lost(world_, from.node, back, attempt)) return;
  if (out.answer_alarm.pending()) return;  // an earlier answer is on its way
  out.answer = verdict;
  out.answer_through = from.expected;
  out.answer_flight = fly_control(back, now());
  arm(out.answer_alarm, out.answer_flight.arrival);
}

}  // namespace sim::net
