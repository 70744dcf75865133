#include "scenarios/debug/inspect_machine.hpp"

#include <fmt/format.h>

#include <array>

#include "hypervisor/management/installation.hpp"
#include "scenarios/language/source.hpp"
#include "scenarios/language/units.hpp"
#include "scenarios/runner/simulation.hpp"

namespace debugger {

using scenarios::UserError;

namespace {

std::string hex(std::uint64_t value) { return fmt::format("0x{:x}", value); }

const std::string& word(const Words& words, std::size_t place, const char* what) {
  if (words.size() <= place) throw UserError(std::string(what) + " is missing");
  return words[place];
}

std::uint32_t number_of(const View& view, const std::string& vm) {
  const std::uint32_t number = scenarios::Simulation::vm_number(view.scenario, vm);
  if (number == 0) throw UserError("there is no VM `" + vm + "` in this scenario");
  return number;
}

migration::WorkerProcess& worker_of(const View& view, const Words& words) {
  const std::string& name = word(words, 1, "the name of a VM");
  const std::uint32_t number = number_of(view, name);
  management::Host* host = view.simulation.installation().host_of(number);
  migration::WorkerProcess* worker = host == nullptr ? nullptr : host->worker(number);
  if (worker == nullptr || !worker->built()) {
    throw UserError("`" + name + "` has no worker process at this moment");
  }
  return *worker;
}

Json registers(const sim::CpuRegisters& values) {
  static constexpr std::array<const char*, 16> kNames = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp",
                                                         "rsi", "rdi", "r8",  "r9",  "r10", "r11",
                                                         "r12", "r13", "r14", "r15"};
  Json data;
  data["rip"] = hex(values.rip);
  data["rflags"] = hex(values.rflags);
  for (std::size_t i = 0; i < kNames.size(); ++i) data[kNames[i]] = hex(values.gpr[i]);
  data["cr0"] = hex(values.cr0);
  data["cr2"] = hex(values.cr2);
  data["cr3"] = hex(values.cr3);
  data["cr4"] = hex(values.cr4);
  data["cr8"] = hex(values.cr8);
  data["efer"] = hex(values.efer);
  const auto segment = [&data](const char* name, const sim::Segment& one) {
    data[name] = fmt::format("{:04x} base {:#x} limit {:#x}", one.selector, one.base, one.limit);
  };
  segment("cs", values.cs);
  segment("ss", values.ss);
  segment("ds", values.ds);
  segment("fs", values.fs);
  segment("gs", values.gs);
  segment("tr", values.tr);
  data["gdt"] = fmt::format("base {:#x} limit {:#x}", values.gdt_base, values.gdt_limit);
  data["idt"] = fmt::format("base {:#x} limit {:#x}", values.idt_base, values.idt_limit);
  return data;
}

/// The vectors that are set, as numbers.
Json vectors(const hv::Apic::Vectors& set) {
  Json list = Json::array();
  for (unsigned vector = 0; vector < 256; ++vector) {
    if ((set[vector / 64] >> (vector % 64) & 1) != 0) list.push_back(vector);
  }
  return list;
}

Json ring(const vmbus::ChannelView::Ring& view) {
  Json data;
  data["data bytes"] = view.data_bytes;
  data["write index"] = view.write_index;
  data["read index"] = view.read_index;
  const std::uint32_t size = view.data_bytes;
  const bool sound = size != 0 && view.write_index < size && view.read_index < size;
  data["bytes in it"] = sound ? Json((view.write_index + size - view.read_index) % size) : Json();
  data["interrupt mask"] = view.interrupt_mask;
  data["pending send size"] = view.pending_send_size;
  return data;
}

const char* error_text(vmbus::RingError error) {
  switch (error) {
    case vmbus::RingError::None:
      return "none";
    case vmbus::RingError::BadIndex:
      return "bad index";
    case vmbus::RingError::BadDescriptor:
      break;
  }
  return "bad descriptor";
}

}  // namespace

hv::Partition& partition_of(const View& view, const std::string& name) {
  require_wired(view);
  const std::size_t at = name.find('@');
  const std::uint32_t number = number_of(view, name.substr(0, at));
  management::Installation& installation = view.simulation.installation();
  management::Host* home = installation.host_of(number);
  for (management::Host* host : installation.hosts()) {
    const bool wanted =
        at == std::string::npos ? host == home : host->node().name() == name.substr(at + 1);
    if (!wanted) continue;
    for (hv::Partition* partition : host->hypervisor().partitions()) {
      if (partition->vm() == number) return *partition;
    }
  }
  throw UserError("`" + name + "` has no partition at this moment");
}

