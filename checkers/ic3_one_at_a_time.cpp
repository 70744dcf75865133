// IC-3 (spec I.8, D.3): of shutdown, KVP and VSS at most one request is with the guest at a time,
// on whatever host the VM is; a guest is frozen once before it is thawed once, and while it is
// frozen no write of it completes, for as long as a guest stands that (spec D.3: 15 minutes).
#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <string>

#include "checkers/ic_messages.hpp"
#include "checkers/little_endian.hpp"
#include "checkers/makers.hpp"

namespace checkers {

namespace {

using traces::IcComponent;

class OneAtATime final : public IcProperty {
 public:
  OneAtATime()
      : IcProperty("IC-3", "a guest is asked one thing at a time, and rests from freeze to thaw",
                   {traces::ev::ScsiCompletion::kType, traces::ev::VmState::kType}) {}

 private:
  struct Conversation {
    std::optional<std::uint64_t> open;  ///< transaction of the request with the guest
    std::uint8_t operation = 0;
    bool frozen = false;
    traces::Time since{};  ///< frozen
  };

  static constexpr std::uint8_t kFreeze = 5;
  static constexpr std::uint8_t kThaw = 6;
  static constexpr traces::Duration kLongest{900'000'000'000};

  void said(const traces::Event& event, const IcKey& key, const IcMessage& message) override {
    const bool asks = key.component == IcComponent::Shutdown || key.component == IcComponent::Vss ||
                      key.component == IcComponent::KeyValue;
    if (!asks || message.body.empty()) return;
    Conversation& conversation = conversations_[key];
    if (message.negotiates()) {
      if (!message.from_guest) conversation = {};
    } else if (message.from_guest) {
      answer(event, key, message, conversation);
    } else {
      request(event, key, message, conversation);
    }
  }

  void request(const traces::Event& event, const IcKey& key, const IcMessage& message,
               Conversation& conversation) {
    ++requests_;
    if (conversation.open) {
      violate(event, name_of(key) + " asks again while transaction " +
                         std::to_string(*conversation.open) + " is not answered");
    }
    conversation.open = message.transaction;
    conversation.operation = load<std::uint8_t>(message.body, 0);
    if (key.component != IcComponent::Vss) return;
    if (conversation.operation == kFreeze && conversation.frozen) {
      violate(event, name_of(key) + " freezes a guest that is frozen");
    }
    // From here on it may write, before its answer is here. A thaw that it refuses finds it thawed.
    if (conversation.operation == kThaw) conversation.frozen = false;
  }

  void more(const traces::Event& event) override {
    if (const auto* state = event.as<traces::ev::VmState>()) {
      if (state->state == traces::VmState::Starting) {
        conversations_.erase({state->vm, IcComponent::Vss});
      }
      return;
    }
    const auto* done = event.as<traces::ev::ScsiCompletion>();
    if (done == nullptr) return;
    const auto found = conversations_.find({done->vm, IcComponent::Vss});
    if (found == conversations_.end() || !found->second.frozen) return;
    constexpr std::uint8_t kWrites[] = {0x0A, 0x2A, 0xAA, 0x8A};
    const bool writes =
        std::find(std::begin(kWrites), std::end(kWrites), done->opcode) != std::end(kWrites);
    if (!writes || event.time - found->second.since > kLongest) return;
    violate(event, "a write of VM " + std::to_string(done->vm) +
                       " completes while it is frozen for a backup");
  }

  void answer(const traces::Event& event, const IcKey& key, const IcMessage& message,
              Conversation& conversation) {
    if (!message.answers() || conversation.open != message.transaction) return;
    conversation.open.reset();
    if (key.component != IcComponent::Vss) return;
    if (conversation.operation == kFreeze && message.status == 0) {
      conversation.frozen = true;
      conversation.since = event.time;
      ++freezes_;
    }
  }

  std::string measured() const override {
    return std::to_string(requests_) + " requests, " + std::to_string(freezes_) + " freezes";
  }

  std::map<IcKey, Conversation> conversations_;
  std::uint64_t requests_ = 0;
  std::uint64_t freezes_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_ic3() { return std::make_unique<OneAtATime>(); }

}  // namespace checkers
