// What the transport knows of one stream: two ends and the messages on their way. Plain data;
// transport.cpp moves it. A connection outlives the nodes' tasks, so that a frame in flight never
// refers to something that a crash destroyed; an end knows the generation of its node instead.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "sim/kernel/sync.hpp"
#include "sim/net/flight.hpp"
#include "sim/net/link_faults.hpp"
#include "sim/net/network.hpp"

namespace sim::net {

class Transport;
struct End;
struct Outgoing;
struct Connection;

enum class AlarmKind : std::uint8_t {
  Arrival,  ///< the last bit of a message reached the other end
  Answer,   ///< the answer to it came back
  Retry,    ///< no answer: try again, or give up
  Silence,  ///< the peer could not be heard for the whole patience of this end
  Abort,    ///< the peer gave up and its notice got through
};

/// An event of one end or of one message on its way. At most one of a kind is pending.
struct Alarm final : Wakeable {
  Alarm(AlarmKind which, End& owner, Outgoing* about) : kind(which), end(owner), out(about) {}
  void wake() override;
  bool pending() const { return armed || deferred; }

  AlarmKind kind;
  End& end;       ///< whose alarm it is: the sender's, for a message
  Outgoing* out;  ///< the message, if it is about one
  EventHandle handle{};
  bool armed = false;
  bool deferred = false;  ///< it fired at a paused node and waits for the node to go on
};

enum class Part : std::uint8_t { Hello, Data, Goodbye };
enum class Answer : std::uint8_t { Acknowledged, Refused, Reset, Closed };

/// A message from send() to its acknowledgement.
struct Outgoing : std::enable_shared_from_this<Outgoing> {
  Outgoing(End& sender, std::uint64_t order, Part what, Message content, Time now);

  End& end;
  std::uint64_t number;
  Part part;
  Message message;
  std::uint64_t bytes;      ///< on the wire; the content moves on when it is delivered
  std::uint64_t remaining;  ///< bytes that the other end does not have yet
  bool landed = false;      ///< all of it reached the other node; only the answer is missing

  Time sent_at{};
  Time patience_from{};  ///< its first bit left: giving up counts from here
  std::uint32_t attempts = 0;
  std::uint32_t answers = 0;
  std::uint32_t backoff = 0;  ///< attempts since anything got through
  Time retry_at{};

  /// The attempt on its way.
  Flight flight;
  Verdict verdict;
  std::uint64_t flight_bytes = 0;
  Time flight_end{};
  bool flying = false;
  std::uint64_t acknowledges = 0;  ///< what its sender had received when it was sent

  /// The answer on its way back.
  Flight answer_flight;
  Answer answer = Answer::Acknowledged;
  std::uint64_t answer_through = 0;

  StreamStatus result = StreamStatus::Ok;
  Signal done;
  Alarm arrival_alarm;
  Alarm answer_alarm;
  Alarm retry_alarm;
};

enum class Side : std::uint8_t { Client, Server };

struct End {
  End(Connection& whole, Side which, Node& where);

  Connection& connection;
  Side side;
  Node& node;
  std::uint32_t generation;  ///< of the node, when this end came into being
  bool established = false;
  bool dead = false;      ///< its node was killed
  bool deserted = false;  ///< its Stream was destroyed without a close
  StreamStatus status = StreamStatus::Ok;

  std::deque<std::shared_ptr<Outgoing>> outgoing;  ///< ascending numbers
  std::uint64_t next_number = 0;
  Time last_progress{};
  Duration patience{};

  std::uint64_t expected = 0;  ///< number of the next message to deliver
  std::map<std::uint64_t, std::shared_ptr<Outgoing>> early;
  std::deque<Message> inbox;
  Signal readable;

  std::uint64_t path;  ///< place in the event order
  std::uint32_t sequence = 0;
  Alarm silence_alarm;
  Alarm abort_alarm;
  Flight abort_flight;

  End& peer() const;
  /// The node still runs the incarnation that this end belongs to.
  bool present() const { return !dead && node.alive() && node.generation() == generation; }
  /// Somebody on this end still cares how the stream goes on.
  bool open() const { return established && !dead && !deserted && status == StreamStatus::Ok; }
};

struct Connection : std::enable_shared_from_this<Connection> {
  Connection(Transport& owner, std::uint64_t id, Node& from, Node& to, std::string name,
             std::string over);

  Transport* transport;  ///< nullptr once the transport has let go of it
  std::uint64_t number;
  std::string service;
  std::string network;
  Duration established_patience{};
  std::array<End, 2> ends;

  End& end(Side side) { return ends[static_cast<std::size_t>(side)]; }
};

inline End& End::peer() const {
  return connection.end(side == Side::Client ? Side::Server : Side::Client);
}

}  // namespace sim::net
