#include "traces/compare.hpp"

#include "traces/reflection.hpp"

namespace traces {
namespace {

std::vector<std::string> differing_fields(const Event& left, const Event& right) {
  std::vector<std::string> names;
  if (left.time != right.time) names.emplace_back("time");
  if (left.node != right.node) names.emplace_back("node");
  for (const FieldInfo& one : info(left.type).fields) {
    if (!(field(left, one) == field(right, one))) names.emplace_back(one.name);
  }
  return names;
}

}  // namespace

void StreamComparer::remember(const Event& event) {
  names_.learn(event);
  if (context_ == 0) return;
  if (recent_.size() < context_) {
    recent_.emplace_back(event);
    return;
  }
  recent_.push_back(std::move(recent_.front()));  // reuses the oldest one's storage
  recent_.pop_front();
  recent_.back().assign(event);
}

bool StreamComparer::compare(const Event* left, const Event* right) {
  if (difference_) return false;
  if (left == nullptr && right == nullptr) return true;
  if (left != nullptr && right != nullptr && same_content(*left, *right)) {
    remember(*left);
    ++position_;
    return true;
  }
  if (left != nullptr) names_.learn(*left);
  Difference found;
  found.position = position_;
  for (const OwnedEvent& one : recent_) found.before.push_back(text_line(one.event(), names_));
  const auto describe = [this](const Event* event, std::optional<std::uint64_t>& index) {
    if (event == nullptr) return std::string("(no more events)");
    index = event->index;
    return text_line(*event, names_);
  };
  found.left = describe(left, found.left_index);
  found.right = describe(right, found.right_index);
  if (left != nullptr && right != nullptr && left->type == right->type) {
    found.fields = differing_fields(*left, *right);
  }
  difference_ = std::move(found);
  return false;
}

const Event* next_event(TraceReader& reader, bool detail) {
  const Event* event = reader.next();
  while (!detail && event != nullptr && info(event->type).level != 0) event = reader.next();
  return event;
}

ReplayComparer::ReplayComparer(TraceReader& stored, bool live_detail)
    : stored_(stored), detail_(live_detail && stored.header().detail) {}

/// Nothing that happens to the file may pass through the running world as an exception.
const Event* ReplayComparer::next_stored() {
  try {
    return next_event(stored_, detail_);
  } catch (const TraceError&) {
    failure_ = std::current_exception();
    return nullptr;
  }
}

void ReplayComparer::on_event(const Event& event) {
  if (decided() || (!detail_ && info(event.type).level != 0)) return;
  const Event* stored = next_stored();
  if (failure_ == nullptr) comparer_.compare(stored, &event);
}

void ReplayComparer::finish() {
  if (!decided()) {
    const Event* stored = next_stored();
    if (failure_ == nullptr) comparer_.compare(stored, nullptr);
  }
  if (failure_ != nullptr) std::rethrow_exception(failure_);
}

}  // namespace traces
