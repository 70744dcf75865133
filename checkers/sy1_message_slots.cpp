// SY-1 (spec I.3, B.7): the hypervisor writes a message only into a slot whose type was 0, and what
// then stands in the slot is what was posted. While a slot is occupied it may set nothing but
// MessagePending.
#include <array>
#include <map>
#include <string>
#include <tuple>

#include "checkers/makers.hpp"
#include "checkers/message_page.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"
#include "checkers/watch_filter.hpp"
#include "traces/digest.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

constexpr std::uint32_t kTimerExpired = 0x8000'0010;
constexpr std::uint32_t kTimerPayload = 24;

struct Content {
  std::uint32_t type = 0;
  std::uint32_t size = 0;
  std::uint64_t hash = 0;
};

struct WatchedPage {
  std::uint32_t vp = 0;
  MessagePage page;
  std::array<bool, MessagePage::kSlots> filled{};  // by the host, out of a free slot
};

class Slots {
 public:
  /// Messages that waited at the source are delivered at the target.
  void take_over(const Slots& source) { waiting = source.waiting; }

  using Number = std::tuple<std::uint32_t, std::uint32_t, std::uint8_t, std::uint64_t>;
  std::map<Number, Content> waiting;  // port, VP, SINT, sequence
  std::map<std::uint32_t, WatchedPage> watches;
};

class MessageSlots final : public Property {
 public:
  MessageSlots()
      : Property(
            "SY-1", "messages go into free slots only and arrive as they were posted",
            {ev::MessagePosted::kType, ev::MessageDelivered::kType, ev::MemoryWatch::kType,
             ev::MemoryWatchedWrite::kType, ev::MemoryUnwatch::kType, ev::PartitionState::kType,
             ev::PartitionCall::kType, ev::VpState::kType, ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* write = event.as<ev::MemoryWatchedWrite>()) {
      if (pages_.wants(event, *write)) written(event, *write);
      return;
    }
    const bool of_messages = pages_.follow(event);
    if (const auto* posted = event.as<ev::MessagePosted>()) {
      if (!posted->to_guest || posted->status != 0) return;
      slots_.at(event, posted->partition)
          .waiting[{posted->port, posted->vp, posted->sint, posted->sequence}] = {
          posted->type, posted->size, posted->hash};
    } else if (const auto* delivered = event.as<ev::MessageDelivered>()) {
      if (delivered->to_guest) deliver(event, *delivered);
    } else if (const auto* watch = event.as<ev::MemoryWatch>()) {
      if (!of_messages) return;
      slots_.at(event, watch->partition).watches[watch->watch] = WatchedPage{watch->owner, {}, {}};
    } else if (const auto* ended = event.as<ev::MemoryUnwatch>()) {
      if (Slots* slots = slots_.find(event, ended->partition)) slots->watches.erase(ended->watch);
    } else {
      slots_.follow(event);
    }
  }

 private:
  void written(const traces::Event& event, const ev::MemoryWatchedWrite& write) {
    Slots* slots = slots_.find(event, write.partition);
    if (slots == nullptr) return;
    const auto found = slots->watches.find(write.watch);
    if (found == slots->watches.end() || !MessagePage::fits(write.offset, write.data.size())) {
      return;
    }
    WatchedPage& watched = found->second;
    if (write.writer != traces::Writer::Host || write.data.empty()) {
      watched.page.write(write.offset, write.data);
      return;
    }
    const MessagePage before = watched.page;
    watched.page.write(write.offset, write.data);
    const auto last = static_cast<std::uint32_t>(write.offset + write.data.size() - 1);
    for (std::uint32_t slot = write.offset / MessagePage::kSlotBytes;
         slot <= last / MessagePage::kSlotBytes; ++slot) {
      look_at(event, watched, before, slot);
    }
  }

  /// After a write of the host's. The type is written last, so until then the slot is free.
  void look_at(const traces::Event& event, WatchedPage& watched, const MessagePage& before,
               std::uint32_t slot) {
    if (before.type(slot) == 0) {
      if (watched.page.type(slot) != 0) watched.filled[slot] = true;
      return;
    }
    MessagePage allowed = before;
    const std::uint32_t at = slot * MessagePage::kSlotBytes;
    const std::byte pending{1};
    const std::uint32_t flags = at + 5;
    const std::byte with = allowed.bytes(flags, 1)[0] | pending;
    allowed.write(flags, std::span(&with, 1));
    const auto same = [&](const MessagePage& other) {
      return std::memcmp(other.bytes(at, MessagePage::kSlotBytes).data(),
                         watched.page.bytes(at, MessagePage::kSlotBytes).data(),
                         MessagePage::kSlotBytes) == 0;
    };
    if (same(allowed) || same(before)) return;
    violate(event, "slot " + std::to_string(slot) + " of VP " + std::to_string(watched.vp) +
                       " is written while it holds a message of type " +
                       std::to_string(before.type(slot)));
  }

  void deliver(const traces::Event& event, const ev::MessageDelivered& delivered) {
    Slots& slots = slots_.at(event, delivered.partition);
    ++messages_;
    Content posted{kTimerExpired, kTimerPayload, delivered.hash};
    if (delivered.type != kTimerExpired) {
      const auto found =
          slots.waiting.find({delivered.port, delivered.vp, delivered.sint, delivered.sequence});
      if (found == slots.waiting.end()) return;  // SY-2's matter
      posted = found->second;
      slots.waiting.erase(found);
    }
    for (auto& [number, watched] : slots.watches) {
      if (watched.vp != delivered.vp || delivered.sint >= MessagePage::kSlots) continue;
      if (!watched.filled[delivered.sint]) {
        violate(event, name_of(delivered) + " went into a slot that was not free");
      }
      watched.filled[delivered.sint] = false;
      compare(event, delivered, watched.page, posted);
    }
  }

  static std::string name_of(const ev::MessageDelivered& delivered) {
    return "message " + std::to_string(delivered.sequence) + " of port " +
           std::to_string(delivered.port) + " for SINT " + std::to_string(delivered.sint) +
           " of VP " + std::to_string(delivered.vp);
  }

  void compare(const traces::Event& event, const ev::MessageDelivered& delivered,
               const MessagePage& page, const Content& posted) {
    const std::uint32_t slot = delivered.sint;
    const std::uint64_t hash = traces::hash64_of(page.payload(slot));
    if (page.type(slot) != posted.type) {
      violate(event, name_of(delivered) + " was posted with type " + std::to_string(posted.type) +
                         ", its slot says " + std::to_string(page.type(slot)));
    } else if (page.size(slot) != posted.size) {
      violate(event, name_of(delivered) + " was posted with " + std::to_string(posted.size) +
                         " bytes, its slot says " + std::to_string(page.size(slot)));
    } else if (hash != posted.hash) {
      violate(event, name_of(delivered) + " has another payload in its slot than was posted");
    }
  }

  std::string measured() const override { return std::to_string(messages_) + " messages in slots"; }
  bool needs_detail() const override { return true; }

  WatchFilter pages_{traces::WatchPurpose::MessagePage};
  PerPartition<Slots> slots_;
  std::uint64_t messages_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_sy1() { return std::make_unique<MessageSlots>(); }

}  // namespace checkers
