#include "checkers/ring_tracker.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "checkers/little_endian.hpp"
#include "traces/digest.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

constexpr auto kBefore = [](const auto& entry, const auto& key) { return entry.first < key; };

/// Puts reported bytes into header and data. The witness reports whole words of 4 bytes.
void apply(WatchedRing& ring, std::uint32_t offset, traces::Bytes data) {
  const auto word = [offset, data](std::uint32_t at, std::uint32_t& value) {
    if (at >= offset && at - offset + 4 <= data.size())
      value = load<std::uint32_t>(data, at - offset);
  };
  if (offset <= ring_word::kFeatures) {
    word(ring_word::kWrite, ring.header.write);
    word(ring_word::kRead, ring.header.read);
    word(ring_word::kMask, ring.header.mask);
    word(ring_word::kPending, ring.header.pending);
    word(ring_word::kFeatures, ring.header.features);
  }
  const std::uint32_t skip = offset < ring_word::kData ? ring_word::kData - offset : 0;
  if (!ring.known) ring.data.begin(ring.size);
  if (ring.data.empty() || skip >= data.size()) return;
  ring.data.write(std::size_t{offset} + skip - ring_word::kData, data.subspan(skip));
}

}  // namespace

std::uint32_t RingHeader::used(std::uint32_t size) const {
  return write >= read ? write - read : size - read + write;
}

bool WatchedRing::indices_valid() const {
  return header.write < size && header.read < size && header.write % 8 == 0 && header.read % 8 == 0;
}

void WatchedRing::copy(std::uint32_t index, std::span<std::byte> out) const {
  if (data.empty()) return;
  index %= size;
  while (!out.empty()) {
    const std::size_t part = std::min<std::size_t>(out.size(), size - index);
    data.read(index, out.first(part));
    out = out.subspan(part);
    index = 0;
  }
}

RingPacket WatchedRing::packet_at(std::uint32_t index) const {
  std::byte head[16] = {};
  copy(index, head);
  RingPacket packet;
  packet.type = load<std::uint16_t>(head, 0);
  packet.offset8 = load<std::uint16_t>(head, 2);
  packet.length8 = load<std::uint16_t>(head, 4);
  packet.flags = load<std::uint16_t>(head, 6);
  packet.transaction = load<std::uint64_t>(head, 8);
  if (!packet.shape_valid() || packet.bytes() > size) return packet;
  std::vector<std::byte> bytes(packet.bytes());
  copy(index, bytes);
  packet.trailer_start = load<std::uint32_t>(bytes, bytes.size() - 4);
  packet.hash = traces::hash64_of(std::span(bytes).first(bytes.size() - kPacketTrailer));
  return packet;
}

traces::EventSet RingTracker::events() {
  traces::EventSet set;
  for (traces::EventType type :
       {ev::MemoryWatch::kType, ev::MemoryWatchedWrite::kType, ev::MemoryUnwatch::kType,
        ev::NodeKilled::kType, ev::PartitionState::kType, ev::VmCreated::kType,
        ev::FaultFired::kType}) {
    set.set(static_cast<std::size_t>(type));
  }
  return set;
}

const std::vector<RingHappening>& RingTracker::take(const traces::Event& event) {
  if (latest_ != event.index) {
    latest_ = event.index;
    happenings_.clear();
    closed_.clear();
    happens(event);
  }
  return happenings_;
}

void RingTracker::happens(const traces::Event& event) {
  const std::uint32_t node = event.node.value;
  if (const auto* write = event.as<ev::MemoryWatchedWrite>()) {
    written(event, *write);
  } else if (const auto* begin = event.as<ev::MemoryWatch>()) {
    watch(event, *begin);
  } else if (const auto* end = event.as<ev::MemoryUnwatch>()) {
    const WatchedRing* ring = watched({node, end->partition, end->watch});
    if (ring != nullptr) drop(RingKey(ring->key));
  } else if (event.as<ev::NodeKilled>() != nullptr) {
    drop_if([&](const ChannelKey& channel) { return channel.node == node; });
  } else if (const auto* state = event.as<ev::PartitionState>()) {
    if (state->to != traces::PartitionState::Deleted) return;
    drop_if([&](const ChannelKey& channel) {
      return channel.node == node && channel.partition == state->partition;
    });
  } else if (const auto* created = event.as<ev::VmCreated>()) {
    if (created->partition != 0) vms_[{node, created->partition}] = std::string(created->name);
  } else if (const auto* fired = event.as<ev::FaultFired>()) {
    note_fault(*fired);
  }
}

