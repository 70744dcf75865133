// Targets that only the moment decides.
#include <optional>

#include "fault-injection/lists.hpp"

namespace faults {

namespace {

std::string migration_source(Field& field) {
  const Move move = current_move(field);
  return move.vm == 0 ? "" : field.world().node(move.source).name();
}

std::string migration_target(Field& field) {
  const Move move = current_move(field);
  return move.vm == 0 ? "" : field.world().node(move.target).name();
}

std::string migrating_vm(Field& field) {
  const Move move = current_move(field);
  if (move.vm == 0) return "";
  const RunningVm vm = running_vm(field, move.vm);
  return vm.worker == nullptr ? "" : vm.worker->config().name;
}

/// Number of the first VM that runs on a host, 0 when none does.
std::uint32_t first_running(const management::Host& host) {
  for (const std::uint32_t vm : host.vms()) {
    if (host.running(vm)) return vm;
  }
  return 0;
}

std::string vm_host(Field& field) {
  std::uint32_t lowest = 0;
  std::string name;
  for (const management::Host* host : field.installation().hosts()) {
    const std::uint32_t vm = first_running(*host);
    if (vm == 0 || (lowest != 0 && vm >= lowest)) continue;
    lowest = vm;
    name = host->node().name();
  }
  return name;
}

std::string idle_host(Field& field) {
  for (const management::Host* host : field.installation().hosts()) {
    if (first_running(*host) == 0) return host->node().name();
  }
  return "";
}

}  // namespace

RunningVm running_vm(Field& field, std::uint32_t vm) {
  management::Host* host = field.installation().host_of(vm);
  if (host == nullptr || !host->running(vm)) return {};
  migration::WorkerProcess* worker = host->worker(vm);
  const bool runs = worker != nullptr && worker->built() && !worker->partition().suspended();
  return runs ? RunningVm{host, worker} : RunningVm{};
}

Move current_move(Field& field) {
  Move found;
  for (const management::Host* host : field.installation().hosts()) {
    for (const std::uint32_t vm : host->vms()) {
      const std::optional<sim::NodeId> target = host->moving_to(vm);
      if (!target || (found.vm != 0 && found.vm < vm)) continue;
      found = {vm, host->node().id(), *target};
    }
  }
  return found;
}

const std::vector<Role>& roles() {
  static const std::vector<Role> all{
      {"migration-source", Target::Host, "the host that a VM is moving away from",
       migration_source},
      {"migration-target", Target::Host, "the host that a VM is moving to", migration_target},
      {"vm-host", Target::Host, "the host that runs the first VM", vm_host},
      {"idle-host", Target::Host, "the first host that runs no VM", idle_host},
      {"migrating-vm", Target::Vm, "the VM that is moving between hosts", migrating_vm},
  };
  return all;
}

const Role* find_role(std::string_view name) {
  for (const Role& role : roles()) {
    if (name == role.name) return &role;
  }
  return nullptr;
}

}  // namespace faults
