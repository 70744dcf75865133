// What happens next. Events are ordered by what they mean, (time, node, task path, sequence within
// the task), never by the order in which they were inserted (law 2).
//
// The events that are due soon lie in a heap, the others in buckets by time (far_events.hpp), a
// batch of which becomes the heap when it runs empty. The heap has four children per place, laid
// out so that four siblings fill one cache line. Withdrawn events stay where they are until they
// surface or outnumber the others.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

#include "sim/kernel/event_entry.hpp"
#include "sim/kernel/far_events.hpp"
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
  /// Memory that wake() will need, besides the object itself; the queue has it fetched in time.
  const void* needs_ = nullptr;

 private:
  friend class EventQueue;
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
  bool empty() const { return heap_.size() == kRoot; }
  /// Time of the earliest event, kNever when there is none.
  Time next_time() const { return empty() ? kNever : heap_[kRoot].time; }
  /// Node of the earliest event; the queue must not be empty.
  NodeId next_node() const { return slots_[heap_[kRoot].slot].node; }

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

  /// Keys of the earliest pending events in their order, at most so many. Costs a pass over all.
  std::vector<EventKey> first(std::size_t most) const;
  /// Pending events, without the parked ones.
  std::size_t size() const { return live_; }

 private:
  using Entry = detail::EventEntry;

  enum class Where : std::uint8_t { kFree, kHeap, kWithdrawn, kParked };

  struct Slot {
    Wakeable* target = nullptr;
    std::uint64_t path = 0;
    std::uint32_t sequence = 0;
    NodeId node{};
    std::uint32_t generation = 1;
    std::uint32_t next_free : 30 = 0;
    Where where : 2 = Where::kFree;
  };
  static_assert(sizeof(Slot) == 32, "two slots in a cache line");

  /// The first places stay unused, which puts siblings at multiples of four.
  static constexpr std::size_t kRoot = 3;

  static std::uint32_t hint_of(const EventKey& key);
  bool before(const Entry& a, const Entry& b) const;
  bool before_by_slot(const Entry& a, const Entry& b) const;

  std::size_t earliest_of_four(std::size_t first) const;
  std::size_t earliest(std::size_t first, std::size_t end) const;

  std::uint32_t take_slot();
  void forget(std::uint32_t slot, Where where);
  void free_slot(std::uint32_t slot);
  void remove_top();
  void take_top_out();
  void refill();
  void fetch(const detail::FarEvents::Bucket& soon) const;
  void drop_withdrawn();
  void rebuild_without_withdrawn();
  void make_heap();
  void sift_up(std::size_t place, Entry entry);
  void sift_down(std::size_t place, Entry entry);

  detail::LineArray<Entry> heap_ = detail::LineArray<Entry>(kRoot);  // its top is not withdrawn
  detail::FarEvents far_;                                            // empty when the heap is
  detail::LineArray<Slot> slots_;
  std::uint32_t free_ = 0;  // 0: none; slot 0 is never used
  std::size_t live_ = 0;
  std::size_t withdrawn_ = 0;  // events in the heap or far away that will not happen
};

}  // namespace sim
