// What happens to hosts: power, crashes, pauses, processors and memory that others take.
#include "fault-injection/lists.hpp"
#include "hypervisor/core/virtual_processor.hpp"

namespace faults {

namespace {

void kill(Field& field, const Strike& strike) {
  field.world().kill(*field.host(strike.target), "fault: kill-host");
}
void restart(Field& field, const Strike& strike) {
  field.world().restart(*field.host(strike.target));
}
void pause(Field& field, const Strike& strike) { field.world().pause(*field.host(strike.target)); }
void resume(Field& field, const Strike& strike) {
  field.world().resume(*field.host(strike.target));
}

/// The host's memory and tasks are gone, its power is not: the cache of its disk survives.
void crash(Field& field, const Strike& strike) {
  sim::DiskFaults powered;
  powered.keeps_cache = true;
  field.system_disk(strike.target)->set_rule(rule_of(strike), powered);
  field.world().kill(*field.host(strike.target), "fault: crash-host");
}

void reboot(Field& field, const Strike& strike) {
  field.system_disk(strike.target)->clear_rule(rule_of(strike));
  restart(field, strike);
}

constexpr const char* kStorm = "fault.restart-storm";

sim::Task<> storming(Field* field, Strike strike) {
  const sim::Duration half{strike.amount / 2};
  for (;;) {
    field->world().kill(*field->host(strike.target), "fault: restart-storm");
    co_await field->actor().sleep(half);
    restart(*field, strike);
    co_await field->actor().sleep(half);
  }
}

void start_storm(Field& field, const Strike& strike) {
  field.actor().spawn(kStorm, strike.number, storming(&field, strike));
}

void end_storm(Field& field, const Strike& strike) {
  field.actor().cancel(kStorm, strike.number);
  restart(field, strike);
}

constexpr const char* kStealing = "fault.slow-cpu";
/// How often time is stolen: short against anything that guests wait for.
constexpr sim::Duration kSlice{100'000};

/// Calls `visit` for every processor that executes instructions on the host at this moment.
template <class Visit>
void for_each_processor(Field& field, const Strike& strike, const Visit& visit) {
  management::Host* host = field.installation().host(field.host(strike.target)->id());
  if (host == nullptr) return;
  for (const std::uint32_t vm : host->vms()) {
    migration::WorkerProcess* worker = host->worker(vm);
    if (worker == nullptr || !worker->built() || worker->partition().suspended()) continue;
    for (hv::VirtualProcessor* vp : worker->partition().vps()) {
      if (vp->cpu() != nullptr) visit(*vp);
    }
  }
}

sim::Task<> stealing(Field* field, Strike strike) {
  const sim::Duration stolen{kSlice.ns * strike.amount / percent(100)};
  for (;;) {
    for_each_processor(*field, strike, [stolen](hv::VirtualProcessor& vp) { vp.charge(stolen); });
    co_await field->actor().sleep(kSlice);
  }
}

void steal(Field& field, const Strike& strike) {
  field.actor().spawn(kStealing, strike.number, stealing(&field, strike));
}

void stop_stealing(Field& field, const Strike& strike) {
  field.actor().cancel(kStealing, strike.number);
}

bool executes(Field& field, const Strike& strike) {
  bool some = false;
  for_each_processor(field, strike, [&some](hv::VirtualProcessor&) { some = true; });
  return some;
}

void press(Field& field, const Strike& strike) {
  management::Host* host = field.installation().host(field.host(strike.target)->id());
  const auto pages = static_cast<std::uint64_t>(strike.amount) / sim::kPageSize;
  if (host != nullptr) host->set_memory_pressure(rule_of(strike), pages);
}

void release(Field& field, const Strike& strike) {
  management::Host* host = field.installation().host(field.host(strike.target)->id());
  if (host != nullptr) host->set_memory_pressure(rule_of(strike), 0);
}

void drift(Field& field, const Strike& strike, std::int64_t millionths) {
  management::Host* host = field.installation().host(field.host(strike.target)->id());
  if (host != nullptr) host->set_clock_drift(millionths);
}
void run_fast(Field& field, const Strike& strike) { drift(field, strike, strike.amount); }
void run_slow(Field& field, const Strike& strike) { drift(field, strike, -strike.amount); }
void run_true(Field& field, const Strike& strike) { drift(field, strike, 0); }

bool is_up(Field& field, const Strike& strike) {
  return field.installation().host(field.host(strike.target)->id()) != nullptr;
}

}  // namespace

const std::vector<Fault>& host_faults() {
  static const std::vector<Fault> all{
      {.name = "kill-host",
       .kind = Class::Host,
       .target = Target::Host,
       .reversible = true,
       .hosts_down = true,
       .what = "a host loses power, and its disk's cache with it; taken back, it boots again",
       .apply = kill,
       .undo = restart},
      {.name = "crash-host",
       .kind = Class::Host,
       .target = Target::Host,
       .reversible = true,
       .hosts_down = true,
       .what = "a host's software stops dead, its disk keeps its cache; taken back, it boots again",
       .apply = crash,
       .undo = reboot},
      {.name = "restart-storm",
       .kind = Class::Host,
       .target = Target::Host,
       .reversible = true,
       .hosts_down = true,
       .magnitude = {Amount::Duration, 10 * kMillisecond, 5 * kSecond, 500 * kMillisecond},
       .what = "a host loses power and boots again, once per this time",
       .apply = start_storm,
       .undo = end_storm},
      {.name = "fast-clock",
       .kind = Class::Host,
       .target = Target::Host,
       .reversible = true,
       .magnitude = {Amount::Chance, percent(1), percent(50), percent(10)},
       .what = "a host's clock drifts: time-outs and intervals by its clock end too soon",
       .apply = run_fast,
       .undo = run_true,
       .possible = is_up},
      {.name = "slow-clock",
       .kind = Class::Host,
       .target = Target::Host,
       .reversible = true,
       .magnitude = {Amount::Chance, percent(1), percent(50), percent(10)},
       .what = "a host's clock drifts: time-outs and intervals by its clock end too late",
       .apply = run_slow,
       .undo = run_true,
       .possible = is_up},
      {.name = "pause-host",
       .kind = Class::Host,
       .target = Target::Host,
       .reversible = true,
       .hosts_down = true,
       .untwinned = true,
       .what = "a host stands still and goes on later",
       .apply = pause,
       .undo = resume},
      {.name = "slow-cpu",
       .kind = Class::Host,
       .target = Target::Host,
       .reversible = true,
       .untwinned = true,
       .magnitude = {Amount::Chance, percent(10), percent(95), percent(50)},
       .what = "this share of a host's processor time goes to others than its guests",
       .apply = steal,
       .undo = stop_stealing,
       .possible = executes},
      {.name = "memory-pressure",
       .kind = Class::Host,
       .target = Target::Host,
       .reversible = true,
       .magnitude = {Amount::Size, std::int64_t{16} << 20, std::int64_t{64} << 30,
                     std::int64_t{4} << 30},
       .what = "so much of a host's memory is taken: a VM that no longer fits is not admitted",
       .apply = press,
       .undo = release,
       .possible = is_up},
  };
  return all;
}

}  // namespace faults
