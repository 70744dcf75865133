// What the schema says about events, at run time: names, levels, fields, enumerations. The tables
// are generated; the codec, text, JSON, comparison and user properties all walk them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "traces/events.hpp"
#include "traces/record.hpp"

namespace traces {

enum class FieldKind : std::uint8_t {
  U8,
  U16,
  U32,
  U64,
  I64,
  Bool,
  Time,
  Duration,
  Hex64,
  Text,
  Bytes,
  Digest,
  Enum
};

struct EnumValueInfo {
  std::string_view name;
  std::uint32_t value = 0;
};

struct EnumInfo {
  std::string_view name;
  std::string_view doc;
  std::span<const EnumValueInfo> values;  ///< in the schema's order

  /// "?" when `value` is no value of this enumeration.
  std::string_view name_of(std::uint32_t value) const;
  bool contains(std::uint32_t value) const;
  std::optional<std::uint32_t> value_of(std::string_view value_name) const;
};

struct FieldInfo {
  std::string_view name;
  std::string_view doc;
  FieldKind kind{};
  std::uint32_t offset = 0;               ///< in the event's struct
  const EnumInfo* enumeration = nullptr;  ///< FieldKind::Enum only
};

struct EventInfo {
  std::string_view name;  ///< as in the schema, `partition.state`
  std::string_view doc;
  EventType type{};
  int level = 0;
  std::uint32_t size = 0;        ///< of the event's struct, in bytes
  std::uint32_t first_slot = 0;  ///< fields of the events before this one in the schema
  std::span<const FieldInfo> fields;

  const FieldInfo* find(std::string_view field_name) const;
};

/// Indexed by the number of the type.
std::span<const EventInfo> all_events();
std::span<const EnumInfo> all_enums();

inline const EventInfo& info(EventType type) {
  return all_events()[static_cast<std::size_t>(type)];
}
const EventInfo* find_event(std::string_view name);

/// Everything that decoding depends on: names, types, levels and numbers, without comments.
std::string_view canonical_schema();

/// The value of one field, whatever its type. Text and bytes point where the event points.
struct FieldValue {
  FieldKind kind{};
  std::uint64_t number = 0;  ///< integers, bool, enum; i64, time and duration as two's complement
  std::string_view text;
  Bytes bytes;
  Digest digest;
  const EnumInfo* enumeration = nullptr;

  std::int64_t as_signed() const { return static_cast<std::int64_t>(number); }
  friend bool operator==(const FieldValue& a, const FieldValue& b);
};

FieldValue field(const Event& event, const FieldInfo& field);
/// Nothing when the event has no field of this name.
std::optional<FieldValue> field(const Event& event, std::string_view name);

/// Equal time, node, type and fields; the index does not count.
bool same_content(const Event& a, const Event& b);

}  // namespace traces
