#include "sim/kernel/event_queue.hpp"

#include <algorithm>

#include "traces/assert.hpp"

namespace sim {
namespace {

constexpr std::size_t kChildren = 4;
constexpr std::size_t parent_of(std::size_t place) { return place / kChildren + 2; }
constexpr std::size_t first_child_of(std::size_t place) { return kChildren * (place - 2); }
static_assert(parent_of(first_child_of(3)) == 3 && parent_of(first_child_of(3) + 3) == 3);
static_assert(first_child_of(4) == first_child_of(3) + 4);

constexpr std::size_t kMaxSlots = std::size_t{1} << 30;
/// Below this a heap full of withdrawn events costs nothing worth a rebuild.
constexpr std::size_t kRebuildFrom = 1024;

}  // namespace

/// Half of it for the node, half for the path. A node too big for its half is left to the slots,
/// with its path.
std::uint32_t EventQueue::hint_of(const EventKey& key) {
  constexpr std::uint32_t kBigNode = 0xffff;
  if (key.node.value >= kBigNode) return kBigNode << 16;
  return key.node.value << 16 | static_cast<std::uint32_t>(key.path >> 48);
}

inline bool EventQueue::before(const Entry& a, const Entry& b) const {
  if (a.time != b.time) [[likely]]
    return a.time < b.time;
  if (a.hint != b.hint) return a.hint < b.hint;
  return before_by_slot(a, b);
}

[[gnu::noinline]] bool EventQueue::before_by_slot(const Entry& a, const Entry& b) const {
  const Slot& left = slots_[a.slot];
  const Slot& right = slots_[b.slot];
  if (left.node != right.node) return left.node < right.node;
  if (left.path != right.path) return left.path < right.path;
  return left.sequence < right.sequence;
}

EventHandle EventQueue::push(const EventKey& key, Wakeable& target) {
  HVSIM_ASSERT(key.time.ns >= 0, "an event before the beginning of the world");
  const std::uint32_t index = take_slot();
  Slot& slot = slots_[index];
  slot.target = &target;
  slot.path = key.path;
  slot.sequence = key.sequence;
  slot.node = key.node;
  slot.where = Where::kHeap;
  const Entry entry{key.time, hint_of(key), index};
  if (far_.takes(key.time)) {
    far_.put(entry);
    if (empty()) refill();
  } else {
    heap_.emplace_back();
    sift_up(heap_.size() - 1, entry);
  }
  ++live_;
  return {index, slot.generation};
}

bool EventQueue::pending(EventHandle handle) const {
  return handle.generation != 0 && handle.slot < slots_.size() &&
         slots_[handle.slot].generation == handle.generation;
}

bool EventQueue::cancel(EventHandle handle) {
  if (!pending(handle)) return false;
  if (slots_[handle.slot].where == Where::kParked) {
    free_slot(handle.slot);
    return true;
  }
  forget(handle.slot, Where::kWithdrawn);
  --live_;
  ++withdrawn_;
  drop_withdrawn();
  if (withdrawn_ >= kRebuildFrom / 2 && withdrawn_ > live_) rebuild_without_withdrawn();
  return true;
}

EventQueue::Popped EventQueue::pop() {
  HVSIM_ASSERT(!empty(), "pop from an empty event queue");
  const Entry top = heap_[kRoot];
  const Slot& slot = slots_[top.slot];
  const Popped popped{{top.time, slot.node, slot.sequence, slot.path}, slot.target};
  remove_top();
  free_slot(top.slot);
  return popped;
}

EventHandle EventQueue::park() {
  HVSIM_ASSERT(!empty(), "park from an empty event queue");
  const std::uint32_t index = heap_[kRoot].slot;
  remove_top();
  slots_[index].where = Where::kParked;
  return {index, slots_[index].generation};
}

Wakeable* EventQueue::unpark(EventHandle parked) {
  if (!pending(parked)) return nullptr;
  HVSIM_ASSERT(slots_[parked.slot].where == Where::kParked, "the event was not parked");
  Wakeable* const target = slots_[parked.slot].target;
  free_slot(parked.slot);
  return target;
}

// ---------------------------------------------------------------- slots

std::uint32_t EventQueue::take_slot() {
  if (free_ != 0) {
    const std::uint32_t index = free_;
    free_ = slots_[index].next_free;
    return index;
  }
  if (slots_.empty()) slots_.emplace_back();
  HVSIM_ASSERT(slots_.size() < kMaxSlots, "too many pending events");
  slots_.emplace_back();
  return static_cast<std::uint32_t>(slots_.size() - 1);
}

/// Handles to the event are stale from now on.
void EventQueue::forget(std::uint32_t index, Where where) {
  Slot& slot = slots_[index];
  if (++slot.generation == 0) slot.generation = 1;
  slot.where = where;
}

void EventQueue::free_slot(std::uint32_t index) {
  if (slots_[index].where != Where::kWithdrawn) forget(index, Where::kFree);
  slots_[index].where = Where::kFree;
  slots_[index].next_free = free_ & (kMaxSlots - 1);
  free_ = index;
}

// ---------------------------------------------------------------- heap

/// Equal keys are neighbours in the order, so comparing each event with its successor finds them.
void EventQueue::remove_top() {
  const Entry top = heap_[kRoot];
  --live_;
  take_top_out();
  drop_withdrawn();
  if (empty()) return;
  __builtin_prefetch(&slots_[heap_[kRoot].slot]);
  HVSIM_ASSERT(before(top, heap_[kRoot]), "two pending events with equal keys");
}

void EventQueue::take_top_out() {
  const Entry last = heap_.back();
  heap_.pop_back();
  if (!empty()) {
    sift_down(kRoot, last);
  } else if (!far_.empty()) {
    refill();
  }
}

void EventQueue::drop_withdrawn() {
  while (withdrawn_ != 0 && !empty() && slots_[heap_[kRoot].slot].where == Where::kWithdrawn) {
    free_slot(heap_[kRoot].slot);
    --withdrawn_;
    take_top_out();
  }
}

/// The next batch of far events becomes the heap, which is empty.
void EventQueue::refill() {
  far_.hand_over([this](const detail::FarEvents::Bucket& soon) {
    fetch(soon);
    heap_.insert(heap_.end(), soon.begin(), soon.end());
  });
  make_heap();
}

/// Has the cache fetch what the events of a batch will need. What one needs is known from what was
/// fetched just before, hence pass after pass: within a pass the misses overlap.
void EventQueue::fetch(const detail::FarEvents::Bucket& soon) const {
  constexpr std::ptrdiff_t kLine = 64;
  for (const Entry& entry : soon) __builtin_prefetch(&slots_[entry.slot]);
  for (const Entry& entry : soon) {
    const Slot& slot = slots_[entry.slot];
    if (slot.where != Where::kHeap) continue;
    const char* target = reinterpret_cast<const char*>(slot.target);
    __builtin_prefetch(target, 1);
    __builtin_prefetch(target - kLine, 1);  // the frame that the target lies in
    __builtin_prefetch(target + kLine, 1);
  }
  for (const Entry& entry : soon) {
    const Slot& slot = slots_[entry.slot];
    if (slot.where == Where::kHeap) __builtin_prefetch(slot.target->needs_, 1);
  }
}

void EventQueue::rebuild_without_withdrawn() {
  const auto drop = [this](const Entry& entry) {
    const bool withdrawn = slots_[entry.slot].where == Where::kWithdrawn;
    if (withdrawn) free_slot(entry.slot);
    return withdrawn;
  };
  heap_.erase(std::remove_if(heap_.begin() + kRoot, heap_.end(), drop), heap_.end());
  far_.erase_if(drop);
  withdrawn_ = 0;
  make_heap();
  if (empty() && !far_.empty()) refill();
}

void EventQueue::make_heap() {
  for (std::size_t place = parent_of(heap_.size() - 1); place >= kRoot; --place) {
    sift_down(place, heap_[place]);
  }
}

/// Puts `entry` into the hole at `place`, or above it.
void EventQueue::sift_up(std::size_t place, Entry entry) {
  while (place > kRoot) {
    const std::size_t parent = parent_of(place);
    if (!before(entry, heap_[parent])) break;
    heap_[place] = heap_[parent];
    place = parent;
  }
  heap_[place] = entry;
}

/// The earliest of the siblings from `first` on. Which one wins is as random as the times, so the
/// tournament is made of conditional moves; only equal times, which are rare or frequent but
/// seldom surprising, leave it by a branch.
inline std::size_t EventQueue::earliest_of_four(std::size_t first) const {
  const Entry* const entry = &heap_[first];
  const std::int64_t t0 = entry[0].time.ns, t1 = entry[1].time.ns;
  const std::int64_t t2 = entry[2].time.ns, t3 = entry[3].time.ns;
  const std::int64_t left = t1 < t0 ? t1 : t0;
  const std::int64_t right = t3 < t2 ? t3 : t2;
  if ((t0 == t1) | (t2 == t3) | (left == right)) [[unlikely]] {
    return earliest(first, first + kChildren);
  }
  const std::size_t from_right = 0 - static_cast<std::size_t>(right < left);  // a mask
  const std::size_t left_index = t1 < t0;
  const std::size_t right_index = 2 + static_cast<std::size_t>(t3 < t2);
  return first + (left_index ^ ((left_index ^ right_index) & from_right));
}

std::size_t EventQueue::earliest(std::size_t first, std::size_t end) const {
  std::size_t best = first;
  for (std::size_t place = first + 1; place < end; ++place) {
    if (before(heap_[place], heap_[best])) best = place;
  }
  return best;
}

/// Puts `entry` into the hole at `place`, or below it.
void EventQueue::sift_down(std::size_t place, Entry entry) {
  const std::size_t size = heap_.size();
  Entry* const heap = heap_.data();
  for (;;) {
    const std::size_t first = first_child_of(place);
    if (first >= size) break;
    const std::size_t best =
        first + kChildren <= size ? earliest_of_four(first) : earliest(first, size);
    if (!before(heap[best], entry)) break;
    heap[place] = heap[best];
    place = best;
  }
  heap[place] = entry;
}

std::vector<EventKey> EventQueue::first(std::size_t most) const {
  std::vector<EventKey> keys;
  const auto add = [&keys, this](const Entry& entry) {
    const Slot& slot = slots_[entry.slot];
    if (slot.where != Where::kHeap) return;
    keys.push_back({entry.time, slot.node, slot.sequence, slot.path});
  };
  std::for_each(heap_.begin() + kRoot, heap_.end(), add);
  far_.for_each(add);
  const std::size_t count = std::min(most, keys.size());
  std::partial_sort(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(count), keys.end());
  keys.resize(count);
  return keys;
}

}  // namespace sim
