#include "fault-injection/catalogue.hpp"

#include "traces/assert.hpp"

namespace faults {

namespace {

std::vector<std::string> affected_links(Field& field, const Strike& strike) {
  if (strike.from.empty()) return field.links_of(strike.target);
  return {field.link_of(strike.target, strike.from)};
}

sim::NodeId sender(Field& field, const Strike& strike) {
  return strike.from.empty() ? sim::NodeId{} : field.host(strike.from)->id();
}

void cut(Field& field, const Strike& strike) {
  for (const std::string& link : affected_links(field, strike)) {
    field.network().cut(link, sender(field, strike));
  }
}

void heal(Field& field, const Strike& strike) {
  for (const std::string& link : affected_links(field, strike)) {
    field.network().heal(link, sender(field, strike));
  }
}

void kill_host(Field& field, const Strike& strike) {
  field.world().kill(*field.host(strike.target), "fault: kill-host");
}
void restart_host(Field& field, const Strike& strike) {
  field.world().restart(*field.host(strike.target));
}
void pause_host(Field& field, const Strike& strike) {
  field.world().pause(*field.host(strike.target));
}
void resume_host(Field& field, const Strike& strike) {
  field.world().resume(*field.host(strike.target));
}
void kill_storage(Field& field, const Strike& strike) {
  field.world().kill(field.storage(strike.target)->node(), "fault: kill-storage");
}
void restart_storage(Field& field, const Strike& strike) {
  field.world().restart(field.storage(strike.target)->node());
}

void emit(Field& field, const char* name, const Strike& strike, const char* detail) {
  traces::ev::FaultFired event;
  event.fault = name;
  event.target = strike.target;
  const std::string text =
      strike.from.empty() ? detail : std::string(detail) + ", frames from " + strike.from;
  event.detail = text;
  field.world().emit(sim::NodeId{}, event);
}

}  // namespace

const std::vector<Fault>& catalogue() {
  static const std::vector<Fault> all{
      {.name = "cut-link",
       .kind = Class::Network,
       .target = Target::Network,
       .one_way = true,
       .reversible = true,
       .what = "a network carries no frames, or none from one host",
       .apply = cut,
       .undo = heal},
      {.name = "kill-host",
       .kind = Class::Host,
       .target = Target::Host,
       .reversible = true,
       .hosts_down = true,
       .what = "a host loses power; taken back, it boots again",
       .apply = kill_host,
       .undo = restart_host},
      {.name = "pause-host",
       .kind = Class::Host,
       .target = Target::Host,
       .reversible = true,
       .hosts_down = true,
       .what = "a host stands still and goes on later",
       .apply = pause_host,
       .undo = resume_host},
      {.name = "kill-storage",
       .kind = Class::Storage,
       .target = Target::Storage,
       .reversible = true,
       .what = "a shared disk loses power and what was only in its cache",
       .apply = kill_storage,
       .undo = restart_storage},
  };
  return all;
}

const std::vector<Role>& roles() {
  static const std::vector<Role> all;
  return all;
}

const Fault* find(std::string_view name) {
  for (const Fault& fault : catalogue()) {
    if (name == fault.name) return &fault;
  }
  return nullptr;
}

void apply(const Fault& fault, Field& field, const Strike& strike) {
  emit(field, fault.name, strike, "strikes");
  fault.apply(field, strike);
}

void undo(const Fault& fault, Field& field, const Strike& strike) {
  HVSIM_ASSERT(fault.undo != nullptr, "only reversible faults are taken back");
  emit(field, fault.name, strike, "taken back");
  fault.undo(field, strike);
}

}  // namespace faults
