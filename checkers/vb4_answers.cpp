// VB-4 (spec I.4, C.4): every OPENCHANNEL, GPADL_HEADER and GPADL_TEARDOWN that the server took has
// exactly one answer, from version 5.3 on every MODIFYCHANNEL too, and there is no answer without
// its request.
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"
#include "checkers/vmbus_answers.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::ChannelState;
using traces::GpadlState;
using traces::Time;
using traces::VmbusMessage;

/// From this version on a guest waits for the answer to MODIFYCHANNEL.
constexpr std::uint32_t kAnsweredModify = 0x50003;

struct Conversation {
  /// Channels and GPADLs are told anew by the server that restores them.
  void take_over(const Conversation& source) {
    open = source.open;
    old = source.old;
    deaf = source.deaf;
    version = source.version;
    unseen = source.unseen;
  }
  void begin_amid() { unseen = true; }

  struct Request {
    Time asked{};
    unsigned count = 0;
  };
  using Name = std::tuple<VmbusMessage, std::uint32_t, std::uint32_t>;  // request, relid, id
  std::map<Name, Request> open;
  std::map<Name, Request> old;  // of a connection that ends: at most one answer each
  std::map<std::uint32_t, ChannelState> channels;
  std::map<std::uint32_t, GpadlState> gpadls;
  bool deaf = false;  // the guest's SynIC took no message
  std::uint32_t version = 0;
  bool unseen = false;  // requests may have been made before the trace
};

const char* request_name(VmbusMessage request) {
  switch (request) {
    case VmbusMessage::Open:
      return "OPENCHANNEL";
    case VmbusMessage::GpadlHeader:
      return "GPADL_HEADER";
    case VmbusMessage::Modify:
      return "MODIFYCHANNEL";
    default:
      return "GPADL_TEARDOWN";
  }
}

class Answers final : public Property {
 public:
  Answers()
      : Property("VB-4", "opens, GPADLs and teardowns are answered exactly once",
                 {ev::VmbusMessage::kType, ev::VmbusChannel::kType, ev::VmbusGpadl::kType,
                  ev::MessagePosted::kType, ev::PartitionState::kType, ev::PartitionCall::kType,
                  ev::VpState::kType, ev::NodeKilled::kType, ev::NodePaused::kType,
                  ev::NodeResumed::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* message = event.as<ev::VmbusMessage>()) {
      take(event, *message, buses_.at(event, message->partition));
    } else if (const auto* channel = event.as<ev::VmbusChannel>()) {
      buses_.at(event, channel->partition).channels[channel->relid] = channel->to;
    } else if (const auto* gpadl = event.as<ev::VmbusGpadl>()) {
      Conversation& bus = buses_.at(event, gpadl->partition);
      bus.gpadls[gpadl->gpadl] = gpadl->to;
    } else if (const auto* posted = event.as<ev::MessagePosted>()) {
      if (refused_for_good(*posted)) buses_.at(event, posted->partition).deaf = true;
    } else {
      buses_.follow(event);
    }
  }

 private:
  void take(const traces::Event& event, const ev::VmbusMessage& message, Conversation& bus) {
    switch (message.type) {
      case VmbusMessage::Modify:
        if (bus.version < kAnsweredModify) break;
        [[fallthrough]];
      case VmbusMessage::Open:
      case VmbusMessage::GpadlHeader:
      case VmbusMessage::GpadlTeardown: {
        ++requests_;
        Conversation::Request& request = bus.open[{message.type, message.relid, message.id}];
        request.asked = event.time;
        ++request.count;
        break;
      }
      case VmbusMessage::OpenResult:
        return answered(event, message, bus, VmbusMessage::Open);
      case VmbusMessage::GpadlCreated:
        return answered(event, message, bus, VmbusMessage::GpadlHeader);
      case VmbusMessage::GpadlTorndown:
        return answered(event, message, bus, VmbusMessage::GpadlTeardown);
      case VmbusMessage::ModifyResult:
        return answered(event, message, bus, VmbusMessage::Modify);
      case VmbusMessage::InitiateContact:
      case VmbusMessage::Unload:
        for (const auto& [name, request] : bus.open) bus.old[name].count += request.count;
        bus.open.clear();
        bus.deaf = bus.unseen = false;
        break;
      case VmbusMessage::VersionResponse:
      case VmbusMessage::UnloadResponse:
        if (message.value == 1) bus.version = message.id;
        bus.old.clear();
        break;
      default:
        break;
    }
  }

  static bool settle(std::map<Conversation::Name, Conversation::Request>& requests,
                     const Conversation::Name& name) {
    const auto found = requests.find(name);
    if (found == requests.end()) return false;
    if (--found->second.count == 0) requests.erase(found);
    return true;
  }

  void answered(const traces::Event& event, const ev::VmbusMessage& message, Conversation& bus,
                VmbusMessage request) {
    ++answers_;
    const Conversation::Name name{request, message.relid, message.id};
    if (settle(bus.open, name) || settle(bus.old, name) || bus.unseen) return;
    violate(event, std::string(request_name(request)) + " of channel " +
                       std::to_string(message.relid) + ", id " + std::to_string(message.id) +
                       ", is answered once more than it was asked");
  }

  /// Two requests may wait: a GPADL whose bodies have not come, and the teardown of one whose
  /// ring is still open.
  static bool may_wait(const Conversation& bus, const Conversation::Name& name) {
    const auto [request, relid, id] = name;
    if (request == VmbusMessage::GpadlHeader) {
      const auto gpadl = bus.gpadls.find(id);
      return gpadl != bus.gpadls.end() && gpadl->second == GpadlState::InProgress;
    }
    if (request == VmbusMessage::GpadlTeardown) {
      const auto channel = bus.channels.find(relid);
      return channel != bus.channels.end() && channel->second == ChannelState::Open;
    }
    return false;
  }

  void at_end(Time end) override {
    buses_.for_each_running([&](const Conversation& bus, Time since) {
      if (bus.deaf) return;
      for (const auto& [name, request] : bus.open) {
        const auto waited = overdue(request.asked, since, end);
        if (!waited || may_wait(bus, name)) continue;
        const auto [type, relid, id] = name;
        violate_at_end(end, std::string(request_name(type)) + " of channel " +
                                std::to_string(relid) + ", id " + std::to_string(id) +
                                ", has no answer after " + milliseconds(*waited));
      }
    });
  }

  std::string measured() const override {
    return std::to_string(requests_) + " requests, " + std::to_string(answers_) + " answers";
  }

  PerPartition<Conversation> buses_;
  std::uint64_t requests_ = 0;
  std::uint64_t answers_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_vb4() { return std::make_unique<Answers>(); }

}  // namespace checkers
