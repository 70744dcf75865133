// A frame's way through an Ethernet.
#include "sim/net/segment.hpp"

#include <algorithm>

#include "sim/net/flight.hpp"
#include "sim/net/frame_check.hpp"
#include "sim/net/link_faults.hpp"
#include "traces/assert.hpp"
#include "traces/digest.hpp"

namespace sim::net {

using traces::SegmentLoss;

namespace {

/// The operation that choices about a frame belong to: its sender, its number, which copy. The
/// first number is no stream's: those begin with a node.
Operation frame_operation(NodeId sender, std::uint64_t number, std::uint64_t copy) {
  return {std::uint64_t{0xFFFF} << 48 | sender.value, number, copy, 0};
}

}  // namespace

std::unique_ptr<FrameStation> Segment::attach(Node& node, FrameReceiver& receiver) {
  return std::make_unique<Station>(shared_from_this(), node, receiver);
}

void Segment::send(Station& from, EthernetFrame frame) {
  HVSIM_ASSERT(frame->size() >= kEthernetHeader, "a frame has its header");
  const NodeId sender = from.node().id();
  Copy copy{from, ++numbers_[sender], frame, 0, world_.now(), {}, 0};
  if (world_.detail()) {
    traces::ev::SegmentSent event;
    event.network = network_;
    event.number = copy.number;
    event.bytes = static_cast<std::uint32_t>(frame->size());
    event.destination = destination_of(*frame).number();
    event.source = source_of(*frame).number();
    event.hash = traces::hash64_of(*frame);
    world_.emit(sender, event);
  }
  std::vector<Station*> targets;
  targets.reserve(stations_.size());
  for (const auto& [id, station] : stations_) {
    if (station == &from) continue;
    const Path& path = topology_.path(sender, id, network_);
    // A station next to nobody, or too far for an Ethernet, is not reached.
    if (path.connected && !path.hops.empty() && path.hops.size() <= kMaxHops) {
      targets.push_back(station);
    }
  }
  if (targets.empty()) return lost(copy, SegmentLoss::Unreachable);
  spread(copy, std::move(targets));
}

/// Sends the copy on along every link that leads to a target, once along each.
void Segment::spread(const Copy& copy, std::vector<Station*> targets) {
  const NodeId sender = copy.from.node().id();
  while (!targets.empty()) {
    const auto next = [&](const Station* station) {
      return topology_.path(sender, station->node().id(), network_).hops[copy.hop_count];
    };
    Direction* direction = next(targets.front());
    std::vector<Station*> here, rest;
    for (Station* station : targets) {
      (next(station) == direction ? here : rest).push_back(station);
    }
    targets = std::move(rest);
    Copy onward = copy;
    bool twice = false;
    if (!cross(onward, *direction, twice)) continue;
    if (twice) {
      Copy second = copy;
      second.id = copy.id << 4 | (copy.hop_count + 1);
      bool again = false;
      if (cross(second, *direction, again)) reach(second, *direction, here);
    }
    reach(onward, *direction, std::move(here));
  }
}

/// Takes the copy over one link; false when that loses it.
bool Segment::cross(Copy& copy, Direction& direction, bool& twice) {
  const std::size_t size = copy.frame->size();
  const std::uint64_t rate = direction.rate();
  const std::uint32_t mtu = direction.faults.mtu;
  if (mtu != 0 && size > mtu + kEthernetHeader + kVlanTag) {
    lost(copy, SegmentLoss::TooLong);
    return false;
  }
  const Duration whole =
      serialisation_time(std::max<std::uint64_t>(size, kEthernetMinimum) + kEthernetOverhead, rate);
  const Duration wait = direction.frames.next_free(copy.time) - copy.time;
  if (wait > serialisation_time(kFrameQueueBytes, rate)) {
    lost(copy, SegmentLoss::QueueFull);
    return false;
  }
  const LinkCalendar::Slot slot = direction.frames.book(copy.time, whole, world_.now());
  // What frames take is missing for streams.
  direction.calendar.book(slot.begin, whole, world_.now());
  Duration late{};
  if (!survives(copy, direction, late, twice)) return false;
  copy.time = slot.end + direction.latency + direction.faults.extra_delay + late;
  copy.hops[copy.hop_count++] = {&direction, slot.begin, copy.time};
  return true;
}

bool Segment::survives(const Copy& copy, const Direction& direction, Duration& late, bool& twice) {
  const LinkFaults& faults = direction.faults;
  Node& sender = copy.from.node();
  const Operation operation = frame_operation(sender.id(), copy.number, copy.id);
  if (world_.happens(sender, direction.loss_draws, operation, faults.loss)) {
    report(copy, direction, "net.loss");
    lost(copy, SegmentLoss::Lost);
    return false;
  }
  if (world_.happens(sender, direction.corruption_draws, operation, faults.corruption)) {
    Draw where = world_.amount(direction.corruption_draws, operation);
    HVSIM_ASSERT(check_fails(draw_damage(where)), "a short burst never passes the frame check");
    report(copy, direction, "net.corruption");
    lost(copy, SegmentLoss::Damaged);
    return false;
  }
  twice = world_.happens(sender, direction.duplication_draws, operation, faults.duplication);
  if (twice) report(copy, direction, "net.duplication");
  if (world_.happens(sender, direction.reordering_draws, operation, faults.reordering)) {
    Draw choice = world_.amount(direction.reordering_draws, operation);
    late = choice.between(Duration{1}, kReorderingDelayMax);
    report(copy, direction, "net.reordering");
  }
  return true;
}

/// The copy is at the link's other end: a station takes it, a switch sends it on.
void Segment::reach(const Copy& copy, const Direction& direction, std::vector<Station*> targets) {
  const auto here = std::find_if(targets.begin(), targets.end(), [&](const Station* station) {
    return &station->node() == direction.to;
  });
  if (here != targets.end()) {
    FrameFlight flight;
    flight.arrival = copy.time;
    flight.sender = copy.from.node().id().value;
    flight.number = copy.number;
    flight.frame = copy.frame;
    flight.hops = copy.hops;
    flight.hop_count = copy.hop_count;
    (*here)->expect(std::move(flight));
    targets.erase(here);
  }
  if (targets.empty()) return;
  learn(*direction.to, copy);
  const MacAddress to = destination_of(*copy.frame);
  if (!to.group()) {
    const auto known = station_of(direction.to->id(), to);
    if (known) {
      // What is for somebody on the side it came from goes nowhere.
      std::erase_if(targets,
                    [&](const Station* station) { return station->node().id() != *known; });
      if (targets.empty()) return lost(copy, SegmentLoss::Unreachable, *known);
    }
  }
  spread(copy, std::move(targets));
}

void Segment::learn(Node& at, const Copy& copy) {
  const MacAddress from = source_of(*copy.frame);
  if (from.group()) return;
  const std::pair key{at.id(), from.number()};
  const NodeId station = copy.from.node().id();
  auto found = addresses_.find(key);
  if (found == addresses_.end()) {
    if (addresses_.size() >= kMaxAddresses) {
      const Time now = world_.now();
      std::erase_if(addresses_, [now](const auto& e) { return now - e.second.seen > kAddressAge; });
      if (addresses_.size() >= kMaxAddresses) return;
    }
    found = addresses_.emplace(key, Address{}).first;
  }
  Address& address = found->second;
  const bool news = address.station != station || world_.now() - address.seen > kAddressAge;
  address = {station, world_.now()};
  if (!news) return;
  traces::ev::SegmentLearned event;
  event.network = network_;
  event.mac = from.number();
  event.station = station.value;
  world_.emit(at.id(), event);
}

std::optional<NodeId> Segment::station_of(NodeId at, const MacAddress& mac) const {
  const auto found = addresses_.find({at, mac.number()});
  if (found == addresses_.end()) return std::nullopt;
  if (world_.now() - found->second.seen > kAddressAge) return std::nullopt;
  return found->second.station;
}

void Segment::emptied(const Direction& direction) {
  const Time now = world_.now();
  for (const auto& [id, station] : stations_) {
    station->lose(
        [&](const FrameFlight& flight) {
          return std::any_of(
              flight.hops.begin(), flight.hops.begin() + flight.hop_count,
              [&](const FrameHop& hop) { return hop.direction == &direction && hop.clear > now; });
        },
        SegmentLoss::Cut);
  }
}

void Segment::pair_cut(const Pair& pair) {
  const auto station = stations_.find(pair.to);
  if (station == stations_.end()) return;
  const Time now = world_.now();
  station->second->lose(
      [&](const FrameFlight& flight) {
        return flight.sender == pair.from.value &&
               std::any_of(flight.hops.begin(), flight.hops.begin() + flight.hop_count,
                           [&](const FrameHop& hop) {
                             return hop.direction->link == pair.link && hop.clear > now;
                           });
      },
      SegmentLoss::Cut);
}

void Segment::silenced(const Node& node) {
  const Time now = world_.now();
  for (const auto& [id, station] : stations_) {
    station->lose(
        [&](const FrameFlight& flight) {
          return flight.sender == node.id().value && flight.hops[0].begin > now;
        },
        SegmentLoss::Dead);
  }
}

void Segment::lost(const Copy& copy, SegmentLoss reason, NodeId receiver) {
  lost(copy.from.node().id().value, copy.number, reason, receiver);
}

void Segment::lost(std::uint32_t sender, std::uint64_t number, SegmentLoss reason,
                   NodeId receiver) {
  if (!world_.detail()) return;
  traces::ev::SegmentLost event;
  event.network = network_;
  event.sender = sender;
  event.number = number;
  event.receiver = receiver.value;
  event.reason = reason;
  world_.emit({sender}, event);
}

void Segment::report(const Copy& copy, const Direction& direction, std::string_view fault) {
  const std::string target = direction.link + " from " + direction.from->name();
  const std::string detail = "frame " + std::to_string(copy.number) + " of " +
                             copy.from.node().name() +
                             (copy.id == 0 ? "" : " copy " + std::to_string(copy.id));
  traces::ev::FaultFired event;
  event.fault = fault;
  event.target = target;
  event.detail = detail;
  world_.emit(copy.from.node().id(), event);
}

}  // namespace sim::net
