#include "tests/traces/random_events.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstring>
#include <deque>
#include <fstream>
#include <memory>
#include <sstream>

#include "traces/reflection.hpp"

namespace traces::testing {
namespace {

std::uint64_t any_number() {
  return *rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(0, 300),
                         rc::gen::element<std::uint64_t>(0, 127, 128, 16383, 16384, UINT32_MAX,
                                                         INT64_MAX, UINT64_MAX, 1ULL << 63),
                         rc::gen::arbitrary<std::uint64_t>());
}

std::string any_text() {
  return *rc::gen::container<std::string>(
      rc::gen::oneOf(rc::gen::inRange<char>('a', 'f'), rc::gen::element(' ', '"', '\n', '\\', '='),
                     rc::gen::arbitrary<char>()));
}

/// Payload bytes under construction; texts live in a deque, which never moves them.
struct Draft {
  explicit Draft(EventType type) : payload(info(type).size / sizeof(std::max_align_t) + 1) {
    event.type = type;
    event.payload = payload.data();
  }
  explicit Draft(const OwnedEvent& from) : Draft(from.event().type) {
    event = from.event();
    std::memcpy(payload.data(), event.payload, info(event.type).size);
    event.payload = payload.data();
  }
  template <class T>
  void store(const FieldInfo& field, const T& value) {
    std::memcpy(reinterpret_cast<std::byte*>(payload.data()) + field.offset, &value, sizeof value);
  }
  void store_text(const FieldInfo& field, std::string text) {
    texts.push_back(std::move(text));
    if (field.kind == FieldKind::Text) return store(field, std::string_view(texts.back()));
    store(field, Bytes(std::as_bytes(std::span(texts.back()))));
  }
  void store_number(const FieldInfo& field, std::uint64_t number) {
    switch (field.kind) {
      case FieldKind::Bool:
        return store(field, static_cast<std::uint8_t>(number & 1));
      case FieldKind::U8:
        return store(field, static_cast<std::uint8_t>(number));
      case FieldKind::U16:
        return store(field, static_cast<std::uint16_t>(number));
      case FieldKind::U32:
        return store(field, static_cast<std::uint32_t>(number));
      case FieldKind::Enum:
        return store(field,
                     field.enumeration->values[number % field.enumeration->values.size()].value);
      default:
        return store(field, number);
    }
  }

  std::vector<std::max_align_t> payload;
  std::deque<std::string> texts;
  Event event;
};

}  // namespace

OwnedEvent random_event(EventType type) {
  Draft draft(type);
  draft.event.time = Time{static_cast<std::int64_t>(any_number())};
  draft.event.node = NodeId{static_cast<std::uint32_t>(any_number())};
  for (const FieldInfo& field : info(type).fields) {
    if (field.kind == FieldKind::Text || field.kind == FieldKind::Bytes) {
      draft.store_text(field, any_text());
    } else if (field.kind == FieldKind::Digest) {
      draft.store(field, Digest{any_number(), any_number()});
    } else {
      draft.store_number(field, any_number());
    }
  }
  return OwnedEvent(draft.event);
}

OwnedEvent random_event() {
  return random_event(static_cast<EventType>(*rc::gen::inRange<std::size_t>(0, kEventTypeCount)));
}

std::vector<OwnedEvent> random_events(std::uint64_t first_index) {
  const auto count = *rc::gen::inRange<std::size_t>(1, 30);
  std::vector<OwnedEvent> events;
  for (std::size_t i = 0; i < count; ++i) {
    Event event;
    const OwnedEvent random = random_event();
    event = random.event();
    event.index = first_index + i;
    events.emplace_back(event);
  }
  return events;
}

std::size_t change_count(const Event& event) { return 2 + info(event.type).fields.size(); }

OwnedEvent with_change(const OwnedEvent& from, std::size_t what) {
  Draft draft(from);
  if (what == 0) draft.event.time = Time{from.event().time.ns ^ 1};
  if (what == 1) draft.event.node = NodeId{from.event().node.value ^ 1};
  if (what < 2) return OwnedEvent(draft.event);
  const FieldInfo& one = info(from.event().type).fields[what - 2];
  const FieldValue value = field(from.event(), one);
  if (one.kind == FieldKind::Text) {
    draft.store_text(one, std::string(value.text) + "x");
  } else if (one.kind == FieldKind::Bytes) {
    draft.store_text(one, std::string(value.bytes.size() + 1, 'x'));
  } else if (one.kind == FieldKind::Digest) {
    draft.store(one, Digest{value.digest.high, value.digest.low ^ 1});
  } else if (one.kind == FieldKind::Enum) {
    std::uint64_t position = 0;
    while (one.enumeration->values[position].value != value.number) ++position;
    draft.store_number(one, position + 1);
  } else {
    draft.store_number(one, value.number ^ 1);
  }
  return OwnedEvent(draft.event);
}

std::string temporary_path(const std::string& name) {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  return ::testing::TempDir() + "hvsim." + test->test_suite_name() + "." + test->name() + "." +
         name;
}

std::string write_trace(const std::string& name, const TraceHeader& header,
                        const std::vector<OwnedEvent>& events) {
  const std::string path = temporary_path(name);
  Recorder recorder;
  recorder.set_detail(header.detail);
  TraceWriter writer(path, header);
  recorder.attach(writer, writer.types());
  for (const OwnedEvent& one : events) recorder.emit(one.event());
  writer.finish(recorder);
  return path;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

TraceReader reader_of(const std::string& content) {
  return TraceReader(std::make_unique<std::istringstream>(content), "memory.trace");
}

std::vector<OwnedEvent> read_events(TraceReader& reader) {
  std::vector<OwnedEvent> events;
  while (const Event* event = reader.next()) events.emplace_back(*event);
  return events;
}

}  // namespace traces::testing
