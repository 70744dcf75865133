#include "scenarios/debug/lead_up.hpp"

#include <gtest/gtest.h>

namespace debugger {
namespace {

/// Tells events one after the other, numbered.
class Stream {
 public:
  template <class E>
  traces::Event tell(LeadUp& lead_up, std::uint32_t node, const E& payload) {
    traces::Event event;
    event.index = next_++;
    event.time = traces::Time{static_cast<std::int64_t>(event.index) * 1'000};
    event.node = traces::NodeId{node};
    event.type = E::kType;
    event.payload = &payload;
    lead_up.on_event(event);
    return event;
  }

 private:
  std::uint64_t next_ = 0;
};

traces::ev::VmbusChannel channel(std::uint64_t partition) {
  traces::ev::VmbusChannel event;
  event.partition = partition;
  return event;
}

TEST(LeadUp, TellsNodeAndComponentApart) {
  LeadUp lead_up;
  Stream stream;
  const auto one = channel(2);
  const auto other = channel(3);
  stream.tell(lead_up, 1, one);
  stream.tell(lead_up, 2, one);
  stream.tell(lead_up, 1, other);
  traces::ev::NodePaused paused;
  stream.tell(lead_up, 1, paused);
  const traces::Event last = stream.tell(lead_up, 1, one);
  const LeadUp::Story story = lead_up.before(last, 2);
  ASSERT_EQ(story.same_node.size(), 2U);
  EXPECT_NE(story.same_node[0].find("partition=3"), std::string::npos);
  EXPECT_NE(story.same_node[1].find("node.paused"), std::string::npos);
  ASSERT_EQ(story.same_component.size(), 2U);
  for (const std::string& line : story.same_component) {
    EXPECT_NE(line.find("partition=2"), std::string::npos);
  }
}

TEST(LeadUp, KeepsTheLastDecisionHoweverLongAgo) {
  LeadUp lead_up;
  Stream stream;
  traces::ev::FaultFired fault;
  fault.fault = "cut-link";
  stream.tell(lead_up, 0, fault);
  const auto one = channel(2);
  for (std::size_t i = 0; i < 3 * LeadUp::kMemory; ++i) stream.tell(lead_up, 1, one);
  const traces::Event last = stream.tell(lead_up, 1, one);
  EXPECT_NE(lead_up.before(last).cause.find("cut-link"), std::string::npos);
}

TEST(LeadUp, AnEventIsNotItsOwnCause) {
  LeadUp lead_up;
  Stream stream;
  traces::ev::FaultFired first;
  first.fault = "cut-link";
  stream.tell(lead_up, 0, first);
  traces::ev::FaultFired second;
  second.fault = "kill-host";
  const traces::Event last = stream.tell(lead_up, 0, second);
  EXPECT_NE(lead_up.before(last).cause.find("cut-link"), std::string::npos);
}

TEST(LeadUp, RecentEventsEndWithTheLast) {
  LeadUp lead_up;
  Stream stream;
  const auto one = channel(2);
  const auto other = channel(3);
  stream.tell(lead_up, 1, one);
  stream.tell(lead_up, 1, other);
  EXPECT_EQ(lead_up.recent(10).size(), 2U);
  ASSERT_EQ(lead_up.recent(1).size(), 1U);
  EXPECT_NE(lead_up.recent(1)[0].find("partition=3"), std::string::npos);
}

}  // namespace
}  // namespace debugger
