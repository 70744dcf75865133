// RB-4 (spec I.5, C.5): the host signals exactly when the protocol asks for it. As a writer when
// the reader does not mask signals and the ring turned from empty to non-empty; as a reader when
// its progress moved the free space over what the writer waits for. One signal too few is a lost
// wake-up, one too many is waste that hides such losses.
//
// The guest's own decisions are no events; that it wakes the host in time is RB-5's question.
#include <map>
#include <string>

#include "checkers/makers.hpp"
#include "checkers/watched_rings.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::SignalReason;

class Signalling final : public RingProperty {
 public:
  Signalling()
      : RingProperty("RB-4", "the host signals exactly when a ring's rules ask for it",
                     {ev::RingProduced::kType, ev::RingConsumed::kType, ev::RingSignalCheck::kType,
                      ev::VmbusSignal::kType}) {}

 private:
  /// What a channel's next event must be.
  enum class Owes { Nothing, CheckOfWriter, CheckOfReader, PacketSignal, SpaceSignal };

  void closed(const traces::Event& event, const WatchedRing& ring) override {
    if (!ring.key.to_guest) owes_.erase(ring.key.channel);
  }

  void other(const traces::Event& event) override {
    if (const auto* produced = event.as<ev::RingProduced>()) {
      settle(event, channel_of(event, *produced), Owes::CheckOfWriter);
    } else if (const auto* consumed = event.as<ev::RingConsumed>()) {
      settle(event, channel_of(event, *consumed), Owes::CheckOfReader);
    } else if (const auto* check = event.as<ev::RingSignalCheck>()) {
      decided(event, *check);
    } else if (const auto* signal = event.as<ev::VmbusSignal>()) {
      signalled(event, *signal);
    }
  }

  /// The channel goes on: it must not owe anything from before.
  void settle(const traces::Event& event, const ChannelKey& channel, Owes next) {
    Owes& owes = owes_[channel];
    if (owes != Owes::Nothing) {
      const bool check = owes == Owes::CheckOfWriter || owes == Owes::CheckOfReader;
      violate(event, "channel " + std::to_string(channel.relid) + " goes on without the " +
                         (check ? "check for a signal" : "signal that was decided on"));
    }
    owes = next;
  }

  void decided(const traces::Event& event, const ev::RingSignalCheck& check) {
    const ChannelKey channel = channel_of(event, check);
    Owes& owes = owes_[channel];
    if (owes == (check.by_reader ? Owes::CheckOfReader : Owes::CheckOfWriter)) owes = Owes::Nothing;
    settle(event, channel,
           !check.signalled ? Owes::Nothing
                            : (check.by_reader ? Owes::SpaceSignal : Owes::PacketSignal));
    ++checks_;
    const WatchedRing* ring = this->ring({channel, check.to_guest});
    if (ring == nullptr || !ring->indices_valid()) return;
    if (check.by_reader) {
      reader(event, *ring, check);
    } else {
      writer(event, *ring, check);
    }
  }

  void writer(const traces::Event& event, const WatchedRing& ring,
              const ev::RingSignalCheck& check) {
    const RingHeader& header = ring.header;
    const bool was_empty = header.read == check.old_index;
    const bool must = header.mask == 0 && was_empty;
    if (must == check.signalled) return;
    const std::string state =
        "mask " + std::to_string(header.mask) + ", write index " + std::to_string(check.old_index) +
        " to " + std::to_string(header.write) + ", read index " + std::to_string(header.read);
    violate(event, std::string(must ? "no signal for" : "a needless signal for") + " the " +
                       name_of(ring.key) + " with " + state);
  }

  /// Linux compares raw free space, others usable space rounded down; for multiples of 8 both agree
  /// (spec C.5). Where they differ either answer is right.
  void reader(const traces::Event& event, const WatchedRing& ring,
              const ev::RingSignalCheck& check) {
    const RingHeader& header = ring.header;
    const bool supported = (header.features & 1) != 0;
    const bool asked = supported && header.pending != 0;
    RingHeader before = header;
    before.read = check.old_index;
    if (before.read >= ring.size) return;
    const std::uint32_t free_before = ring.size - before.used(ring.size);
    const std::uint32_t free_after = ring.size - header.used(ring.size);
    const std::uint32_t rounded = header.pending / 8 * 8;
    const bool raw = asked && free_before <= header.pending && free_after > header.pending;
    const bool usable = asked && free_before <= rounded && free_after > rounded;
    if (check.signalled == raw || check.signalled == usable) return;
    violate(event, std::string(raw ? "no signal for" : "a needless signal for") + " room in the " +
                       name_of(ring.key) + ": free " + std::to_string(free_before) + " to " +
                       std::to_string(free_after) + " bytes, waited for are " +
                       std::to_string(header.pending));
  }

  void signalled(const traces::Event& event, const ev::VmbusSignal& signal) {
    if (signal.reason == SignalReason::Restore)
      return;  // once after a move, whatever the rings say
    ++signals_;
    const Owes wanted =
        signal.reason == SignalReason::Packet ? Owes::PacketSignal : Owes::SpaceSignal;
    Owes& owes = owes_[channel_of(event, signal)];
    if (owes != wanted) {
      violate(event, "channel " + std::to_string(signal.relid) +
                         " signals the guest without having decided to");
    }
    owes = Owes::Nothing;
  }

  void at_end(traces::Time end) override {
    for (const auto& [channel, owes] : owes_) {
      if (owes == Owes::Nothing) continue;
      violate_at_end(end, "channel " + std::to_string(channel.relid) +
                              " never raised the signal that it owed");
    }
  }

  std::string measured() const override {
    return std::to_string(checks_) + " decisions, " + std::to_string(signals_) + " signals";
  }
  std::vector<Figure> figures() const override { return {counts("signals", signals_)}; }

  std::map<ChannelKey, Owes> owes_;
  std::uint64_t checks_ = 0;
  std::uint64_t signals_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_rb4() { return std::make_unique<Signalling>(); }

}  // namespace checkers
