// RB-2 (spec I.5): nobody changes bytes of a ring that were published and have not been read, and
// at least 8 bytes stay free, since a full ring would look empty.
//
// The witness reports what the guest did when it next looks, the header first. A change by the
// guest is therefore held against the region that was published before the guest's latest turn.
#include <map>
#include <string>

#include "checkers/makers.hpp"
#include "checkers/watched_rings.hpp"

namespace checkers {

namespace {

using traces::Writer;

class UnreadBytes final : public RingProperty {
 public:
  UnreadBytes() : RingProperty("RB-2", "no unread byte of a ring is overwritten", {}) {}
  bool judges_writes() const override { return true; }

 private:
  /// The indices as they were before the reports of one moment began.
  struct Settled {
    traces::Time time{};
    RingHeader header;
  };

  void opened(const traces::Event& event, const WatchedRing& ring) override {
    settled_[ring.key] = {event.time, ring.header};
  }
  void closed(const traces::Event& event, const WatchedRing& ring) override {
    settled_.erase(ring.key);
  }

  void written(const traces::Event& event, const WatchedRing& ring,
               const RingWrite& write) override {
    if (!ring.indices_valid()) return;  // RB-1 says so
    Settled& settled = settled_[ring.key];
    if (settled.time != event.time) settled = {event.time, write.before};
    if (write.offset < ring_word::kData) {
      moved(event, ring, write);
      return;
    }
    ++writes_;
    // The latest read index: what the consumer gave back is free at once.
    RingHeader region = write.writer == Writer::Host ? ring.header : settled.header;
    region.read = ring.header.read;
    if (write.writer == Writer::Guest && freed_beyond(ring, settled.header)) return;
    const std::uint32_t from = write.offset - ring_word::kData;
    if (!touches(region, ring.size, from, write.bytes)) return;
    violate(event, "the " + std::string(write.writer == Writer::Host ? "host" : "guest") +
                       " changes " + std::to_string(write.bytes) + " bytes at " +
                       std::to_string(from) + " of the " + name_of(ring.key) +
                       ", where everything from " + std::to_string(region.read) + " to " +
                       std::to_string(region.write) + " is unread");
  }

  /// A producer that moves its index past the consumer's takes unread bytes for free ones.
  void moved(const traces::Event& event, const WatchedRing& ring, const RingWrite& write) {
    const bool by_producer = (write.writer == Writer::Host) == ring.key.to_guest;
    if (!by_producer || !write.covers(ring_word::kWrite) || write.covers(ring_word::kRead)) return;
    if (write.before.write >= ring.size) return;
    const std::uint32_t used = write.before.used(ring.size);
    const std::uint32_t step = (ring.header.write + ring.size - write.before.write) % ring.size;
    if (used + step <= ring.size - 8) return;
    violate(event, "the write index of the " + name_of(ring.key) + " moves by " +
                       std::to_string(step) + " bytes when " + std::to_string(used) + " of " +
                       std::to_string(ring.size) + " are unread");
  }

  /// The reader got beyond what had been published then: nothing of that is unread.
  static bool freed_beyond(const WatchedRing& ring, const RingHeader& old) {
    const std::uint32_t consumed = (ring.header.read + ring.size - old.read) % ring.size;
    return consumed >= old.used(ring.size);
  }

  static bool touches(const RingHeader& region, std::uint32_t size, std::uint32_t from,
                      std::uint32_t bytes) {
    const std::uint32_t used = region.used(size);
    for (std::uint32_t at = 0; at < bytes; at += 4) {
      if ((from + at + size - region.read) % size < used) return true;
    }
    return false;
  }

  std::string measured() const override {
    return std::to_string(writes_) + " changes of ring data";
  }

  std::map<RingKey, Settled> settled_;
  std::uint64_t writes_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_rb2() { return std::make_unique<UnreadBytes>(); }

}  // namespace checkers
