#include "sim/kernel/event_queue.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>
#include <set>
#include <tuple>
#include <vector>

namespace sim {
namespace {

struct Target final : Wakeable {
  void wake() override { ++woken; }
  int woken = 0;
};

EventKey key_of(std::int64_t time, std::uint32_t node, std::uint64_t path, std::uint32_t sequence) {
  return {Time{time}, NodeId{node}, sequence, path};
}

/// Few values per part, so that every part of the key has to decide somewhere.
rc::Gen<EventKey> any_key() {
  return rc::gen::map(
      rc::gen::tuple(rc::gen::inRange<std::int64_t>(0, 5),
                     rc::gen::element<std::uint32_t>(0, 1, 7, 0xfffe, 0xffff, 0x10000, 0xffff'ffff),
                     rc::gen::element<std::uint64_t>(0, 1, std::uint64_t{1} << 47,
                                                     std::uint64_t{1} << 48, UINT64_MAX),
                     rc::gen::element<std::uint32_t>(0, 1, UINT32_MAX)),
      [](const auto& parts) {
        return key_of(std::get<0>(parts), std::get<1>(parts), std::get<2>(parts),
                      std::get<3>(parts));
      });
}

std::vector<EventKey> pop_all(EventQueue& queue) {
  std::vector<EventKey> order;
  while (!queue.empty()) {
    const Time announced = queue.next_time();
    const NodeId node = queue.next_node();
    order.push_back(queue.pop().key);
    EXPECT_EQ(order.back().time, announced);
    EXPECT_EQ(order.back().node, node);
  }
  return order;
}

std::vector<EventKey> unique_keys() {
  const auto keys = *rc::gen::container<std::vector<EventKey>>(any_key());
  const std::set<EventKey> set(keys.begin(), keys.end());
  return {set.begin(), set.end()};
}

RC_GTEST_PROP(EventQueue, OrdersByTheWholeKeyWhateverTheOrderOfInsertion, ()) {
  const std::vector<EventKey> sorted = unique_keys();
  std::vector<EventKey> shuffled = sorted;
  const auto rotation = *rc::gen::inRange<std::size_t>(0, sorted.size() + 1);
  std::rotate(shuffled.begin(), shuffled.begin() + static_cast<std::ptrdiff_t>(rotation),
              shuffled.end());
  for (std::size_t i = 1; i < shuffled.size(); ++i) {
    std::swap(shuffled[i], shuffled[*rc::gen::inRange<std::size_t>(0, i + 1)]);
  }
  EventQueue queue;
  Target target;
  for (const EventKey& key : shuffled) queue.push(key, target);
  RC_ASSERT(queue.size() == sorted.size());
  RC_ASSERT(pop_all(queue) == sorted);
  RC_ASSERT(queue.next_time() == kNever);
}

RC_GTEST_PROP(EventQueue, WithdrawnEventsLeaveNoTrace, ()) {
  const std::vector<EventKey> keys = unique_keys();
  EventQueue queue;
  Target target;
  std::vector<EventHandle> handles;
  for (const EventKey& key : keys) handles.push_back(queue.push(key, target));
  std::vector<EventKey> kept;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (*rc::gen::arbitrary<bool>()) {
      RC_ASSERT(queue.cancel(handles[i]));
      RC_ASSERT(!queue.cancel(handles[i]));
      RC_ASSERT(!queue.pending(handles[i]));
    } else {
      kept.push_back(keys[i]);
    }
  }
  RC_ASSERT(queue.size() == kept.size());
  RC_ASSERT(pop_all(queue) == kept);
}

/// Against a sorted set, over thousands of mixed operations, so that slots are reused and the heap
/// is rebuilt.
TEST(EventQueue, AgreesWithASortedSetOverALongMixedUse) {
  EventQueue queue;
  Target target;
  std::set<EventKey> model;
  std::vector<std::pair<EventKey, EventHandle>> handles;
  std::uint64_t state = 88172645463325252;
  const auto random = [&state](std::uint64_t bound) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % bound;
  };
  std::int64_t now = 0;
  for (std::uint32_t step = 0; step < 200'000; ++step) {
    // Grow, then withdraw much more than happens, then grow again.
    const std::uint64_t phase = step / 20'000 % 2;
    const std::uint64_t choice = random(10);
    if (choice < (phase == 0 ? 6u : 3u)) {
      const EventKey key = key_of(now + static_cast<std::int64_t>(random(1000)),
                                  static_cast<std::uint32_t>(random(3)), random(4) << 60, step);
      handles.emplace_back(key, queue.push(key, target));
      model.insert(key);
    } else if (choice < (phase == 0 ? 7u : 9u) && !handles.empty()) {
      const std::size_t index = random(handles.size());
      std::swap(handles[index], handles.back());
      EXPECT_EQ(queue.cancel(handles.back().second), model.erase(handles.back().first) == 1);
      handles.pop_back();
    } else if (!model.empty()) {
      ASSERT_EQ(queue.pop().key, *model.begin());
      now = model.begin()->time.ns;
      model.erase(model.begin());
    }
    ASSERT_EQ(queue.size(), model.size());
    ASSERT_EQ(queue.next_time(), model.empty() ? kNever : model.begin()->time);
  }
  EXPECT_EQ(pop_all(queue), std::vector<EventKey>(model.begin(), model.end()));
}

/// Near and far events change places: times from nanoseconds to centuries, many of them equal.
TEST(EventQueue, TimesOfEveryMagnitudeComeOutInOrder) {
  EventQueue queue;
  Target target;
  std::set<EventKey> expected;
  std::vector<std::pair<EventKey, EventHandle>> handles;
  std::uint64_t state = 0x2545'f491'4f6c'dd1d;
  const auto next = [&state] {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
  };
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    const std::uint64_t choice = next() % 8;
    if (choice < 5) {
      const auto time = static_cast<std::int64_t>((next() | 1) >> (1 + next() % 63));
      const EventKey key = key_of(i % 500 < 2 ? INT64_MAX : time, 1, next() % 3, i);
      expected.insert(key);
      handles.emplace_back(key, queue.push(key, target));
    } else if (choice == 5 && !handles.empty()) {
      const auto [key, handle] = handles[next() % handles.size()];
      ASSERT_EQ(queue.cancel(handle), expected.erase(key) == 1);
    } else if (!expected.empty()) {
      ASSERT_EQ(queue.next_time(), expected.begin()->time);
      ASSERT_EQ(queue.pop().key, *expected.begin());
      expected.erase(expected.begin());
    }
    ASSERT_EQ(queue.size(), expected.size());
    ASSERT_EQ(queue.empty(), expected.empty());
  }
  const std::vector<EventKey> sorted(expected.begin(), expected.end());
  EXPECT_EQ(queue.first(sorted.size() + 1), sorted);
  EXPECT_EQ(pop_all(queue), sorted);
}

