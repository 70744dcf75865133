#include "hypervisor/management/host.hpp"

#include <algorithm>
#include <utility>

#include "hypervisor/management/points.hpp"
#include "hypervisor/migration/points.hpp"
#include "hypervisor/migration/save_restore.hpp"
#include "hypervisor/vsp/vss.hpp"
#include "sim/kernel/invite.hpp"

namespace management {

using migration::Claim;
using migration::Ownership;
using migration::Verdict;
using migration::WorkerProcess;
using traces::JobStatus;
using traces::VmState;

namespace {

constexpr sim::Duration kSlowBoot{2'000'000'000};

JobResult refused(std::string why) { return {JobStatus::Refused, std::move(why)}; }
JobResult failed(std::string why) { return {JobStatus::Failed, std::move(why)}; }
JobResult completed() { return {JobStatus::Completed, ""}; }

}  // namespace

Host::Host(sim::Node& node, sim::Network& network, migration::Environment& environment,
           sim::SharedDisk& system_disk, const HostConfig& config)
    : node_(node),
      config_(config),
      hypervisor_(node),
      switches_(node, network),
      store_(node, system_disk),
      services_{node, network, hypervisor_, environment, switches_, store_, config.migration} {}

Host::~Host() = default;

void Host::boot() { node_.spawn("boot", boot_task()); }

sim::Task<> Host::boot_task() {
  const bool loaded = co_await store_.load();
  HVSIM_ASSERT(loaded, "a host can read its own system disk");
  for (const auto& [vm, record] : store_.all()) {
    if (record.claim == Claim::Owned) register_owned(vm);
    if (record.claim != Claim::Ceded) continue;
    settling_.insert(vm);
    node_.spawn("settle", vm, settle(vm, record));
  }
  const sim::Duration slow =
      sim::invited_delay(node_, kPointSlowBoot, {node_.id().value, node_.generation()}, kSlowBoot);
  if (slow.ns != 0) co_await node_.sleep(slow);
  services_.network.listen(node_, migration::kService, [this](std::shared_ptr<sim::Stream> stream) {
    node_.spawn("migration-target", ++served_, serve(std::move(stream)));
  });
  booted_.raise();
}

sim::Task<> Host::serve(std::shared_ptr<sim::Stream> stream) {
  migration::LiveTarget target(services_, *this, std::move(stream));
  co_await target.serve();
}

/// After a crash: this host had ceded the VM and does not know whether the target took it.
sim::Task<> Host::settle(std::uint32_t vm, Ownership record) {
  const sim::NodeId peer{record.peer};
  for (;;) {
    const Verdict verdict =
        co_await migration::ask_target(services_, record.job, vm, peer, record.epoch + 1);
    Ownership next = migration::given_away(record.epoch + 1);
    if (verdict == Verdict::NotCommitted) {
      next.claim = Claim::Owned;
      next.epoch = record.epoch + 2;
    }
    if (verdict != Verdict::Unknown) {
      node_.world().sometimes(node_, migration::kPointSettledAfterBoot);
      const bool durable = co_await store_.put(vm, next);
      if (durable && next.claim == Claim::Owned) {
        traces::ev::VmOwner owner;
        owner.vm = vm;
        owner.owner = node_.id().value;
        owner.epoch = next.epoch;
        emit(owner);
        register_owned(vm);
      }
      if (durable) {
        settling_.erase(vm);
        co_return;
      }
    }
    co_await node_.sleep(services_.settings.query_interval);
  }
}

/// A VM that this host owns by its records, found after a restart: configured and off.
void Host::register_owned(std::uint32_t number) {
  const migration::VmConfig* config = services_.environment.configuration(number);
  if (config == nullptr || has(number)) return;
  Vm vm;
  vm.config = *config;
  vms_.emplace(number, std::move(vm));
  set_at_rest(number, "found after a restart");
}

/// Off, or saved.
void Host::set_at_rest(std::uint32_t number, std::string reason) {
  const bool saved = services_.environment.saved_state(number) != nullptr;
  set_state(number, saved ? VmState::Saved : VmState::Off, std::move(reason));
}

sim::Task<JobResult> Host::new_vm(migration::VmConfig config) {
  const std::uint32_t number = config.number;
  if (has(number) || creating_.count(number) != 0) co_return refused("the VM exists already");
  if (settling_.count(number) != 0) co_return refused("whose VM it is has not been settled yet");
  if (config.memory_pages > config_.memory_pages) {
    co_return refused("the VM is larger than the host");
  }
  Ownership record;
  record.claim = Claim::Owned;
  record.epoch = store_.get(number).epoch + 1;  // of an earlier VM of this number there may be one
  creating_.insert(number);
  const bool durable = co_await store_.put(number, record);
  creating_.erase(number);
  if (!durable) co_return failed("the system disk does not take the record");
  traces::ev::VmCreated created;
  created.vm = number;
  created.name = config.name;
  created.pages = config.memory_pages;
  created.guest = config.guest;
  emit(created);
  traces::ev::VmOwner owner;
  owner.vm = number;
  owner.owner = node_.id().value;
  owner.epoch = record.epoch;
  emit(owner);
  Vm vm;
  vm.config = std::move(config);
  vms_.emplace(number, std::move(vm));
  set_at_rest(number, "created");
  co_return completed();
}

sim::Task<JobResult> Host::start_vm(std::uint32_t number) {
  Vm* vm = find(number);
  if (vm == nullptr) co_return refused("the VM is not on this host");
  if (vm->state != VmState::Off && vm->state != VmState::Saved) {
    co_return refused("the VM is not off");
  }
  if (store_.get(number).claim != Claim::Owned) co_return refused("the VM is in doubt");
  if (vm->config.memory_pages > free_pages()) co_return refused("not enough memory");
  set_state(number, VmState::Starting, "start-vm");
  auto worker =
      std::make_unique<WorkerProcess>(hypervisor_, services_.environment, switches_, vm->config);
  const bool ready = worker->build() == WorkerProcess::Failure::None && worker->open_disks();
  if (!ready) {
    worker->destroy();
    set_state(number, VmState::Off, "a disk or memory is missing");
    co_return failed("a disk of the VM is in use or out of reach, or memory is missing");
  }
  traces::ev::VmCreated created;
  created.vm = number;
  created.name = vm->config.name;
  created.partition = worker->partition().id().value;
  created.pages = vm->config.memory_pages;
  created.guest = vm->config.guest;
  emit(created);
  const migration::SavedVm* saved = services_.environment.saved_state(number);
  if (saved != nullptr && !migration::restore_vm(*saved, *worker)) {
    worker->destroy();
    set_at_rest(number, "its saved state cannot be restored");
    co_return failed("the VM's saved state cannot be restored");
  }
  vm->worker = std::move(worker);
  own_ends(*vm->worker);
  if (saved == nullptr) {
    vm->worker->boot();
  } else {
    services_.environment.drop_saved_state(number);
    vm->worker->emit_digests(traces::DigestPoint::Resumed);
  }
  vm->worker->resume("start-vm");
  set_state(number, VmState::Running, "start-vm");
  co_return completed();
}

sim::Task<JobResult> Host::stop_vm(std::uint32_t number) {
  Vm* vm = find(number);
  if (vm == nullptr) co_return refused("the VM is not on this host");
  if (in_use(*vm)) co_return refused("another job works on the VM");
  if (vm->state != VmState::Running) co_return refused("the VM is not running");
  std::string reason = "stop-vm";
  co_await turn_off(number, std::move(reason));
  co_return completed();
}

sim::Task<JobResult> Host::save_vm(std::uint32_t number) {
  Vm* vm = find(number);
  if (vm == nullptr) co_return refused("the VM is not on this host");
  if (in_use(*vm)) co_return refused("another job works on the VM");
  if (vm->state != VmState::Running) co_return refused("the VM is not running");
  vm->busy = true;
  set_state(number, VmState::Saving, "save-vm");
  vm->worker->suspend("save-vm");
  co_await vm->worker->quiesce();
  vm->worker->emit_digests(traces::DigestPoint::Suspended);
  services_.environment.keep_saved_state(migration::save_vm(*vm->worker));
  vm->worker->destroy();
  vm->worker.reset();
  vm->busy = false;
  set_state(number, VmState::Saved, "save-vm");
  co_return completed();
}

sim::Task<> Host::turn_off(std::uint32_t number, std::string reason) {
  Vm* vm = find(number);
  if (vm == nullptr || vm->worker == nullptr || in_use(*vm)) co_return;
  vm->busy = true;
  set_state(number, VmState::Stopping, reason);
  vm->worker->suspend("turned off");
  co_await vm->worker->quiesce();
  vm->worker->destroy();
  vm->worker.reset();
  vm->busy = false;
  set_state(number, VmState::Off, reason);
}

sim::Task<JobResult> Host::move_vm(std::uint32_t number, sim::NodeId target, std::uint64_t job) {
  Vm* vm = find(number);
  if (vm == nullptr) co_return refused("the VM is not on this host");
  if (vm->state != VmState::Running) co_return refused("the VM is not running");
  if (in_use(*vm)) co_return refused("another job works on the VM");
  const vsp::Vss* vss = vm->worker->vss();
  if (vss != nullptr && vss->frozen()) co_return refused("the guest is frozen for a backup");
  if (target == node_.id()) co_return refused("the VM is on that host already");
  vm->busy = true;
  migration::LiveSource source(services_, *vm->worker, job, target);
  vm->source = &source;
  migration::Result result = co_await source.run();
  vm->source = nullptr;
  if (result.outcome == traces::MigrationOutcome::InDoubt) {
    set_state(number, VmState::Critical, "migration in doubt: " + result.reason);
    JobResult settled = co_await settle_doubt(number, source);
    co_return settled;
  }
  vm->busy = false;
  if (result.outcome == traces::MigrationOutcome::Aborted) {
    turn_off_if_ended(number);
    co_return failed(result.reason);
  }
  vm->worker->destroy();
  vms_.erase(number);
  co_return completed();
}

JobResult Host::cancel_move(std::uint32_t number) {
  Vm* vm = find(number);
  if (vm == nullptr || vm->source == nullptr) return refused("no migration of the VM is under way");
  if (!vm->source->cancel()) return refused("the migration can no longer be cancelled");
  return completed();
}

std::optional<sim::NodeId> Host::moving_to(std::uint32_t number) const {
  const auto found = vms_.find(number);
  if (found == vms_.end() || found->second.source == nullptr) return std::nullopt;
  return found->second.source->target();
}

sim::Task<JobResult> Host::settle_doubt(std::uint32_t number, migration::LiveSource& source) {
  migration::Result result = co_await source.resolve();
  Vm* vm = find(number);
  vm->busy = false;
  if (result.outcome == traces::MigrationOutcome::Completed) {
    vm->worker->destroy();
    vms_.erase(number);
    co_return completed();
  }
  set_state(number, VmState::Running, result.reason);
  turn_off_if_ended(number);
  co_return failed(result.reason);
}

sim::Task<JobResult> Host::hold_vm(std::uint32_t number, sim::Time from, sim::Time to) {
  Vm* vm = find(number);
  if (vm == nullptr || vm->state != VmState::Running) co_return refused("the VM is not running");
  if (from == sim::kNever) co_return refused("there is nothing to hold it for");
  vm->busy = true;
  co_await node_.sleep_until(from);
  vm->worker->suspend("held in place");
  co_await vm->worker->quiesce();
  vm->worker->emit_digests(traces::DigestPoint::Suspended);
  co_await node_.sleep_until(to);
  vm->worker->emit_digests(traces::DigestPoint::Resumed);
  vm->worker->resume("held in place");
  vm->busy = false;
  turn_off_if_ended(number);
  co_return completed();
}

std::string Host::admit(const migration::VmConfig& config, std::uint64_t job,
                        std::shared_ptr<sim::Stream> stream) {
  if (has(config.number)) return "the VM exists on this host already";
  // What settles it writes a record: it must not come between this migration's and its reader.
  if (settling_.count(config.number) != 0) return "whose VM it is has not been settled here yet";
  for (const auto& [other, incoming] : incoming_) {
    if (other == job || incoming.config.number == config.number) {
      return "the VM is already on its way to this host";
    }
  }
  const std::uint64_t free = free_pages();
  if (config.memory_pages > free) {
    return "not enough memory: " + std::to_string(free) + " pages free, " +
           std::to_string(config.memory_pages) + " needed";
  }
  Incoming incoming;
  incoming.config = config;
  incoming.stream = std::move(stream);
  incoming_.emplace(job, std::move(incoming));
  return "";
}

void Host::committing(std::uint64_t job) {
  const auto found = incoming_.find(job);
  if (found != incoming_.end()) found->second.committing = true;
}

void Host::release(std::uint64_t job) { incoming_.erase(job); }

WorkerProcess& Host::adopt(std::unique_ptr<WorkerProcess> worker, std::uint64_t job) {
  incoming_.erase(job);
  const std::uint32_t number = worker->config().number;
  Vm vm;
  vm.config = worker->config();
  vm.worker = std::move(worker);
  Vm& adopted = vms_.insert_or_assign(number, std::move(vm)).first->second;
  own_ends(*adopted.worker);
  set_state(number, VmState::Running, "live migration");
  return *adopted.worker;
}

Verdict Host::committed(std::uint32_t vm, std::uint64_t job, std::uint64_t epoch) {
  const auto found = incoming_.find(job);
  sim::World& world = node_.world();
  if (found == incoming_.end() && node_.generation() > 1) {
    world.sometimes(node_, migration::kPointQueryRestarted);
  }
  if (found != incoming_.end()) {
    world.sometimes(node_, migration::kPointQueryTooEarly);
    // End what the source has given up; it will ask again and then get a firm answer.
    if (!found->second.committing) found->second.stream->close();
    return Verdict::Unknown;
  }
  if (world.plant(node_, "migration.verdict-off-by-one")) ++epoch;
  return store_.get(vm).epoch >= epoch ? Verdict::Committed : Verdict::NotCommitted;
}

void Host::own_ends(WorkerProcess& worker) {
  const std::uint32_t number = worker.config().number;
  // The guest tells us in the middle of its own instruction: act on it as a task of the host.
  worker.on_stopped([this, number](const std::string&) { turn_off_if_ended(number); });
  turn_off_if_ended(number);
}

/// A guest may end while a job works on its VM; then whoever has it after the job sees to it.
void Host::turn_off_if_ended(std::uint32_t number) {
  Vm* vm = find(number);
  if (vm == nullptr || vm->worker == nullptr || vm->worker->ended().empty()) return;
  if (vm->end != nullptr) vm->end->raise();
  if (in_use(*vm)) return;
  if (node_.running("guest-stopped", number)) return;
  node_.spawn("guest-stopped", number, turn_off(number, vm->worker->ended()));
}

void Host::set_state(std::uint32_t number, VmState state, std::string reason) {
  find(number)->state = state;
  traces::ev::VmState event;
  event.vm = number;
  event.state = state;
  event.reason = reason;
  emit(event);
}

void Host::set_memory_pressure(const std::string& taker, std::uint64_t pages) {
  pressure_pages_[taker] = pages;
}

void Host::set_clock_drift(std::int64_t millionths) {
  constexpr std::int64_t kWhole = 1'000'000;
  migration::Settings& running = services_.settings;
  running = config_.migration;
  for (sim::Duration* wait : {&running.connect_timeout, &running.patience, &running.answer_timeout,
                              &running.query_interval, &running.idle_timeout}) {
    wait->ns =
        static_cast<std::int64_t>(static_cast<__int128>(wait->ns) * kWhole / (kWhole + millionths));
  }
}

std::uint64_t Host::free_pages() const {
  std::uint64_t pages = 0;
  for (const auto& [taker, taken] : pressure_pages_) pages += taken;
  for (const auto& [number, vm] : vms_) {
    if (vm.worker != nullptr) pages += vm.config.memory_pages;
  }
  for (const auto& [job, incoming] : incoming_) pages += incoming.config.memory_pages;
  return config_.memory_pages - std::min(pages, config_.memory_pages);
}

Host::Vm* Host::find(std::uint32_t vm) {
  const auto found = vms_.find(vm);
  return found == vms_.end() ? nullptr : &found->second;
}

bool Host::running(std::uint32_t vm) const { return state(vm) == VmState::Running; }

VmState Host::state(std::uint32_t vm) const {
  const auto found = vms_.find(vm);
  return found == vms_.end() ? VmState::Unknown : found->second.state;
}

std::vector<std::uint32_t> Host::vms() const {
  std::vector<std::uint32_t> numbers;
  for (const auto& [number, vm] : vms_) numbers.push_back(number);
  return numbers;
}

WorkerProcess* Host::worker(std::uint32_t vm) {
  Vm* found = find(vm);
  return found == nullptr ? nullptr : found->worker.get();
}

void Host::emit_digests(traces::DigestPoint point) {
  for (auto& [number, vm] : vms_) {
    if (vm.state == VmState::Running) vm.worker->emit_digests(point);
  }
}

}  // namespace management
