// VB-5 (spec I.4, C.4): a channel changes state only along its automaton, and the host moves no
// packet and serves no SCSI request unless the channel is open.
#include <map>
#include <string>

#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::ChannelState;
using traces::VmbusMessage;

std::string text_of(ChannelState state) { return std::string(traces::name_of(state)); }

bool may_follow(ChannelState from, ChannelState to) {
  switch (from) {
    case ChannelState::Released:
      return to == ChannelState::Closed;
    case ChannelState::Closed:
      return to == ChannelState::Opening || to == ChannelState::Released;
    case ChannelState::Opening:  // the device may refuse, the guest may leave meanwhile
      return to == ChannelState::Open || to == ChannelState::Closed || to == ChannelState::Closing;
    case ChannelState::Open:
      return to == ChannelState::Closing;
    case ChannelState::Closing:
      return to == ChannelState::Closed;
  }
  return false;
}

struct Channels {
  void take_over(const Channels&) {}  // the server that restores them tells them anew
  std::map<std::uint32_t, ChannelState> states;
};

class ChannelAutomaton final : public Property {
 public:
  ChannelAutomaton()
      : Property("VB-5", "channels keep to their automaton, packets move only while they are open",
                 {ev::VmbusChannel::kType, ev::VmbusMessage::kType, ev::RingProduced::kType,
                  ev::RingConsumed::kType, ev::ScsiRequest::kType, ev::ScsiCompletion::kType,
                  ev::PartitionState::kType, ev::PartitionCall::kType, ev::VpState::kType,
                  ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* change = event.as<ev::VmbusChannel>()) {
      transition(event, *change);
    } else if (const auto* consumed = event.as<ev::RingConsumed>()) {
      moved(event, consumed->partition, consumed->relid, "takes a packet from");
    } else if (const auto* produced = event.as<ev::RingProduced>()) {
      moved(event, produced->partition, produced->relid, "puts a packet into");
    } else if (const auto* request = event.as<ev::ScsiRequest>()) {
      moved(event, request->partition, request->relid, "accepts an SRB of");
    } else if (const auto* completion = event.as<ev::ScsiCompletion>()) {
      moved(event, completion->partition, completion->relid, "completes an SRB of");
    } else if (const auto* message = event.as<ev::VmbusMessage>()) {
      result(event, *message);
    } else {
      all_.follow(event);
    }
  }

 private:
  ChannelState state_of(const traces::Event& event, std::uint64_t partition, std::uint32_t relid) {
    const auto& states = all_.at(event, partition).states;
    const auto found = states.find(relid);
    return found == states.end() ? ChannelState::Released : found->second;
  }

  static std::string channel_text(std::uint32_t relid) {
    return "channel " + std::to_string(relid);
  }

  void transition(const traces::Event& event, const ev::VmbusChannel& change) {
    ++changes_;
    const ChannelState before = state_of(event, change.partition, change.relid);
    if (change.from != before) {
      violate(event, channel_text(change.relid) + " leaves state " + text_of(change.from) +
                         " but was " + text_of(before));
    } else if (!may_follow(change.from, change.to)) {
      violate(event, channel_text(change.relid) + " goes from " + text_of(change.from) + " to " +
                         text_of(change.to));
    }
    all_.at(event, change.partition).states[change.relid] = change.to;
  }

  void moved(const traces::Event& event, std::uint64_t partition, std::uint32_t relid,
             const char* what) {
    ++packets_;
    const ChannelState state = state_of(event, partition, relid);
    if (state != ChannelState::Open) {
      violate(event, std::string("the host ") + what + " " + channel_text(relid) + ", which is " +
                         text_of(state));
    }
  }

  /// By the time success reaches the guest the channel may be closed again, but it was open.
  void result(const traces::Event& event, const ev::VmbusMessage& message) {
    if (message.type != VmbusMessage::OpenResult || message.value != 0) return;
    if (state_of(event, message.partition, message.relid) == ChannelState::Opening) {
      violate(event, "the guest is told that " + channel_text(message.relid) +
                         " is open while it is opening");
    }
  }

  std::string measured() const override {
    return std::to_string(changes_) + " changes, " + std::to_string(packets_) + " packets and SRBs";
  }
  bool needs_detail() const override { return true; }

  PerPartition<Channels> all_;
  std::uint64_t changes_ = 0;
  std::uint64_t packets_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_vb5() { return std::make_unique<ChannelAutomaton>(); }

}  // namespace checkers
