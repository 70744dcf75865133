// MI-4 (spec I.10): a migration neither loses nor repeats a device effect. Every SRB that a host
// accepted is completed once by that host before it gives the VM up, and nothing is accepted or
// completed for a VM while none of its processors may run and its devices have been copied.
#include <map>
#include <set>
#include <string>
#include <utility>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

class DeviceEffects final : public Property {
 public:
  DeviceEffects()
      : Property("MI-4", "every accepted I/O is completed exactly once across a migration",
                 {ev::ScsiRequest::kType, ev::ScsiCompletion::kType, ev::MemoryDigest::kType,
                  ev::NodeKilled::kType, ev::VmState::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* request = event.as<ev::ScsiRequest>()) {
      ++requests_;
      if (copied(event, request->vm)) {
        violate(event, "an SRB is accepted after the VM's devices were copied");
      }
      if (!outstanding_[{event.node.value, request->vm}]
               .insert({request->relid, request->transaction})
               .second) {
        violate(event, "transaction " + std::to_string(request->transaction) +
                           " is accepted again while it is outstanding");
      }
    } else if (const auto* done = event.as<ev::ScsiCompletion>()) {
      if (copied(event, done->vm)) {
        violate(event, "an SRB is completed after the VM's devices were copied");
      }
      if (outstanding_[{event.node.value, done->vm}].erase({done->relid, done->transaction}) == 0) {
        violate(event, "transaction " + std::to_string(done->transaction) +
                           " is completed on a host that has not accepted it");
      }
    } else if (const auto* digest = event.as<ev::MemoryDigest>()) {
      point(event, *digest);
    } else if (event.as<ev::NodeKilled>() != nullptr) {
      forget(event.node.value);
    } else if (const auto* state = event.as<ev::VmState>()) {
      // Turned off: what was outstanding died with the guest that asked for it, and the next start
      // is of new devices.
      if (state->state == traces::VmState::Off) {
        outstanding_.erase({event.node.value, state->vm});
        copied_.erase({event.node.value, state->vm});
      }
    }
  }

 private:
  using Place = std::pair<std::uint32_t, std::uint32_t>;  // node, VM

  bool copied(const traces::Event& event, std::uint32_t vm) const {
    return copied_.count({event.node.value, vm}) != 0;
  }

  void point(const traces::Event& event, const ev::MemoryDigest& digest) {
    const Place here{event.node.value, digest.vm};
    if (digest.point == traces::DigestPoint::Suspended) {
      const auto open = outstanding_.find(here);
      if (open != outstanding_.end() && !open->second.empty()) {
        violate(event, std::to_string(open->second.size()) +
                           " SRBs are outstanding when the VM's state is copied");
      }
      copied_.insert(here);
      ++copies_;
    } else if (digest.point == traces::DigestPoint::Resumed) {
      // Wherever it goes on, devices may work there again.
      copied_.erase(here);
    }
  }

  void forget(std::uint32_t node) {
    for (auto it = outstanding_.begin(); it != outstanding_.end();) {
      it = it->first.first == node ? outstanding_.erase(it) : std::next(it);
    }
    for (auto it = copied_.begin(); it != copied_.end();) {
      it = it->first == node ? copied_.erase(it) : std::next(it);
    }
  }

  std::string measured() const override {
    return std::to_string(requests_) + " SRBs, " + std::to_string(copies_) + " suspensions";
  }

  std::map<Place, std::set<std::pair<std::uint32_t, std::uint64_t>>> outstanding_;
  std::set<Place> copied_;
  std::uint64_t requests_ = 0;
  std::uint64_t copies_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_mi4() { return std::make_unique<DeviceEffects>(); }

}  // namespace checkers
