#include "scenarios/runner/simulation.hpp"

#include <algorithm>
#include <utility>

#include "scenarios/guests/model_guest.hpp"
#include "scenarios/language/parser.hpp"
#include "scenarios/language/platforms.hpp"
#include "scenarios/runner/boot_once.hpp"
#include "scenarios/runner/guest_setup.hpp"
#include "scenarios/runner/plants.hpp"
#include "sim/cpu/engine.hpp"
#include "traces/assert.hpp"
#include "traces/digest.hpp"
#include "traces/reflection.hpp"

namespace scenarios {

namespace {

constexpr std::uint64_t kSectorsPerPage = sim::kPageSize / sim::kSectorSize;

sim::WorldConfig world_config(const Scenario& scenario, const SimulationOptions& options) {
  sim::WorldConfig config;
  config.seed = options.seed;
  config.plants = options.plants;
  for (const BuggifySpec& spec : scenario.buggify) config.buggify[spec.point] = spec.chance;
  if (!scenario.decisions) return config;
  config.decisions.emplace();
  for (const DecisionSpec& spec : *scenario.decisions) {
    config.decisions->insert({spec.stream, spec.operation});
  }
  return config;
}

/// The planted bug: a count that outlives the world it belongs to.
std::uint64_t leaked_count() {
  static std::uint64_t worlds = 0;  // law 1: broken on purpose, replay must notice
  return worlds++;
}

}  // namespace

/// Waits for the first event that a fault is tied to, then sets the fault off as a task.
class Simulation::FaultTrigger final : public traces::Observer {
 public:
  FaultTrigger(Simulation& simulation, std::size_t fault)
      : simulation_(simulation),
        fault_(fault),
        trigger_(simulation.scenario_.faults[fault].trigger) {}

  traces::EventSet types() const {
    traces::EventSet set;
    set.set(static_cast<std::size_t>(traces::find_event(trigger_.event)->type));
    return set;
  }

  void on_event(const traces::Event& event) override {
    if (fired_ || !matches(event)) return;
    if (trigger_.earliest && event.time < *trigger_.earliest) return;
    fired_ = true;
    const sim::Time at = simulation_.world_->now() + trigger_.after;
    if (trigger_.latest && at > *trigger_.latest) return;
    const std::string& target = simulation_.scenario_.faults[fault_].target;
    simulation_.operator_->spawn("fault", fault_, simulation_.strike(fault_, at, target));
  }

 private:
  bool matches(const traces::Event& event) const {
    for (const auto& [name, wanted] : trigger_.fields) {
      if (name == "node") {
        if (event.node.value == 0) return false;
        if (simulation_.world_->node(event.node).name() != wanted) return false;
        continue;
      }
      const auto value = traces::field(event, name);
      if (!value || traces::to_text(*value) != wanted) return false;
    }
    return true;
  }