TEST(EventQueue, StaleHandlesDoNotTouchTheEventThatTookTheirSlot) {
  EventQueue queue;
  Target first, second;
  const EventHandle old_one = queue.push(key_of(1, 0, 0, 0), first);
  queue.pop();
  const EventHandle new_one = queue.push(key_of(2, 0, 0, 0), second);
  ASSERT_EQ(old_one.slot, new_one.slot) << "the test wants a reused slot";
  EXPECT_FALSE(queue.pending(old_one));
  EXPECT_FALSE(queue.cancel(old_one));
  EXPECT_TRUE(queue.pending(new_one));
  EXPECT_EQ(queue.pop().target, &second);
}

TEST(EventQueue, NoHandleNamesNoEvent) {
  EventQueue queue;
  Target target;
  queue.push(key_of(1, 0, 0, 0), target);
  EXPECT_FALSE(queue.pending(EventHandle{}));
  EXPECT_FALSE(queue.cancel(EventHandle{}));
}

TEST(EventQueue, ParkedEventLeavesTheOrderButCanStillBeWithdrawn) {
  EventQueue queue;
  Target target;
  const EventHandle early = queue.push(key_of(1, 0, 0, 0), target);
  const EventHandle late = queue.push(key_of(2, 0, 0, 0), target);
  const EventHandle parked_early = queue.park();
  const EventHandle parked_late = queue.park();
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.size(), 0u);
  EXPECT_TRUE(queue.pending(early));
  EXPECT_TRUE(queue.cancel(late));
  EXPECT_EQ(queue.unpark(parked_late), nullptr);
  EXPECT_EQ(queue.unpark(parked_early), &target);
  EXPECT_FALSE(queue.pending(early));
  EXPECT_EQ(queue.unpark(parked_early), nullptr);
}

TEST(EventQueueDeathTest, TwoPendingEventsWithEqualKeysAreADefect) {
  EventQueue queue;
  Target target;
  for (std::uint32_t sequence : {0u, 1u, 2u, 1u}) queue.push(key_of(5, 1, 9, sequence), target);
  queue.pop();
  EXPECT_DEATH(queue.pop(), "equal keys");
}

TEST(EventQueue, AKeyMayComeBackOnceItsEventIsGone) {
  EventQueue queue;
  Target target;
  queue.push(key_of(5, 1, 9, 0), target);
  queue.pop();
  queue.cancel(queue.push(key_of(5, 1, 9, 0), target));
  queue.push(key_of(5, 1, 9, 0), target);
  queue.push(key_of(6, 1, 9, 0), target);
  EXPECT_EQ(queue.pop().key, key_of(5, 1, 9, 0));
}

}  // namespace
}  // namespace sim
