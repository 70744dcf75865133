// RB-1 (spec I.5): both indices are multiples of 8 below the ring's size; only the producer changes
// write_index and pending_send_sz, only the consumer changes read_index and interrupt_mask. Who
// wrote a word is the witness's finding, not the host's account.
#include <string>

#include "checkers/makers.hpp"
#include "checkers/watched_rings.hpp"

namespace checkers {

namespace {

using traces::Writer;

class RingIndices final : public RingProperty {
 public:
  RingIndices()
      : RingProperty("RB-1", "ring indices are valid and moved only by the side that owns them",
                     {}) {}
  bool judges_writes() const override { return true; }

 private:
  void opened(const traces::Event& event, const WatchedRing& ring) override {
    ++rings_seen_;
    range(event, ring);
  }

  void written(const traces::Event& event, const WatchedRing& ring,
               const RingWrite& write) override {
    if (write.offset >= ring_word::kData) return;
    const Writer producer = ring.key.to_guest ? Writer::Host : Writer::Guest;
    const Writer consumer = ring.key.to_guest ? Writer::Guest : Writer::Host;
    owned_by(event, ring, write, ring_word::kWrite, producer, "write_index");
    owned_by(event, ring, write, ring_word::kPending, producer, "pending_send_sz");
    owned_by(event, ring, write, ring_word::kRead, consumer, "read_index");
    owned_by(event, ring, write, ring_word::kMask, consumer, "interrupt_mask");
    range(event, ring);
  }

  void owned_by(const traces::Event& event, const WatchedRing& ring, const RingWrite& write,
                std::uint32_t word, Writer owner, const char* name) {
    if (!write.covers(word)) return;
    ++changes_;
    if (write.writer == owner) return;
    violate(event, std::string(name) + " of the " + name_of(ring.key) + " is changed by the " +
                       (write.writer == Writer::Host ? "host" : "guest") +
                       ", which does not own it");
  }

  void range(const traces::Event& event, const WatchedRing& ring) {
    if (ring.indices_valid()) return;
    violate(event, "the " + name_of(ring.key) + " of " + std::to_string(ring.size) +
                       " bytes has write index " + std::to_string(ring.header.write) +
                       " and read index " + std::to_string(ring.header.read));
  }

  std::string measured() const override {
    return std::to_string(changes_) + " changes of a header word in " +
           std::to_string(rings_seen_) + " rings";
  }

  std::uint64_t changes_ = 0;
  std::uint64_t rings_seen_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_rb1() { return std::make_unique<RingIndices>(); }

}  // namespace checkers
