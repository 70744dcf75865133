// An event that outlives the call that brought it: a deep copy, text and bytes included.
#pragma once

#include <cstddef>
#include <vector>

#include "traces/events.hpp"
#include "traces/record.hpp"

namespace traces {

class OwnedEvent {
 public:
  OwnedEvent() = default;
  explicit OwnedEvent(const Event& event) { assign(event); }
  OwnedEvent(const OwnedEvent& other) { assign(other.event_); }
  OwnedEvent& operator=(const OwnedEvent& other) {
    if (this != &other) assign(other.event_);
    return *this;
  }
  /// The buffers keep their addresses. A moved-from object may be assigned or destroyed only.
  OwnedEvent(OwnedEvent&&) noexcept = default;
  OwnedEvent& operator=(OwnedEvent&&) noexcept = default;

  /// Replaces the content and reuses the storage.
  void assign(const Event& event);
  /// Of a default-constructed object: an event without payload, not to be looked into.
  const Event& event() const { return event_; }

 private:
  Event event_;
  std::vector<std::max_align_t> payload_;
  std::vector<std::byte> content_;  ///< of all text and bytes fields
};

}  // namespace traces
