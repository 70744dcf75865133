// IC-2 (spec I.8, D.3): heartbeats count up by one, on whatever host the VM is, and each comes back
// as its number plus one.
#include <map>
#include <set>
#include <string>

#include "checkers/ic_messages.hpp"
#include "checkers/little_endian.hpp"
#include "checkers/makers.hpp"

namespace checkers {

namespace {

class Heartbeats final : public IcProperty {
 public:
  Heartbeats()
      : IcProperty("IC-2", "heartbeats count up by one and come back as their number plus one",
                   {traces::ev::VmState::kType}) {}

 private:
  struct Beats {
    std::uint64_t last = 0;
    bool begun = false;                           ///< the first of them was seen, or one since
    std::map<std::uint64_t, std::uint64_t> open;  ///< number, by transaction
  };

  void said(const traces::Event& event, const IcKey& key, const IcMessage& message) override {
    if (key.component != traces::IcComponent::Heartbeat) return;
    Beats& beats = beats_[key.vm];
    if (message.negotiates()) {
      if (!message.from_guest) {
        beats = {};
        beats.begun = true;
      }
      return;
    }
    if (message.body.size() < 8) return;
    const auto number = load<std::uint64_t>(message.body, 0);
    if (message.from_guest) return answered(event, key, message, number, beats);
    ++sent_;
    // The first beat seen of a VM that began as a saved one may have any number.
    const bool first_seen = !beats.begun && amid_.count(key.vm) != 0;
    if (number != beats.last + 1 && !first_seen) {
      violate(event, name_of(key) + " goes on with number " + std::to_string(number) + " after " +
                         std::to_string(beats.last));
    }
    beats.last = number;
    beats.begun = true;
    beats.open[message.transaction] = number;
  }

  void answered(const traces::Event& event, const IcKey& key, const IcMessage& message,
                std::uint64_t number, Beats& beats) {
    const auto asked = beats.open.find(message.transaction);
    if (!message.answers() || asked == beats.open.end()) return;
    ++returned_;
    if (number != asked->second + 1) {
      violate(event, name_of(key) + " number " + std::to_string(asked->second) + " comes back as " +
                         std::to_string(number));
    }
    beats.open.erase(asked);
  }

  void more(const traces::Event& event) override {
    const auto* state = event.as<traces::ev::VmState>();
    if (state == nullptr) return;
    if (state->state == traces::VmState::Saved) amid_.insert(state->vm);
    if (state->state == traces::VmState::Off) amid_.erase(state->vm);
  }

  std::string measured() const override {
    return std::to_string(sent_) + " sent, " + std::to_string(returned_) + " came back";
  }

  std::map<std::uint32_t, Beats> beats_;  // by VM
  std::set<std::uint32_t> amid_;          // VMs that were saved at some time
  std::uint64_t sent_ = 0;
  std::uint64_t returned_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_ic2() { return std::make_unique<Heartbeats>(); }

}  // namespace checkers
