// SY-6 (spec I.3, B.7): a guest that has taken the interrupt of an event flag clears the flag
// within a time in which it runs without a break.
//
// What a guest's instructions did to the page is known when somebody looks at it: when the next
// event is signalled there, and when the VM has been suspended. Only then is a flag judged.
#include <array>
#include <map>
#include <string>
#include <utility>

#include "checkers/event_page.hpp"
#include "checkers/hypervisor_numbers.hpp"
#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"
#include "checkers/watch_filter.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::Time;

/// A guest may compute for a while before it looks.
constexpr traces::Duration kSeenWithin{250'000'000};

struct OpenFlag {
  bool taken = false;  // its interrupt, since the flag was set
  Time since{};        // when it was
};

struct FlagReader {
  std::array<std::uint64_t, kSintCount> sint{};
  std::map<std::uint32_t, OpenFlag> open;  // by the flag's number in the page
};

struct ReadPage {
  std::uint32_t vp = 0;
  EventPage page;
};

struct FlagReaders {
  /// The flags lie in memory and moved with it; their clocks begin again.
  void take_over(const FlagReaders& source) {
    for (const auto& [vp, reader] : source.vps) {
      for (const auto& [number, flag] : reader.open) vps[vp].open[number] = OpenFlag{};
    }
  }
  std::map<std::uint32_t, FlagReader> vps;
  std::map<std::uint32_t, ReadPage> watches;
};

class SeenFlags final : public Property {
 public:
  SeenFlags()
      : Property("SY-6", "a guest that takes an event's interrupt clears the event's flag",
                 {ev::EventFlag::kType, ev::InterruptDelivered::kType, ev::SynicControl::kType,
                  ev::MemoryWatch::kType, ev::MemoryWatchedWrite::kType, ev::MemoryUnwatch::kType,
                  ev::VpDigest::kType, ev::FaultFired::kType, ev::PartitionState::kType,
                  ev::PartitionCall::kType, ev::VpState::kType, ev::NodeKilled::kType,
                  ev::NodePaused::kType, ev::NodeResumed::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* flag = event.as<ev::EventFlag>()) {
      signalled(event, *flag);
    } else if (const auto* write = event.as<ev::MemoryWatchedWrite>()) {
      if (pages_.wants(event, *write)) written(event, *write);
    } else if (const auto* taken = event.as<ev::InterruptDelivered>()) {
      take(event, *taken);
    } else if (const auto* control = event.as<ev::SynicControl>()) {
      FlagReader& reader = all_.at(event, control->partition).vps[control->vp];
      if (control->sint < kSintCount) reader.sint[control->sint] = control->config;
    } else if (const auto* watch = event.as<ev::MemoryWatch>()) {
      if (!pages_.follow(event)) return;
      all_.at(event, watch->partition).watches[watch->watch] = ReadPage{watch->owner, {}};
    } else if (const auto* ended = event.as<ev::MemoryUnwatch>()) {
      pages_.follow(event);
      unwatch(event, *ended);
    } else if (const auto* digest = event.as<ev::VpDigest>()) {
      if (digest->point == traces::DigestPoint::Suspended) judge(event, digest->partition);
    } else {
      const auto* vp = event.as<ev::VpState>();
      if (vp != nullptr && vp->state == traces::VpState::Running) {
        forget_times(all_.at(event, vp->partition));
      } else if (event.as<ev::FaultFired>() != nullptr || event.as<ev::NodeResumed>() != nullptr) {
        // Some faults keep a guest from executing anything; all clocks begin again.
        all_.for_each(forget_times);
      }
      pages_.follow(event);
      all_.follow(event);
    }
  }

 private:
  static void forget_times(FlagReaders& readers) {
    for (auto& [vp, reader] : readers.vps) {
      for (auto& [number, flag] : reader.open) flag = OpenFlag{};
    }
  }

  void written(const traces::Event& event, const ev::MemoryWatchedWrite& write) {
    FlagReaders* readers = all_.find(event, write.partition);
    if (readers == nullptr) return;
    const auto found = readers->watches.find(write.watch);
    if (found == readers->watches.end() || !EventPage::fits(write.offset, write.data.size())) {
      return;
    }
    FlagReader& reader = readers->vps[found->second.vp];
    found->second.page.write(write.offset, write.data, [&](std::uint32_t number, bool set) {
      if (!set && reader.open.erase(number) != 0) ++seen_;
    });
  }

  void unwatch(const traces::Event& event, const ev::MemoryUnwatch& ended) {
    FlagReaders* readers = all_.find(event, ended.partition);
    if (readers == nullptr) return;
    const auto found = readers->watches.find(ended.watch);
    if (found == readers->watches.end()) return;
    readers->vps[found->second.vp].open.clear();
    readers->watches.erase(found);
  }

  void signalled(const traces::Event& event, const ev::EventFlag& flag) {
    if (flag.status != 0 || flag.sint >= kSintCount) return;
    judge(event, flag.partition);
    FlagReader& reader = all_.at(event, flag.partition).vps[flag.vp];
    reader.open.try_emplace(EventPage::number_of(flag.sint, flag.flag));
  }

  void take(const traces::Event& event, const ev::InterruptDelivered& taken) {
    FlagReaders* readers = all_.find(event, taken.partition);
    if (readers == nullptr) return;
    const auto found = readers->vps.find(taken.vp);
    if (found == readers->vps.end()) return;
    for (auto& [number, flag] : found->second.open) {
      const std::uint64_t config = found->second.sint[number / EventPage::kFlagsPerSint];
      if (flag.taken || (config & 0xFF) != taken.vector) continue;
      flag = OpenFlag{true, event.time};
    }
  }

  void judge(const traces::Event& event, std::uint64_t partition) {
    FlagReaders* readers = all_.find(event, partition);
    if (readers == nullptr) return;
    for (const auto& [vp, reader] : readers->vps) {
      for (const auto& [number, flag] : reader.open) {
        if (!flag.taken || event.time - flag.since <= kSeenWithin) continue;
        violate(event, "flag " + std::to_string(number % EventPage::kFlagsPerSint) + " of SINT " +
                           std::to_string(number / EventPage::kFlagsPerSint) + " of VP " +
                           std::to_string(vp) + " is still set; the guest took its interrupt at " +
                           milliseconds({flag.since.ns}));
      }
    }
  }

  std::string measured() const override { return std::to_string(seen_) + " flags seen"; }
  std::string bound() const override { return "within " + milliseconds(kSeenWithin); }
  bool needs_detail() const override { return true; }

  WatchFilter pages_{traces::WatchPurpose::EventPage};
  PerPartition<FlagReaders> all_;
  std::uint64_t seen_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_sy6() { return std::make_unique<SeenFlags>(); }

}  // namespace checkers
