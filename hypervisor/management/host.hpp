// One Hyper-V host: hypervisor, worker processes, ownership records, and the verbs that work on
// its VMs. It lives on a node and dies with it; the records on the system disk remain.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hypervisor/core/hypervisor.hpp"
#include "hypervisor/migration/live_source.hpp"
#include "hypervisor/migration/live_target.hpp"
#include "hypervisor/migration/ownership.hpp"
#include "hypervisor/migration/worker_process.hpp"
#include "sim/disk/shared_disk.hpp"
#include "sim/net/network.hpp"

namespace vsp {
class KeyValue;
}

namespace management {

struct HostConfig {
  std::uint64_t memory_pages = 0;  ///< for VMs
  migration::Settings migration;
};

/// How a verb ended (spec A.5 job states).
struct JobResult {
  traces::JobStatus status = traces::JobStatus::Completed;
  std::string detail;
};

class Host final : migration::TargetHost {
 public:
  Host(sim::Node& node, sim::Network& network, migration::Environment& environment,
       sim::SharedDisk& system_disk, const HostConfig& config);
  ~Host();

  sim::Node& node() const { return node_; }

  /// Reads the ownership records, listens for migrations, and sees to VMs that a crash left ceded.
  void boot();
  /// Raised once verbs can be served.
  sim::Signal& booted() { return booted_; }

  sim::Task<JobResult> new_vm(migration::VmConfig config);
  /// From its saved state, where it has one; else its guest boots.
  sim::Task<JobResult> start_vm(std::uint32_t vm);
  sim::Task<JobResult> stop_vm(std::uint32_t vm);  ///< turn off: no guest cooperation
  /// The VM stands still at this instant; once its devices do too, all of it goes to where saved
  /// states are kept, and it is off but for that.
  sim::Task<JobResult> save_vm(std::uint32_t vm);
  sim::Task<JobResult> move_vm(std::uint32_t vm, sim::NodeId target, std::uint64_t job);
  /// Ends a migration that is under way, until it hands the disks over.
  JobResult cancel_move(std::uint32_t vm);
  /// The twin of a migration: pauses the VM in place from one instant to another.
  sim::Task<JobResult> hold_vm(std::uint32_t vm, sim::Time from, sim::Time to);

  // What needs the guest's cooperation, through integration services (spec D.3). The guest may have
  // no such service, refuse, or never answer: then the job fails and nothing has happened to the
  // VM.
  /// Asks the guest to switch itself off and waits until it has.
  sim::Task<JobResult> shutdown_vm(std::uint32_t vm);
  /// Items of the pool that the host fills; `detail` of a result is what was read.
  sim::Task<JobResult> set_key_value(std::uint32_t vm, std::string key, std::string value);
  sim::Task<JobResult> get_key_value(std::uint32_t vm, std::string key);
  sim::Task<JobResult> remove_key_value(std::uint32_t vm, std::string key);
  sim::Task<JobResult> list_key_values(std::uint32_t vm);
  /// The guest's file systems come to rest for a backup until thaw_vm(), at most 15 minutes. A
  /// frozen VM is not migrated.
  sim::Task<JobResult> freeze_vm(std::uint32_t vm);
  sim::Task<JobResult> thaw_vm(std::uint32_t vm);
  /// Disks of a running VM; its configuration changes with them.
  sim::Task<JobResult> add_disk(std::uint32_t vm, std::string disk);
  sim::Task<JobResult> remove_disk(std::uint32_t vm, std::string disk);

