// The event stream: one Recorder per world takes every event, keeps the running hash, and hands
// the event to whoever observes (checkers, the trace writer, the story).
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <vector>

#include "traces/events.hpp"
#include "traces/time.hpp"

namespace traces {

/// One event as observers see it. The payload and what its text and bytes fields point to live
/// only during the call.
struct Event {
  std::uint64_t index = 0;  ///< position in the stream among events of both levels
  Time time{};
  NodeId node{};
  EventType type{};
  const void* payload = nullptr;

  template <class E>
  const E* as() const {
    return type == E::kType ? static_cast<const E*>(payload) : nullptr;
  }
};

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_event(const Event& event) = 0;
};

using EventSet = std::bitset<kEventTypeCount>;

class Recorder {
 public:
  Recorder();
  ~Recorder();
  Recorder(const Recorder&) = delete;

  /// Level 1 events are dropped unless detail is on. Detail never changes the world or the hash.
  void set_detail(bool on) { detail_ = on; }
  bool detail() const { return detail_; }

  template <class E>
  void emit(Time time, NodeId node, const E& payload) {
    if (E::kLevel != 0 && !detail_) return;
    record(Event{count_, time, node, E::kType, &payload}, E::kLevel);
  }

  /// The same for a type that is known at run time only. The event's index does not count.
  void emit(const Event& event);

  /// The observer is not owned and must outlive the recorder's last event. It sees the types in
  /// `types`, in the order of attaching among observers.
  void attach(Observer& observer, const EventSet& types);
  void detach(Observer& observer);

  /// Hash of all level 0 events so far: 128 bits over their encoding (traces/codec.hpp).
  Digest hash() const;
  std::uint64_t events() const { return count_; }
  std::uint64_t level0_events() const { return level0_count_; }

 private:
  void record(const Event& event, int level);

  struct Hash;
  std::unique_ptr<Hash> hash_;
  std::array<std::vector<Observer*>, kEventTypeCount> observers_;
  std::uint64_t count_ = 0;
  std::uint64_t level0_count_ = 0;
  bool detail_ = true;
};

}  // namespace traces
