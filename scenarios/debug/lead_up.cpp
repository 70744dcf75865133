#include "scenarios/debug/lead_up.hpp"

#include <algorithm>
#include <string_view>

#include "traces/reflection.hpp"

namespace debugger {

namespace {

using traces::Event;

/// Somebody decided: the operator, the fault plan, chance.
bool is_cause(const Event& event) {
  using traces::EventType;
  return event.type == traces::ev::FaultFired::kType ||
         event.type == traces::ev::DecisionTaken::kType ||
         event.type == traces::ev::BuggifyFired::kType ||
         event.type == traces::ev::PlantFired::kType ||
         event.type == traces::ev::VerbStarted::kType ||
         event.type == traces::ev::NodeKilled::kType;
}

std::string_view area_of(const Event& event) {
  const std::string_view name = traces::info(event.type).name;
  return name.substr(0, name.find('.'));
}

bool same_component(const Event& a, const Event& b) {
  if (area_of(a) != area_of(b)) return false;
  for (const char* name : {"partition", "relid", "disk", "job", "stream", "link"}) {
    const auto left = traces::field(a, name);
    const auto right = traces::field(b, name);
    if (left && right && !(*left == *right)) return false;
  }
  return true;
}

}  // namespace

void LeadUp::on_event(const Event& event) {
  names_.learn(event);
  if (events_.size() < kMemory) {
    events_.emplace_back(event);
  } else {
    events_.push_back(std::move(events_.front()));  // reuses the oldest one's storage
    events_.pop_front();
    events_.back().assign(event);
  }
  if (!is_cause(event)) return;
  cause_before_ = std::move(cause_);
  cause_.emplace(event);
}

LeadUp::Story LeadUp::before(const Event& event, std::size_t lines) const {
  Story story;
  for (auto seen = events_.rbegin(); seen != events_.rend(); ++seen) {
    const Event& other = seen->event();
    if (other.index >= event.index) continue;
    const bool node = other.node == event.node && story.same_node.size() < lines;
    const bool component = same_component(other, event) && story.same_component.size() < lines;
    if (node) story.same_node.push_back(traces::text_line(other, names_));
    if (component) story.same_component.push_back(traces::text_line(other, names_));
  }
  std::reverse(story.same_node.begin(), story.same_node.end());
  std::reverse(story.same_component.begin(), story.same_component.end());
  for (const auto* cause : {&cause_, &cause_before_}) {
    if (!*cause || (*cause)->event().index >= event.index) continue;
    story.cause = traces::text_line((*cause)->event(), names_);
    break;
  }
  return story;
}

std::vector<std::string> LeadUp::recent(std::size_t count) const {
  std::vector<std::string> lines;
  for (std::size_t i = events_.size() - std::min(count, events_.size()); i < events_.size(); ++i) {
    lines.push_back(traces::text_line(events_[i].event(), names_));
  }
  return lines;
}

std::vector<std::string> to_lines(const LeadUp::Story& story) {
  std::vector<std::string> lines;
  const auto add = [&lines](const char* title, const std::vector<std::string>& events) {
    if (events.empty()) return;
    lines.emplace_back(title);
    for (const std::string& event : events) lines.push_back("    " + event);
  };
  add("  before it on the same node:", story.same_node);
  add("  before it in the same component:", story.same_component);
  if (!story.cause.empty()) add("  last decision, fault or verb:", {story.cause});
  return lines;
}

}  // namespace debugger
