#include "traces/text.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tests/traces/random_events.hpp"
#include "traces/reflection.hpp"

namespace traces {
namespace {

using nlohmann::json;

template <class E>
Event event_of(const E& payload, Time time = {}, NodeId node = {}) {
  return {.index = 7, .time = time, .node = node, .type = E::kType, .payload = &payload};
}

TEST(Text, LineHasTimeNodeNameAndFields) {
  NodeNames names;
  const ev::NodeAdded added{.name = "host-alpha", .kind = "host"};
  names.learn(event_of(added, {}, NodeId{1}));
  const ev::MigrationRound round{.job = 1,
                                 .vm = 2,
                                 .round = 3,
                                 .final = true,
                                 .pages = 512,
                                 .bytes = 2097152,
                                 .took = Duration{1'500'000},
                                 .remaining = 0};
  EXPECT_EQ(text_line(event_of(round, Time{12'345'678}, NodeId{1}), names),
            "     12.345678 ms  host-alpha  migration.round  job=1 vm=2 round=3 final=yes "
            "pages=512 bytes=2097152 took=1.5ms remaining=0");
}

TEST(Text, NodesWithoutANameAndEventsWithoutFieldsAreShown) {
  EXPECT_EQ(text_line(event_of(ev::NodePaused{}, Time{-1}, NodeId{4}), {}),
            "     -0.000001 ms  node-4      node.paused");
  EXPECT_EQ(text_line(event_of(ev::NodePaused{}), {}),
            "      0.000000 ms  world       node.paused");
}

TEST(Text, DurationsAreExactInTheLargestUnit) {
  EXPECT_EQ(to_text(Duration{0}), "0s");
  EXPECT_EQ(to_text(Duration{999}), "999ns");
  EXPECT_EQ(to_text(Duration{20'000}), "20us");
  EXPECT_EQ(to_text(Duration{1'500'000}), "1.5ms");
  EXPECT_EQ(to_text(Duration{-3'000'000'000}), "-3s");
  EXPECT_EQ(to_text(Duration{1'000'000'001}), "1.000000001s");
  EXPECT_EQ(to_text(Duration{INT64_MIN}), "-9223372036.854775808s");
  EXPECT_EQ(to_text(kNever), "never");
  EXPECT_EQ(to_text(Time{100'000'000'000}), "100s");
}

TEST(Text, ValuesStayOneWordOrAreQuoted) {
  const auto shown = [](std::string_view reason) {
    const ev::NodeKilled payload{.reason = reason};
    return to_text(*field(event_of(payload), "reason"));
  };
  EXPECT_EQ(shown("power"), "power");
  EXPECT_EQ(shown(""), "\"\"");
  EXPECT_EQ(shown("two words"), "\"two words\"");
  EXPECT_EQ(shown("a=b"), "\"a=b\"");
  EXPECT_EQ(shown("line\nend\x1b"), R"("line\nend\u001b")");

  const std::vector<std::byte> bytes(20, std::byte{0xAB});
  const ev::DiskSectors sectors{.cause = SectorCause::PowerLoss, .hashes = bytes};
  EXPECT_EQ(to_text(*field(event_of(sectors), "hashes")),
            "<20 bytes abababababababababababababababab...>");
  EXPECT_EQ(to_text(*field(event_of(sectors), "cause")), "power_loss");
  EXPECT_EQ(to_text(Digest{1, 0xAB}), "000000000000000100000000000000ab");
}

std::string hex_of(Bytes bytes) {
  std::string out;
  for (const std::byte byte : bytes) {
    out += "0123456789abcdef"[static_cast<unsigned>(byte) >> 4];
    out += "0123456789abcdef"[static_cast<unsigned>(byte) & 15];
  }
  return out;
}

/// What a JSON reader must find for a value.
json expected_json(const FieldValue& value) {
  switch (value.kind) {
    case FieldKind::Bool:
      return value.number == 1;
    case FieldKind::I64:
    case FieldKind::Time:
    case FieldKind::Duration:
      return value.as_signed();
    case FieldKind::Hex64: {
      std::ostringstream out;
      out << "0x" << std::hex << value.number;
      return out.str();
    }
    case FieldKind::Text:
      return json::parse(json(value.text).dump(-1, ' ', false, json::error_handler_t::replace));
    case FieldKind::Bytes:
      return hex_of(value.bytes);
    case FieldKind::Digest:
      return to_text(value.digest);
    case FieldKind::Enum:
      return value.enumeration->name_of(static_cast<std::uint32_t>(value.number));
    default:
      return value.number;
  }
}

RC_GTEST_PROP(Json, EveryEventTypeIsOneObjectWithItsValues, ()) {
  for (const EventInfo& one : all_events()) {
    const OwnedEvent owned = testing::random_event(one.type);
    const Event& event = owned.event();
    const std::string line = json_line(event, {});
    RC_ASSERT(line.find('\n') == std::string::npos);
    const json object = json::parse(line);
    RC_ASSERT(object["event"] == one.name);
    RC_ASSERT(object["time_ns"] == event.time.ns);
    RC_ASSERT(object["node"] == event.node.value);
    RC_ASSERT(object["level"] == one.level);
    RC_ASSERT(object["fields"].size() == one.fields.size());
    for (const FieldInfo& field_info : one.fields) {
      RC_ASSERT(object["fields"][std::string(field_info.name)] ==
                expected_json(field(event, field_info)));
    }
  }
}

RC_GTEST_PROP(Text, EveryEventTypeIsOnePrintableLineThatNamesItsFields, ()) {
  for (const EventInfo& one : all_events()) {
    const OwnedEvent owned = testing::random_event(one.type);
    const std::string line = text_line(owned.event(), {});
    for (const char c : line) RC_ASSERT(static_cast<unsigned char>(c) >= 0x20u);
    for (const FieldInfo& field_info : one.fields) {
      RC_ASSERT(line.find(" " + std::string(field_info.name) + "=") != std::string::npos);
    }
  }
}

TEST(LinePrinter, LearnsNamesFromTheStream) {
  const ev::NodeAdded added{.name = "host \"b\"", .kind = "host"};
  const ev::NodePaused paused{};
  std::ostringstream text;
  LinePrinter printer(text, LinePrinter::Form::Text);
  std::ostringstream lines;
  LinePrinter json_printer(lines, LinePrinter::Form::Json);
  for (LinePrinter* one : {&printer, &json_printer}) {
    one->on_event(event_of(added, {}, NodeId{2}));
    one->on_event(event_of(paused, {}, NodeId{2}));
  }
  EXPECT_EQ(text.str(),
            "      0.000000 ms  host \"b\"    node.added  name=\"host \\\"b\\\"\" kind=host\n"
            "      0.000000 ms  host \"b\"    node.paused\n");
  EXPECT_EQ(lines.str().substr(lines.str().find('\n') + 1),
            "{\"index\":7,\"time_ns\":0,\"node\":2,\"node_name\":\"host \\\"b\\\"\","
            "\"event\":\"node.paused\",\"level\":0,\"fields\":{}}\n");
}

}  // namespace
}  // namespace traces
