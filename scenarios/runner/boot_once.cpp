#include "scenarios/runner/boot_once.hpp"

#include <unistd.h>

#include <algorithm>
#include <deque>
#include <iostream>
#include <string>
#include <utility>

#include "hypervisor/management/installation.hpp"
#include "hypervisor/migration/saved_state_file.hpp"
#include "scenarios/language/units.hpp"
#include "scenarios/language/words.hpp"
#include "scenarios/language/writer.hpp"
#include "scenarios/runner/boot_cache.hpp"
#include "scenarios/runner/simulation.hpp"
#include "sim/kernel/node.hpp"
#include "sim/kernel/task.hpp"
#include "traces/assert.hpp"
#include "traces/digest.hpp"

namespace scenarios {

namespace {

/// Of the world in which states are made, whatever the seed of the worlds that begin with them.
constexpr std::uint64_t kPreparationSeed = 1;
constexpr std::int64_t kMillisecond = 1'000'000;
/// States that one process keeps at hand.
constexpr std::size_t kMostAtHand = 16;

struct AtHand {
  traces::Digest origin;
  BootState state;
};
std::deque<AtHand>& states_at_hand() {
  static std::deque<AtHand> states;  // law 1: inputs, by what they were made from
  return states;
}

std::uint32_t number_of(std::size_t vm) { return static_cast<std::uint32_t>(vm + 1); }

/// Everything that decides the state: another origin is another state. No build counts here, as no
/// build decides what a world does.
traces::Digest origin_of(const Scenario& alone, const BootOnceSpec& boot, std::uint32_t number) {
  traces::DigestStream stream;
  const auto add_text = [&stream](const std::string& text) {
    stream.add_u64(text.size());
    stream.add(std::as_bytes(std::span(text)));
  };
  stream.add_u64(migration::kSavedStateVersion);
  stream.add_u64(number);
  add_text(boot.until);
  add_text(alone.text);
  for (const auto& input : Simulation::inputs(alone)) {
    add_text(input.name);
    stream.add_u64(input.digest.high);
    stream.add_u64(input.digest.low);
  }
  return stream.finish();
}

sim::Task<> save_now(management::Host& host, sim::World& world, std::uint32_t vm) {
  const management::JobResult result = co_await host.save_vm(vm);
  world.stop(result.status == traces::JobStatus::Completed ? "saved" : result.detail);
}

/// Waits for the line, and then has the VM saved at that instant.
class LineWatch final : public traces::Observer {
 public:
  LineWatch(Simulation& simulation, std::uint32_t vm, const std::string& text)
      : simulation_(simulation), vm_(vm), text_(text) {}

  static traces::EventSet events() {
    traces::EventSet set;
    namespace ev = traces::ev;
    for (const traces::EventType type : {ev::GuestLog::kType, ev::MemoryDigest::kType,
                                         ev::VpDigest::kType, ev::BusDigest::kType}) {
      set.set(static_cast<std::size_t>(type));
    }
    return set;
  }

  void on_event(const traces::Event& event) override {
    if (const auto* log = event.as<traces::ev::GuestLog>()) {
      heard(event, *log);
    } else if (const auto* memory = event.as<traces::ev::MemoryDigest>()) {
      witness_.memory = memory->digest;
      witness_.pages = memory->pages;
    } else if (const auto* processor = event.as<traces::ev::VpDigest>()) {
      witness_.processors.push_back({processor->instructions, processor->digest});
    } else if (const auto* bus = event.as<traces::ev::BusDigest>()) {
      witness_.channels = bus->channels;
      witness_.bus = bus->digest;
    }
  }

  /// What was said of the VM when it was saved. Nothing else has digests taken in that world.
  const migration::SavedWitness& witness() const { return witness_; }

  std::string complaint() const {
    if (said_) return "says it, and its devices do not come to rest";
    return last_.empty() ? "says nothing at all"
                         : "does not say it; the last it says is `" + shorten(last_) + "`";
  }

 private:
  void heard(const traces::Event& event, const traces::ev::GuestLog& log) {
    last_ = log.line;
    if (said_ || last_.find(text_) == std::string::npos) return;
    said_ = true;
    management::Host* host = simulation_.installation().host(event.node);
    // The guest is in the middle of its instruction: the host acts on it as a task of its own.
    host->node().spawn("save-vm", vm_, save_now(*host, simulation_.world(), vm_));
  }

