// RB-5 (spec I.5): nobody sleeps over work. A ring that holds packets, whose consumer is idle and
// has not been woken for them, is stuck; so is a writer that waits for room which is there.
//
// Time counts only while the VM's processors run and its host is not paused. The host is idle when
// it has answered everything that it took; the guest is, when it has been told and is not behind.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "checkers/makers.hpp"
#include "checkers/watched_rings.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::Duration;
using traces::Time;

constexpr Duration kHostPatience{100'000'000};     // a host reacts within microseconds
constexpr Duration kGuestPatience{1'000'000'000};  // a guest may compute with its signals masked

class NoDeadlock final : public RingProperty {
 public:
  NoDeadlock()
      : RingProperty("RB-5", "no packet and no writer waits for somebody who was not woken",
                     {ev::RingProduced::kType, ev::RingConsumed::kType, ev::VmbusSignal::kType,
                      ev::VmbusDoorbell::kType, ev::VpState::kType, ev::NodePaused::kType,
                      ev::NodeResumed::kType}) {}
  bool judges_writes() const override { return true; }

 private:
  struct Wait {
    std::optional<Time> packet;  ///< since when packets lie there and nobody was told
    std::optional<Time> room;    ///< since when the writer could go on and was not told
    bool told_of_packet = false;
    bool told_of_room = false;
  };
  using Place = std::pair<std::uint32_t, std::uint64_t>;  // node, partition

  void opened(const traces::Event& event, const WatchedRing& ring) override {
    waits_[ring.key] = Wait{};
    ++rings_seen_;
    update(event.time, ring);
  }
  void closed(const traces::Event& event, const WatchedRing& ring) override {
    waits_.erase(ring.key);
    owed_.erase(ring.key.channel);
  }

  void written(const traces::Event& event, const WatchedRing& ring,
               const RingWrite& write) override {
    if (write.offset >= ring_word::kData) return;
    Wait& wait = waits_[ring.key];
    settle(event, ring.key, wait);
    const RingHeader& before = write.before;
    if (before.read != ring.header.read) {
      wait.packet.reset();
      wait.told_of_packet = false;
    }
    if (before.write != ring.header.write || before.pending != ring.header.pending) {
      wait.room.reset();
      wait.told_of_room = false;
    }
    update(event.time, ring);
  }

  void other(const traces::Event& event) override {
    if (const auto* consumed = event.as<ev::RingConsumed>()) {
      count(event, channel_of(event, *consumed), *consumed, +1);
    } else if (const auto* produced = event.as<ev::RingProduced>()) {
      count(event, channel_of(event, *produced), *produced, -1);
    } else if (const auto* signal = event.as<ev::VmbusSignal>()) {
      told(event, channel_of(event, *signal), true);
    } else if (const auto* doorbell = event.as<ev::VmbusDoorbell>()) {
      if (doorbell->accepted) told(event, channel_of(event, *doorbell), false);
    } else if (const auto* vp = event.as<ev::VpState>()) {
      processor(event, *vp);
    } else if (event.as<ev::NodePaused>() != nullptr) {
      restart(
          event, [&](const ChannelKey& key) { return key.node == event.node.value; },
          [&] { paused_.insert(event.node.value); });
    } else if (event.as<ev::NodeResumed>() != nullptr) {
      restart(
          event, [&](const ChannelKey& key) { return key.node == event.node.value; },
          [&] { paused_.erase(event.node.value); });
    } else if (event.as<ev::NodeKilled>() != nullptr) {
      paused_.erase(event.node.value);
      std::erase_if(running_,
                    [&](const auto& entry) { return entry.first.first == event.node.value; });
    }
  }

  /// Requests that the host took and has not answered: while there are any, it is not idle.
  template <class E>
  void count(const traces::Event& event, const ChannelKey& channel, const E& packet, int step) {
    constexpr std::uint16_t kCompletion = 0xB;
    const bool counts = step > 0 ? packet.completion_requested : packet.type == kCompletion;
    if (!counts) return;
    const RingKey key{channel, false};
    const auto wait = waits_.find(key);
    if (wait != waits_.end()) settle(event, key, wait->second);
    std::int64_t& owed = owed_[channel];
    owed = std::max<std::int64_t>(owed + step, 0);
    if (wait == waits_.end()) return;
    wait->second.packet.reset();
    if (const WatchedRing* ring = this->ring(key)) update(event.time, *ring);
  }

  /// A doorbell concerns both rings: packets in the one, room in the other.
  void told(const traces::Event& event, const ChannelKey& channel, bool guest) {
    for (const bool to_guest : {false, true}) {
      const RingKey key{channel, to_guest};
      const auto wait = waits_.find(key);
      const WatchedRing* ring = this->ring(key);
      if (wait == waits_.end() || ring == nullptr) continue;
      settle(event, key, wait->second);
      const bool of_packets = to_guest == guest;
      if (of_packets) {
        // The host looks at once, so for it a doorbell only starts the clock again.
        wait->second.told_of_packet = guest;
        wait->second.packet.reset();
      } else {
        wait->second.told_of_room = true;
        wait->second.room.reset();
      }
      update(event.time, *ring);
    }
  }

  void processor(const traces::Event& event, const ev::VpState& vp) {
    const Place place{event.node.value, vp.partition};
    restart(
        event,
        [&](const ChannelKey& key) {
          return key.node == place.first && key.partition == place.second;
        },
        [&] {
          if (vp.state == traces::VpState::Running) {
            running_[place].insert(vp.vp);
          } else {
            running_[place].erase(vp.vp);
          }
        });
  }

  /// Judges what concerns these channels, changes the circumstances and starts their clocks again.
  template <class Which, class Change>
  void restart(const traces::Event& event, Which which, Change change) {
    for (auto& [key, wait] : waits_) {
      if (which(key.channel)) settle(event, key, wait);
    }
    change();
    for (auto& [key, wait] : waits_) {
      if (!which(key.channel)) continue;
      wait.packet.reset();
      wait.room.reset();
      if (const WatchedRing* ring = this->ring(key)) update(event.time, *ring);
    }
  }

  bool counts(const ChannelKey& channel) const {
    const auto running = running_.find({channel.node, channel.partition});
    return running != running_.end() && !running->second.empty() &&
           paused_.count(channel.node) == 0;
  }

  /// Starts or stops the clocks by what the ring holds now.
  void update(Time now, const WatchedRing& ring) {
    Wait& wait = waits_[ring.key];
    if (!ring.indices_valid() || !counts(ring.key.channel)) {
      wait.packet.reset();
      wait.room.reset();
      return;
    }
    const auto owed = owed_.find(ring.key.channel);
    const bool busy = !ring.key.to_guest && owed != owed_.end() && owed->second != 0;
    const bool told = wait.told_of_packet && ring.header.mask == 0;
    set(wait.packet, now, ring.used() != 0 && !busy && !told);
    const bool asked = (ring.header.features & 1) != 0 && ring.header.pending != 0;
    const bool room = ring.size - ring.used() > ring.header.pending;
    set(wait.room, now, asked && room && !wait.told_of_room);
  }

  static void set(std::optional<Time>& since, Time now, bool waits) {
    if (!waits) {
      since.reset();
    } else if (!since) {
      since = now;
    }
  }

  std::optional<std::string> verdict(Time now, const RingKey& key, const Wait& wait) const {
    const Duration consumer = key.to_guest ? kGuestPatience : kHostPatience;
    const Duration producer = key.to_guest ? kHostPatience : kGuestPatience;
    if (wait.packet && now - *wait.packet > consumer) {
      return "packets lie in the " + name_of(key) + " for " + milliseconds(now - *wait.packet) +
             " and nobody wakes the idle reader";
    }
    // Room for the host's packets is made and told by the guest, and the other way round.
    if (wait.room && now - *wait.room > std::max(consumer, producer)) {
      return "the writer of the " + name_of(key) + " waits for room that has been there for " +
             milliseconds(now - *wait.room);
    }
    return std::nullopt;
  }

  void settle(const traces::Event& event, const RingKey& key, const Wait& wait) {
    if (auto text = verdict(event.time, key, wait)) violate(event, std::move(*text));
  }

  void at_end(Time end) override {
    for (const auto& [key, wait] : waits_) {
      if (auto text = verdict(end, key, wait)) violate_at_end(end, std::move(*text));
    }
  }

  std::string measured() const override { return std::to_string(rings_seen_) + " rings"; }
  std::string bound() const override {
    return "host " + milliseconds(kHostPatience) + ", guest " + milliseconds(kGuestPatience);
  }

  std::map<RingKey, Wait> waits_;
  std::map<ChannelKey, std::int64_t> owed_;
  std::map<Place, std::set<std::uint32_t>> running_;
  std::set<std::uint32_t> paused_;
  std::uint64_t rings_seen_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_rb5() { return std::make_unique<NoDeadlock>(); }

}  // namespace checkers
