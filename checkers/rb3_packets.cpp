// RB-3 (spec I.5, C.6): the packets that come out of a ring are those that went in: one after the
// other, with the bytes that lie in memory, of the length that their descriptor says, closed by a
// trailer that names their start.
#include <map>
#include <set>
#include <string>

#include "checkers/makers.hpp"
#include "checkers/watched_rings.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::Writer;

class Packets final : public RingProperty {
 public:
  Packets()
      : RingProperty("RB-3", "packets leave a ring as they went in, in order, each once",
                     {ev::RingProduced::kType, ev::RingConsumed::kType}) {}
  bool judges_writes() const override { return true; }

 private:
  struct Flow {
    std::uint32_t next = 0;              ///< where the host's next packet starts
    std::set<std::uint32_t> boundaries;  ///< to the guest: ends of packets not yet read
  };

  void opened(const traces::Event& event, const WatchedRing& ring) override {
    Flow& flow = flows_[ring.key];
    flow = Flow{};
    flow.next = ring.key.to_guest ? ring.header.write : ring.header.read;
    // After a migration there may be packets in it that nobody saw being written.
    if (!ring.key.to_guest || !ring.indices_valid()) return;
    std::uint32_t left = ring.used();
    for (std::uint32_t at = ring.header.read; left != 0;) {
      const RingPacket packet = ring.packet_at(at);
      if (!packet.shape_valid() || packet.bytes() > left) {
        violate(event, "the " + name_of(ring.key) + " holds no packet at " + std::to_string(at));
        return;
      }
      left -= packet.bytes();
      at = (at + packet.bytes()) % ring.size;
      flow.boundaries.insert(at);
    }
  }

  void closed(const traces::Event& event, const WatchedRing& ring) override {
    const auto flow = flows_.find(ring.key);
    if (flow == flows_.end()) return;
    complete(event, ring, flow->second);
    flows_.erase(flow);
  }

  /// What the host took out of the ring, it also accounted for.
  void complete(const traces::Event& event, const WatchedRing& ring, const Flow& flow) {
    if (ring.key.to_guest || ring.header.read == flow.next) return;
    violate(event, lost(ring, flow, ring.header.read));
  }

  void written(const traces::Event& event, const WatchedRing& ring,
               const RingWrite& write) override {
    if (!ring.key.to_guest || write.writer != Writer::Guest) return;
    if (!write.covers(ring_word::kRead) || !ring.indices_valid()) return;
    Flow& flow = flows_[ring.key];
    // The guest may have read several packets since the witness last looked.
    const auto reached = flow.boundaries.find(ring.header.read);
    if (reached == flow.boundaries.end()) {
      violate(event, "the guest's read index " + std::to_string(ring.header.read) + " of the " +
                         name_of(ring.key) + " is not the end of an unread packet");
      return;
    }
    drop_read(ring, flow, write.before.read);
  }

  static void drop_read(const WatchedRing& ring, Flow& flow, std::uint32_t from) {
    const std::uint32_t read = (ring.header.read + ring.size - from) % ring.size;
    std::erase_if(flow.boundaries, [&](std::uint32_t end) {
      const std::uint32_t distance = (end + ring.size - from) % ring.size;
      return distance != 0 && distance <= read;
    });
  }

  void other(const traces::Event& event) override {
    if (const auto* produced = event.as<ev::RingProduced>()) {
      packet(event, {channel_of(event, *produced), true}, *produced);
    } else if (const auto* consumed = event.as<ev::RingConsumed>()) {
      packet(event, {channel_of(event, *consumed), false}, *consumed);
    }
  }

  /// The host's account of one packet against memory.
  template <class E>
  void packet(const traces::Event& event, const RingKey& key, const E& account) {
    const WatchedRing* ring = this->ring(key);
    if (ring == nullptr || account.start >= ring->size || account.end >= ring->size) {
      violate(event, "a packet of the " + name_of(key) + ", which is not in use");
      return;
    }
    ++packets_;
    Flow& flow = flows_[key];
    if (account.start != flow.next) violate(event, lost(*ring, flow, account.start));
    flow.next = account.end;
    if (key.to_guest) flow.boundaries.insert(account.end);

    const RingPacket actual = ring->packet_at(account.start);
    const std::uint32_t distance = (account.end + ring->size - account.start) % ring->size;
    const auto where = [&] {
      return "the packet at " + std::to_string(account.start) + " of the " + name_of(key);
    };
    if (!actual.shape_valid()) {
      violate(event, where() + " has its payload at " + std::to_string(actual.offset8) + " of " +
                         std::to_string(actual.length8) + " units");
    } else if (actual.bytes() != distance) {
      violate(event, where() + " occupies " + std::to_string(actual.bytes()) +
                         " bytes, the index moved by " + std::to_string(distance));
    } else if (actual.hash != account.hash || actual.type != account.type ||
               actual.transaction != account.transaction ||
               ((actual.flags & 1) != 0) != account.completion_requested) {
      violate(event, where() + " is not the one that the host accounts for");
    } else if (actual.trailer_start != account.start) {
      violate(event, where() + " has a trailer that says " + std::to_string(actual.trailer_start));
    }
  }

  static std::string lost(const WatchedRing& ring, const Flow& flow, std::uint32_t at) {
    return "the host goes on at " + std::to_string(at) + " of the " + name_of(ring.key) +
           " instead of " + std::to_string(flow.next) + ": packets were lost or repeated";
  }

  void at_end(traces::Time end) override {
    for (const auto& [key, flow] : flows_) {
      const WatchedRing* ring = this->ring(key);
      if (ring == nullptr || key.to_guest || ring->header.read == flow.next) continue;
      violate_at_end(end, lost(*ring, flow, ring->header.read));
    }
  }

  std::string measured() const override { return std::to_string(packets_) + " packets"; }

  std::map<RingKey, Flow> flows_;
  std::uint64_t packets_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_rb3() { return std::make_unique<Packets>(); }

}  // namespace checkers
