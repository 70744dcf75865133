#include "sim/net/link_calendar.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <utility>
#include <vector>

namespace sim::net {
namespace {

TEST(Serialisation, RoundsUpToANanosecond) {
  EXPECT_EQ(serialisation_time(1, 8'000'000'000).ns, 1);
  EXPECT_EQ(serialisation_time(1, 10'000'000'000).ns, 1);
  EXPECT_EQ(serialisation_time(10, 10'000'000'000).ns, 8);
  EXPECT_EQ(serialisation_time(1ULL << 30, 10'000'000'000).ns, 858'993'460);
}

TEST(Serialisation, OfAPetabyteDoesNotOverflow) {
  EXPECT_EQ(serialisation_time(1'000'000'000'000'000, 1'000'000'000).ns, 8'000'000'000'000'000);
}

TEST(LinkCalendar, QueuesOneBehindTheOther) {
  LinkCalendar calendar;
  EXPECT_EQ(calendar.book(Time{10}, Duration{5}, Time{0}).end.ns, 15);
  const auto second = calendar.book(Time{10}, Duration{5}, Time{0});
  EXPECT_EQ(second.begin.ns, 15);
  EXPECT_EQ(second.end.ns, 20);
}

TEST(LinkCalendar, UsesAGapInPiecesAndGoesOnBehindIt) {
  LinkCalendar calendar;
  calendar.book(Time{10}, Duration{5}, Time{0});
  calendar.book(Time{20}, Duration{5}, Time{0});
  const auto slot = calendar.book(Time{8}, Duration{10}, Time{0});
  EXPECT_EQ(slot.begin.ns, 8);
  EXPECT_EQ(slot.end.ns, 28);  // 2 before, 5 between, 3 behind
}

TEST(LinkCalendar, AfterACutIsFreeAtOnce) {
  LinkCalendar calendar;
  calendar.book(Time{0}, Duration{100}, Time{0});
  calendar.clear_from(Time{40});
  EXPECT_EQ(calendar.book(Time{40}, Duration{5}, Time{40}).begin.ns, 40);
}

RC_GTEST_PROP(LinkCalendar, TakesExactlyTheFirstFreeTimeOfAModelThatMarksEveryNanosecond, ()) {
  LinkCalendar calendar;
  std::vector<bool> busy(2000, false);
  int now = 0;
  const auto bookings = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(0, 60), rc::gen::inRange(1, 20)));
  for (const auto& [ahead, length] : bookings) {
    if (now + ahead + 1000 > 1900) break;
    const int start = now + ahead;
    int left = length;
    int first = -1;
    int cursor = start;
    for (; left > 0; ++cursor) {
      if (busy[static_cast<std::size_t>(cursor)]) continue;
      if (first < 0) first = cursor;
      busy[static_cast<std::size_t>(cursor)] = true;
      --left;
    }
    const auto slot = calendar.book(Time{start}, Duration{length}, Time{now});
    RC_ASSERT(slot.begin.ns == first);
    RC_ASSERT(slot.end.ns == cursor);
    now += ahead / 4;
  }
}

}  // namespace
}  // namespace sim::net
