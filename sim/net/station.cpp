// A node's end of an Ethernet: what is on its way to it, in the order of arrival.
#include <algorithm>
#include <utility>

#include "sim/net/segment.hpp"
#include "traces/assert.hpp"
#include "traces/digest.hpp"

namespace sim::net {

Station::Station(std::shared_ptr<Segment> segment, Node& node, FrameReceiver& receiver)
    : segment_(std::move(segment)),
      node_(node),
      receiver_(receiver),
      timer_(node, "net.station", traces::hash64_of(segment_->network()), [this] { deliver(); }) {
  const bool fresh = segment_->stations_.emplace(node.id(), this).second;
  HVSIM_ASSERT(fresh, "a node has one station on an Ethernet");
  node_.follow(*this);
  traces::ev::SegmentStation event;
  event.network = segment_->network();
  node_.world().emit(node_.id(), event);
}

Station::~Station() {
  node_.unfollow(*this);
  segment_->stations_.erase(node_.id());
}

void Station::send(EthernetFrame frame) { segment_->send(*this, std::move(frame)); }

void Station::expect(FrameFlight flight) {
  const auto later = [](const Time time, const FrameFlight& other) { return time < other.arrival; };
  // Almost always at the end.
  auto at = inbox_.end();
  if (!inbox_.empty() && flight.arrival < inbox_.back().arrival) {
    at = std::upper_bound(inbox_.begin(), inbox_.end(), flight.arrival, later);
  }
  inbox_.insert(at, std::move(flight));
  if (timer_.deadline() != inbox_.front().arrival) timer_.arm(inbox_.front().arrival);
}

void Station::deliver() {
  batch_.clear();
  while (!inbox_.empty() && inbox_.front().arrival <= node_.now()) {
    const FrameFlight& flight = inbox_.front();
    if (node_.world().detail()) {
      traces::ev::SegmentArrived event;
      event.network = segment_->network();
      event.sender = flight.sender;
      event.number = flight.number;
      event.bytes = static_cast<std::uint32_t>(flight.frame->size());
      event.hash = traces::hash64_of(*flight.frame);
      node_.world().emit(node_.id(), event);
    }
    batch_.push_back(std::move(inbox_.front().frame));
    inbox_.pop_front();
  }
  if (!inbox_.empty()) timer_.arm(inbox_.front().arrival);
  if (!batch_.empty()) receiver_.arrived(batch_);
}

void Station::lose(const FlightTest& is_lost, traces::SegmentLoss reason) {
  std::erase_if(inbox_, [&](const FrameFlight& flight) {
    if (!is_lost(flight)) return false;
    segment_->lost(flight.sender, flight.number, reason, node_.id());
    return true;
  });
  if (!node_.alive()) return;
  timer_.arm(inbox_.empty() ? kNever : inbox_.front().arrival);
}

void Station::node_killed() {
  lose([](const FrameFlight&) { return true; }, traces::SegmentLoss::Dead);
  segment_->silenced(node_);
}

}  // namespace sim::net
