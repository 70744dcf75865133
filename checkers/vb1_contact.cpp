// VB-1 (spec I.4, C.4): every contact is answered once, by a positive answer with the version that
// was asked for; before that nothing else is said.
#include <optional>
#include <string>

#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"
#include "checkers/vmbus_answers.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::Time;
using traces::VmbusMessage;

struct Contact {
  void take_over(const Contact& source) { *this = source; }
  /// Whether it was connected, and whether it had asked, was not seen.
  void begin_amid() { unseen = connected = true; }

  struct Asked {
    std::uint32_t version = 0;
    Time at{};
  };
  std::optional<Asked> asked;
  bool connected = false;
  bool leaving = false;  // UNLOAD was heard, its answer is to come
  bool deaf = false;     // the guest's SynIC took no message
  bool unseen = false;   // a question may have been asked before the trace
};

class Contacts final : public Property {
 public:
  Contacts()
      : Property("VB-1", "a contact is answered once, and nothing is said before it",
                 {ev::VmbusMessage::kType, ev::MessagePosted::kType, ev::PartitionState::kType,
                  ev::PartitionCall::kType, ev::VpState::kType, ev::NodeKilled::kType,
                  ev::NodePaused::kType, ev::NodeResumed::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* message = event.as<ev::VmbusMessage>()) {
      take(event, *message, buses_.at(event, message->partition));
    } else if (const auto* posted = event.as<ev::MessagePosted>()) {
      if (refused_for_good(*posted)) buses_.at(event, posted->partition).deaf = true;
    } else {
      buses_.follow(event);
    }
  }

 private:
  void take(const traces::Event& event, const ev::VmbusMessage& message, Contact& bus) {
    switch (message.type) {
      case VmbusMessage::InitiateContact:
        // A contact that was not answered yet is void: the guest has begun anew.
        bus = {};
        bus.asked = Contact::Asked{message.id, event.time};
        ++contacts_;
        break;
      case VmbusMessage::VersionResponse:
        answer(event, message, bus);
        break;
      case VmbusMessage::Unload:
        if (!bus.connected) violate(event, "UNLOAD is heard from a guest that is not connected");
        bus.connected = false;
        bus.leaving = true;
        break;
      case VmbusMessage::UnloadResponse:
        if (!bus.leaving) violate(event, "UNLOAD_RESPONSE is sent to a guest that did not ask");
        bus.leaving = false;
        break;
      case VmbusMessage::GpadlTorndown:
        break;  // what a connection that ends still owed: VB-4 counts it
      default:
        if (bus.connected) break;
        violate(event, std::string(message.to_guest ? "something is said to"
                                                    : "something is heard "
                                                      "from") +
                           " a guest that is not connected");
    }
  }

  void answer(const traces::Event& event, const ev::VmbusMessage& message, Contact& bus) {
    if (!bus.asked && bus.unseen) {
      bus.unseen = false;
      bus.connected = message.value == 1;
      return;
    }
    if (!bus.asked) {
      violate(event, "a contact is answered once more than it was made");
      return;
    }
    if (message.id != bus.asked->version) {
      violate(event, "the answer to a contact names another version than was asked for");
    }
    bus.asked.reset();
    bus.connected = message.value == 1;
    if (bus.connected) ++connected_;
  }

  void at_end(Time end) override {
    buses_.for_each_running([&](const Contact& bus, Time since) {
      if (bus.deaf || !bus.asked) return;
      if (const auto waited = overdue(bus.asked->at, since, end)) {
        violate_at_end(end, "a contact has no answer after " + milliseconds(*waited));
      }
    });
  }

  std::string measured() const override {
    return std::to_string(contacts_) + " contacts, " + std::to_string(connected_) + " agreed";
  }

  PerPartition<Contact> buses_;
  std::uint64_t contacts_ = 0;
  std::uint64_t connected_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_vb1() { return std::make_unique<Contacts>(); }

}  // namespace checkers
