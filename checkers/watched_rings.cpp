#include "checkers/watched_rings.hpp"

#include <algorithm>
#include <utility>

#include "traces/reflection.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

}  // namespace

RingProperty::RingProperty(std::string id, std::string statement,
                           std::initializer_list<traces::EventType> more)
    : Property(std::move(id), std::move(statement), more) {}

traces::EventSet RingProperty::events() const {
  traces::EventSet set = Property::events() | RingTracker::events();
  if (shared_ && !judges_writes()) {
    set.reset(static_cast<std::size_t>(ev::MemoryWatchedWrite::kType));
  }
  return set;
}

void RingProperty::on_event(const traces::Event& event) {
  static const traces::EventSet tracked = RingTracker::events();
  if (tracked[static_cast<std::size_t>(event.type)]) {
    for (const RingHappening& each : tracker_->take(event)) happened(event, each);
  }
  const bool of_memory = event.as<ev::MemoryWatchedWrite>() != nullptr ||
                         event.as<ev::MemoryWatch>() != nullptr ||
                         event.as<ev::MemoryUnwatch>() != nullptr;
  if (of_memory) return;
  if (hears_hostile() || !about_hostile(event)) other(event);
}

void RingProperty::happened(const traces::Event& event, const RingHappening& what) {
  if (what.kind == RingHappening::Kind::Begun) {
    if (keeps(what.ring->key.channel)) kept_.push_back(what.ring);
    return;
  }
  if (!is_kept(what.ring)) return;
  switch (what.kind) {
    case RingHappening::Kind::Begun:
      break;
    case RingHappening::Kind::Opened:
      opened(event, *what.ring);
      break;
    case RingHappening::Kind::Written:
      written(event, *what.ring, what.write);
      break;
    case RingHappening::Kind::Closed:
      closed(event, *what.ring);
      std::erase(kept_, what.ring);
      break;
  }
}

bool RingProperty::is_kept(const WatchedRing* ring) const {
  return std::find(kept_.begin(), kept_.end(), ring) != kept_.end();
}

bool RingProperty::about_hostile(const traces::Event& event) const {
  if (!tracker_->any_hostile()) return false;
  // States and ends of partitions concern more than rings.
  if (event.as<ev::PartitionState>() != nullptr || event.as<ev::VpState>() != nullptr) return false;
  const auto partition = traces::field(event, "partition");
  return partition && hostile({event.node.value, partition->number, 0});
}

const WatchedRing* RingProperty::ring(const RingKey& key) const {
  const WatchedRing* const found = tracker_->ring(key);
  return found != nullptr && is_kept(found) ? found : nullptr;
}

}  // namespace checkers
