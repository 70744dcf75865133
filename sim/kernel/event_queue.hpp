// What happens next. Events are ordered by what they mean, (time, node, task path, sequence within
// the task), never by the order in which they were inserted (law 2).
//
// A heap with four children per node over packed keys. Withdrawn events stay in the heap until
// they surface or outnumber the others; slots with generations tell them apart.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/kernel/time.hpp"

namespace sim {

/// Total order of events. `path` is the hash of a task's place in the tree of tasks; two events
/// with equal keys are a defect and asserted against.
struct EventKey {
  Time time{};
  NodeId node{};
  std::uint32_t sequence = 0;
  std::uint64_t path = 0;
  friend constexpr std::strong_ordering operator<=>(const EventKey& a, const EventKey& b) {
    if (auto c = a.time <=> b.time; c != 0) return c;
    if (auto c = a.node <=> b.node; c != 0) return c;
    if (auto c = a.path <=> b.path; c != 0) return c;
    return a.sequence <=> b.sequence;
  }
  friend constexpr bool operator==(const EventKey&, const EventKey&) = default;
};

/// Something that an event wakes. The queue does not own it.
class Wakeable {
 public:
  virtual void wake() = 0;

 protected:
  ~Wakeable() = default;
};

/// Names a pending event so that it can be withdrawn. Stale handles are harmless.
struct EventHandle {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;  ///< 0: no event
};

class EventQueue {
 public:
  /// `key` must differ from the keys of all pending events.
  EventHandle push(const EventKey& key, Wakeable& target);
  /// False when the event has already happened or was withdrawn.
  bool cancel(EventHandle handle);
  bool pending(EventHandle handle) const;
  bool empty() const { return heap_.empty(); }
  /// Time of the earliest event, kNever when there is none.
  Time next_time() const { return heap_.empty() ? kNever : heap_.front().time(); }
  /// Node of the earliest event; the queue must not be empty.
  NodeId next_node() const { return heap_.front().node(); }

  struct Popped {
    EventKey key;
    Wakeable* target;
  };
  /// Takes the earliest event; the queue must not be empty.
  Popped pop();

  /// Takes the earliest event out of the order without making it happen: its handle stays valid,
  /// so whoever scheduled it can still withdraw it. A node that is paused parks its events.
  EventHandle park();
  /// Whom a parked event wakes, nullptr when it was withdrawn meanwhile. Ends the event.
  Wakeable* unpark(EventHandle parked);

  /// Pending events, without the parked ones.
  std::size_t size() const { return live_; }

 private:
  /// A key as three words that compare as numbers; times are never negative.
  struct Entry {
    std::uint64_t high;    // time
    std::uint64_t middle;  // node, upper half of path
    std::uint64_t low;     // lower half of path, sequence
    std::uint32_t slot;
    std::uint32_t generation;

    Time time() const { return {static_cast<std::int64_t>(high)}; }
    NodeId node() const { return {static_cast<std::uint32_t>(middle >> 32)}; }
  };
  static_assert(sizeof(Entry) == 32, "two entries per cache line");

  struct Slot {
    Wakeable* target = nullptr;
    std::uint32_t generation = 1;
    std::uint32_t next_free = 0;  // or where the slot's event is: kInHeap, kParked
  };

  static Entry pack(const EventKey& key);
  static EventKey unpack(const Entry& entry);
  static bool before(const Entry& a, const Entry& b);

  bool withdrawn(const Entry& entry) const {
    return slots_[entry.slot].generation != entry.generation;
  }
  void release(std::uint32_t slot);
  void remove_top();
  void drop_withdrawn();
  void rebuild_without_withdrawn();
  void sift_up(std::size_t index, const Entry& entry);
  void sift_down(std::size_t index, const Entry& entry);

  std::vector<Entry> heap_;  // the top, if any, is never a withdrawn event
  std::vector<Slot> slots_;
  std::uint32_t free_ = UINT32_MAX;
  std::size_t live_ = 0;
};

}  // namespace sim
