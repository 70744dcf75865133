// What led to an event: the last events of its node and of its component, and the last decision,
// fault or verb before it. Watches a run and can be asked at any event.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "traces/owned_event.hpp"
#include "traces/record.hpp"
#include "traces/text.hpp"

namespace debugger {

class LeadUp final : public traces::Observer {
 public:
  /// How many events back it looks for those of a node or component.
  static constexpr std::size_t kMemory = 1024;

  void on_event(const traces::Event& event) override;

  struct Story {
    std::vector<std::string> same_node;       ///< oldest first
    std::vector<std::string> same_component;  ///< of the same area and, if it has one, partition
    std::string cause;                        ///< empty: nothing was decided or broken before
  };
  /// For an event that has just been seen, or that is about to be; it is not part of the answer.
  Story before(const traces::Event& event, std::size_t lines = 3) const;
  /// The last events that were seen, the newest last.
  std::vector<std::string> recent(std::size_t count) const;

  const traces::NodeNames& names() const { return names_; }

 private:
  traces::NodeNames names_;
  std::deque<traces::OwnedEvent> events_;
  std::optional<traces::OwnedEvent> cause_;
  std::optional<traces::OwnedEvent> cause_before_;  ///< when the last event is itself the cause
};

/// `story` as indented lines for people.
std::vector<std::string> to_lines(const LeadUp::Story& story);

}  // namespace debugger