void RingTracker::note_fault(const ev::FaultFired& fired) {
  if (fired.fault != "hostile-rings") return;
  hostile_.emplace(fired.target);
  drop_if([this](const ChannelKey& channel) { return hostile(channel); });
}

bool RingTracker::hostile(const ChannelKey& channel) const {
  if (hostile_.empty()) return false;
  const auto vm = vms_.find({channel.node, channel.partition});
  return vm != vms_.end() && hostile_.count(vm->second) != 0;
}

WatchedRing* RingTracker::watched(const WatchKey& key) const {
  const auto found = std::lower_bound(watches_.begin(), watches_.end(), key, kBefore);
  return found != watches_.end() && found->first == key ? found->second : nullptr;
}

void RingTracker::watch(const traces::Event& event, const ev::MemoryWatch& watch) {
  const bool to_guest = watch.purpose == traces::WatchPurpose::RingToGuest;
  if (!to_guest && watch.purpose != traces::WatchPurpose::RingToHost) return;
  const RingKey key{{event.node.value, watch.partition, watch.owner}, to_guest};
  drop(key);
  if (hostile(key.channel)) return;
  WatchedRing& ring = rings_[key];
  const WatchKey place{event.node.value, watch.partition, watch.watch};
  std::erase_if(watches_, [&](const auto& entry) { return entry.first == place; });
  watches_.insert(std::lower_bound(watches_.begin(), watches_.end(), place, kBefore),
                  {place, &ring});
  ring.key = key;
  ring.size = watch.frames < 2 ? 0 : (watch.frames - 1) * ring_word::kData;
  happenings_.push_back({RingHappening::Kind::Begun, &ring, {}});
}

void RingTracker::written(const traces::Event& event, const ev::MemoryWatchedWrite& write) {
  WatchedRing* const found = watched({event.node.value, write.partition, write.watch});
  if (found == nullptr) return;
  WatchedRing& ring = *found;
  RingWrite change;
  change.writer = write.writer;
  change.offset = write.offset;
  change.bytes = static_cast<std::uint32_t>(write.data.size());
  change.before = ring.header;
  apply(ring, write.offset, write.data);
  if (ring.known) {
    happenings_.push_back({RingHappening::Kind::Written, &ring, change});
  } else {
    // The first report is what the frames hold, not a change.
    ring.known = true;
    happenings_.push_back({RingHappening::Kind::Opened, &ring, {}});
  }
}

/// The ring stays where it is until the next event, for those who are still to hear of its end.
void RingTracker::drop(const RingKey& key) {
  const auto found = rings_.find(key);
  if (found == rings_.end()) return;
  std::erase_if(watches_, [&](const auto& entry) { return entry.second == &found->second; });
  happenings_.push_back({RingHappening::Kind::Closed, &found->second, {}});
  closed_.push_back(rings_.extract(found));
}

template <class Which>
void RingTracker::drop_if(Which which) {
  std::vector<RingKey> gone;
  for (const auto& [key, ring] : rings_) {
    if (which(key.channel)) gone.push_back(key);
  }
  for (const RingKey& key : gone) drop(key);
}

const WatchedRing* RingTracker::ring(const RingKey& key) const {
  const auto found = rings_.find(key);
  return found != rings_.end() && found->second.known ? &found->second : nullptr;
}

std::string name_of(const RingKey& key) {
  return "ring of channel " + std::to_string(key.channel.relid) + " to the " +
         (key.to_guest ? "guest" : "host") + " in partition " +
         std::to_string(key.channel.partition);
}

}  // namespace checkers
