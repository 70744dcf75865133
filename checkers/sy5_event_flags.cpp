// SY-5 (spec I.3, B.7): an event that is signalled with success has its flag set in the target's
// event page. It raises its interrupt when the flag was clear before and its source is not masked,
// and only then. It is refused only where no flag can be set.
#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "checkers/event_page.hpp"
#include "checkers/hypervisor_numbers.hpp"
#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"
#include "checkers/watch_filter.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

constexpr std::uint16_t kInvalidSynicState = 0x18;

struct FlagSources {
  bool enabled = false;
  std::array<std::uint64_t, kSintCount> sint;
  FlagSources() { sint.fill(sint_bit::kMasked); }
};

struct FlagPage {
  std::uint32_t vp = 0;
  EventPage page;
  std::vector<std::uint32_t> raised;  // by the host, since the last event was signalled
};

/// What the next event of a partition must be, or may be.
struct Due {
  std::uint32_t vp = 0;
  std::uint8_t sint = 0;
  bool must = false;
  std::uint64_t event = 0;
  traces::Time time{};
};

struct Flags {
  void take_over(const Flags&) {}  // a restored SynIC tells its registers and its page by itself
  std::map<std::uint32_t, FlagSources> vps;
  std::map<std::uint32_t, FlagPage> watches;
  std::optional<Due> due;

  FlagPage* page_of(std::uint32_t vp) {
    for (auto& [number, watched] : watches) {
      if (watched.vp == vp) return &watched;
    }
    return nullptr;
  }
};

class EventFlags final : public Property {
 public:
  EventFlags()
      : Property("SY-5", "an event sets its flag, and interrupts when the flag was clear",
                 {ev::EventFlag::kType, ev::InterruptRequested::kType, ev::MessageDelivered::kType,
                  ev::SynicControl::kType, ev::MemoryWatch::kType, ev::MemoryWatchedWrite::kType,
                  ev::MemoryUnwatch::kType, ev::PartitionState::kType, ev::PartitionCall::kType,
                  ev::VpState::kType, ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* write = event.as<ev::MemoryWatchedWrite>()) {
      if (pages_.wants(event, *write)) written(event, *write);
    } else if (const auto* flag = event.as<ev::EventFlag>()) {
      signalled(event, *flag);
    } else if (const auto* requested = event.as<ev::InterruptRequested>()) {
      interrupt(event, *requested);
    } else if (const auto* delivered = event.as<ev::MessageDelivered>()) {
      if (!delivered->to_guest) return;
      Flags& flags = settle(event, delivered->partition);
      flags.due = Due{delivered->vp, delivered->sint, false, event.index, event.time};
    } else if (const auto* control = event.as<ev::SynicControl>()) {
      FlagSources& sources = settle(event, control->partition).vps[control->vp];
      sources.enabled = control->enabled;
      if (control->sint < kSintCount) sources.sint[control->sint] = control->config;
    } else if (const auto* watch = event.as<ev::MemoryWatch>()) {
      if (!pages_.follow(event)) return;
      all_.at(event, watch->partition).watches[watch->watch] = FlagPage{watch->owner, {}, {}};
    } else if (const auto* ended = event.as<ev::MemoryUnwatch>()) {
      pages_.follow(event);
      if (Flags* flags = all_.find(event, ended->partition)) flags->watches.erase(ended->watch);
    } else {
      settle_all();
      pages_.follow(event);
      all_.follow(event);
    }
  }

 private:
  void written(const traces::Event& event, const ev::MemoryWatchedWrite& write) {
    Flags* flags = all_.find(event, write.partition);
    if (flags == nullptr) return;
    const auto found = flags->watches.find(write.watch);
    if (found == flags->watches.end() || !EventPage::fits(write.offset, write.data.size())) return;
    FlagPage& watched = found->second;
    watched.page.write(write.offset, write.data, [&](std::uint32_t number, bool set) {
      if (set && write.writer == traces::Writer::Host) watched.raised.push_back(number);
    });
  }