  Simulation& simulation_;
  const std::uint32_t vm_;
  const std::string text_;
  std::string last_;
  bool said_ = false;
  migration::SavedWitness witness_;
};

std::vector<std::byte> make_state(const Scenario& alone, const BootOnceSpec& boot,
                                  std::uint32_t number, traces::Digest origin) {
  if (::isatty(STDERR_FILENO) != 0) {
    std::cerr << "hvsim: VM `" << alone.vms[0].name << "` boots once, until it says `" << boot.until
              << "`\n";
  }
  SimulationOptions options;
  options.seed = kPreparationSeed;
  options.detail = false;
  options.first_vm = number;
  const LineWatch* witness = nullptr;
  options.saved = [&witness](migration::SavedVm& vm) { vm.witness = witness->witness(); };
  Simulation simulation(alone, options);
  LineWatch watch(simulation, number, boot.until);
  witness = &watch;
  simulation.recorder().attach(watch, LineWatch::events());
  simulation.run_until(alone.end);
  const migration::SavedVm* saved = simulation.saved_state(number);
  if (saved == nullptr) {
    throw UserError(boot.place, "VM `" + alone.vms[0].name + "` is to say `" + boot.until +
                                    "` within " + duration_text(boot.within) + ", alone; it " +
                                    watch.complaint());
  }
  return migration::saved_state_file(*saved, origin);
}

/// Whoever resealed a file could claim any VM for an origin.
bool is_of(const migration::VmConfig& config, const Scenario& alone, std::uint32_t number) {
  const VmSpec& vm = alone.vms[0];
  return config.number == number && config.name == vm.name && config.disks == vm.disks &&
         config.memory_pages == vm.memory_bytes / sim::kPageSize;
}

bool disks_fit(const std::vector<migration::SavedDisk>& disks, const Scenario& alone) {
  return std::all_of(disks.begin(), disks.end(), [&alone](const migration::SavedDisk& disk) {
    return std::any_of(alone.storage.begin(), alone.storage.end(), [&disk](const auto& spec) {
      return spec.name == disk.name && spec.bytes == disk.sectors * sim::kSectorSize;
    });
  });
}

/// nullopt, and why, when the bytes are not the state of this origin.
std::optional<BootState> read_state(std::span<const std::byte> file, const Scenario& alone,
                                    std::uint32_t number, traces::Digest origin,
                                    std::string& problem) {
  migration::SavedStateReader reader(file);
  std::optional<migration::SavedVm> vm;
  const bool ours = reader.origin() == origin && is_of(reader.config(), alone, number);
  if (reader.problem().empty() && ours) vm = reader.read();
  problem = reader.problem().empty() ? "was made from something else" : reader.problem();
  if (!vm || !disks_fit(vm->disks, alone)) return std::nullopt;
  return BootState{std::make_shared<const migration::SavedVm>(std::move(*vm)), reader.content()};
}

BootState load_or_make(const Scenario& alone, const BootOnceSpec& boot, std::uint32_t number,
                       traces::Digest origin) {
  const BootCache cache(alone.vms[0].name, origin);
  std::string problem;
  if (const auto known = cache.load()) {
    if (auto state = read_state(*known, alone, number, origin, problem)) return *state;
    std::cerr << "hvsim: saved state " << cache.path() << " " << problem << "; it is made again\n";
  }
  const std::vector<std::byte> made = make_state(alone, boot, number, origin);
  cache.store(made);
  // What was made is read as it will be the next time, so that it cannot be another state then.
  auto state = read_state(made, alone, number, origin, problem);
  HVSIM_ASSERT(state.has_value(), "a saved state of this build's own is readable");
  return *state;
}

BootState at_hand(const Scenario& alone, const BootOnceSpec& boot, std::uint32_t number) {
  const traces::Digest origin = origin_of(alone, boot, number);
  auto& states = states_at_hand();
  for (const AtHand& known : states) {
    if (known.origin == origin) return known.state;
  }
  const BootState state = load_or_make(alone, boot, number, origin);
  states.push_back({origin, state});
  if (states.size() > kMostAtHand) states.pop_front();
  return state;
}

}  // namespace

Scenario preparation(const Scenario& scenario, std::size_t index) {
  const VmSpec& vm = scenario.vms.at(index);
  Scenario alone;
  alone.name = "boot-once";
  alone.platform = scenario.platform;
  alone.seed = kPreparationSeed;
  alone.end = sim::Time{vm.boot_once->within.ns};
  alone.hosts = {{vm.host, vm.memory_bytes}};
  for (const NetworkSpec& network : scenario.networks) {
    if (std::find(vm.nics.begin(), vm.nics.end(), network.name) == vm.nics.end()) continue;
    NetworkSpec own = network;
    own.hosts = {vm.host};
    own.loss = {};
    alone.networks.push_back(std::move(own));
  }
  for (const StorageSpec& disk : scenario.storage) {
    const bool used = std::find(vm.disks.begin(), vm.disks.end(), disk.name) != vm.disks.end();
    if (used) alone.storage.push_back(disk);
  }
  alone.vms = {vm};
  alone.vms[0].boot_once.reset();
  alone.file = scenario.file;  // beside which the guest's files lie
  alone.text = write_scenario(alone, "");
  return alone;
}

BootState boot_state(const Scenario& scenario, std::size_t index) {
  const BootOnceSpec& boot = *scenario.vms.at(index).boot_once;
  const Scenario alone = preparation(scenario, index);
  const BootState state = at_hand(alone, boot, number_of(index));
  if (state.vm->at >= scenario.end) {
    throw UserError(
        boot.place,
        "VM `" + alone.vms[0].name + "` begins with the state that it has " +
            duration_text(sim::Duration{state.vm->at.ns / kMillisecond * kMillisecond}) +
            " after power-on; the world has ended by then");
  }
  return state;
}

void require_boot_states(const Scenario& scenario) {
  for (std::size_t vm = 0; vm < scenario.vms.size(); ++vm) {
    if (scenario.vms[vm].boot_once) boot_state(scenario, vm);
  }
}

}  // namespace scenarios
