// What lies on shared storage about VMs: their configurations, and the states of those that are
// saved, at the beginning (`boot-once`) or by a host.
#include <utility>

#include "scenarios/runner/simulation.hpp"

namespace scenarios {

const migration::VmConfig* Simulation::configuration(std::uint32_t vm) {
  const auto found = configurations_.find(vm);
  return found == configurations_.end() ? nullptr : &found->second;
}

void Simulation::reconfigure(const migration::VmConfig& config) {
  configurations_.insert_or_assign(config.number, config);
}

const migration::SavedVm* Simulation::saved_state(std::uint32_t vm) {
  const auto found = saved_states_.find(vm);
  return found == saved_states_.end() ? nullptr : found->second.get();
}

void Simulation::drop_saved_state(std::uint32_t vm) { saved_states_.erase(vm); }

void Simulation::keep_saved_state(migration::SavedVm saved) {
  for (const std::string& name : saved.config.disks) {
    const sim::SharedDisk& disk = *disks_.at(name);
    saved.disks.push_back({name, disk.config().sectors, disk.contents()});
  }
  if (options_.saved) options_.saved(saved);
  const std::uint32_t vm = saved.config.number;
  saved_states_[vm] = std::make_shared<const migration::SavedVm>(std::move(saved));
}

/// Its guest, its devices and its clock have come as far as `at`.
sim::Task<> Simulation::start_saved(std::uint32_t vm, sim::Time at) {
  co_await operator_->sleep_until(at);
  if (const migration::SavedVm* saved = saved_state(vm)) tell_witness(vm, saved->witness);
  management::Command start;
  start.verb = management::Verb::StartVm;
  start.vm = vm;
  installation_->submit(start);
}

/// What was said in the world in which it was saved is what its resume here is held against.
void Simulation::tell_witness(std::uint32_t vm, const migration::SavedWitness& witness) {
  traces::ev::MemoryDigest memory;
  memory.vm = vm;
  memory.point = traces::DigestPoint::Suspended;
  memory.pages = witness.pages;
  memory.digest = witness.memory;
  world_->emit(operator_->id(), memory);
  for (std::size_t index = 0; index < witness.processors.size(); ++index) {
    traces::ev::VpDigest processor;
    processor.vm = vm;
    processor.vp = static_cast<std::uint32_t>(index);
    processor.point = traces::DigestPoint::Suspended;
    processor.instructions = witness.processors[index].instructions;
    processor.digest = witness.processors[index].digest;
    world_->emit(operator_->id(), processor);
  }
  traces::ev::BusDigest bus;
  bus.vm = vm;
  bus.point = traces::DigestPoint::Suspended;
  bus.channels = witness.channels;
  bus.digest = witness.bus;
  world_->emit(operator_->id(), bus);
}

}  // namespace scenarios
