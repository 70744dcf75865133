#include "fault-injection/catalogue.hpp"

#include <algorithm>
#include <string_view>

#include "fault-injection/lists.hpp"
#include "traces/assert.hpp"

namespace faults {

namespace {

void emit(Field& field, const char* name, const Strike& strike, const char* detail) {
  std::string text = detail;
  if (!strike.from.empty()) text += ", frames from " + strike.from;
  if (!strike.to.empty()) text += " to " + strike.to;
  traces::ev::FaultFired event;
  event.fault = name;
  event.target = strike.target;
  event.detail = text;
  field.world().emit(sim::NodeId{}, event);
}

std::vector<Fault> joined() {
  std::vector<Fault> all;
  for (const auto* list : {&network_faults(), &storage_faults(), &host_faults(), &guest_faults(),
                           &operator_faults()}) {
    all.insert(all.end(), list->begin(), list->end());
  }
  const auto by_class_and_name = [](const Fault& a, const Fault& b) {
    if (a.kind != b.kind) return a.kind < b.kind;
    return std::string_view(a.name) < b.name;
  };
  std::sort(all.begin(), all.end(), by_class_and_name);
  return all;
}

}  // namespace

const std::vector<Fault>& catalogue() {
  static const std::vector<Fault> all = joined();
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