  Simulation& simulation_;
  std::size_t fault_;
  const faults::Trigger trigger_;
  bool fired_ = false;
};

Simulation::Simulation(const Scenario& scenario, const SimulationOptions& options)
    : scenario_(scenario), options_(options), saved_states_(options.begin_with) {
  require_images(scenario);
  for (std::size_t vm = 0; vm < scenario.vms.size(); ++vm) {
    if (!scenario.vms[vm].boot_once) continue;
    saved_states_.emplace(vm + options.first_vm, boot_state(scenario, vm).vm);
  }
  recorder_.set_detail(options.detail);
  world_ = std::make_unique<sim::World>(world_config(scenario, options), recorder_);
}

Simulation::~Simulation() = default;

void Simulation::build() {
  built_ = true;
  traces::ev::WorldStarted started;
  started.seed = options_.seed;
  started.scenario = scenario_.name;
  started.inputs = Simulation::input_digest(scenario_);
  world_->emit(sim::NodeId{}, started);

  operator_ = &world_->add_node("operator", "operator");
  network_ = std::make_unique<sim::Network>(*world_);
  installation_ = std::make_unique<management::Installation>(*world_, *network_, *this);
  for (const HostSpec& host : scenario_.hosts) world_->add_node(host.name, "host");
  add_networks();
  add_storage();
  add_vms();
  add_hosts();
  set_timeline();
  set_faults();
  wired_ = true;
}

void Simulation::add_networks() {
  for (const NetworkSpec& spec : scenario_.networks) {
    sim::Node& hub = world_->add_node("switch-" + spec.name, "switch");
    for (const std::string& host : spec.hosts) {
      sim::LinkConfig link;
      link.name = link_of(spec.name, host);
      link.bits_per_second = spec.bits_per_second;
      link.network = spec.name;
      link.latency = spec.latency / 2;  // two links make one path from host to host
      sim::Node& end = *world_->find_node(host);
      network_->add_link(link, end, hub);
      sim::LinkFaults loss;
      loss.loss = spec.loss;
      if (spec.loss.numerator != 0) {
        network_->set_faults(sim::LinkEnd{link.name, end.id()}, loss);
      }
    }
  }
}

void Simulation::add_storage() {
  std::uint32_t number = 0;
  for (const StorageSpec& spec : scenario_.storage) {
    sim::Node& node = world_->add_node("storage-" + spec.name, "storage");
    sim::DiskConfig config;
    config.name = spec.name;
    config.number = ++number;
    config.sectors = spec.bytes / sim::kSectorSize;
    disks_.emplace(spec.name, std::make_unique<sim::SharedDisk>(node, config));
  }
  for (const auto& [vm, saved] : saved_states_) {
    for (const migration::SavedDisk& disk : saved->disks) {
      disks_.at(disk.name)->preload(disk.layers);
    }
  }
}

void Simulation::add_vms() {
  std::uint64_t seed = options_.seed;
  if (world_->plant(*operator_, kPlantLeaksBetweenRuns)) seed ^= leaked_count();
  std::uint32_t number = options_.first_vm - 1;
  for (const VmSpec& spec : scenario_.vms) {
    migration::VmConfig config;
    config.number = ++number;
    config.name = spec.name;
    const bool model = !spec.guest.model.empty();
    config.generation = find_platform(scenario_.platform)->generation;
    if (!spec.guest.kernel.empty()) config.board = migration::Board::Pc;
    config.engine = model ? migration::Engine::Model : migration::Engine::Unicorn;
    config.guest = model                        ? spec.guest.model
                   : !spec.guest.kernel.empty() ? spec.guest.kernel
                                                : spec.guest.program;
    config.guest_parameters = guest_parameters(scenario_, spec, seed);
    config.memory_pages = spec.memory_bytes / sim::kPageSize;
    config.disks = spec.disks;
    for (const std::string& network : spec.nics) {
      // Microsoft's own addresses, by VM and adapter.
      constexpr std::uint64_t kFirst = 0x0015'5D00'0000;
      config.nics.push_back(
          {network, sim::MacAddress::of(kFirst | std::uint64_t{number} << 8 | config.nics.size())});
    }
    config.time.instructions_per_us = spec.instructions_per_us;
    config.heartbeat_interval = spec.heartbeat;
    config.services = offered_services(spec);
    const auto saved = saved_states_.find(number);
    if (saved != saved_states_.end()) config = saved->second->config;  // but for its seed the same
    for (const std::string& name : disks_of(scenario_, spec)) {
      traces::ev::VmDisk owned;
      owned.vm = number;
      owned.disk = disks_.at(name)->config().number;
      world_->emit(sim::NodeId{}, owned);
    }
    configurations_.emplace(number, std::move(config));
  }
}

void Simulation::add_hosts() {
  std::uint32_t number = static_cast<std::uint32_t>(scenario_.storage.size());
  for (const HostSpec& spec : scenario_.hosts) {
    sim::Node& node = *world_->find_node(spec.name);
    sim::DiskConfig disk;
    disk.name = spec.name + "-system";
    disk.number = ++number;
    // One sector per VM record, rounded up to pages.
    disk.sectors = (scenario_.vms.size() / kSectorsPerPage + 1) * kSectorsPerPage;
    disk.tells_content = true;
    system_disks_.push_back(std::make_unique<sim::SharedDisk>(node, disk));
    management::HostConfig config;
    config.memory_pages = spec.memory_bytes / sim::kPageSize;
    config.migration.network = scenario_.migration.network;
    config.migration.round_limit = scenario_.migration.round_limit;
    config.migration.threshold_pages = scenario_.migration.threshold_pages;
    config.migration.connect_timeout = scenario_.migration.connect_timeout;
    config.migration.patience = scenario_.migration.patience;
    config.migration.answer_timeout = scenario_.migration.answer_timeout;
    config.migration.query_interval = scenario_.migration.query_interval;
    config.migration.idle_timeout = scenario_.migration.idle_timeout;
    installation_->add_host(node, *system_disks_.back(), config);
  }
}

void Simulation::set_timeline() {
  std::uint32_t number = options_.first_vm - 1;
  for (const VmSpec& spec : scenario_.vms) {
    const sim::NodeId host = world_->find_node(spec.host)->id();
    ++number;
    operator_->spawn("start", number, start_vm(number, host));
  }
  step_jobs_.assign(scenario_.timeline.size(), 0);
  for (std::size_t step = 0; step < scenario_.timeline.size(); ++step) {
    operator_->spawn("step", step, play(step));
  }
  // Migrations that no step asked for, but a fault.
  for (std::size_t index = 0; index < options_.holds.size(); ++index) {
    const checkers::Hold& interval = options_.holds[index];
    const auto& steps = options_.step_jobs;
    if (std::find(steps.begin(), steps.end(), interval.job) != steps.end()) continue;
    operator_->spawn("hold", index, hold(interval));
  }
}

sim::Task<> Simulation::start_vm(std::uint32_t vm, sim::NodeId host) {
  management::Command command;
  command.verb = management::Verb::NewVm;
  command.vm = vm;
  command.host = host;
  // The VM is started by the same operator once it exists; both jobs are the scenario's first.
  installation_->submit(command, [this, vm](const management::JobResult& result) {
    // Refused: somebody else has created it meanwhile.
    if (result.status == traces::JobStatus::Failed) return;
    if (const migration::SavedVm* saved = saved_state(vm)) {
      operator_->spawn("start-saved", vm, start_saved(vm, saved->at));
      return;
    }
    management::Command start;
    start.verb = management::Verb::StartVm;
    start.vm = vm;
    installation_->submit(start);
  });
  co_return;
}

sim::Task<> Simulation::play(std::size_t step) {
  co_await operator_->sleep_until(scenario_.timeline[step].at);
  const std::uint64_t next = installation_->next_job();
  const bool known = step < options_.step_jobs.size();
  management::Command command = command_of(step, known ? options_.step_jobs[step] : next);
  step_jobs_[step] = installation_->submit(command);
}

sim::Task<> Simulation::hold(checkers::Hold interval) {
  co_await operator_->sleep_until(interval.from);
  management::Command command;
  command.verb = management::Verb::HoldVm;
  command.vm = interval.vm;
  command.from = interval.from;
  command.to = interval.to;
  installation_->submit(command);
}

sim::Task<> Simulation::skip_jobs(Struck struck) {
  co_await operator_->sleep_until(struck.at);
  installation_->skip_jobs(struck.jobs);
}

management::Command Simulation::command_of(std::size_t step, std::uint64_t job) const {
  const Step& spec = scenario_.timeline[step];
  management::Command command;
  command.vm = vm_number(scenario_, spec.vm);
  for (const auto& known : management::verbs()) {
    if (spec.verb == known.name) command.verb = known.verb;
  }
  command.disk = spec.disk;
  command.key = spec.key;
  command.value = spec.value;
  if (command.verb != management::Verb::MoveVm) return command;
  command.host = world_->find_node(spec.host)->id();
  if (!options_.twin) return command;
  command.verb = management::Verb::HoldVm;
  command.from = sim::kNever;
  for (const checkers::Hold& hold : options_.holds) {
    if (hold.job != job) continue;
    command.from = hold.from;
    command.to = hold.to;
  }
  return command;
}

void Simulation::set_faults() {
  if (options_.twin) {
    for (const Struck& struck : options_.struck) {
      // What disks and guests do to a VM is repeated: they act at the same instants of its time.
      const auto* fault = faults::find(scenario_.faults[struck.fault].fault);
      const bool of_guest = fault->kind == faults::Class::Guest;
      if (struck.jobs != 0) {
        operator_->spawn("fault", struck.fault, skip_jobs(struck));
        continue;
      }
      if (fault->target != faults::Target::Storage && !of_guest) continue;
      operator_->spawn("fault", struck.fault,
                       strike(struck.fault, struck.at, struck.target, struck.healed));
    }
    return;
  }
  for (std::size_t index = 0; index < scenario_.faults.size(); ++index) {
    const faults::Trigger& trigger = scenario_.faults[index].trigger;
    if (trigger.at) {
      const std::string& target = scenario_.faults[index].target;
      operator_->spawn("fault", index, strike(index, *trigger.at, target));
    } else {
      triggers_.push_back(std::make_unique<FaultTrigger>(*this, index));
      recorder_.attach(*triggers_.back(), triggers_.back()->types());
    }
  }
}

void Simulation::add_fault(std::size_t fault, const traces::Event& event) {
  triggers_.push_back(std::make_unique<FaultTrigger>(*this, fault));
  triggers_.back()->on_event(event);
}

faults::Strike Simulation::strike_of(std::size_t index, std::string target) const {
  const FaultSpec& spec = scenario_.faults[index];
  faults::Strike where;
  where.target = std::move(target);
  where.from = spec.from;
  where.to = spec.to;
  where.amount = spec.amount != 0 ? spec.amount : faults::find(spec.fault)->magnitude.normal;
  where.number = index;
  return where;
}

sim::Task<> Simulation::strike(std::size_t index, sim::Time at, std::string target,
                               std::optional<sim::Time> healed) {
  const FaultSpec spec = scenario_.faults[index];
  const faults::Fault& fault = *faults::find(spec.fault);
  co_await operator_->sleep_until(at);
  if (faults_ended_) co_return;
  // Who plays a role is known only now; nobody may, and then nothing is struck.
  if (const faults::Role* role = faults::find_role(target)) target = role->resolve(*this);
  if (target.empty()) co_return;
  const faults::Strike where = strike_of(index, target);
  if (fault.possible != nullptr && !fault.possible(*this, where)) co_return;
  const std::uint64_t before = installation_->next_job();
  struck_.push_back(Struck{index, at, {}, target});
  const std::size_t entry = struck_.size() - 1;
  faults::apply(fault, *this, where);
  struck_[entry].jobs = installation_->next_job() - before;
  if (!fault.reversible) co_return;
  lasting_.emplace_back(index, where);
  if (healed) {
    co_await operator_->sleep_until(*healed);
  } else if (spec.lasts) {
    co_await operator_->sleep(*spec.lasts);
  } else {
    co_return;
  }
  const auto found = std::find_if(lasting_.begin(), lasting_.end(),
                                  [index](const auto& one) { return one.first == index; });
  if (found == lasting_.end()) co_return;
  lasting_.erase(found);
  faults::undo(fault, *this, where);
}

void Simulation::end_faults() {
  if (faults_ended_) return;
  faults_ended_ = true;
  world_->calm();
  // Before there is an operator nothing can have struck.
  if (operator_ != nullptr) operator_->spawn("end of faults", heal());
}

sim::Task<> Simulation::heal() {
  const auto lasting = std::exchange(lasting_, {});
  for (auto one = lasting.rbegin(); one != lasting.rend(); ++one) {
    for (Struck& struck : struck_) {
      if (struck.fault == one->first) struck.healed = operator_->now();
    }
    faults::undo(*faults::find(scenario_.faults[one->first].fault), *this, one->second);
  }
  co_return;
}

void Simulation::run() {
  run_until(scenario_.end);
  finish();
}

bool Simulation::run_until(sim::Time limit) {
  if (!built_) build();
  const sim::Time until = std::min(limit, scenario_.end);
  world_->run_until(until);
  return until < scenario_.end && !world_->stopped();
}

void Simulation::finish() {
  HVSIM_ASSERT(built_ && !finished_, "a simulation ends once, after it ran");
  finished_ = true;
  for (management::Host* host : installation_->hosts()) {
    host->emit_digests(traces::DigestPoint::End);
  }
  for (const auto& [name, disk] : disks_) {
    disk->emit_digest(traces::DigestPoint::End);
    disk->emit_sectors(traces::SectorCause::End);
  }
  traces::ev::WorldEnded ended;
  ended.reason =
      world_->stopped() ? std::string_view(world_->stop_reason()) : "end of the scenario";
  world_->emit(sim::NodeId{}, ended);
}

std::unique_ptr<sim::Cpu> Simulation::make_cpu(const migration::VmConfig&, sim::GuestMemory& memory,
                                               sim::CpuBus& bus, hv::VpIndex vp) {
  sim::CpuConfig config;
  config.storage = memory.storage();
  config.frames = memory.frames();
  config.apic_id = vp.value;
  return sim::make_unicorn_cpu(config, bus);
}

std::unique_ptr<hv::ModelGuest> Simulation::make_model(const migration::VmConfig& config,
                                                       hv::Partition& partition, hv::VpIndex) {
  return make_model_guest(config, partition);
}

void Simulation::boot(const migration::VmConfig& config, hv::Partition& partition) {
  if (config.board == migration::Board::Pc) {
    const VmSpec& spec = scenario_.vms[config.number - options_.first_vm];
    boot_kernel(scenario_, spec.guest, config, partition);
  } else if (config.engine == migration::Engine::Unicorn) {
    boot_program(config, partition);
  }
}

sim::SharedDisk* Simulation::disk(sim::Node&, std::string_view name) { return storage(name); }

std::vector<std::string> Simulation::links_of(std::string_view network) {
  std::vector<std::string> links;
  for (const NetworkSpec& spec : scenario_.networks) {
    if (spec.name != network) continue;
    for (const std::string& host : spec.hosts) links.push_back(link_of(spec.name, host));
  }
  return links;
}

std::vector<std::string> Simulation::hosts_of(std::string_view network) {
  for (const NetworkSpec& spec : scenario_.networks) {
    if (spec.name == network) return spec.hosts;
  }
  return {};
}

std::string Simulation::link_of(std::string_view network, std::string_view host) {
  return std::string(network) + "/" + std::string(host);
}

sim::SharedDisk* Simulation::storage(std::string_view name) {
  const auto found = disks_.find(name);
  return found == disks_.end() ? nullptr : found->second.get();
}

sim::SharedDisk* Simulation::system_disk(std::string_view host) {
  for (const auto& disk : system_disks_) {
    if (disk->node().name() == host) return disk.get();
  }
  return nullptr;
}

std::uint32_t Simulation::vm_number(const Scenario& scenario, const std::string& name) {
  for (std::size_t i = 0; i < scenario.vms.size(); ++i) {
    if (scenario.vms[i].name == name) return static_cast<std::uint32_t>(i + 1);
  }
  return 0;
}

}  // namespace scenarios
