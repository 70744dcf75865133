// MI-1 (spec I.10): what resumes is what was suspended, byte for byte: memory with overlays, the
// state of every processor, and the VMBus with its channels and devices. The digests come from
// witnesses that look at the objects themselves and not at the form in which they are sent, taken
// at the suspension where the VM ran and at the resume where it goes on; each part that has the
// first must have the second before the VM runs again.
#include <map>
#include <set>
#include <string>
#include <utility>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"
#include "traces/text.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::DigestPoint;

class MemoryEquality final : public Property {
 public:
  MemoryEquality()
      : Property("MI-1", "memory and processors at resume equal those at suspension",
                 {ev::MemoryDigest::kType, ev::VpDigest::kType, ev::BusDigest::kType,
                  ev::VpState::kType, ev::VmState::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* memory = event.as<ev::MemoryDigest>()) {
      compare(event, {memory->vm, kMemory}, memory->point, memory->digest, "memory");
    } else if (const auto* vp = event.as<ev::VpDigest>()) {
      compare(event, {vp->vm, vp->vp}, vp->point, vp->digest, "processor");
    } else if (const auto* bus = event.as<ev::BusDigest>()) {
      compare(event, {bus->vm, kBus}, bus->point, bus->digest, "VMBus");
    } else if (const auto* runs = event.as<ev::VpState>()) {
      if (runs->state == traces::VpState::Running) all_compared(event, runs->vm);
    } else if (const auto* state = event.as<ev::VmState>()) {
      // Started from nothing: what was suspended before is gone with its host. Not so a VM that was
      // saved, be it in another world, which had its digests taken as well.
      if (state->state == traces::VmState::Saved) saved_.insert(state->vm);
      if (state->state == traces::VmState::Off) saved_.erase(state->vm);
      if (state->state == traces::VmState::Starting && saved_.erase(state->vm) == 0) {
        forget(state->vm);
      }
    }
  }

 private:
  static constexpr std::uint32_t kMemory = UINT32_MAX;
  static constexpr std::uint32_t kBus = UINT32_MAX - 1;
  using Part = std::pair<std::uint32_t, std::uint32_t>;  // VM, VP or one of these

  void compare(const traces::Event& event, Part part, DigestPoint point, traces::Digest digest,
               const char* what) {
    if (point == DigestPoint::Suspended) {
      suspended_[part] = digest;
    } else if (point == DigestPoint::Resumed) {
      const auto found = suspended_.find(part);
      if (found == suspended_.end()) {
        violate(event, "VM " + std::to_string(part.first) +
                           " is resumed, and nobody suspended it since it ran last");
        return;
      }
      ++compared_;
      if (found->second != digest) {
        violate(event, std::string(what) + " of VM " + std::to_string(part.first) +
                           " differs: suspended with " + traces::to_text(found->second) +
                           ", resumed with " + traces::to_text(digest));
      }
      suspended_.erase(found);
    }
  }

  void all_compared(const traces::Event& event, std::uint32_t vm) {
    const auto left = suspended_.lower_bound({vm, 0});
    if (left == suspended_.end() || left->first.first != vm) return;
    const std::uint32_t part = left->first.second;
    violate(event, "VM " + std::to_string(vm) + " runs again and nobody compared its " +
                       (part == kMemory ? "memory"
                        : part == kBus  ? "VMBus"
                                        : "processor " + std::to_string(part)));
    forget(vm);
  }

  void forget(std::uint32_t vm) {
    suspended_.erase(suspended_.lower_bound({vm, 0}), suspended_.upper_bound({vm, kMemory}));
  }

  std::string measured() const override { return std::to_string(compared_) + " digests compared"; }

  std::map<Part, traces::Digest> suspended_;
  std::set<std::uint32_t> saved_;  ///< VMs that are at rest with a saved state
  std::uint64_t compared_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_mi1() { return std::make_unique<MemoryEquality>(); }

}  // namespace checkers
