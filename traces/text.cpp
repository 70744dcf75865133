#include "traces/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

namespace traces {
namespace {

constexpr std::size_t kShownBytes = 16;

std::string in_quotes(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// A word that stays one word in a line of `name=value`.
bool is_plain(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < '\x7f' && c != '"' && c != '=' && c != '\\';
  });
}

std::string hex(Bytes bytes) {
  std::string out;
  out.reserve(2 * bytes.size());
  for (const std::byte byte : bytes) {
    fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<unsigned>(byte));
  }
  return out;
}

std::string bytes_text(Bytes bytes) {
  const bool all = bytes.size() <= kShownBytes;
  return fmt::format("<{} bytes{}{}{}>", bytes.size(), bytes.empty() ? "" : " ",
                     hex(bytes.first(std::min(bytes.size(), kShownBytes))), all ? "" : "...");
}

std::string json_value(const FieldValue& value) {
  switch (value.kind) {
    case FieldKind::U8:
    case FieldKind::U16:
    case FieldKind::U32:
    case FieldKind::U64:
      return std::to_string(value.number);
    case FieldKind::I64:
    case FieldKind::Time:
    case FieldKind::Duration:
      return std::to_string(value.as_signed());
    case FieldKind::Bool:
      return value.number != 0 ? "true" : "false";
    case FieldKind::Hex64:
      return fmt::format("\"{:#x}\"", value.number);
    case FieldKind::Text:
      return in_quotes(value.text);
    case FieldKind::Bytes:
      return '"' + hex(value.bytes) + '"';
    case FieldKind::Digest:
      return '"' + to_text(value.digest) + '"';
    case FieldKind::Enum:
      return in_quotes(value.enumeration->name_of(static_cast<std::uint32_t>(value.number)));
  }
  return "null";
}

}  // namespace

void NodeNames::learn(const Event& event) {
  if (const auto* added = event.as<ev::NodeAdded>()) names_[event.node] = added->name;
}

std::string NodeNames::of(NodeId node) const {
  const auto found = names_.find(node);
  if (found != names_.end()) return found->second;
  return node == NodeId{} ? "world" : "node-" + std::to_string(node.value);
}

std::string to_text(Duration duration) {
  struct Unit {
    std::uint64_t ns;
    int digits;
    const char* name;
  };
  constexpr Unit kUnits[] = {{1'000'000'000, 9, "s"}, {1'000'000, 6, "ms"}, {1'000, 3, "us"}};
  const bool negative = duration.ns < 0;
  const auto raw = static_cast<std::uint64_t>(duration.ns);
  const std::uint64_t size = negative ? 0 - raw : raw;
  const char* sign = negative ? "-" : "";
  for (const Unit& unit : kUnits) {
    if (size < unit.ns) continue;
    std::string text =
        fmt::format("{}{}.{:0{}}", sign, size / unit.ns, size % unit.ns, unit.digits);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text + unit.name;
  }
  return size == 0 ? "0s" : fmt::format("{}{}ns", sign, size);
}

std::string to_text(Time time) { return time == kNever ? "never" : to_text(time - Time{}); }

std::string to_text(const Digest& digest) {
  return fmt::format("{:016x}{:016x}", digest.high, digest.low);
}

std::string to_text(const FieldValue& value) {
  switch (value.kind) {
    case FieldKind::Time:
      return to_text(Time{value.as_signed()});
    case FieldKind::Duration:
      return to_text(Duration{value.as_signed()});
    case FieldKind::Bool:
      return value.number != 0 ? "yes" : "no";
    case FieldKind::Hex64:
      return fmt::format("{:#x}", value.number);
    case FieldKind::Text:
      return is_plain(value.text) ? std::string(value.text) : in_quotes(value.text);
    case FieldKind::Bytes:
      return bytes_text(value.bytes);
    case FieldKind::Digest:
      return to_text(value.digest);
    case FieldKind::Enum:
      return std::string(value.enumeration->name_of(static_cast<std::uint32_t>(value.number)));
    default:
      return json_value(value);
  }
}

std::string text_line(const Event& event, const NodeNames& names) {
  const auto raw = static_cast<std::uint64_t>(event.time.ns);
  const std::uint64_t size = event.time.ns < 0 ? 0 - raw : raw;
  const std::string ms =
      fmt::format("{}{}.{:06}", event.time.ns < 0 ? "-" : "", size / 1'000'000, size % 1'000'000);
  const EventInfo& event_info = info(event.type);
  std::string line =
      fmt::format("{:>14} ms  {:<10}  {}", ms, names.of(event.node), event_info.name);
  std::string_view gap = "  ";
  for (const FieldInfo& one : event_info.fields) {
    line += gap;
    line += one.name;
    line += '=';
    line += to_text(field(event, one));
    gap = " ";
  }
  return line;
}

std::string json_line(const Event& event, const NodeNames& names) {
  const EventInfo& event_info = info(event.type);
  std::string line = fmt::format(
      R"({{"index":{},"time_ns":{},"node":{},"node_name":{},"event":"{}","level":{},"fields":{{)",
      event.index, event.time.ns, event.node.value, in_quotes(names.of(event.node)),
      event_info.name, event_info.level);
  std::string_view comma;
  for (const FieldInfo& one : event_info.fields) {
    line += fmt::format("{}\"{}\":{}", comma, one.name, json_value(field(event, one)));
    comma = ",";
  }
  return line + "}}";
}

void LinePrinter::on_event(const Event& event) {
  names_.learn(event);
  out_ << (form_ == Form::Text ? text_line(event, names_) : json_line(event, names_)) << '\n';
}

}  // namespace traces
