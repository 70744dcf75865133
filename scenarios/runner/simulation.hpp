// One world made from a scenario: nodes, network, disks, hosts and VMs wired together, the
// timeline and the faults set up. It runs; whoever attached to its recorder sees what happens.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "checkers/checker.hpp"
#include "fault-injection/catalogue.hpp"
#include "hypervisor/management/installation.hpp"
#include "hypervisor/migration/saved_vm.hpp"
#include "scenarios/language/scenario.hpp"
#include "sim/disk/shared_disk.hpp"
#include "sim/kernel/world.hpp"
#include "sim/net/network.hpp"
#include "traces/file.hpp"
#include "traces/record.hpp"
#include "traces/text.hpp"

namespace scenarios {

/// A fault as it struck, so that a twin can be given the same.
struct Struck {
  std::size_t fault = 0;  ///< index into Scenario::faults
  sim::Time at{};
  std::optional<sim::Time> healed;  ///< end_faults() took it back then
  std::string target{};             ///< what it struck: a role is resolved
  std::uint64_t jobs = 0;           ///< that it submitted
};

struct SimulationOptions {
  std::uint64_t seed = 1;
  std::set<std::string, std::less<>> plants;
  bool detail = true;
  /// A twin: no migration, each VM held in place for these intervals instead; faults that matter to
  /// it (storage) strike when they struck in the original.
  bool twin = false;
  std::vector<checkers::Hold> holds;
  std::vector<Struck> struck;
  /// Job of each step of the timeline in the original: faults may have submitted others between.
  std::vector<std::uint64_t> step_jobs;
  /// Number of the scenario's first VM. Not 1 where another scenario's VM runs alone.
  std::uint32_t first_vm = 1;
  /// States that VMs of the scenario begin with, by number, beside those of `boot-once`.
  std::map<std::uint32_t, std::shared_ptr<const migration::SavedVm>> begin_with;
  /// Told what a VM is saved as, before it is kept.
  std::function<void(migration::SavedVm&)> saved;
};

class Simulation final : public migration::Environment, public faults::Field {
 public:
  Simulation(const Scenario& scenario, const SimulationOptions& options);
  ~Simulation();
  Simulation(const Simulation&) = delete;

  /// Attach observers before run().
  traces::Recorder& recorder() { return recorder_; }
  sim::World& world() override { return *world_; }
  management::Installation& installation() override { return *installation_; }

  /// To the scenario's end; final digests and world.ended included.
  void run();
  /// The same in steps: up to an instant, true while there is more. finish() afterwards.
  bool run_until(sim::Time limit);
  void finish();

  /// Everything is built and wired. Before that there are events too, of the nodes that come up.
  bool wired() const { return wired_; }
  const std::vector<Struck>& struck() const { return struck_; }
  /// Job of each step of the timeline, 0 for one that did not come up.
  const std::vector<std::uint64_t>& step_jobs() const { return step_jobs_; }
  /// For an observer of a world that runs: the scenario has a fault more than when the world was
  /// built, and `event`, which is being told of, is the first that its trigger may match. What
  /// follows is what would have come had the fault been there from the start.
  void add_fault(std::size_t fault, const traces::Event& event);
  /// For an observer of a world that runs: from the event in hand on nothing is broken any more.
  /// Faults that last are taken back, later ones do not strike, no trouble is drawn or invited.
  void end_faults();
  /// What a VM that does not run was saved as, its disks too; nullptr when it is off or runs.
  const migration::SavedVm* saved_state(std::uint32_t vm) override;
  /// Number of a VM in events, from 1 in the order of the file; 0 when there is none.
  static std::uint32_t vm_number(const Scenario& scenario, const std::string& name);
  /// Name and digest of every input besides the scenario text: guest images.
  static std::vector<traces::TraceHeader::Input> inputs(const Scenario& scenario);
  /// One digest over all of it.
  static traces::Digest input_digest(const Scenario& scenario);

 private:
  class FaultTrigger;
  void build();
  void add_networks();
  void add_storage();
  void add_hosts();
  void add_vms();
  void set_timeline();
  void set_faults();
  sim::Task<> start_vms();
  sim::Task<> play(std::size_t step);
  sim::Task<> hold(checkers::Hold interval);
  sim::Task<> skip_jobs(Struck struck);
  sim::Task<> strike(std::size_t fault, sim::Time at, std::string target,
                     std::optional<sim::Time> healed = {});
  sim::Task<> heal();
  faults::Strike strike_of(std::size_t fault, std::string target) const;
  sim::Task<> start_vm(std::uint32_t vm, sim::NodeId host);
  sim::Task<> start_saved(std::uint32_t vm, sim::Time at);
  void tell_witness(std::uint32_t vm, const migration::SavedWitness& witness);
  management::Command command_of(std::size_t step, std::uint64_t job) const;

  // migration::Environment
  std::unique_ptr<sim::Cpu> make_cpu(const migration::VmConfig& config, sim::GuestMemory& memory,
                                     sim::CpuBus& bus, hv::VpIndex vp) override;
  std::unique_ptr<hv::ModelGuest> make_model(const migration::VmConfig& config,
                                             hv::Partition& partition, hv::VpIndex vp) override;
  void boot(const migration::VmConfig& config, hv::Partition& partition) override;
  sim::SharedDisk* disk(sim::Node& host, std::string_view name) override;
  const migration::VmConfig* configuration(std::uint32_t vm) override;
  void reconfigure(const migration::VmConfig& config) override;
  void drop_saved_state(std::uint32_t vm) override;
  void keep_saved_state(migration::SavedVm saved) override;
  // faults::Field
  sim::Network& network() override { return *network_; }
  std::vector<std::string> links_of(std::string_view network) override;
  std::vector<std::string> hosts_of(std::string_view network) override;
  std::string link_of(std::string_view network, std::string_view host) override;
  sim::Node* host(std::string_view name) override { return world_->find_node(name); }
  sim::SharedDisk* storage(std::string_view name) override;
  sim::SharedDisk* system_disk(std::string_view host) override;
  sim::Node& actor() override { return *operator_; }
  std::uint32_t vm(std::string_view name) override {
    return vm_number(scenario_, std::string(name));
  }

  const Scenario& scenario_;
  SimulationOptions options_;
  traces::Recorder recorder_;
  std::unique_ptr<sim::World> world_;
  std::unique_ptr<sim::Network> network_;
  std::map<std::string, std::unique_ptr<sim::SharedDisk>, std::less<>> disks_;
  std::vector<std::unique_ptr<sim::SharedDisk>> system_disks_;
  std::map<std::uint32_t, migration::VmConfig> configurations_;
  std::map<std::uint32_t, std::shared_ptr<const migration::SavedVm>> saved_states_;
  std::unique_ptr<management::Installation> installation_;
  sim::Node* operator_ = nullptr;
  std::vector<std::unique_ptr<FaultTrigger>> triggers_;
  std::vector<Struck> struck_;
  std::vector<std::uint64_t> step_jobs_;
  /// Faults that can be taken back, in the order of striking.
  std::vector<std::pair<std::size_t, faults::Strike>> lasting_;
  bool faults_ended_ = false;
  bool built_ = false;
  bool wired_ = false;
  bool finished_ = false;
};

}  // namespace scenarios
