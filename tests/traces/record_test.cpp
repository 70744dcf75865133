#include "traces/record.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

#include "tests/traces/random_events.hpp"
#include "traces/digest.hpp"
#include "traces/file.hpp"
#include "traces/reflection.hpp"

namespace traces {
namespace {

using testing::random_events;

struct Collector : Observer {
  void on_event(const Event& event) override { events.emplace_back(event); }
  std::vector<OwnedEvent> events;
};

Digest hash_of(const std::vector<OwnedEvent>& events, bool detail) {
  Recorder recorder;
  recorder.set_detail(detail);
  for (const OwnedEvent& one : events) recorder.emit(one.event());
  return recorder.hash();
}

RC_GTEST_PROP(RunHash, DoesNotDependOnDetailOrObserversOrOnBeingAsked, ()) {
  const auto events = random_events();
  Recorder watched;
  Collector collector;
  watched.attach(collector, event_types(true));
  for (const OwnedEvent& one : events) {
    watched.emit(one.event());
    (void)watched.hash();
  }
  const Digest hash = hash_of(events, true);
  RC_ASSERT(hash == hash_of(events, false));
  RC_ASSERT(hash == watched.hash());
}

RC_GTEST_PROP(RunHash, DependsOnEveryFieldTimeAndNodeOfLevelZero, ()) {
  auto events = random_events();
  const auto which = *rc::gen::inRange<std::size_t>(0, events.size());
  const Event& event = events[which].event();
  const auto what = *rc::gen::inRange<std::size_t>(0, testing::change_count(event));
  const bool covered = info(event.type).level == 0;
  const Digest before = hash_of(events, true);
  events[which] = testing::with_change(events[which], what);
  RC_ASSERT((hash_of(events, true) != before) == covered);
}

TEST(RunHash, StaysTheSameOverManyBatches) {
  // More than one batch of the hash, with texts that are longer than a batch.
  const std::string line(5000, 'x');
  Recorder once;
  Recorder asked;
  for (unsigned i = 0; i < 3000; ++i) {
    const ev::GuestLog payload{.vm = i, .line = std::string_view(line).substr(i % 100 * 50)};
    once.emit(Time{i}, NodeId{1}, payload);
    asked.emit(Time{i}, NodeId{1}, payload);
    if (i % 7 == 0) (void)asked.hash();
  }
  EXPECT_EQ(once.hash(), asked.hash());
  EXPECT_NE(once.hash(), Recorder().hash());
}

TEST(Recorder, ObserverSeesItsTypesInOrderWithTheirIndices) {
  Recorder recorder;
  Collector collector;
  EventSet types;
  types.set(static_cast<std::size_t>(EventType::NodePaused));
  types.set(static_cast<std::size_t>(EventType::InterruptDelivered));
  recorder.attach(collector, types);
  recorder.emit(Time{1}, NodeId{1}, ev::NodePaused{});
  recorder.emit(Time{2}, NodeId{1}, ev::NodeResumed{});
  recorder.emit(Time{3}, NodeId{1}, ev::InterruptDelivered{.vector = 7});
  recorder.detach(collector);
  recorder.emit(Time{4}, NodeId{1}, ev::NodePaused{});
  ASSERT_EQ(collector.events.size(), 2u);
  EXPECT_EQ(collector.events[0].event().index, 0u);
  EXPECT_NE(collector.events[0].event().as<ev::NodePaused>(), nullptr);
  EXPECT_EQ(collector.events[1].event().index, 2u);
  EXPECT_EQ(collector.events[1].event().as<ev::InterruptDelivered>()->vector, 7);
  EXPECT_EQ(recorder.events(), 4u);
  EXPECT_EQ(recorder.level0_events(), 3u);
}

TEST(Recorder, WithoutDetailLevelOneIsNeitherCountedNorShown) {
  Recorder recorder;
  recorder.set_detail(false);
  Collector collector;
  recorder.attach(collector, event_types(true));
  recorder.emit(Time{1}, NodeId{1}, ev::InterruptDelivered{});
  EXPECT_EQ(recorder.events(), 0u);
  EXPECT_TRUE(collector.events.empty());
}

TEST(RecorderDeathTest, ValueOutsideItsEnumerationIsADefect) {
  Recorder recorder;
  EXPECT_DEATH(
      recorder.emit(Time{}, NodeId{}, ev::PartitionState{.to = static_cast<PartitionState>(77)}),
      "no value of its enumeration");
}

TEST(Reflection, FieldsAreFoundByName) {
  const ev::MigrationFinished payload{.job = 4,
                                      .outcome = MigrationOutcome::Aborted,
                                      .reason = "link down",
                                      .blackout = Duration{-5}};
  const Event event{.type = payload.kType, .payload = &payload};
  EXPECT_EQ(field(event, "job")->number, 4u);
  EXPECT_EQ(field(event, "reason")->text, "link down");
  EXPECT_EQ(field(event, "blackout")->as_signed(), -5);
  const FieldValue outcome = *field(event, "outcome");
  EXPECT_EQ(outcome.enumeration->name_of(static_cast<std::uint32_t>(outcome.number)), "aborted");
  EXPECT_EQ(outcome.enumeration->value_of("aborted"), outcome.number);
  EXPECT_FALSE(field(event, "colour").has_value());
  EXPECT_EQ(find_event("migration.finished")->type, EventType::MigrationFinished);
  EXPECT_EQ(find_event("migration.imagined"), nullptr);
}

TEST(Reflection, NumbersOfEnumerationsThatDoNotCountFromZeroHaveNames) {
  EXPECT_EQ(name_of(JobStatus::InDoubt), "in_doubt");
  EXPECT_EQ(name_of(VmState::Critical), "critical");
  EXPECT_EQ(name_of(static_cast<JobStatus>(0)), "?");
  EXPECT_EQ(name_of(EventType::VmbusSignal), "vmbus.signal");
  EXPECT_EQ(name_of(static_cast<EventType>(kEventTypeCount)), "?");
}

RC_GTEST_PROP(OwnedEvent, OutlivesWhatItWasCopiedFrom, ()) {
  const OwnedEvent original = testing::random_event();
  OwnedEvent copy;
  {
    const OwnedEvent middle = original;
    copy = testing::random_event();
    copy = middle;
  }
  RC_ASSERT(same_content(copy.event(), original.event()));
  const OwnedEvent moved = std::move(copy);
  RC_ASSERT(same_content(moved.event(), original.event()));
}

TEST(Digest, StreamAndSingleCallAgreeOnPublishedXxh3Values) {
  // XXH3-128 of nothing, as published with the algorithm's test vectors.
  EXPECT_EQ(digest_of(std::string_view()), (Digest{0x99AA06D3014798D8, 0x6001C324468D497F}));
  EXPECT_EQ(hash64_of(std::string_view()), 0x2D06800538D394C2u);
  DigestStream stream;
  stream.add_u64(0x0807060504030201);
  const std::string text = "\x01\x02\x03\x04\x05\x06\x07\x08";
  EXPECT_EQ(stream.finish(), digest_of(text));
  EXPECT_EQ(digest_of(text), digest_of(std::as_bytes(std::span(text))));
}

RC_GTEST_PROP(Digest, DoesNotDependOnHowTheInputIsCutOrOnBeingAsked, ()) {
  std::string text(*rc::gen::inRange<std::size_t>(0, 20000), ' ');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * i >> 3);
  DigestStream stream;
  for (std::size_t at = 0; at < text.size();) {
    const auto size = *rc::gen::inRange<std::size_t>(1, 6000);
    stream.add(std::as_bytes(std::span(std::string_view(text).substr(at, size))));
    at += size;
    if (*rc::gen::arbitrary<bool>()) (void)stream.finish();
  }
  RC_ASSERT(stream.finish() == digest_of(text));
}

}  // namespace
}  // namespace traces
