#include "traces/reflection.hpp"

#include <algorithm>
#include <cstring>

namespace traces {

std::string_view EnumInfo::name_of(std::uint32_t value) const {
  // Most enumerations count from 0, so the number is usually the position.
  if (value < values.size() && values[value].value == value) return values[value].name;
  for (const EnumValueInfo& one : values) {
    if (one.value == value) return one.name;
  }
  return "?";
}

bool EnumInfo::contains(std::uint32_t value) const {
  if (value < values.size() && values[value].value == value) return true;
  return std::any_of(values.begin(), values.end(),
                     [value](const EnumValueInfo& one) { return one.value == value; });
}

std::optional<std::uint32_t> EnumInfo::value_of(std::string_view value_name) const {
  for (const EnumValueInfo& one : values) {
    if (one.name == value_name) return one.value;
  }
  return std::nullopt;
}

const FieldInfo* EventInfo::find(std::string_view field_name) const {
  for (const FieldInfo& one : fields) {
    if (one.name == field_name) return &one;
  }
  return nullptr;
}

const EventInfo* find_event(std::string_view name) {
  for (const EventInfo& one : all_events()) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

std::string_view name_of(EventType type) {
  return static_cast<std::size_t>(type) < kEventTypeCount ? info(type).name : "?";
}

namespace {

template <class T>
T load(const Event& event, const FieldInfo& field) {
  T value;
  std::memcpy(&value, static_cast<const std::byte*>(event.payload) + field.offset, sizeof value);
  return value;
}

}  // namespace

FieldValue field(const Event& event, const FieldInfo& field) {
  FieldValue value;
  value.kind = field.kind;
  value.enumeration = field.enumeration;
  switch (field.kind) {
    case FieldKind::U8:
    case FieldKind::Bool:
      value.number = load<std::uint8_t>(event, field);
      break;
    case FieldKind::U16:
      value.number = load<std::uint16_t>(event, field);
      break;
    case FieldKind::U32:
    case FieldKind::Enum:
      value.number = load<std::uint32_t>(event, field);
      break;
    case FieldKind::U64:
    case FieldKind::I64:
    case FieldKind::Time:
    case FieldKind::Duration:
    case FieldKind::Hex64:
      value.number = load<std::uint64_t>(event, field);
      break;
    case FieldKind::Text:
      value.text = load<std::string_view>(event, field);
      break;
    case FieldKind::Bytes:
      value.bytes = load<Bytes>(event, field);
      break;
    case FieldKind::Digest:
      value.digest = load<Digest>(event, field);
      break;
  }
  return value;
}

std::optional<FieldValue> field(const Event& event, std::string_view name) {
  const FieldInfo* found = info(event.type).find(name);
  if (found == nullptr) return std::nullopt;
  return field(event, *found);
}

bool operator==(const FieldValue& a, const FieldValue& b) {
  return a.kind == b.kind && a.number == b.number && a.text == b.text && a.digest == b.digest &&
         std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin(), b.bytes.end()) &&
         a.enumeration == b.enumeration;
}

bool same_content(const Event& a, const Event& b) {
  if (a.time != b.time || a.node != b.node || a.type != b.type) return false;
  for (const FieldInfo& one : info(a.type).fields) {
    if (!(field(a, one) == field(b, one))) return false;
  }
  return true;
}

}  // namespace traces
