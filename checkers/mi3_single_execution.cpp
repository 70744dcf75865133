// MI-3 (spec I.10, CL-3): a VM runs on one host at a time. Intervals of running processors on
// different hosts never overlap; a target resumes only after the commit; a source that has ceded
// the VM never runs it again unless the cession was withdrawn.
#include <map>
#include <set>
#include <string>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"

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
                  ev::NodeKilled::kType}) {}

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
    } else if (event.as<ev::NodeKilled>() != nullptr) {
      for (auto& [number, vm] : vms_) vm.running.erase(event.node.value);
    }
  }

 private:
  struct Vm {
    std::uint32_t owner = 0;
    std::uint64_t epoch = 0;
    std::uint32_t ceded_by = 0;
    std::map<std::uint32_t, std::set<std::uint32_t>> running;  // node -> VPs
  };

  void processor(const traces::Event& event, const ev::VpState& vp) {
    Vm& vm = vms_[vp.vm];
    const std::uint32_t here = event.node.value;
    if (vp.state != VpState::Running) {
      const auto place = vm.running.find(here);
      if (place != vm.running.end()) {
        place->second.erase(vp.vp);
        if (place->second.empty()) vm.running.erase(place);
      }
      return;
    }
    ++starts_;
    for (const auto& [node, processors] : vm.running) {
      if (node != here) {
        violate(event, "VM " + std::to_string(vp.vm) + " starts to run on node " +
                           std::to_string(here) + " while it runs on node " + std::to_string(node));
      }
    }
    if (vm.owner != here) {
      violate(event, "VM " + std::to_string(vp.vm) + " runs on node " + std::to_string(here) +
                         ", its durable owner is node " + std::to_string(vm.owner));
    } else if (vm.ceded_by == here) {
      violate(event, "VM " + std::to_string(vp.vm) + " runs on node " + std::to_string(here) +
                         " after it was ceded and before that was withdrawn");
    }
    vm.running[here].insert(vp.vp);
  }

  std::string measured() const override {
    return std::to_string(starts_) + " starts of a processor";
  }

  std::map<std::uint32_t, Vm> vms_;
  std::uint64_t starts_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_mi3() { return std::make_unique<SingleExecution>(); }

}  // namespace checkers
