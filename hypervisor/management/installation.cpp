#include "hypervisor/management/installation.hpp"

#include <algorithm>
#include <utility>

#include "hypervisor/management/points.hpp"
#include "sim/kernel/invite.hpp"
#include "traces/assert.hpp"

namespace management {

using traces::JobStatus;

const std::vector<VerbInfo>& verbs() {
  static const std::vector<VerbInfo> all{
      {Verb::NewVm, "new-vm",
       "configure a VM on a host, off (no step of a timeline: what `vms` lists)", Takes::Host},
      {Verb::StartVm, "start-vm", "start a VM where it is configured"},
      {Verb::StopVm, "stop-vm", "turn a VM off without asking its guest"},
      {Verb::MoveVm, "move-vm", "live-migrate a running VM to another host", Takes::Host},
      {Verb::CancelMove, "cancel-vm-migration", "end a live migration of a VM that is under way"},
      {Verb::HoldVm, "hold-vm",
       "pause a VM in place for a while (no step of a timeline: the twin's verb)"},
      {Verb::ShutdownVm, "shutdown-vm", "ask a guest to switch itself off, and wait until it has"},
      {Verb::SetKeyValue, "set-key-value", "give a guest a key-value pair", Takes::KeyAndValue},
      {Verb::GetKeyValue, "get-key-value", "read a pair that the guest was given", Takes::Key},
      {Verb::RemoveKeyValue, "remove-key-value", "take such a pair away", Takes::Key},
      {Verb::ListKeyValues, "list-key-values", "read the keys of all such pairs"},
      {Verb::FreezeVm, "freeze-vm", "bring a guest's disks to rest for a backup (VSS)"},
      {Verb::ThawVm, "thaw-vm", "end that rest"},
      {Verb::AddDisk, "add-disk", "plug a shared disk into a running VM", Takes::Disk},
      {Verb::RemoveDisk, "remove-disk", "take a disk out of a running VM", Takes::Disk},
  };
  return all;
}

namespace {

constexpr sim::Duration kSlowVerb{100'000'000};

const VerbInfo& info_of(Verb verb) {
  const auto& all = verbs();
  const auto found =
      std::find_if(all.begin(), all.end(), [verb](const auto& info) { return info.verb == verb; });
  HVSIM_ASSERT(found != all.end(), "every verb is in the list");
  return *found;
}

const char* name_of(Verb verb) { return info_of(verb).name; }

}  // namespace

/// The place of a host in the installation: what follows its node's fate.
struct Installation::Seat final : sim::NodeFate {
  Installation& owner;
  sim::Node& node;
  sim::SharedDisk& system_disk;
  HostConfig config;
  Host* host = nullptr;

  Seat(Installation& installation, sim::Node& where, sim::SharedDisk& disk, const HostConfig& how)
      : owner(installation), node(where), system_disk(disk), config(how) {
    node.follow(*this);
  }
  ~Seat() { node.unfollow(*this); }

