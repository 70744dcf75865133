// The network between nodes: a topology of links (Boost.Graph), faults as rule objects with a
// scope and a lifetime, and reliable streams over it. Bulk data is chunks whose time, loss and
// delay are computed, so that a million pages do not cost a million events (design §4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/kernel/world.hpp"

namespace sim {

class FrameReceiver;
class FrameStation;

struct LinkConfig {
  std::string name;
  std::uint64_t bits_per_second = 10'000'000'000;
  Duration latency{20'000};
  std::string network;  ///< a connection may ask for links of one network only
};

/// One direction of a link, as fault rules name it.
struct LinkEnd {
  std::string link;
  NodeId from{};
};

/// Faults of one link direction. All off by default; chances are drawn per (stream, message,
/// attempt), and for Ethernet frames per frame.
struct LinkFaults {
  Chance loss;         ///< per chunk of 64 KiB (of a large message: per 64th of it); costs a retry
  Chance duplication;  ///< per chunk; costs bandwidth
  Chance reordering;   ///< per message; arrives up to 1 ms later, still in order on its stream
  Chance corruption;   ///< per chunk; a frame fails its checksum and is dropped: costs a retry
  Duration extra_delay{};
  std::uint64_t bits_per_second = 0;  ///< the link carries no more than this; 0: its own rate
  std::uint32_t mtu = 0;              ///< bytes of a packet, below 1500; 0: 1500
};

/// A message that arrived on a stream. `payload` is what the sender passed, immutable; `bytes` is
/// what it cost on the wire.
struct Message {
  std::uint32_t kind = 0;
  std::vector<std::byte> body;
  std::shared_ptr<const void> bulk;  ///< typed by `kind`; for page batches, never copied
  std::uint64_t bytes = 0;
};

enum class StreamStatus : std::uint8_t { Ok, Closed, Reset, TimedOut };

/// One end of a reliable, ordered byte stream (TCP as protocols see it): lost segments are made
/// good with retransmission delays; when nothing gets through for `give_up`, both ends that can
/// still learn it see TimedOut. A killed peer that comes back answers with Reset.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual std::uint64_t number() const = 0;
  virtual NodeId peer() const = 0;
  /// Returns when the peer's end has acknowledged the message (not the peer's protocol code).
  /// The time is latency, serialisation at the path's bandwidth behind earlier traffic, losses.
  virtual Task<StreamStatus> send(Message message) = 0;
  /// Ok while it lasts; otherwise how it ended at this end. Messages that arrived before the end
  /// can still be received.
  virtual StreamStatus status() const = 0;
  /// Next message, or why there will be none. `status` and `message` in one. TimedOut with
  /// status() == Ok means only that the deadline passed.
  struct Received {
    StreamStatus status = StreamStatus::Closed;
    Message message;
  };
  virtual Task<Received> receive(Time deadline = kNever) = 0;
  virtual void close() = 0;  ///< explicit; destroying a Stream is silence, not a goodbye
};

/// How long an established stream tries before it gives up, unless connect() says otherwise. A
/// choice of ours, near the 20 s that Windows waits for TCP's retransmissions.
inline constexpr Duration kStreamPatience{20'000'000'000};
/// What path_rate() says about the way from a node to itself.
inline constexpr std::uint64_t kLoopbackRate = std::uint64_t{1} << 60;

/// One per world. Must be destroyed before the world.
class Network {
 public:
  explicit Network(World& world);
  ~Network();

  /// Nodes of kind "switch" relay; a path is the one with the fewest links that are up, ties by
  /// link name.
  void add_link(const LinkConfig& config, Node& a, Node& b);

  /// Cuts or heals one direction, or both when `from` is 0. What is in flight is lost. A direction
  /// that several rules cut is up again when each has healed it.
  void cut(std::string_view link, NodeId from = {}, const std::string& rule = {});
  void heal(std::string_view link, NodeId from = {}, const std::string& rule = {});
  bool up(std::string_view link, NodeId from) const;
  /// The link carries nothing that goes from one node to another, while both reach everybody else.
  void cut_pair(std::string_view link, NodeId from, NodeId to, const std::string& rule = {});
  void heal_pair(std::string_view link, NodeId from, NodeId to, const std::string& rule = {});
  /// What the link direction does by nature.
  void set_faults(const LinkEnd& end, const LinkFaults& faults) { set_rule(end, {}, faults); }
  /// A rule beside others of other names. Together they have the largest of their chances, the sum
  /// of their delays, the lowest of their rates and MTUs. Where a rate changes, what is in flight
  /// or waits on the link is lost.
  void set_rule(const LinkEnd& end, const std::string& rule, const LinkFaults& faults);
  void clear_rule(const LinkEnd& end, const std::string& rule);
  bool has_link(std::string_view link) const;

  /// Payload rate of the path at present, bytes per second; 0 when there is none.
  std::uint64_t path_rate(NodeId from, NodeId to, std::string_view network = {}) const;

  /// Whoever listens gets the accepted end in a task spawned on its node. Ends with the node's
  /// life: listen again after a restart.
  using Acceptor = std::function<void(std::shared_ptr<Stream>)>;
  void listen(Node& node, std::string service, Acceptor acceptor);
  /// Handshake of one round trip. nullptr when refused or nothing came back within `give_up`.
  /// `patience` is the give-up time of both ends once established; `network` restricts the path
  /// to links of that network.
  Task<std::shared_ptr<Stream>> connect(Node& from, NodeId to, std::string service,
                                        Duration give_up, Duration patience = kStreamPatience,
                                        std::string network = {});

  /// Connects a node to the Ethernet that the links of `network` are (frames.hpp); one station of a
  /// node on each. `receiver` is not owned.
  std::unique_ptr<FrameStation> attach_station(Node& node, const std::string& network,
                                               FrameReceiver& receiver);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sim
