#include "checkers/watched_rings.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "checkers/little_endian.hpp"
#include "traces/digest.hpp"
#include "traces/reflection.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

constexpr auto kBefore = [](const auto& entry, const auto& key) { return entry.first < key; };

/// Puts reported bytes into header and data. The witness reports whole words of 4 bytes.
void apply(WatchedRing& ring, std::uint32_t offset, traces::Bytes data, bool keeps_data) {
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
  if (keeps_data && !ring.known) ring.data.begin(ring.size);
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

RingProperty::RingProperty(std::string id, std::string statement,
                           std::initializer_list<traces::EventType> more, Keep keep)
    : Property(std::move(id), std::move(statement), more), keep_(keep) {}

traces::EventSet RingProperty::events() const {
  traces::EventSet set = Property::events();
  for (traces::EventType type :
       {ev::MemoryWatch::kType, ev::MemoryWatchedWrite::kType, ev::MemoryUnwatch::kType,
        ev::NodeKilled::kType, ev::PartitionState::kType, ev::VmCreated::kType,
        ev::FaultFired::kType}) {
    set.set(static_cast<std::size_t>(type));
  }
  return set;
}

void RingProperty::on_event(const traces::Event& event) {
  if (const auto* write = event.as<ev::MemoryWatchedWrite>()) {
    take(event, *write);
  } else if (const auto* begin = event.as<ev::MemoryWatch>()) {
    watch(event, *begin);
  } else if (const auto* end = event.as<ev::MemoryUnwatch>()) {
    const WatchedRing* ring = watched({event.node.value, end->partition, end->watch});
    if (ring != nullptr) drop(event, RingKey(ring->key));
  } else {
    if (event.as<ev::NodeKilled>() != nullptr) {
      drop_if(event, true, 0);
    } else if (const auto* state = event.as<ev::PartitionState>()) {
      if (state->to == traces::PartitionState::Deleted) drop_if(event, false, state->partition);
    } else if (const auto* created = event.as<ev::VmCreated>()) {
      note_vm(event, *created);
    } else if (const auto* fired = event.as<ev::FaultFired>()) {
      note_fault(event, *fired);
    }
    if (hears_hostile() || !about_hostile(event)) other(event);
  }
}

void RingProperty::note_vm(const traces::Event& event, const ev::VmCreated& created) {
  if (created.partition != 0) {
    vms_[{event.node.value, created.partition}] = std::string(created.name);
  }
}

void RingProperty::note_fault(const traces::Event& event, const ev::FaultFired& fired) {
  if (fired.fault != "hostile-rings") return;
  hostile_.emplace(fired.target);
  std::vector<RingKey> gone;
  for (const auto& [key, ring] : rings_) {
    if (hostile(key.channel)) gone.push_back(key);
  }
  for (const RingKey& key : gone) drop(event, key);
}

bool RingProperty::about_hostile(const traces::Event& event) const {
  if (hostile_.empty()) return false;
  // States and ends of partitions concern more than rings.
  if (event.as<ev::PartitionState>() != nullptr || event.as<ev::VpState>() != nullptr) return false;
  const auto partition = traces::field(event, "partition");
  return partition && hostile({event.node.value, partition->number, 0});
}

bool RingProperty::hostile(const ChannelKey& channel) const {
  if (hostile_.empty()) return false;
  const auto vm = vms_.find({channel.node, channel.partition});
  return vm != vms_.end() && hostile_.count(vm->second) != 0;
}

WatchedRing* RingProperty::watched(const WatchKey& key) const {
  const auto found = std::lower_bound(watches_.begin(), watches_.end(), key, kBefore);
  return found != watches_.end() && found->first == key ? found->second : nullptr;
}

void RingProperty::watch(const traces::Event& event, const ev::MemoryWatch& watch) {
  const bool to_guest = watch.purpose == traces::WatchPurpose::RingToGuest;
  if (!to_guest && watch.purpose != traces::WatchPurpose::RingToHost) return;
  const RingKey key{{event.node.value, watch.partition, watch.owner}, to_guest};
  drop(event, key);
  if (hostile(key.channel) || !keeps(key.channel)) return;
  WatchedRing& ring = rings_[key];
  const WatchKey place{event.node.value, watch.partition, watch.watch};
  std::erase_if(watches_, [&](const auto& entry) { return entry.first == place; });
  watches_.insert(std::lower_bound(watches_.begin(), watches_.end(), place, kBefore),
                  {place, &ring});
  ring.key = key;
  ring.size = watch.frames < 2 ? 0 : (watch.frames - 1) * ring_word::kData;
}

void RingProperty::take(const traces::Event& event, const ev::MemoryWatchedWrite& write) {
  WatchedRing* const found = watched({event.node.value, write.partition, write.watch});
  if (found == nullptr) return;
  WatchedRing& ring = *found;
  RingWrite change;
  change.writer = write.writer;
  change.offset = write.offset;
  change.bytes = static_cast<std::uint32_t>(write.data.size());
  change.before = ring.header;
  apply(ring, write.offset, write.data, keep_ == Keep::Data);
  if (ring.known) {
    written(event, ring, change);
  } else {
    // The first report is what the frames hold, not a change.
    ring.known = true;
    opened(event, ring);
  }
}

void RingProperty::drop(const traces::Event& event, const RingKey& key) {
  const auto found = rings_.find(key);
  if (found == rings_.end()) return;
  closed(event, found->second);
  std::erase_if(watches_, [&](const auto& entry) { return entry.second == &found->second; });
  rings_.erase(found);
}

void RingProperty::drop_if(const traces::Event& event, bool whole_node, std::uint64_t partition) {
  std::vector<RingKey> gone;
  for (const auto& [key, ring] : rings_) {
    const ChannelKey& channel = key.channel;
    if (channel.node != event.node.value) continue;
    if (whole_node || channel.partition == partition) gone.push_back(key);
  }
  for (const RingKey& key : gone) drop(event, key);
}

const WatchedRing* RingProperty::ring(const RingKey& key) const {
  const auto found = rings_.find(key);
  return found != rings_.end() && found->second.known ? &found->second : nullptr;
}

std::string name_of(const RingKey& key) {
  return "ring of channel " + std::to_string(key.channel.relid) + " to the " +
         (key.to_guest ? "guest" : "host") + " in partition " +
         std::to_string(key.channel.partition);
}

}  // namespace checkers
