// Two event streams side by side: the first event that differs, with what led to it. Replay
// compares a live world with a stored trace; diff compares two stored traces.
#pragma once

#include <cstdint>
#include <deque>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "traces/events.hpp"
#include "traces/file.hpp"
#include "traces/owned_event.hpp"
#include "traces/record.hpp"
#include "traces/text.hpp"

namespace traces {

/// The first place where two streams are not the same.
struct Difference {
  std::uint64_t position = 0;  ///< events compared and found equal
  /// The event of either side, by its index there; nothing when that side has ended.
  std::optional<std::uint64_t> left_index;
  std::optional<std::uint64_t> right_index;
  std::string left;  ///< as a text line, or that the stream has ended
  std::string right;
  std::vector<std::string> fields;  ///< that differ, when the events are of one type
  std::vector<std::string> before;  ///< text lines of the last equal events, oldest first
};

class StreamComparer {
 public:
  explicit StreamComparer(std::size_t context = 5) : context_(context) {}

  /// The next event of both sides, nullptr for a side that has ended. False from the first
  /// difference on. Both ended is equal. Indices do not count.
  bool compare(const Event* left, const Event* right);
  const std::optional<Difference>& difference() const { return difference_; }
  std::uint64_t position() const { return position_; }

 private:
  void remember(const Event& event);

  std::size_t context_;
  std::uint64_t position_ = 0;
  NodeNames names_;
  std::deque<OwnedEvent> recent_;
  std::optional<Difference> difference_;
};

/// Watches a world that executes a stored trace again. Left is the stored trace, right the world.
/// Detail is compared when both sides have it. Attach it with `types()` before the first event.
class ReplayComparer : public Observer {
 public:
  /// The trace is not owned. `live_detail`: the world's recorder has detail on.
  ReplayComparer(TraceReader& stored, bool live_detail);

  EventSet types() const { return event_types(detail_); }
  void on_event(const Event& event) override;
  /// The world stands at its end: stored events that are left are a difference. Throws TraceError
  /// when the stored trace turned out to be damaged; while the world ran that only stopped
  /// the comparison.
  void finish();

  /// True once the outcome is certain, so that the world may be stopped: a difference was found or
  /// the stored trace is damaged.
  bool decided() const { return difference().has_value() || failure_ != nullptr; }
  const std::optional<Difference>& difference() const { return comparer_.difference(); }
  std::uint64_t equal_events() const { return comparer_.position(); }

 private:
  const Event* next_stored();

  TraceReader& stored_;
  bool detail_;
  StreamComparer comparer_;
  std::exception_ptr failure_;
};

/// Next event of a trace, or the next of level 0.
const Event* next_event(TraceReader& reader, bool detail);

}  // namespace traces
