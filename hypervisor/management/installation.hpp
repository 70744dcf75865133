// The one façade that scenarios and tools drive: hosts by name, VMs by number, verbs as jobs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hypervisor/management/host.hpp"
#include "sim/kernel/world.hpp"
#include "sim/net/network.hpp"

namespace management {

/// A management verb, named as the PowerShell cmdlet in kebab case (design §4).
enum class Verb : std::uint8_t {
  NewVm,
  StartVm,
  StopVm,
  MoveVm,
  HoldVm,
  CancelMove,
  ShutdownVm,
  SetKeyValue,
  GetKeyValue,
  RemoveKeyValue,
  ListKeyValues,
  FreezeVm,
  ThawVm,
  AddDisk,
  RemoveDisk,
};

/// What a verb takes besides its VM.
enum class Takes : std::uint8_t { Nothing, Host, Disk, Key, KeyAndValue };

struct VerbInfo {
  Verb verb;
  const char* name;
  const char* what;
  Takes takes = Takes::Nothing;
};
/// All verbs that a timeline may use, for `hvsim list verbs`.
const std::vector<VerbInfo>& verbs();

struct Command {
  Verb verb = Verb::StartVm;
  std::uint32_t vm = 0;
  sim::NodeId host{};      ///< NewVm: where; MoveVm: to
  std::string disk;        ///< AddDisk, RemoveDisk: name of a shared disk
  std::string key, value;  ///< key-value pairs
  sim::Time from{}, to{};  ///< HoldVm: from when to when
};

class Installation {
 public:
  Installation(sim::World& world, sim::Network& network, migration::Environment& environment);
  ~Installation();

  /// The host boots at once, and again after every restart of its node.
  void add_host(sim::Node& node, sim::SharedDisk& system_disk, const HostConfig& config);

  /// Runs a verb as a job on the host that has the VM. Emits verb.started and verb.finished; the
  /// death of the host ends the job as failed. `done` (may be empty) is called with the result.
  std::uint64_t submit(const Command& command, std::function<void(const JobResult&)> done = {});
  /// The number that the next submitted job gets.
  std::uint64_t next_job() const { return last_job_ + 1; }
  /// Numbers that no job gets: a twin's jobs are numbered as the original's, where some operator's
  /// mistake took numbers.
  void skip_jobs(std::uint64_t count) { last_job_ += count; }
  /// The last verb that somebody submitted for a VM.
  std::optional<Command> last_command(std::uint32_t vm) const;
  /// True while a job is under way.
  bool busy() const;

  /// The live host object, nullptr while its node is dead.
  Host* host(sim::NodeId node);
  std::vector<Host*> hosts();
  /// Where a VM is configured now; the running place wins over others.
  Host* host_of(std::uint32_t vm);

 private:
  struct Seat;
  struct Job;
  sim::Task<> run(std::uint64_t job, Command command, Host* host);
  sim::Task<JobResult> run_with_guest(Command command, Host* host);
  void finish(std::uint64_t job, const JobResult& result);
  bool job_runs_on(std::uint64_t job, sim::NodeId node) const;

  sim::World& world_;
  sim::Network& network_;
  migration::Environment& environment_;
  std::map<std::uint32_t, std::unique_ptr<Seat>> seats_;
  std::map<std::uint64_t, std::unique_ptr<Job>> jobs_;
  std::map<std::uint32_t, Command> last_commands_;  ///< by VM
  std::uint64_t last_job_ = 0;
};

}  // namespace management
