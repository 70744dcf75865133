// The encoding of one event:
//
//   varint   2 * type + 1 when indices were skipped, else 2 * type
//   varint   indices skipped less one, only when there are any
//   varint   zigzag(time - time of the previous event), nanoseconds
//   varint   node
//   fields   in the schema's order, without tags:
//     u32 u64 i64 time duration   varint zigzag(value - same field of the previous event of the
//                                 same type), modulo 2^64
//     u8 u16 bool, enumerations   varint of the value
//     hex64                       8 bytes little-endian: mostly hashes, on which deltas are lost
//     text bytes                  varint length, content
//     digest                      16 bytes big-endian
//
// `Previous` starts at zero for everything. Indices count events of both levels in a trace file and
// level 0 events alone in the hash of a run, which therefore has no skips and does not see detail.

#include "traces/codec.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "traces/assert.hpp"
#include "traces/reflection.hpp"

namespace traces {
namespace {

/// Head (type, skip, time, node) and, per field, the longest form without content of text.
constexpr std::size_t kMaxHead = 4 * kMaxVarint;
constexpr std::size_t kMaxField = 16;

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

std::byte* put_delta(std::byte* to, std::uint64_t value, std::uint64_t& last) {
  to = put_varint(to, zigzag(value - last));
  last = value;
  return to;
}

}  // namespace

CodecState::CodecState() : last(kFieldCount) {}

void CodecState::reset(std::uint64_t index) {
  next_index = index;
  time = 0;
  std::fill(last.begin(), last.end(), 0);
}

// ------------------------------------------------------------------------------------- encoding

void EventEncoder::encode(const Event& event, std::uint64_t index, ByteBuffer& out) {
  const EventInfo& event_info = info(event.type);
  const std::size_t fixed = kMaxHead + kMaxField * event_info.fields.size();
  std::byte* to = out.reserve(fixed);
  HVSIM_ASSERT(index >= state_.next_index, "event index goes backwards");
  const std::uint64_t skipped = index - state_.next_index;
  const auto type = static_cast<std::uint64_t>(event.type);
  to = put_varint(to, 2 * type + (skipped != 0 ? 1 : 0));
  if (skipped != 0) to = put_varint(to, skipped - 1);
  state_.next_index = index + 1;
  to = put_delta(to, static_cast<std::uint64_t>(event.time.ns), state_.time);
  to = put_varint(to, event.node.value);

  const auto* payload = static_cast<const std::byte*>(event.payload);
  std::uint64_t* last = state_.last.data() + event_info.first_slot;
  const auto put_content = [&](Bytes content) {
    to = put_varint(to, content.size());
    out.end_at(to);
    out.append(content);
    to = out.reserve(fixed);
  };
  for (const FieldInfo& field : event_info.fields) {
    const std::byte* from = payload + field.offset;
    switch (field.kind) {
      case FieldKind::U8:
      case FieldKind::Bool:
        to = put_varint(to, load<std::uint8_t>(from));
        break;
      case FieldKind::U16:
        to = put_varint(to, load<std::uint16_t>(from));
        break;
      case FieldKind::Enum: {
        const auto value = load<std::uint32_t>(from);
        HVSIM_ASSERT(field.enumeration->contains(value), "event holds no value of its enumeration");
        to = put_varint(to, value);
        break;
      }
      case FieldKind::U32:
        to = put_delta(to, load<std::uint32_t>(from), *last);
        break;
      case FieldKind::U64:
      case FieldKind::I64:
      case FieldKind::Time:
      case FieldKind::Duration:
        to = put_delta(to, load<std::uint64_t>(from), *last);
        break;
      case FieldKind::Hex64:
        to = put_u64(to, load<std::uint64_t>(from));
        break;
      case FieldKind::Text:
        put_content(std::as_bytes(std::span(load<std::string_view>(from))));
        break;
      case FieldKind::Bytes:
        put_content(load<Bytes>(from));
        break;
      case FieldKind::Digest:
        to = put_digest(to, load<Digest>(from));
        break;
    }
    ++last;
  }
  out.end_at(to);
}

// ------------------------------------------------------------------------------------- decoding

EventDecoder::EventDecoder() {
  std::size_t largest = 0;
  for (const EventInfo& one : all_events()) largest = std::max<std::size_t>(largest, one.size);
  payload_.resize(largest / sizeof(std::max_align_t) + 1);
}

bool EventDecoder::fail(std::string text) {
  problem_ = std::move(text);
  return false;
}

bool EventDecoder::decode_head(ByteCursor& in) {
  std::uint64_t head = 0;
  std::uint64_t skipped = 0;
  std::uint64_t time = 0;
  std::uint64_t node = 0;
  if (!in.get_varint(head)) return fail("event type ends early or is malformed");
  if (head / 2 >= kEventTypeCount) {
    return fail("event type " + std::to_string(head / 2) + " is unknown; the last one is " +
                std::to_string(kEventTypeCount - 1));
  }
  if (head % 2 == 1) {
    if (!in.get_varint(skipped)) return fail("event index ends early or is malformed");
    if (skipped >= UINT64_MAX - state_.next_index - 1) return fail("event index overflows");
    ++skipped;
  }
  if (!in.get_varint(time)) return fail("event time ends early or is malformed");
  if (!in.get_varint(node)) return fail("event node ends early or is malformed");
  if (node > UINT32_MAX) return fail("event node does not fit 32 bits");
  state_.time += unzigzag(time);
  event_.index = state_.next_index + skipped;
  state_.next_index = event_.index + 1;
  event_.type = static_cast<EventType>(head / 2);
  event_.time = Time{static_cast<std::int64_t>(state_.time)};
  event_.node = NodeId{static_cast<std::uint32_t>(node)};
  return true;
}

/// Reads any field that is one number, and refuses values that its type cannot hold.
bool EventDecoder::decode_number(ByteCursor& in, const FieldInfo& field, std::uint64_t& last,
                                 std::uint64_t& value) {
  if (field.kind == FieldKind::Hex64) return in.get_u64(value);
  if (!in.get_varint(value)) return false;
  switch (field.kind) {
    case FieldKind::Bool:
      return value <= 1;
    case FieldKind::U8:
      return value <= UINT8_MAX;
    case FieldKind::U16:
      return value <= UINT16_MAX;
    case FieldKind::Enum:
      return value <= UINT32_MAX && field.enumeration->contains(static_cast<std::uint32_t>(value));
    default:
      break;
  }
  value = last + unzigzag(value);
  last = value;
  return field.kind != FieldKind::U32 || value <= UINT32_MAX;
}

bool EventDecoder::decode_field(ByteCursor& in, const FieldInfo& field, std::uint64_t& last) {
  std::byte* to = reinterpret_cast<std::byte*>(payload_.data()) + field.offset;
  const auto store = [to](const auto& value) { std::memcpy(to, &value, sizeof value); };
  std::string_view text;
  Digest digest;
  std::uint64_t value = 0;
  switch (field.kind) {
    case FieldKind::Text:
      if (!in.get_text(text)) return false;
      store(text);
      return true;
    case FieldKind::Bytes:
      if (!in.get_text(text)) return false;
      store(Bytes(std::as_bytes(std::span(text))));
      return true;
    case FieldKind::Digest:
      if (!in.get_digest(digest)) return false;
      store(digest);
      return true;
    default:
      break;
  }
  if (!decode_number(in, field, last, value)) return false;
  switch (field.kind) {
    case FieldKind::U8:
    case FieldKind::Bool:
      store(static_cast<std::uint8_t>(value));
      break;
    case FieldKind::U16:
      store(static_cast<std::uint16_t>(value));
      break;
    case FieldKind::U32:
    case FieldKind::Enum:
      store(static_cast<std::uint32_t>(value));
      break;
    default:
      store(value);
      break;
  }
  return true;
}

const Event* EventDecoder::decode(ByteCursor& in) {
  if (!decode_head(in)) return nullptr;
  const EventInfo& event_info = info(event_.type);
  std::uint64_t* last = state_.last.data() + event_info.first_slot;
  for (const FieldInfo& field : event_info.fields) {
    if (!decode_field(in, field, *last++)) {
      fail("field '" + std::string(field.name) + "' of " + std::string(event_info.name) +
           " ends early or is out of range");
      return nullptr;
    }
  }
  event_.payload = payload_.data();
  return &event_;
}

}  // namespace traces
