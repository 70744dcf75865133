// SY-3 (spec I.3, B.7): a message that was posted with success is delivered once its slot is free
// and the receiver's SynIC is on; and a receiver that frees a slot in which MessagePending is set
// says so by EOM or EOI. Both within a time in which the VM runs without a break.
#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "checkers/makers.hpp"
#include "checkers/message_page.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"
#include "checkers/watch_filter.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::Time;

/// Delivery is retried every millisecond (spec B.7); the rest is for receivers that are slow.
constexpr traces::Duration kLateAfter{10'000'000};

struct Slot {
  std::set<std::pair<std::uint32_t, std::uint64_t>> waiting;  // port, sequence
  std::optional<Time> owed;      // since when nothing hinders the delivery
  std::optional<Time> unspoken;  // freed with MessagePending, and no EOM or EOI since
};

struct Receiver {
  bool enabled = false;
  std::array<Slot, MessagePage::kSlots> slots;
};

struct WatchedSlots {
  std::uint32_t vp = 0;
  MessagePage page;
};

struct Receivers {
  void take_over(const Receivers& source) {
    for (const auto& [vp, from] : source.vps) {
      for (std::size_t slot = 0; slot < MessagePage::kSlots; ++slot) {
        vps[vp].slots[slot].waiting = from.slots[slot].waiting;
      }
    }
  }
  std::map<std::uint32_t, Receiver> vps;
  std::map<std::uint32_t, WatchedSlots> watches;
};

class LostMessages final : public Property {
 public:
  LostMessages()
      : Property("SY-3", "no posted message is lost, no receiver forgets a pending one",
                 {ev::MessagePosted::kType, ev::MessageDelivered::kType, ev::MessageEnd::kType,
                  ev::SynicControl::kType, ev::MemoryWatch::kType, ev::MemoryWatchedWrite::kType,
                  ev::MemoryUnwatch::kType, ev::PartitionState::kType, ev::PartitionCall::kType,
                  ev::VpState::kType, ev::NodeKilled::kType, ev::NodePaused::kType,
                  ev::NodeResumed::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* write = event.as<ev::MemoryWatchedWrite>()) {
      if (!pages_.wants(event, *write)) return;
      judge(event.time, &event);
      written(event, *write);
      return;
    }
    judge(event.time, &event);
    const bool of_messages = pages_.follow(event);
    if (const auto* watch = event.as<ev::MemoryWatch>()) {
      if (!of_messages) return;
      all_.at(event, watch->partition).watches[watch->watch] = WatchedSlots{watch->owner, {}};
    } else if (const auto* posted = event.as<ev::MessagePosted>()) {
      if (posted->to_guest && posted->status == 0 && posted->sint < MessagePage::kSlots) {
        slot_of(event, *posted).waiting.insert({posted->port, posted->sequence});
        settle(event, posted->partition);
      }
    } else if (const auto* delivered = event.as<ev::MessageDelivered>()) {
      if (delivered->to_guest && delivered->sint < MessagePage::kSlots) deliver(event, *delivered);
    } else if (const auto* end = event.as<ev::MessageEnd>()) {
      for (Slot& slot : all_.at(event, end->partition).vps[end->vp].slots) slot.unspoken.reset();
    } else if (const auto* control = event.as<ev::SynicControl>()) {
      all_.at(event, control->partition).vps[control->vp].enabled = control->enabled;
      settle(event, control->partition);
    } else if (const auto* ended = event.as<ev::MemoryUnwatch>()) {
      if (Receivers* receivers = all_.find(event, ended->partition)) {
        receivers->watches.erase(ended->watch);
        settle(event, ended->partition);
      }
    } else {
      all_.follow(event);
    }
  }

 private:
  template <class Message>
  Slot& slot_of(const traces::Event& event, const Message& message) {
    return all_.at(event, message.partition).vps[message.vp].slots[message.sint];
  }

