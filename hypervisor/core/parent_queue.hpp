// Messages and events on their way from a guest to its parent's stack (spec B.7). They arrive a
// little later than they were sent, in order, as events of the host; while the partition is
// suspended they wait, so that they can move with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <vector>

#include "hypervisor/core/ids.hpp"
#include "hypervisor/core/ports.hpp"
#include "hypervisor/core/status.hpp"
#include "sim/kernel/node.hpp"

namespace hv {

class Partition;

class ParentQueue {
 public:
  struct Message {
    std::uint32_t connection = 0;
    std::uint64_t sequence = 0;
    std::uint32_t type = 0;
    std::int64_t due = 0;  ///< guest time
    std::vector<std::byte> payload;
  };
  struct Signal {
    std::uint32_t connection = 0;
    std::uint16_t flag = 0;
    std::int64_t due = 0;
  };
  /// Everything that lives across save and restore.
  struct State {
    std::deque<Message> messages;
    std::deque<Signal> signals;
    std::map<std::uint32_t, std::uint64_t> sequences;  ///< successful posts by connection
  };

  explicit ParentQueue(Partition& partition);

  Status connect(ConnectionId id, MessagePort* messages, EventPort* events, std::uint16_t flags);
  /// What waits for this connection is lost.
  void disconnect(ConnectionId id);

  Status post(ConnectionId id, std::uint32_t type, std::span<const std::byte> payload);
  Status signal(ConnectionId id, std::uint16_t flag);

  void start_clock();
  void stop_clock();
  /// What is on its way is lost: the partition is being destroyed.
  void clear();

  const State& state() const { return state_; }
  void set_state(State state) { state_ = std::move(state); }

 private:
  struct Connection {
    MessagePort* messages = nullptr;
    EventPort* events = nullptr;
    std::uint16_t flags = 0;
  };
  Status check_message(ConnectionId id, std::uint32_t type, std::size_t bytes) const;
  Status check_signal(ConnectionId id, std::uint16_t flag) const;
  std::int64_t due_after(std::int64_t delay, std::int64_t last) const;
  void arm_messages();
  void arm_signals();
  void deliver_message();
  void deliver_signal();

  Partition& partition_;
  std::map<std::uint32_t, Connection> connections_;
  State state_;
  sim::Timer message_alarm_;
  sim::Timer signal_alarm_;
};

}  // namespace hv
