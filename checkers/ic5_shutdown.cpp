// IC-5 (spec I.8, D.3): a guest that is asked to shut down says so before it goes off, and a VM
// whose guest has not agreed does not go off at all. An administrator may turn it off (stop-vm),
// and a guest may break.
#include <map>
#include <string>

#include "checkers/ic_messages.hpp"
#include "checkers/makers.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

class Shutdown final : public IcProperty {
 public:
  Shutdown()
      : IcProperty("IC-5", "a VM goes off by a shutdown only after its guest has agreed",
                   {ev::VmState::kType, ev::VerbStarted::kType, ev::GuestLog::kType}) {}

 private:
  struct Request {
    bool asked = false;       ///< and not answered
    bool turned_off = false;  ///< by an administrator
    bool broken = false;
    std::uint64_t transaction = 0;
  };

  void said(const traces::Event& /*event*/, const IcKey& key, const IcMessage& message) override {
    if (key.component != traces::IcComponent::Shutdown) return;
    Request& request = requests_[key.vm];
    if (message.negotiates()) {
      if (!message.from_guest) request.asked = false;
    } else if (!message.from_guest) {
      ++asked_;
      request.asked = true;
      request.transaction = message.transaction;
    } else if (message.answers() && message.transaction == request.transaction) {
      // Refused: it shall stay on, as before it was asked.
      agreed_ += message.status == 0;
      request.asked = message.status != 0;
    }
  }

  void more(const traces::Event& event) override {
    if (const auto* verb = event.as<ev::VerbStarted>()) {
      if (verb->verb == "stop-vm") requests_[verb->vm].turned_off = true;
    } else if (const auto* line = event.as<ev::GuestLog>()) {
      if (line->line.starts_with("PANIC")) requests_[line->vm].broken = true;
    } else if (const auto* vp = event.as<ev::VpState>()) {
      if (vp->state == traces::VpState::Stopped) requests_[vp->vm].broken = true;
    } else if (const auto* state = event.as<ev::VmState>()) {
      // Off without more: its processors broke, or its host came back.
      if (state->state != traces::VmState::Stopping && state->state != traces::VmState::Off) return;
      const auto found = requests_.find(state->vm);
      if (found == requests_.end()) return;
      const Request request = found->second;
      requests_.erase(found);
      if (!request.asked || request.turned_off || request.broken) return;
      violate(event, "VM " + std::to_string(state->vm) +
                         " goes off although its guest has not agreed to the shutdown");
    }
  }

  std::string measured() const override {
    return std::to_string(asked_) + " requests, " + std::to_string(agreed_) + " agreed to";
  }

  std::map<std::uint32_t, Request> requests_;  // by VM
  std::uint64_t asked_ = 0;
  std::uint64_t agreed_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_ic5() { return std::make_unique<Shutdown>(); }

}  // namespace checkers
