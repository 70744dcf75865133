// IC-1 (spec I.8, D.3): the host sends no request before the guest has agreed to versions, and
// every request names the versions agreed on. A guest's answer has the number of its request.
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "checkers/ic_messages.hpp"
#include "checkers/little_endian.hpp"
#include "checkers/makers.hpp"

namespace checkers {

namespace {

class Negotiation final : public IcProperty {
 public:
  Negotiation()
      : IcProperty("IC-1", "integration components speak the versions that they agreed on",
                   {traces::ev::VmState::kType}) {}

 private:
  struct Agreement {
    bool begun = false;                  ///< its beginning was seen
    std::optional<std::uint64_t> asked;  ///< transaction of the question
    std::optional<std::pair<std::uint32_t, std::uint32_t>> versions;  ///< framework, message
    std::map<std::uint64_t, std::uint8_t> requests;  ///< number in the header, by transaction
  };

  void said(const traces::Event& event, const IcKey& key, const IcMessage& message) override {
    Agreement& agreement = agreements_[key];
    if (message.from_guest) {
      if (message.answers()) answer(event, key, message, agreement);
    } else if (message.negotiates()) {
      agreement = {};
      agreement.asked = message.transaction;
      agreement.begun = true;
      ++negotiations_;
    } else {
      request(event, key, message, agreement);
    }
  }

  void request(const traces::Event& event, const IcKey& key, const IcMessage& message,
               Agreement& agreement) {
    ++requests_;
    constexpr std::uint8_t kTransactionRequest = 3;
    // What a VM agreed on that began as a saved one was not seen: its first request tells.
    if (!agreement.versions && !agreement.begun && amid_.count(key.vm) != 0) {
      agreement.versions = {message.framework, message.version};
    }
    if (!agreement.versions) {
      violate(event, name_of(key) + " asks something before versions are agreed on");
    } else if (*agreement.versions != std::pair{message.framework, message.version}) {
      violate(event, name_of(key) + " speaks version " + text(message.version) + ", agreed was " +
                         text(agreement.versions->second));
    } else if (message.flags != kTransactionRequest) {
      violate(event, name_of(key) + " asks with flags " + std::to_string(message.flags));
    }
    agreement.requests[message.transaction] = message.number;
  }

  void answer(const traces::Event& event, const IcKey& key, const IcMessage& message,
              Agreement& agreement) {
    if (message.negotiates()) {
      if (agreement.asked != message.transaction || message.body.size() < 16) return;
      agreement.asked.reset();
      if (load<std::uint16_t>(message.body, 0) != 1 || load<std::uint16_t>(message.body, 2) != 1) {
        return;  // nothing in common
      }
      agreement.versions = {version_at(message, 8), version_at(message, 12)};
      return;
    }
    const auto asked = agreement.requests.find(message.transaction);
    if (asked == agreement.requests.end()) return;  // answers nothing
    if (asked->second != message.number) {
      violate(event, name_of(key) + " is answered with number " + std::to_string(message.number) +
                         " instead of " + std::to_string(asked->second));
    }
    agreement.requests.erase(asked);
  }

  void more(const traces::Event& event) override {
    const auto* state = event.as<traces::ev::VmState>();
    if (state == nullptr) return;
    if (state->state == traces::VmState::Saved) amid_.insert(state->vm);
    if (state->state == traces::VmState::Off) amid_.erase(state->vm);
  }

  static std::uint32_t version_at(const IcMessage& message, std::size_t at) {
    return std::uint32_t{load<std::uint16_t>(message.body, at)} << 16 |
           load<std::uint16_t>(message.body, at + 2);
  }
  static std::string text(std::uint32_t version) {
    return std::to_string(version >> 16) + "." + std::to_string(version & 0xFFFF);
  }

  std::string measured() const override {
    return std::to_string(negotiations_) + " negotiations, " + std::to_string(requests_) +
           " requests";
  }

  std::map<IcKey, Agreement> agreements_;
  std::set<std::uint32_t> amid_;  ///< VMs that were saved at some time
  std::uint64_t negotiations_ = 0;
  std::uint64_t requests_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_ic1() { return std::make_unique<Negotiation>(); }

}  // namespace checkers
