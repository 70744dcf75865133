// The rings of all open channels as the memory witness saw them (spec C.5): what a checker of rings
// holds the host's own account against. It knows the layout by itself and asks no code under test.
//
// Most properties of data look at rings, and most of what witnesses tell is of them: all properties
// of one stream share a tracker, which takes every event in once.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

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
  RingData data;

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

/// Offsets in the header page.
namespace ring_word {
inline constexpr std::uint32_t kWrite = 0;
inline constexpr std::uint32_t kRead = 4;
inline constexpr std::uint32_t kMask = 8;
inline constexpr std::uint32_t kPending = 12;
inline constexpr std::uint32_t kFeatures = 64;
inline constexpr std::uint32_t kData = 4096;
}  // namespace ring_word

/// What an event means for a ring.
struct RingHappening {
  enum class Kind : std::uint8_t {
    Begun,   ///< it is watched; its content is not known yet
    Opened,  ///< its content is known
    Written,
    Closed,  ///< its channel closed, its partition was deleted or its host lost power
  };
  Kind kind{};
  const WatchedRing* ring = nullptr;  ///< lives until the next event that concerns rings
  RingWrite write;                    ///< Written only
};

class RingTracker {
 public:
  /// The types of which it must see every event.
  static traces::EventSet events();
  /// Takes an event of those types in, the first time that it is shown.
  const std::vector<RingHappening>& take(const traces::Event& event);

  /// Of those whose content is known; nullptr when there is none.
  const WatchedRing* ring(const RingKey& key) const;
  /// The guest of this channel breaks its rings on purpose (the fault hostile-rings).
  bool hostile(const ChannelKey& channel) const;
  bool any_hostile() const { return !hostile_.empty(); }

 private:
  using Rings = std::map<RingKey, WatchedRing>;
  using WatchKey =
      std::tuple<std::uint32_t, std::uint64_t, std::uint32_t>;  // node, partition, watch
  void happens(const traces::Event& event);
  void watch(const traces::Event& event, const traces::ev::MemoryWatch& watch);
  void written(const traces::Event& event, const traces::ev::MemoryWatchedWrite& write);
  WatchedRing* watched(const WatchKey& key) const;
  void drop(const RingKey& key);
  template <class Which>
  void drop_if(Which which);
  void note_fault(const traces::ev::FaultFired& fired);

  Rings rings_;
  std::vector<Rings::node_type> closed_;                    ///< by the latest event
  std::vector<std::pair<WatchKey, WatchedRing*>> watches_;  ///< sorted; looked into all the time
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::string> vms_;  // by node and partition
  std::set<std::string, std::less<>> hostile_;                          // VMs
  std::vector<RingHappening> happenings_;
  std::optional<std::uint64_t> latest_;  ///< index of the event that they are of
};

/// "relid 2 of partition 2, ring to the guest", for explanations.
std::string name_of(const RingKey& key);

}  // namespace checkers