  bool has(std::uint32_t vm) const { return vms_.count(vm) != 0; }
  bool running(std::uint32_t vm) const;
  traces::VmState state(std::uint32_t vm) const;
  std::vector<std::uint32_t> vms() const;
  migration::WorkerProcess* worker(std::uint32_t vm);
  /// A migration of the VM from here that is under way: where to.
  std::optional<sim::NodeId> moving_to(std::uint32_t vm) const;
  /// So much of the host's memory is taken by somebody else than its VMs: nothing of what runs is
  /// touched, but nothing more is admitted than fits beside it. Until the host restarts.
  void set_memory_pressure(const std::string& taker, std::uint64_t pages);
  /// By how much of itself this host's clock runs fast, in millionths; slow when below 0. All that
  /// it waits for by its own clock ends so much sooner or later. Until the host restarts.
  void set_clock_drift(std::int64_t millionths);
  hv::Hypervisor& hypervisor() { return hypervisor_; }
  /// Digests of every VM that runs here. One in doubt may run elsewhere: its copy here is not it.
  void emit_digests(traces::DigestPoint point);

 private:
  struct Vm {
    migration::VmConfig config;
    traces::VmState state = traces::VmState::Off;
    std::unique_ptr<migration::WorkerProcess> worker;
    bool busy = false;                        ///< a job works on it
    std::uint32_t talks = 0;                  ///< jobs that only ask its guest something
    migration::LiveSource* source = nullptr;  ///< while it migrates from here
    sim::Signal* end = nullptr;               ///< of a job that waits for the guest's end
  };
  struct Incoming {
    migration::VmConfig config;
    std::shared_ptr<sim::Stream> stream;
    bool committing = false;
  };

  std::string admit(const migration::VmConfig& config, std::uint64_t job,
                    std::shared_ptr<sim::Stream> stream) override;
  void committing(std::uint64_t job) override;
  void release(std::uint64_t job) override;
  migration::WorkerProcess& adopt(std::unique_ptr<migration::WorkerProcess> worker,
                                  std::uint64_t job) override;
  migration::Verdict committed(std::uint32_t vm, std::uint64_t job, std::uint64_t epoch) override;

  sim::Task<> boot_task();
  sim::Task<> serve(std::shared_ptr<sim::Stream> stream);
  sim::Task<> settle(std::uint32_t vm, migration::Ownership record);
  sim::Task<> turn_off(std::uint32_t vm, std::string reason);
  sim::Task<JobResult> settle_doubt(std::uint32_t vm, migration::LiveSource& source);
  static bool in_use(const Vm& vm) { return vm.busy || vm.talks != 0; }
  /// The VM when it runs here and no other job works on it, from now on taken; otherwise why not.
  Vm* take(std::uint32_t vm, JobResult& why);
  void let_go(std::uint32_t vm);
  /// The same for several jobs at a time, of which none changes the VM.
  Vm* talk_to(std::uint32_t vm, JobResult& why);
  void fall_silent(std::uint32_t vm);
  /// Put to the component of a VM that runs here and is offered it.
  using KeyValueQuestion = std::function<sim::Task<JobResult>(vsp::KeyValue&)>;
  sim::Task<JobResult> ask_key_values(std::uint32_t vm, KeyValueQuestion question);
  void register_owned(std::uint32_t vm);
  void set_at_rest(std::uint32_t vm, std::string reason);
  void turn_off_if_ended(std::uint32_t vm);
  void own_ends(migration::WorkerProcess& worker);
  void set_state(std::uint32_t vm, traces::VmState state, std::string reason);
  std::uint64_t free_pages() const;
  Vm* find(std::uint32_t vm);
  template <class E>
  void emit(const E& event) {
    node_.world().emit(node_.id(), event);
  }

  sim::Node& node_;
  HostConfig config_;
  hv::Hypervisor hypervisor_;
  migration::Switches switches_;
  migration::OwnershipStore store_;
  migration::HostServices services_;
  std::map<std::uint32_t, Vm> vms_;
  std::set<std::uint32_t> creating_;  ///< VMs whose first record is being written
  std::set<std::uint32_t> settling_;  ///< ceded before a restart, and not known who has them
  std::map<std::uint64_t, Incoming> incoming_;
  std::uint64_t served_ = 0;
  std::map<std::string, std::uint64_t> pressure_pages_;  ///< by who takes them
  sim::Signal booted_;
};

}  // namespace management
