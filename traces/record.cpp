#include "traces/record.hpp"

#include <algorithm>

#include "traces/event_hash.hpp"
#include "traces/reflection.hpp"

namespace traces {

struct Recorder::Hash {
  EventHash events;
};

Recorder::Recorder() : hash_(std::make_unique<Hash>()) {}

Recorder::~Recorder() = default;

void Recorder::attach(Observer& observer, const EventSet& types) {
  for (std::size_t type = 0; type < kEventTypeCount; ++type) {
    if (types.test(type)) observers_[type].push_back(&observer);
  }
}

void Recorder::detach(Observer& observer) {
  for (std::vector<Observer*>& list : observers_) {
    list.erase(std::remove(list.begin(), list.end(), &observer), list.end());
  }
}

Digest Recorder::hash() const { return hash_->events.value(); }

void Recorder::emit(const Event& event) {
  const int level = info(event.type).level;
  if (level != 0 && !detail_) return;
  record(Event{count_, event.time, event.node, event.type, event.payload}, level);
}

void Recorder::record(const Event& event, int level) {
  ++count_;
  if (level == 0) {
    ++level0_count_;
    hash_->events.add(event);
  }
  // Observers only look: they may not attach, detach or emit from within on_event().
  for (Observer* observer : observers_[static_cast<std::size_t>(event.type)]) {
    observer->on_event(event);
  }
}

}  // namespace traces
