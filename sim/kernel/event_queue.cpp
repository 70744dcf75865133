#include "sim/kernel/event_queue.hpp"

#include <algorithm>

#include "traces/assert.hpp"

namespace sim {
namespace {

constexpr std::size_t kChildren = 4;
constexpr std::uint32_t kNoSlot = UINT32_MAX;
constexpr std::uint32_t kInHeap = UINT32_MAX - 1;
constexpr std::uint32_t kParked = UINT32_MAX - 2;
/// Below this a heap full of withdrawn events costs nothing worth a rebuild.
constexpr std::size_t kRebuildFrom = 1024;

__extension__ using Wide = unsigned __int128;

}  // namespace

EventQueue::Entry EventQueue::pack(const EventKey& key) {
  HVSIM_ASSERT(key.time.ns >= 0, "an event before the beginning of the world");
  Entry entry;
  entry.high = static_cast<std::uint64_t>(key.time.ns);
  entry.middle = std::uint64_t{key.node.value} << 32 | key.path >> 32;
  entry.low = key.path << 32 | key.sequence;
  return entry;
}

EventKey EventQueue::unpack(const Entry& entry) {
  EventKey key;
  key.time = entry.time();
  key.node = entry.node();
  key.path = entry.middle << 32 | entry.low >> 32;
  key.sequence = static_cast<std::uint32_t>(entry.low);
  return key;
}

/// One wide comparison decides nearly always, without a branch that depends on the times.
inline bool EventQueue::before(const Entry& a, const Entry& b) {
  const Wide left = Wide{a.high} << 64 | a.middle;
  const Wide right = Wide{b.high} << 64 | b.middle;
  if (left == right) [[unlikely]] return a.low < b.low;
  return left < right;
}

EventHandle EventQueue::push(const EventKey& key, Wakeable& target) {
  std::uint32_t index = free_;
  if (index == kNoSlot) {
    index = static_cast<std::uint32_t>(slots_.size());
    HVSIM_ASSERT(index < kParked, "too many pending events");
    slots_.emplace_back();
  } else {
    free_ = slots_[index].next_free;
  }
  Slot& slot = slots_[index];
  slot.target = &target;
  slot.next_free = kInHeap;

  Entry entry = pack(key);
  entry.slot = index;
  entry.generation = slot.generation;
  heap_.emplace_back();
  sift_up(heap_.size() - 1, entry);
  ++live_;
  return {index, slot.generation};
}

bool EventQueue::cancel(EventHandle handle) {
  if (!pending(handle)) return false;
  const bool in_heap = slots_[handle.slot].next_free == kInHeap;
  release(handle.slot);
  if (!in_heap) return true;
  --live_;
  drop_withdrawn();
  if (heap_.size() >= kRebuildFrom && live_ < heap_.size() / 2) rebuild_without_withdrawn();
  return true;
}

bool EventQueue::pending(EventHandle handle) const {
  return handle.generation != 0 && handle.slot < slots_.size() &&
         slots_[handle.slot].generation == handle.generation;
}

EventQueue::Popped EventQueue::pop() {
  HVSIM_ASSERT(!heap_.empty(), "pop from an empty event queue");
  const Entry top = heap_.front();
  Wakeable* const target = slots_[top.slot].target;
  release(top.slot);
  remove_top();
  return {unpack(top), target};
}

EventHandle EventQueue::park() {
  HVSIM_ASSERT(!heap_.empty(), "park from an empty event queue");
  const Entry top = heap_.front();
  slots_[top.slot].next_free = kParked;
  remove_top();
  return {top.slot, top.generation};
}

Wakeable* EventQueue::unpark(EventHandle parked) {
  if (!pending(parked)) return nullptr;
  HVSIM_ASSERT(slots_[parked.slot].next_free == kParked, "the event was not parked");
  Wakeable* const target = slots_[parked.slot].target;
  release(parked.slot);
  return target;
}

void EventQueue::release(std::uint32_t index) {
  Slot& slot = slots_[index];
  if (++slot.generation == 0) slot.generation = 1;
  slot.next_free = free_;
  free_ = index;
}

/// Equal keys are neighbours in the order, so comparing each event with its successor finds them.
void EventQueue::remove_top() {
  const Entry top = heap_.front();
  --live_;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (!heap_.empty()) sift_down(0, last);
  drop_withdrawn();
  if (heap_.empty()) return;
  const Entry& next = heap_.front();
  HVSIM_ASSERT(((next.high ^ top.high) | (next.middle ^ top.middle) | (next.low ^ top.low)) != 0,
               "two pending events with equal keys");
  // The next event's coroutine is most likely cold; fetch it while this one runs.
  __builtin_prefetch(slots_[next.slot].target);
}

void EventQueue::drop_withdrawn() {
  while (!heap_.empty() && withdrawn(heap_.front())) {
    const Entry last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) sift_down(0, last);
  }
}

void EventQueue::rebuild_without_withdrawn() {
  std::erase_if(heap_, [this](const Entry& entry) { return withdrawn(entry); });
  if (heap_.size() < 2) return;
  for (std::size_t index = (heap_.size() - 2) / kChildren + 1; index-- > 0;) {
    const Entry entry = heap_[index];
    sift_down(index, entry);
  }
}

/// Places `entry` at the hole `index` or above it.
void EventQueue::sift_up(std::size_t index, const Entry& entry) {
  while (index > 0) {
    const std::size_t parent = (index - 1) / kChildren;
    if (!before(entry, heap_[parent])) break;
    heap_[index] = heap_[parent];
    index = parent;
  }
  heap_[index] = entry;
}

/// Places `entry` at the hole `index` or below it.
void EventQueue::sift_down(std::size_t index, const Entry& entry) {
  const std::size_t size = heap_.size();
  Entry* const heap = heap_.data();
  for (;;) {
    const std::size_t first = index * kChildren + 1;
    if (first >= size) break;
    std::size_t best = first;
    if (first + kChildren <= size) {
      // A tournament of pairs: the two comparisons of the first round do not wait for each other.
      const std::size_t left = first + (before(heap[first + 1], heap[first]) ? 1 : 0);
      const std::size_t right = first + 2 + (before(heap[first + 3], heap[first + 2]) ? 1 : 0);
      best = before(heap[right], heap[left]) ? right : left;
    } else {
      for (std::size_t child = first + 1; child < size; ++child) {
        if (before(heap[child], heap[best])) best = child;
      }
    }
    if (!before(heap[best], entry)) break;
    heap[index] = heap[best];
    index = best;
  }
  heap[index] = entry;
}

}  // namespace sim