  void boot() {
    host = &node.emplace<Host>(node, owner.network_, owner.environment_, system_disk, config);
    host->boot();
  }
  void node_killed() override {
    host = nullptr;
    std::vector<std::uint64_t> lost;
    for (const auto& [number, job] : owner.jobs_) {
      if (owner.job_runs_on(number, node.id())) lost.push_back(number);
    }
    for (std::uint64_t number : lost) owner.finish(number, {JobStatus::Failed, "the host died"});
  }
  void node_restarted() override { boot(); }
};

struct Installation::Job {
  Verb verb;
  sim::NodeId node;
  std::function<void(const JobResult&)> done;
};

Installation::Installation(sim::World& world, sim::Network& network,
                           migration::Environment& environment)
    : world_(world), network_(network), environment_(environment) {}

Installation::~Installation() = default;

void Installation::add_host(sim::Node& node, sim::SharedDisk& system_disk,
                            const HostConfig& config) {
  auto seat = std::make_unique<Seat>(*this, node, system_disk, config);
  seat->boot();
  seats_.emplace(node.id().value, std::move(seat));
}

std::uint64_t Installation::submit(const Command& command,
                                   std::function<void(const JobResult&)> done) {
  const std::uint64_t number = ++last_job_;
  last_commands_[command.vm] = command;
  Host* host = command.verb == Verb::NewVm ? this->host(command.host) : host_of(command.vm);
  auto job = std::make_unique<Job>();
  job->verb = command.verb;
  job->node = host == nullptr ? sim::NodeId{} : host->node().id();
  job->done = std::move(done);
  jobs_.emplace(number, std::move(job));

  const bool names_host = info_of(command.verb).takes == Takes::Host;
  // Of the other arguments a command has one at most that names something.
  const std::string argument =
      names_host ? world_.node(command.host).name() : command.disk + command.key;
  traces::ev::VerbStarted started;
  started.job = number;
  started.verb = name_of(command.verb);
  started.vm = command.vm;
  started.argument = argument;
  world_.emit(host == nullptr ? sim::NodeId{} : host->node().id(), started);
  if (host == nullptr) {
    finish(number, {JobStatus::Refused, "no host that is up has the VM"});
  } else {
    host->node().spawn(name_of(command.verb), number, run(number, command, host));
  }
  return number;
}

sim::Task<> Installation::run(std::uint64_t job, Command command, Host* host) {
  JobResult result;
  co_await host->booted().wait();
  sim::Node& node = host->node();
  const sim::Duration slow = sim::invited_delay(node, kPointSlowVerb, {job}, kSlowVerb);
  if (slow.ns != 0) co_await node.sleep(slow);
  switch (command.verb) {
    case Verb::NewVm: {
      const migration::VmConfig* found = environment_.configuration(command.vm);
      HVSIM_ASSERT(found != nullptr, "a VM that a verb names is configured");
      migration::VmConfig config = *found;
      result = co_await host->new_vm(std::move(config));
      break;
    }
    case Verb::StartVm:
      result = co_await host->start_vm(command.vm);
      break;
    case Verb::StopVm:
      result = co_await host->stop_vm(command.vm);
      break;
    case Verb::MoveVm:
      result = co_await host->move_vm(command.vm, command.host, job);
      break;
    case Verb::CancelMove:
      result = host->cancel_move(command.vm);
      break;
    case Verb::HoldVm:
      result = co_await host->hold_vm(command.vm, command.from, command.to);
      break;
    default:
      result = co_await run_with_guest(std::move(command), host);
      break;
  }
  finish(job, result);
}

sim::Task<JobResult> Installation::run_with_guest(Command command, Host* host) {
  JobResult result;
  switch (command.verb) {
    case Verb::ShutdownVm:
      result = co_await host->shutdown_vm(command.vm);
      break;
    case Verb::SetKeyValue:
      result = co_await host->set_key_value(command.vm, command.key, command.value);
      break;
    case Verb::GetKeyValue:
      result = co_await host->get_key_value(command.vm, command.key);
      break;
    case Verb::RemoveKeyValue:
      result = co_await host->remove_key_value(command.vm, command.key);
      break;
    case Verb::ListKeyValues:
      result = co_await host->list_key_values(command.vm);
      break;
    case Verb::FreezeVm:
      result = co_await host->freeze_vm(command.vm);
      break;
    case Verb::ThawVm:
      result = co_await host->thaw_vm(command.vm);
      break;
    case Verb::AddDisk:
      result = co_await host->add_disk(command.vm, command.disk);
      break;
    case Verb::RemoveDisk:
      result = co_await host->remove_disk(command.vm, command.disk);
      break;
    default:
      HVSIM_ASSERT(false, "the other verbs need no guest");
      break;
  }
  co_return result;
}

void Installation::finish(std::uint64_t number, const JobResult& result) {
  const auto found = jobs_.find(number);
  if (found == jobs_.end()) return;
  const std::unique_ptr<Job> job = std::move(found->second);
  jobs_.erase(found);
  traces::ev::VerbFinished finished;
  finished.job = number;
  finished.verb = name_of(job->verb);
  finished.status = result.status;
  finished.detail = result.detail;
  world_.emit(job->node, finished);
  if (job->done) job->done(result);
}

bool Installation::job_runs_on(std::uint64_t number, sim::NodeId node) const {
  const auto found = jobs_.find(number);
  return found != jobs_.end() && found->second->node == node;
}

std::optional<Command> Installation::last_command(std::uint32_t vm) const {
  const auto found = last_commands_.find(vm);
  if (found == last_commands_.end()) return std::nullopt;
  return found->second;
}

bool Installation::busy() const { return !jobs_.empty(); }

Host* Installation::host(sim::NodeId node) {
  const auto found = seats_.find(node.value);
  return found == seats_.end() ? nullptr : found->second->host;
}

std::vector<Host*> Installation::hosts() {
  std::vector<Host*> all;
  for (auto& [node, seat] : seats_) {
    if (seat->host != nullptr) all.push_back(seat->host);
  }
  return all;
}

Host* Installation::host_of(std::uint32_t vm) {
  Host* best = nullptr;
  for (Host* candidate : hosts()) {
    if (!candidate->has(vm)) continue;
    if (best == nullptr || candidate->running(vm)) best = candidate;
  }
  return best;
}

}  // namespace management