  void deliver(const traces::Event& event, const ev::MessageDelivered& delivered) {
    Slot& slot = slot_of(event, delivered);
    if (slot.waiting.erase({delivered.port, delivered.sequence}) != 0) ++delivered_;
    slot.owed.reset();
    settle(event, delivered.partition);
  }

  void written(const traces::Event& event, const ev::MemoryWatchedWrite& write) {
    Receivers* receivers = all_.find(event, write.partition);
    if (receivers == nullptr) return;
    const auto found = receivers->watches.find(write.watch);
    if (found == receivers->watches.end() || !MessagePage::fits(write.offset, write.data.size())) {
      return;
    }
    WatchedSlots& watched = found->second;
    std::array<bool, MessagePage::kSlots> held;
    for (std::uint32_t at = 0; at < held.size(); ++at) held[at] = watched.page.type(at) != 0;
    watched.page.write(write.offset, write.data);
    for (std::uint32_t at = 0; at < MessagePage::kSlots; ++at) {
      const bool freed = held[at] && watched.page.type(at) == 0;
      if (!freed || write.writer != traces::Writer::Guest) continue;
      Slot& slot = receivers->vps[watched.vp].slots[at];
      if (watched.page.pending(at) && !slot.unspoken) slot.unspoken = event.time;
    }
    settle(event, write.partition);
  }

  /// A delivery is owed as long as a message waits and nothing hinders it.
  void settle(const traces::Event& event, std::uint64_t partition) {
    Receivers& receivers = all_.at(event, partition);
    for (auto& [vp, receiver] : receivers.vps) {
      for (std::uint32_t at = 0; at < MessagePage::kSlots; ++at) {
        Slot& slot = receiver.slots[at];
        const bool owed = receiver.enabled && !slot.waiting.empty() && is_free(receivers, vp, at);
        if (!owed) {
          slot.owed.reset();
        } else if (!slot.owed) {
          slot.owed = event.time;
        }
      }
    }
  }

  static bool is_free(const Receivers& receivers, std::uint32_t vp, std::uint32_t slot) {
    for (const auto& [number, watched] : receivers.watches) {
      if (watched.vp == vp) return watched.page.type(slot) == 0;
    }
    return false;  // the message page is off
  }

  static bool late(const std::optional<Time>& from, Time since, Time now) {
    return from && now - std::max(*from, since) > kLateAfter;
  }

  void judge(Time now, const traces::Event* event) {
    all_.for_each_running([&](Receivers& receivers, Time since) {
      for (const auto& [vp, receiver] : receivers.vps) {
        for (std::uint32_t at = 0; at < MessagePage::kSlots; ++at) {
          const Slot& slot = receiver.slots[at];
          if (!slot.owed && !slot.unspoken) continue;
          if (late(slot.owed, since, now)) {
            complain(now, event,
                     std::to_string(slot.waiting.size()) + " messages for " + name_of(at, vp) +
                         " wait since " + milliseconds({slot.owed->ns}) +
                         " though the slot is free");
          } else if (late(slot.unspoken, since, now)) {
            complain(now, event,
                     "the guest freed the slot of " + name_of(at, vp) + " at " +
                         milliseconds({slot.unspoken->ns}) +
                         " with MessagePending set and sent neither EOM nor EOI");
          }
        }
      }
    });
  }

  static std::string name_of(std::uint32_t slot, std::uint32_t vp) {
    return "SINT " + std::to_string(slot) + " of VP " + std::to_string(vp);
  }

  void complain(Time now, const traces::Event* event, std::string what) {
    if (event != nullptr) {
      violate(*event, std::move(what));
    } else {
      violate_at_end(now, std::move(what));
    }
  }

  void at_end(Time end) override { judge(end, nullptr); }

  std::string measured() const override {
    return std::to_string(delivered_) + " messages delivered";
  }
  std::string bound() const override { return "within " + milliseconds(kLateAfter); }
  bool needs_detail() const override { return true; }

  WatchFilter pages_{traces::WatchPurpose::MessagePage};
  PerPartition<Receivers> all_;
  std::uint64_t delivered_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_sy3() { return std::make_unique<LostMessages>(); }

}  // namespace checkers
