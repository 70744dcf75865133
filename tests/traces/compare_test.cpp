#include "traces/compare.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/traces/random_events.hpp"
#include "traces/diff.hpp"
#include "traces/reflection.hpp"

namespace traces {
namespace {

using testing::random_events;
using testing::read_file;
using testing::reader_of;
using testing::write_trace;

std::string trace_of(const std::vector<OwnedEvent>& events, bool detail) {
  return read_file(write_trace("trace", TraceHeader{.detail = detail}, events));
}

/// Executes `live` beside the stored trace, as `replay` does.
std::optional<Difference> replay(const std::string& stored, const std::vector<OwnedEvent>& live,
                                 bool live_detail) {
  TraceReader reader = reader_of(stored);
  Recorder recorder;
  recorder.set_detail(live_detail);
  ReplayComparer comparer(reader, live_detail);
  recorder.attach(comparer, comparer.types());
  for (const OwnedEvent& one : live) recorder.emit(one.event());
  comparer.finish();
  return comparer.difference();
}

std::vector<OwnedEvent> only_level0(std::vector<OwnedEvent> events) {
  std::erase_if(events, [](const OwnedEvent& one) { return info(one.event().type).level != 0; });
  return events;
}

RC_GTEST_PROP(Replay, TheSameRunIsEqualWhateverDetailEitherSideHas, ()) {
  const auto events = random_events();
  for (const bool stored_detail : {false, true}) {
    for (const bool live_detail : {false, true}) {
      RC_ASSERT(!replay(trace_of(events, stored_detail), events, live_detail));
    }
  }
}

RC_GTEST_PROP(Replay, FindsExactlyTheChangedEventAndField, ()) {
  const auto events = random_events();
  auto changed = events;
  const auto which = *rc::gen::inRange<std::size_t>(0, events.size());
  const EventInfo& type = info(events[which].event().type);
  const auto what = *rc::gen::inRange<std::size_t>(0, testing::change_count(events[which].event()));
  changed[which] = testing::with_change(events[which], what);
  const auto found = replay(trace_of(events, true), changed, true);
  RC_ASSERT(found.has_value());
  RC_ASSERT(found->position == which);
  RC_ASSERT(found->left_index == which);
  RC_ASSERT(found->right_index == which);
  const std::string name = what == 0   ? "time"
                           : what == 1 ? "node"
                                       : std::string(type.fields[what - 2].name);
  RC_ASSERT(found->fields == std::vector<std::string>{name});
  RC_ASSERT(found->before.size() == std::min<std::size_t>(which, 5));
  // Without detail on one side, a difference in detail is not seen and one in level 0 is.
  RC_ASSERT(replay(trace_of(events, true), changed, false).has_value() == (type.level == 0));
  RC_ASSERT(replay(trace_of(events, false), changed, true).has_value() == (type.level == 0));
}

RC_GTEST_PROP(Replay, FindsMissingAndAdditionalEventsAtTheEnd, ()) {
  const auto events = random_events();
  auto more = events;
  more.push_back(testing::random_event());
  const auto missing = replay(trace_of(more, true), events, true);
  RC_ASSERT(missing.has_value());
  RC_ASSERT(missing->position == events.size());
  RC_ASSERT(missing->left_index == events.size());
  RC_ASSERT(!missing->right_index.has_value());
  RC_ASSERT(missing->right == "(no more events)");
  const auto additional = replay(trace_of(events, true), more, true);
  RC_ASSERT(additional.has_value());
  RC_ASSERT(!additional->left_index.has_value());
  RC_ASSERT(additional->right_index == events.size());
}

TEST(Replay, DamagedTraceStopsTheComparisonAndIsReportedAtTheEnd) {
  const ev::NodePaused payload{};
  const OwnedEvent event(Event{.type = payload.kType, .payload = &payload});
  std::string stored = trace_of({event, event}, false);
  stored.back() = static_cast<char>(stored.back() ^ 1);  // in the footer
  TraceReader reader = reader_of(stored);
  Recorder recorder;
  ReplayComparer comparer(reader, true);
  recorder.attach(comparer, comparer.types());
  for (int i = 0; i < 4; ++i) EXPECT_NO_THROW(recorder.emit(event.event()));
  EXPECT_TRUE(comparer.decided());
  EXPECT_FALSE(comparer.difference().has_value());
  EXPECT_EQ(comparer.equal_events(), 2u);
  EXPECT_THROW(comparer.finish(), TraceError);
}

TEST(Replay, ContextIsTheLastEqualEventsWithTheNamesOfNodes) {
  const ev::NodeAdded added{.name = "host-alpha", .kind = "host"};
  std::vector<OwnedEvent> events{
      OwnedEvent(Event{.node = NodeId{1}, .type = added.kType, .payload = &added})};
  const ev::NodePaused paused{};
  for (int i = 1; i < 10; ++i) {
    events.emplace_back(
        Event{.time = Time{i}, .node = NodeId{1}, .type = paused.kType, .payload = &paused});
  }
  auto other = events;
  other[9] = testing::with_change(other[9], 0);
  const auto found = replay(trace_of(events, false), other, false);
  ASSERT_TRUE(found.has_value());
  ASSERT_EQ(found->before.size(), 5u);
  EXPECT_EQ(found->before[0], "      0.000004 ms  host-alpha  node.paused");
  EXPECT_EQ(found->before[4], "      0.000008 ms  host-alpha  node.paused");
  EXPECT_EQ(found->left, "      0.000009 ms  host-alpha  node.paused");
  EXPECT_EQ(found->right, "      0.000008 ms  host-alpha  node.paused");
}

TraceDiff diff_of(const std::string& left, const std::string& right) {
  TraceReader a = reader_of(left);
  TraceReader b = reader_of(right);
  return diff_traces(a, b);
}

RC_GTEST_PROP(Diff, TracesThatDifferInDetailAloneAreEqualInLevelZero, ()) {
  const auto events = random_events();
  const TraceDiff diff = diff_of(trace_of(events, true), trace_of(events, false));
  RC_ASSERT(diff.same_events());
  RC_ASSERT(!diff.detail_compared);
  RC_ASSERT(diff.header == std::vector<std::string>{"detail: yes against no"});
  RC_ASSERT(diff.left_counts == diff.right_counts);
  RC_ASSERT(diff_of(trace_of(events, true), trace_of(events, true)).detail_compared);
}

RC_GTEST_PROP(Diff, FindsTheFirstRemovedEventAndCountsTypes, ()) {
  const auto events = random_events();
  const auto which = *rc::gen::inRange<std::size_t>(0, events.size());
  auto fewer = events;
  fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(which));
  const TraceDiff diff = diff_of(trace_of(events, true), trace_of(fewer, true));
  RC_ASSERT(diff.first.has_value());
  RC_ASSERT(diff.first->position >= which);  // later only when equal events follow each other
  for (std::size_t type = 0; type < kEventTypeCount; ++type) {
    const bool removed = type == static_cast<std::size_t>(events[which].event().type);
    RC_ASSERT(diff.left_counts[type] == diff.right_counts[type] + (removed ? 1 : 0));
  }
  const TraceDiff coarse = diff_of(trace_of(events, true), trace_of(fewer, false));
  RC_ASSERT(coarse.same_events() == (only_level0(events).size() == only_level0(fewer).size()));
}

TEST(Diff, ReportNamesWhatDecidedTheRunsAndTheFirstDifference) {
  const ev::NodeKilled power{.reason = "power"};
  const ev::NodeKilled fire{.reason = "fire"};
  const OwnedEvent a(Event{.node = NodeId{1}, .type = power.kType, .payload = &power});
  const OwnedEvent b(Event{.node = NodeId{1}, .type = fire.kType, .payload = &fire});
  TraceHeader left{.scenario_name = "s", .seed = 1};
  TraceHeader right{.scenario_name = "s", .seed = 2};
  right.plants = {"p1", "p2"};
  right.inputs = {{"kernel", {1, 2}}};
  const std::string first = read_file(write_trace("left", left, {a, a}));
  const std::string second = read_file(write_trace("right", right, {a, b, b}));
  EXPECT_EQ(to_text(diff_of(first, second), "l.trace", "r.trace"),
            "header  seed: 1 against 2\n"
            "header  plants: none against p1 p2\n"
            "header  inputs: none against kernel:00000000000000010000000000000002\n"
            "first difference after 1 equal events of level 0\n"
            "          0.000000 ms  node-1      node.killed  reason=power\n"
            "  -       0.000000 ms  node-1      node.killed  reason=power\n"
            "  +       0.000000 ms  node-1      node.killed  reason=fire\n"
            "  differs in: reason\n"
            "  - is l.trace, + is r.trace\n"
            "count   node.killed: 2 against 3\n");
  EXPECT_EQ(to_text(diff_of(first, first), "l", "r"), "no event of level 0 differs\n");
}

}  // namespace
}  // namespace traces
