#include "traces/codec.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <initializer_list>
#include <vector>

#include "tests/traces/random_events.hpp"
#include "traces/reflection.hpp"

namespace traces {
namespace {

using testing::random_event;
using testing::random_events;

std::vector<std::byte> copy_of(const ByteBuffer& buffer) {
  return {buffer.bytes().begin(), buffer.bytes().end()};
}

std::vector<std::byte> encoded(const std::vector<OwnedEvent>& events) {
  EventEncoder encoder;
  ByteBuffer out;
  for (const OwnedEvent& one : events) encoder.encode(one.event(), one.event().index, out);
  return copy_of(out);
}

std::vector<std::byte> bytes_of(std::initializer_list<unsigned> values) {
  std::vector<std::byte> bytes;
  for (const unsigned value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

/// Decodes until the end or the first malformed event; says how many bytes were good.
std::vector<OwnedEvent> decoded(const std::vector<std::byte>& bytes, std::size_t& good) {
  EventDecoder decoder;
  ByteCursor in(bytes);
  std::vector<OwnedEvent> events;
  good = 0;
  while (!in.at_end()) {
    const Event* event = decoder.decode(in);
    if (event == nullptr) break;
    events.emplace_back(*event);
    good = in.position();
  }
  return events;
}

RC_GTEST_PROP(Codec, EveryEventTypeComesBackAsItWas, ()) {
  for (const EventInfo& one : all_events()) {
    std::vector<OwnedEvent> events{random_event(one.type)};
    std::size_t good = 0;
    const auto bytes = encoded(events);
    const auto back = decoded(bytes, good);
    RC_ASSERT(good == bytes.size());
    RC_ASSERT(back.size() == 1u);
    RC_ASSERT(same_content(back[0].event(), events[0].event()));
  }
}

RC_GTEST_PROP(Codec, SequencesComeBackWithTheirIndices, ()) {
  const auto events = random_events(*rc::gen::inRange<std::uint64_t>(0, 1000));
  std::size_t good = 0;
  const auto back = decoded(encoded(events), good);
  RC_ASSERT(back.size() == events.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    RC_ASSERT(same_content(back[i].event(), events[i].event()));
    RC_ASSERT(back[i].event().index == events[i].event().index);
  }
}

RC_GTEST_PROP(Codec, WhateverDecodesEncodesToTheSameBytes, ()) {
  auto bytes = encoded(random_events());
  const auto changes = *rc::gen::inRange<std::size_t>(0, 3);
  for (std::size_t i = 0; i < changes; ++i) {
    bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] =
        std::byte{*rc::gen::arbitrary<std::uint8_t>()};
  }
  std::size_t good = 0;
  const auto back = decoded(bytes, good);
  bytes.resize(good);
  RC_ASSERT(encoded(back) == bytes);
}

RC_GTEST_PROP(Codec, NoBytesCrashTheDecoder, (const std::vector<std::uint8_t>& raw)) {
  const auto view = std::as_bytes(std::span(raw));
  const std::vector<std::byte> bytes(view.begin(), view.end());
  std::size_t good = 0;
  const auto back = decoded(bytes, good);
  RC_ASSERT(good <= bytes.size());
  RC_ASSERT(back.size() <= bytes.size());
}

TEST(Codec, BytesAreThoseOfTheSpecification) {
  const ev::VmbusDoorbell payload{.partition = 300, .relid = 1, .accepted = true};
  Event event{.index = 0,
              .time = Time{-1},
              .node = NodeId{5},
              .type = EventType::VmbusDoorbell,
              .payload = &payload};
  EventEncoder encoder;
  ByteBuffer out;
  encoder.encode(event, 0, out);
  ByteBuffer expected;
  expected.append_varint(2 * static_cast<std::uint64_t>(EventType::VmbusDoorbell));
  expected.append(bytes_of({0x01, 0x05, 0xD8, 0x04, 0x02, 0x01}));
  EXPECT_EQ(copy_of(out), copy_of(expected));

  out.clear();
  expected.clear();
  event.time = Time{63};
  encoder.encode(event, 4, out);  // three indices skipped, delta of 64 ns, fields as before
  expected.append_varint(2 * static_cast<std::uint64_t>(EventType::VmbusDoorbell) + 1);
  expected.append(bytes_of({0x02, 0x80, 0x01, 0x05, 0x00, 0x00, 0x01}));
  EXPECT_EQ(copy_of(out), copy_of(expected));
}

TEST(Codec, HashesTextAndDigestsHaveTheirOwnForms) {
  const ev::VpMapped mapped{.gpfn = 0x1122334455667788};
  const ev::NodeKilled killed{.reason = "ab"};
  const ev::DiskDigest digest{.digest = {0x0102030405060708, 0x090A0B0C0D0E0F10}};
  const auto tail = [](const auto& payload, std::size_t count) {
    EventEncoder encoder;
    ByteBuffer out;
    encoder.encode(Event{.type = payload.kType, .payload = &payload}, 0, out);
    const auto bytes = copy_of(out);
    return std::vector<std::byte>(bytes.end() - static_cast<std::ptrdiff_t>(count), bytes.end());
  };
  EXPECT_EQ(tail(killed, 3), bytes_of({2, 'a', 'b'}));
  EXPECT_EQ(tail(digest, 16), bytes_of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}));
  EXPECT_EQ(tail(mapped, 13),
            bytes_of({0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0, 0, 0, 0, 0}));
}

TEST(Codec, NumbersOutsideTheirTypeAreRefusedByName) {
  const auto problem_with = [](EventType type, std::initializer_list<unsigned> rest) {
    ByteBuffer out;
    out.append_varint(2 * static_cast<std::uint64_t>(type));
    out.append(bytes_of(rest));
    ByteCursor in(out.bytes());
    EventDecoder decoder;
    EXPECT_EQ(decoder.decode(in), nullptr);
    return decoder.problem();
  };
  // Behind time and node: a state that is no state, a boolean of 2, a u32 of -1, a u8 of 256, a
  // u16 of 70000.
  EXPECT_NE(problem_with(EventType::PartitionState, {0, 0, 0, 99, 0}).find("field 'from'"),
            std::string::npos);
  EXPECT_NE(problem_with(EventType::VmbusDoorbell, {0, 0, 0, 0, 2}).find("field 'accepted'"),
            std::string::npos);
  EXPECT_NE(problem_with(EventType::VmbusDoorbell, {0, 0, 0, 1, 1}).find("field 'relid'"),
            std::string::npos);
  EXPECT_NE(problem_with(EventType::InterruptDelivered, {0, 0, 0, 0, 0x80, 2}).find("'vector'"),
            std::string::npos);
  EXPECT_NE(problem_with(EventType::EventSignalled, {0, 0, 0, 0, 0xF0, 0xA2, 4, 0}).find("'flag'"),
            std::string::npos);
  EXPECT_NE(problem_with(EventType::NodePaused, {0, 0x80, 0x80, 0x80, 0x80, 0x10}).find("node"),
            std::string::npos);
  EXPECT_NE(problem_with(static_cast<EventType>(kEventTypeCount), {}).find("is unknown"),
            std::string::npos);
}

RC_GTEST_PROP(Varint, ComesBackAndTakesSevenBitsPerByte, (std::uint64_t value)) {
  std::byte bytes[kMaxVarint];
  const auto size = static_cast<std::size_t>(put_varint(bytes, value) - bytes);
  ByteCursor in(std::span(bytes, size));
  std::uint64_t back = 0;
  RC_ASSERT(in.get_varint(back));
  RC_ASSERT(back == value);
  RC_ASSERT(in.at_end());
  // RC_ASSERT evaluates both sides of its operators: a shift must not stand in one.
  const bool holds_all = size == 10 || value >> (7 * size) == 0;
  const bool is_shortest = size == 1 || value >> (7 * (size - 1)) != 0;
  RC_ASSERT(holds_all);
  RC_ASSERT(is_shortest);
  RC_ASSERT(unzigzag(zigzag(value)) == value);
}

TEST(Varint, OtherFormsOfANumberAreRefused) {
  std::uint64_t value = 0;
  const auto refuses = [&value](const std::vector<std::byte>& bytes) {
    ByteCursor in(bytes);
    return !in.get_varint(value) && in.position() == 0;
  };
  EXPECT_TRUE(refuses(bytes_of({})));
  EXPECT_TRUE(refuses(bytes_of({0x80})));
  EXPECT_TRUE(refuses(bytes_of({0x80, 0x00})));
  EXPECT_TRUE(refuses(bytes_of({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02})));
  EXPECT_TRUE(refuses(bytes_of({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x81, 0})));
  EXPECT_FALSE(refuses(bytes_of({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01})));
  EXPECT_EQ(value, UINT64_MAX);
}

}  // namespace
}  // namespace traces
