// The rings of all open channels as the memory witness saw them (spec C.5): what a checker of rings
// holds the host's own account against. It knows the layout by itself and asks no code under test.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "checkers/property.hpp"
#include "checkers/ring_data.hpp"
#include "traces/record.hpp"

namespace checkers {

/// The words of a ring's header page that count.
struct RingHeader {
  std::uint32_t write = 0;
  std::uint32_t read = 0;
  std::uint32_t mask = 0;
  std::uint32_t pending = 0;   ///< pending_send_sz, bytes
  std::uint32_t features = 0;  ///< bit 0: the reader honours `pending`

  /// Bytes written and not yet read. Both indices must be below `size`.
  std::uint32_t used(std::uint32_t size) const;
};

struct ChannelKey {
  std::uint32_t node = 0;
  std::uint64_t partition = 0;
  std::uint32_t relid = 0;
  friend auto operator<=>(const ChannelKey&, const ChannelKey&) = default;
};

struct RingKey {
  ChannelKey channel;
  bool to_guest = false;
  friend auto operator<=>(const RingKey&, const RingKey&) = default;
};

/// Bytes behind each packet.
inline constexpr std::uint32_t kPacketTrailer = 8;

/// A packet's descriptor and trailer as they lie in memory (spec C.6).
struct RingPacket {
  std::uint16_t type = 0;
  std::uint16_t offset8 = 0;
  std::uint16_t length8 = 0;
  std::uint16_t flags = 0;
  std::uint64_t transaction = 0;
  std::uint32_t trailer_start = 0;  ///< index at which the producer says it began
  std::uint64_t hash = 0;           ///< of all bytes without the trailer

  /// Bytes that it occupies, trailer included.
  std::uint32_t bytes() const { return std::uint32_t{length8} * 8 + kPacketTrailer; }
  bool shape_valid() const { return offset8 >= 2 && length8 >= offset8; }
};

struct WatchedRing {
  RingKey key;
  bool known = false;      ///< its content has been reported
  std::uint32_t size = 0;  ///< bytes of data, without the header page
  RingHeader header;
  RingData data;  ///< empty for a property that keeps headers only

  bool indices_valid() const;
  std::uint32_t used() const { return header.used(size); }
  /// The packet at an index below `size`; its hash is 0 when its shape or length is impossible.
  RingPacket packet_at(std::uint32_t index) const;
  void copy(std::uint32_t index, std::span<std::byte> out) const;
};

/// One report of changed bytes.
struct RingWrite {
  traces::Writer writer = traces::Writer::Guest;
  std::uint32_t offset = 0;  ///< from the start of the header page
  std::uint32_t bytes = 0;
  RingHeader before;

  bool covers(std::uint32_t at) const { return at >= offset && at < offset + bytes; }
};

/// A property of rings: it is told what happens to them. Needs level 1. A guest that breaks its own
/// rings on purpose (the fault hostile-rings) is owed nothing by them from then on, wherever its VM
/// runs: its rings are no longer watched.
class RingProperty : public Property {
 public:
  /// Whether WatchedRing::data is kept: it costs a copy of every ring.
  enum class Keep : std::uint8_t { Headers, Data };
  RingProperty(std::string id, std::string statement, std::initializer_list<traces::EventType> more,
               Keep keep = Keep::Headers);

  traces::EventSet events() const override;
  void on_event(const traces::Event& event) final;

 protected:
  /// The ring came into use; its content is known.
  virtual void opened(const traces::Event& event, const WatchedRing& ring) {}
  virtual void written(const traces::Event& event, const WatchedRing& ring,
                       const RingWrite& write) {}
  /// The channel closed, its partition was deleted or its host lost power.
  virtual void closed(const traces::Event& event, const WatchedRing& ring) {}
  /// Everything else that was asked for, and node.killed and partition.state when asked for.
  virtual void other(const traces::Event& event) {}

  /// nullptr when that channel has no watched rings.
  const WatchedRing* ring(const RingKey& key) const;
  const std::map<RingKey, WatchedRing>& rings() const { return rings_; }
  bool needs_detail() const override { return true; }
  /// Whether the rings of this channel are looked at. Asked when they come into use.
  virtual bool keeps(const ChannelKey& /*channel*/) const { return true; }
  /// Whether other() is told of partitions whose guest broke its rings.
  virtual bool hears_hostile() const { return false; }
  bool hostile(const ChannelKey& channel) const;

 private:
  using WatchKey =
      std::tuple<std::uint32_t, std::uint64_t, std::uint32_t>;  // node, partition, watch
  WatchedRing* watched(const WatchKey& key) const;
  void watch(const traces::Event& event, const traces::ev::MemoryWatch& watch);
  void take(const traces::Event& event, const traces::ev::MemoryWatchedWrite& write);
  void drop(const traces::Event& event, const RingKey& key);
  void drop_if(const traces::Event& event, bool whole_node, std::uint64_t partition);
  void note_vm(const traces::Event& event, const traces::ev::VmCreated& created);
  void note_fault(const traces::Event& event, const traces::ev::FaultFired& fired);
  bool about_hostile(const traces::Event& event) const;

  Keep keep_;
  std::map<RingKey, WatchedRing> rings_;
  std::vector<std::pair<WatchKey, WatchedRing*>> watches_;  ///< sorted; looked into all the time
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::string> vms_;  // by node and partition
  std::set<std::string, std::less<>> hostile_;                          // VMs
};

/// "relid 2 of partition 2, ring to the guest", for explanations.
std::string name_of(const RingKey& key);

template <class E>
ChannelKey channel_of(const traces::Event& event, const E& payload) {
  return {event.node.value, payload.partition, payload.relid};
}

/// Offsets in the header page.
namespace ring_word {
inline constexpr std::uint32_t kWrite = 0;
inline constexpr std::uint32_t kRead = 4;
inline constexpr std::uint32_t kMask = 8;
inline constexpr std::uint32_t kPending = 12;
inline constexpr std::uint32_t kFeatures = 64;
inline constexpr std::uint32_t kData = 4096;
}  // namespace ring_word

}  // namespace checkers
