// MI-3 (spec I.10, CL-3): a VM runs in one partition at a time. Intervals of running processors in
// different partitions, on one host or on several, never overlap; a target resumes only after the
// commit; a source that has ceded the VM never runs it again unless the cession was withdrawn.
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
using traces::CommitStep;
using traces::VpState;

class SingleExecution final : public Property {
 public:
  SingleExecution()
      : Property("MI-3", "a VM runs on at most one host, and only where it is owned",
                 {ev::VpState::kType, ev::VmOwner::kType, ev::MigrationCommit::kType,
                  ev::NodeAdded::kType, ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* vp = event.as<ev::VpState>()) {
      processor(event, *vp);
    } else if (const auto* owner = event.as<ev::VmOwner>()) {
      Vm& vm = vms_[owner->vm];
      if (owner->epoch <= vm.epoch) violate(event, "an owner's epoch did not grow");
      vm.owner = owner->owner;
      vm.epoch = owner->epoch;
      vm.ceded_by = 0;
    } else if (const auto* commit = event.as<ev::MigrationCommit>()) {
      if (commit->step == CommitStep::Ceded) vms_[commit->vm].ceded_by = event.node.value;
    } else if (event.as<ev::NodeAdded>() != nullptr) {
      names_.learn(event);
    } else if (event.as<ev::NodeKilled>() != nullptr) {
      const std::uint32_t dead = event.node.value;
      for (auto& [number, vm] : vms_) {
        vm.running.erase(vm.running.lower_bound({dead, 0}), vm.running.lower_bound({dead + 1, 0}));
      }
    }
  }

 private:
  struct Vm {
    std::uint32_t owner = 0;
    std::uint64_t epoch = 0;
    std::uint32_t ceded_by = 0;
    using Place = std::pair<std::uint32_t, std::uint64_t>;  // node, partition
    std::map<Place, std::set<std::uint32_t>> running;       // the VPs that may run there
  };

  void processor(const traces::Event& event, const ev::VpState& vp) {
    Vm& vm = vms_[vp.vm];
    const std::uint32_t here = event.node.value;
    const Vm::Place own{here, vp.partition};
    if (vp.state != VpState::Running) {
      const auto place = vm.running.find(own);
      if (place != vm.running.end()) {
        place->second.erase(vp.vp);
        if (place->second.empty()) vm.running.erase(place);
      }
      return;
    }
    ++starts_;
    for (const auto& [place, processors] : vm.running) {
      if (place == own) continue;
      const std::string where =
          place.first != here ? "on " + name(place.first) : "there in another partition";
      violate(event, "VM " + std::to_string(vp.vm) + " starts to run on " + name(here) +
                         " while it runs " + where);
    }
    if (vm.owner != here) {
      violate(event, "VM " + std::to_string(vp.vm) + " runs on " + name(here) +
                         ", its durable owner is " + name(vm.owner));
    } else if (vm.ceded_by == here) {
      violate(event, "VM " + std::to_string(vp.vm) + " runs on " + name(here) +
                         " after it was ceded and before that was withdrawn");
    }
    vm.running[own].insert(vp.vp);
  }

  std::string name(std::uint32_t node) const {
    return node == 0 ? "nobody" : names_.of(traces::NodeId{node});
  }

  std::string measured() const override {
    return std::to_string(starts_) + " starts of a processor";
  }

  traces::NodeNames names_;
  std::map<std::uint32_t, Vm> vms_;
  std::uint64_t starts_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_mi3() { return std::make_unique<SingleExecution>(); }

}  // namespace checkers
