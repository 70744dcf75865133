// What guests do to themselves. A guest that is suspended does nothing, so these strike only while
// its VM runs. The host must stand all of it.
#include <array>
#include <string_view>

#include "fault-injection/lists.hpp"
#include "hypervisor/core/virtual_processor.hpp"
#include "hypervisor/vmbus/protocol.hpp"

namespace faults {

namespace {

migration::WorkerProcess* worker_of(Field& field, const Strike& strike) {
  return running_vm(field, field.vm(strike.target)).worker;
}

bool runs(Field& field, const Strike& strike) {
  const migration::WorkerProcess* worker = worker_of(field, strike);
  return worker != nullptr && worker->ended().empty() && !worker->hung();
}

/// As the guests' own panic does it: a line on the debug port, an exit code, and no more.
void end_crashing(Field& field, const Strike& strike) {
  migration::WorkerProcess* worker = worker_of(field, strike);
  hv::InterceptHandler* ports = worker->partition().intercept_handler();
  constexpr std::string_view kLastWords = "crashed by a fault\n";
  for (const char character : kLastWords) {
    ports->port_out(hv::VpIndex{0}, migration::kDebugPort, 1, static_cast<std::uint8_t>(character));
  }
  worker->hang();
  ports->port_out(hv::VpIndex{0}, migration::kExitPort, 4, 1);
}

/// No interrupt table and nothing to execute: the next instruction, or the interrupt that wakes the
/// processor, faults three times.
void triple_fault(Field& field, const Strike& strike) {
  constexpr std::uint64_t kNowhere = 0x7FFF'FFFF'F000;
  constexpr std::uint8_t kVector = 0xEF;
  hv::Partition& partition = worker_of(field, strike)->partition();
  for (hv::VirtualProcessor* vp : partition.vps()) {
    if (vp->cpu() == nullptr) {
      vp->stop("triple fault");
      continue;
    }
    sim::CpuRegisters registers = vp->cpu()->registers();
    registers.idt_limit = 0;
    registers.rip = kNowhere;
    vp->cpu()->set_registers(registers);
    partition.assert_interrupt(vp->index(), kVector);
  }
}

void hang(Field& field, const Strike& strike) { worker_of(field, strike)->hang(); }

/// A VM on its way between hosts is let go where it runs next.
sim::Task<> letting_go(Field* field, std::uint32_t vm) {
  constexpr sim::Duration kLookAgain{1'000'000};
  for (;;) {
    management::Host* host = field->installation().host_of(vm);
    migration::WorkerProcess* worker = host == nullptr ? nullptr : host->worker(vm);
    if (worker == nullptr || !worker->built()) co_return;
    if (!worker->partition().suspended()) {
      worker->let_go();
      co_return;
    }
    co_await field->actor().sleep(kLookAgain);
  }
}

void let_go(Field& field, const Strike& strike) {
  const std::uint32_t vm = field.vm(strike.target);
  field.actor().spawn("fault.let-go", strike.number, letting_go(&field, vm));
}

/// Writes drawn bytes into a page of the guest, as the guest.
void scribble(Field& field, hv::Partition& partition, sim::Frame frame, std::size_t bytes,
              const sim::Operation& operation) {
  sim::Draw draw = field.world().amount("fault.hostile-rings", operation);
  std::vector<std::byte> content(bytes);
  for (std::byte& byte : content) byte = static_cast<std::byte>(draw.below(256));
  partition.memory().write(frame, 0, content, traces::Writer::Guest);
}

/// Indices, masks and packets of all rings become nonsense, and the host is told to look.
void scribble_on_rings(Field& field, const Strike& strike) {
  constexpr std::size_t kHeader = 16;  // both indices, the mask, the pending size
  migration::WorkerProcess* worker = worker_of(field, strike);
  hv::Partition& partition = worker->partition();
  const auto now = static_cast<std::uint64_t>(field.world().now().ns);
  for (const vmbus::RingFrames& rings : worker->vmbus().rings()) {
    for (const bool to_host : {true, false}) {
      const auto& frames = to_host ? rings.to_host : rings.to_guest;
      for (std::size_t page = 0; page < frames.size(); ++page) {
        const std::uint64_t ring = std::uint64_t{rings.relid} << 1 | (to_host ? 1U : 0U);
        scribble(field, partition, frames[page], page == 0 ? kHeader : sim::kPageSize,
                 {partition.vm(), now, ring, page});
      }
    }
    partition.guest_signal_event({vmbus::protocol::event_connection(rings.relid)}, 0);
  }
}

bool has_rings(Field& field, const Strike& strike) {
  return runs(field, strike) && !worker_of(field, strike)->vmbus().rings().empty();
}

Fault guest(const char* name, const char* what, void (*apply)(Field&, const Strike&),
            bool (*possible)(Field&, const Strike&)) {
  return {.name = name,
          .kind = Class::Guest,
          .target = Target::Vm,
          .destructive = true,
          .what = what,
          .apply = apply,
          .possible = possible};
}

}  // namespace

const std::vector<Fault>& guest_faults() {
  static const std::vector<Fault> all{
      guest("crash-guest", "a guest says that it crashed and ends itself", end_crashing, runs),
      guest("triple-fault", "a guest loses its interrupt table and its way", triple_fault, runs),
      guest("hostile-rings", "a guest scribbles over indices and packets of its VMBus rings",
            scribble_on_rings, has_rings),
      {.name = "hang-guest",
       .kind = Class::Guest,
       .target = Target::Vm,
       .reversible = true,
       .destructive = true,
       .what = "a guest executes nothing for a while, and its VM counts as running",
       .apply = hang,
       .undo = let_go,
       .possible = runs},
  };
  return all;
}

}  // namespace faults
