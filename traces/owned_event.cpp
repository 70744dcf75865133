#include "traces/owned_event.hpp"

#include <cstring>
#include <string_view>

#include "traces/reflection.hpp"

namespace traces {
namespace {

Bytes content_of(const FieldValue& value) {
  if (value.kind == FieldKind::Text) return std::as_bytes(std::span(value.text));
  return value.bytes;
}

}  // namespace

void OwnedEvent::assign(const Event& event) {
  event_ = event;
  if (event.payload == nullptr) return;
  const EventInfo& event_info = info(event.type);
  payload_.resize(event_info.size / sizeof(std::max_align_t) + 1);
  auto* payload = reinterpret_cast<std::byte*>(payload_.data());
  std::memcpy(payload, event.payload, event_info.size);
  event_.payload = payload;

  std::size_t size = 0;
  for (const FieldInfo& one : event_info.fields) size += content_of(field(event, one)).size();
  content_.resize(size);
  std::size_t at = 0;
  for (const FieldInfo& one : event_info.fields) {
    if (one.kind != FieldKind::Text && one.kind != FieldKind::Bytes) continue;
    const Bytes from = content_of(field(event, one));
    std::byte* to = content_.data() + at;
    at += from.size();
    if (!from.empty()) std::memcpy(to, from.data(), from.size());
    if (one.kind == FieldKind::Text) {
      const std::string_view text(reinterpret_cast<const char*>(to), from.size());
      std::memcpy(payload + one.offset, &text, sizeof text);
    } else {
      const Bytes bytes(to, from.size());
      std::memcpy(payload + one.offset, &bytes, sizeof bytes);
    }
  }
}

}  // namespace traces