  static std::string flag_name(const ev::EventFlag& flag) {
    return "flag " + std::to_string(flag.flag) + " of SINT " + std::to_string(flag.sint) +
           " of VP " + std::to_string(flag.vp);
  }

  void signalled(const traces::Event& event, const ev::EventFlag& flag) {
    Flags& flags = settle(event, flag.partition);
    const FlagSources& sources = flags.vps[flag.vp];
    FlagPage* const page = flags.page_of(flag.vp);
    if (flag.sint >= kSintCount) return;
    const std::uint64_t config = sources.sint[flag.sint];
    const bool able = sources.enabled && page != nullptr && (config & sint_bit::kMasked) == 0;
    if (flag.status != 0) {
      ++refused_;
      if (flag.status == kInvalidSynicState && able) {
        violate(event, flag_name(flag) + " is refused though its SynIC, page and source are on");
      }
      return;
    }
    ++signalled_;
    if (!able) {
      violate(event, flag_name(flag) + " is accepted though it cannot be set");
      return;
    }
    const std::uint32_t number = EventPage::number_of(flag.sint, flag.flag);
    const bool raised =
        std::find(page->raised.begin(), page->raised.end(), number) != page->raised.end();
    page->raised.clear();
    if (!page->page.is_set(number)) {
      violate(event, flag_name(flag) + " is not set in its page");
    } else if (raised == flag.was_set) {
      violate(event, flag_name(flag) + (raised ? " was clear and is said to have been set"
                                               : " was set and is said to have been clear"));
    }
    if (raised && (config & sint_bit::kPolling) == 0) {
      flags.due = Due{flag.vp, flag.sint, true, event.index, event.time};
    }
  }

  void interrupt(const traces::Event& event, const ev::InterruptRequested& requested) {
    Flags& flags = all_.at(event, requested.partition);
    if (requested.sint >= kSintCount) {
      settle(event, requested.partition);
      return;
    }
    const std::string who =
        "SINT " + std::to_string(requested.sint) + " of VP " + std::to_string(requested.vp);
    const std::uint64_t config = flags.vps[requested.vp].sint[requested.sint];
    const bool fits =
        flags.due && flags.due->vp == requested.vp && flags.due->sint == requested.sint;
    if (!fits) {
      settle(event, requested.partition);
      violate(event, who + " interrupts without a message or a flag that was clear");
    } else if ((config & sint_bit::kMasked) != 0 || (config & 0xFF) != requested.vector) {
      violate(event, who + " interrupts with vector " + std::to_string(requested.vector) +
                         ", which it is not set to");
    }
    ++interrupts_;
    flags.due.reset();
  }

  /// An interrupt that is due comes before anything else of its partition.
  Flags& settle(const traces::Event& event, std::uint64_t partition) {
    Flags& flags = all_.at(event, partition);
    complain(flags);
    flags.due.reset();
    return flags;
  }

  void complain(const Flags& flags) {
    if (!flags.due || !flags.due->must) return;
    violate_at(flags.due->event, flags.due->time,
               "an event sets a flag of SINT " + std::to_string(flags.due->sint) + " of VP " +
                   std::to_string(flags.due->vp) + " that was clear, and no interrupt follows");
  }

  void settle_all() {
    all_.for_each([this](Flags& flags) {
      complain(flags);
      flags.due.reset();
    });
  }

  void at_end(traces::Time) override { settle_all(); }

  std::string measured() const override {
    return std::to_string(signalled_) + " events, " + std::to_string(interrupts_) +
           " interrupts, " + std::to_string(refused_) + " refused";
  }
  bool needs_detail() const override { return true; }

  WatchFilter pages_{traces::WatchPurpose::EventPage};
  PerPartition<Flags> all_;
  std::uint64_t signalled_ = 0;
  std::uint64_t interrupts_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_sy5() { return std::make_unique<EventFlags>(); }

}  // namespace checkers