hv::VirtualProcessor& vp_of(hv::Partition& partition, const Words& words, std::size_t place) {
  std::uint64_t index = 0;
  if (words.size() > place) {
    const auto given = scenarios::parse_count(words[place]);
    if (!given) throw UserError("`" + words[place] + "` is no number of a virtual processor");
    index = *given;
  }
  hv::VirtualProcessor* vp = partition.vp({static_cast<std::uint32_t>(index)});
  if (vp == nullptr || index > UINT32_MAX) {
    throw UserError("there is no virtual processor " + std::to_string(index) + "; there are " +
                    std::to_string(partition.vps().size()));
  }
  return *vp;
}

Json partitions(const View& view) {
  Json table = Json::array();
  for (management::Host* host : view.simulation.installation().hosts()) {
    for (hv::Partition* partition : host->hypervisor().partitions()) {
      Json row;
      row["id"] = std::to_string(partition->id().value) + "@" + host->node().name();
      row["vm"] = partition->vm();
      row["state"] = std::string(traces::name_of(partition->state()));
      row["suspended"] = partition->suspended();
      row["vps"] = partition->vps().size();
      row["guest time"] = partition->vm() == 0
                              ? std::string("-")
                              : traces::to_text(traces::Duration{
                                    partition->guest_ns(view.simulation.world().now())});
      row["gpa pages"] = partition->gpa_map().limit();
      table.push_back(row);
    }
  }
  return table;
}

Json processor(const View& view, const Words& words) {
  hv::Partition& partition = partition_of(view, word(words, 1, "the name of a VM"));
  hv::VirtualProcessor& vp = vp_of(partition, words, 2);
  Json data;
  data["vp"] = vp.index().value;
  data["partition"] = partition.id().value;
  data["state"] = std::string(traces::name_of(vp.state()));
  data["clock"] = traces::to_text(traces::Duration{vp.clock_ns()});
  if (vp.cpu() == nullptr) {
    data["engine"] = "model guest: no instructions";
  } else {
    data["instructions"] = vp.cpu()->executed();
    data["halted"] = vp.cpu()->halted();
    data["interruptible"] = vp.cpu()->interruptible();
    data["registers"] = registers(vp.cpu()->registers());
  }
  const hv::Apic::State& apic = vp.apic().state();
  data["apic"]["base"] = hex(apic.base);
  data["apic"]["tpr"] = apic.tpr;
  data["apic"]["svr"] = hex(apic.svr);
  data["apic"]["requested"] = vectors(apic.irr);
  data["apic"]["in service"] = vectors(apic.isr);
  return data;
}

Json synic(const View& view, const Words& words) {
  hv::Partition& partition = partition_of(view, word(words, 1, "the name of a VM"));
  hv::VirtualProcessor& vp = vp_of(partition, words, 2);
  const hv::Synic::State& state = vp.synic().state();
  Json data;
  data["scontrol"] = hex(state.control);
  data["simp"] = hex(state.simp);
  data["siefp"] = hex(state.siefp);
  data["sints"] = Json::array();
  for (std::size_t i = 0; i < state.sint.size(); ++i) {
    const bool masked = (state.sint[i] & hv::Synic::kMasked) != 0;
    if (masked && state.queues[i].empty()) continue;
    Json row;
    row["sint"] = i;
    row["register"] = hex(state.sint[i]);
    row["masked"] = masked;
    row["messages waiting"] = state.queues[i].size();
    data["sints"].push_back(row);
  }
  data["timers"] = Json::array();
  for (std::size_t i = 0; i < hv::kTimersPerVp; ++i) {
    const hv::SyntheticTimer::State& timer = vp.timers()[i].state();
    Json row;
    row["timer"] = i;
    row["config"] = hex(timer.config);
    row["count"] = timer.count;
    row["due"] = timer.due;
    row["blocked"] = timer.blocked;
    data["timers"].push_back(row);
  }
  return data;
}

Json channels(const View& view, const Words& words) {
  const vmbus::Server& server = worker_of(view, words).vmbus();
  Json data;
  const auto version = static_cast<std::uint32_t>(server.version());
  data["connected"] = server.connected();
  data["version"] = fmt::format("{}.{}", version >> 16, version & 0xFFFF);
  data["channels"] = Json::array();
  for (const vmbus::ChannelView& channel : server.channels()) {
    Json row;
    row["device"] = channel.device;
    row["relid"] = channel.relid;
    row["state"] = std::string(traces::name_of(channel.state));
    row["error"] = error_text(channel.error);
    row["packets read"] = channel.packets_read;
    data["channels"].push_back(row);
  }
  return data;
}

Json rings(const View& view, const Words& words) {
  Json table = Json::array();
  for (const vmbus::ChannelView& channel : worker_of(view, words).vmbus().channels()) {
    if (!channel.to_host || !channel.to_guest) continue;
    for (const bool to_guest : {false, true}) {
      Json row;
      row["device"] = channel.device;
      row["ring"] = to_guest ? "to guest" : "to host";
      row.update(ring(to_guest ? *channel.to_guest : *channel.to_host));
      table.push_back(row);
    }
  }
  return table;
}

}  // namespace debugger
