// What happens to shared disks and the controllers before them. What a fault does to content is an
// overlay or a lost acknowledgement; the disk never forgets by itself (sim/disk/shared_disk.hpp).
#include "fault-injection/lists.hpp"

namespace faults {

namespace {

template <void (*kSet)(sim::DiskFaults&, const Strike&)>
void set_rule_of(Field& field, const Strike& strike) {
  sim::DiskFaults faults;
  kSet(faults, strike);
  field.storage(strike.target)->set_rule(rule_of(strike), faults);
}

void lift_rule(Field& field, const Strike& strike) {
  field.storage(strike.target)->clear_rule(rule_of(strike));
}

void lose_writes(sim::DiskFaults& faults, const Strike& strike) {
  faults.lost_write = chance_of(strike);
}
void misdirect(sim::DiskFaults& faults, const Strike& strike) {
  faults.misdirected_write = chance_of(strike);
}
void latent(sim::DiskFaults& faults, const Strike& strike) {
  faults.latent_error = chance_of(strike);
}
void corrupt(sim::DiskFaults& faults, const Strike& strike) {
  faults.corrupt_read = chance_of(strike);
}
void tear(sim::DiskFaults& faults, const Strike& strike) {
  faults.torn_on_power_loss = chance_of(strike);
}
void slow(sim::DiskFaults& faults, const Strike& strike) {
  faults.extra_latency = sim::Duration{strike.amount};
}
void fill(sim::DiskFaults& faults, const Strike&) { faults.full = true; }

void cut_power(Field& field, const Strike& strike) {
  field.world().kill(field.storage(strike.target)->node(), "fault: kill-storage");
}

void restore_power(Field& field, const Strike& strike) {
  field.world().restart(field.storage(strike.target)->node());
}

void tear_and_cut(Field& field, const Strike& strike) {
  set_rule_of<tear>(field, strike);
  field.world().kill(field.storage(strike.target)->node(), "fault: torn-writes");
}

void restore_torn(Field& field, const Strike& strike) {
  lift_rule(field, strike);
  restore_power(field, strike);
}

void reset(Field& field, const Strike& strike) { field.storage(strike.target)->reset_controller(); }

Fault disk_rule(const char* name, Magnitude magnitude, const char* what,
                void (*apply)(Field&, const Strike&)) {
  return {.name = name,
          .kind = Class::Storage,
          .target = Target::Storage,
          .reversible = true,
          .destructive = true,
          .magnitude = magnitude,
          .what = what,
          .apply = apply,
          .undo = lift_rule};
}

Fault slow_io() {
  Fault fault = disk_rule(
      "slow-io", {Amount::Duration, 100 * kMicrosecond, 200 * kMillisecond, 10 * kMillisecond},
      "every request to a disk takes longer", set_rule_of<slow>);
  fault.destructive = false;
  return fault;
}

}  // namespace

const std::vector<Fault>& storage_faults() {
  constexpr Magnitude kShare{Amount::Chance, percent(1), percent(100), percent(10)};
  static const std::vector<Fault> all{
      disk_rule("lose-writes", kShare, "writes are acknowledged and reach nothing",
                set_rule_of<lose_writes>),
      disk_rule("misdirect-writes", kShare, "writes land on other sectors", set_rule_of<misdirect>),
      disk_rule("latent-errors", kShare, "sectors cannot be read until they are written again",
                set_rule_of<latent>),
      disk_rule("corrupt-reads", kShare, "sectors read with a flipped bit and good status",
                set_rule_of<corrupt>),
      disk_rule("full-disk", {}, "a thin disk's pool is exhausted: new extents cannot be written",
                set_rule_of<fill>),
      slow_io(),
      {.name = "torn-writes",
       .kind = Class::Storage,
       .target = Target::Storage,
       .reversible = true,
       .destructive = true,
       .magnitude = {Amount::Chance, percent(10), percent(90), percent(50)},
       .what = "a disk loses power and keeps some sectors of its cache, each alone",
       .apply = tear_and_cut,
       .undo = restore_torn},
      {.name = "kill-storage",
       .kind = Class::Storage,
       .target = Target::Storage,
       .reversible = true,
       .destructive = true,
       .what = "a shared disk loses power and what was only in its cache",
       .apply = cut_power,
       .undo = restore_power},
      {.name = "reset-controller",
       .kind = Class::Storage,
       .target = Target::Storage,
       .destructive = true,
       .what = "requests under way at a disk end with UNIT ATTENTION",
       .apply = reset},
  };
  return all;
}

}  // namespace faults
