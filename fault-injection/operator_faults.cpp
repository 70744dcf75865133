// What operators do to VMs: verbs twice, verbs against each other, verbs that make no sense. Each
// is an ordinary job, which the host carries out or refuses.
#include <optional>

#include "fault-injection/lists.hpp"

namespace faults {

namespace {

using management::Command;
using management::Verb;

void submit(Field& field, const Strike& strike, Verb verb, sim::NodeId host = {}) {
  Command command;
  command.verb = verb;
  command.vm = field.vm(strike.target);
  command.host = host;
  field.installation().submit(command);
}

std::optional<sim::NodeId> moving_to(Field& field, const Strike& strike) {
  const std::uint32_t vm = field.vm(strike.target);
  const management::Host* host = field.installation().host_of(vm);
  return host == nullptr ? std::nullopt : host->moving_to(vm);
}

bool moves(Field& field, const Strike& strike) { return moving_to(field, strike).has_value(); }

void cancel(Field& field, const Strike& strike) { submit(field, strike, Verb::CancelMove); }

void stop(Field& field, const Strike& strike) { submit(field, strike, Verb::StopVm); }

/// To a host that has no part in the migration, or back to where it comes from.
void move_elsewhere(Field& field, const Strike& strike) {
  const sim::NodeId target = *moving_to(field, strike);
  const sim::NodeId source = field.installation().host_of(field.vm(strike.target))->node().id();
  sim::NodeId elsewhere = source;
  for (const management::Host* host : field.installation().hosts()) {
    const sim::NodeId id = host->node().id();
    if (id != source && id != target) elsewhere = id;
  }
  submit(field, strike, Verb::MoveVm, elsewhere);
}

void repeat(Field& field, const Strike& strike) {
  field.installation().submit(*field.installation().last_command(field.vm(strike.target)));
}

bool has_history(Field& field, const Strike& strike) {
  // Before the VM exists its creation would be repeated, and the scenario's own might be refused.
  const std::uint32_t vm = field.vm(strike.target);
  management::Installation& installation = field.installation();
  return installation.host_of(vm) != nullptr && installation.last_command(vm).has_value();
}

/// Creates what exists, starts what runs, stops what is off.
void confuse(Field& field, const Strike& strike) {
  const std::uint32_t vm = field.vm(strike.target);
  management::Host* host = field.installation().host_of(vm);
  submit(field, strike, Verb::NewVm, host->node().id());
  submit(field, strike, host->running(vm) ? Verb::StartVm : Verb::StopVm);
}

bool exists(Field& field, const Strike& strike) {
  const std::uint32_t vm = field.vm(strike.target);
  const management::Host* host = field.installation().host_of(vm);
  // Between states the same verbs may make sense.
  return host != nullptr && (host->running(vm) || host->state(vm) == traces::VmState::Off);
}

Fault verb(const char* name, const char* what, void (*apply)(Field&, const Strike&),
           bool (*possible)(Field&, const Strike&)) {
  return {.name = name,
          .kind = Class::Operator,
          .target = Target::Vm,
          .what = what,
          .apply = apply,
          .possible = possible};
}

/// A VM that is created twice may exist, and start, earlier than its twin.
Fault repeated_verb() {
  Fault fault =
      verb("double-verb", "the last verb on a VM is given once more", repeat, has_history);
  fault.untwinned = true;
  return fault;
}

}  // namespace

const std::vector<Fault>& operator_faults() {
  static const std::vector<Fault> all{
      verb("cancel-migration", "the migration of a VM is cancelled while it is under way", cancel,
           moves),
      verb("stop-while-moving", "a VM is to be turned off while it migrates", stop, moves),
      verb("move-while-moving", "a VM is to move elsewhere while it migrates", move_elsewhere,
           moves),
      repeated_verb(),
      verb("wrong-order", "verbs that make no sense in the VM's state: new, start or stop", confuse,
           exists),
  };
  return all;
}

}  // namespace faults
