// A world with two hosts, an observer that keeps events, and partitions ready to run.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "hypervisor/core/hypervisor.hpp"
#include "hypervisor/core/msrs.hpp"
#include "hypervisor/core/partition.hpp"
#include "hypervisor/core/virtual_processor.hpp"
#include "sim/kernel/world.hpp"
#include "sim/memory/guest_memory.hpp"
#include "tests/hypervisor/core/scripted_cpu.hpp"
#include "traces/record.hpp"

namespace hv::test {

using namespace sim::literals;

/// Keeps copies of the events of one type. Text fields of kept events must not be read.
template <class E>
class Kept final : public traces::Observer {
 public:
  explicit Kept(traces::Recorder& recorder) : recorder_(recorder) {
    traces::EventSet types;
    types.set(static_cast<std::size_t>(E::kType));
    recorder_.attach(*this, types);
  }
  ~Kept() override { recorder_.detach(*this); }
  void on_event(const traces::Event& event) override {
    all.push_back(*event.as<E>());
    times.push_back(event.time);
  }
  bool empty() const { return all.empty(); }
  std::size_t size() const { return all.size(); }
  const E& back() const { return all.back(); }
  const E& operator[](std::size_t i) const { return all[i]; }

  std::vector<E> all;
  std::vector<sim::Time> times;

 private:
  traces::Recorder& recorder_;
};

struct Lab {
  explicit Lab(sim::WorldConfig config = {})
      : world(std::move(config), recorder),
        first(world.add_node("first", "host")),
        second(world.add_node("second", "host")) {}
  explicit Lab(const char* plant) : Lab(with_plant(plant)) {}
  static sim::WorldConfig with_plant(const char* plant) {
    sim::WorldConfig config;
    config.plants.insert(plant);
    return config;
  }
  sim::Time now() const { return world.now(); }
  void run_for(sim::Duration duration) { world.run_until(world.now() + duration); }

  traces::Recorder recorder;
  sim::World world;
  sim::Node& first;
  sim::Node& second;
};

inline PartitionConfig plain_config(std::uint32_t vps = 1) {
  PartitionConfig config;
  config.vm = 7;
  config.vp_count = vps;
  config.privileges.msr |= privilege::kVpRuntime | privilege::kReset | privilege::kApicMsrs;
  config.privileges.hypercall = privilege::kPostMessages | privilege::kSignalEvents;
  return config;
}

/// A partition in Active state with its RAM mapped one to one and no VP yet.
class Machine {
 public:
  static constexpr std::uint64_t kPages = 64;

  Machine(sim::Node& node, PartitionConfig config = plain_config())
      : hypervisor(node), memory(node, {sim::Backing::Bytes, kPages, 64, config.vm, 2}) {
    id = hypervisor.create_partition(hypervisor.root(), config, memory).id;
    hypervisor.deposit_memory(hypervisor.root(), id, Hypervisor::kPagesToInitialize);
    hypervisor.initialize_partition(hypervisor.root(), id);
    partition().map_gpa_pages({0}, kPages, {0}, {true, true, true});
  }

  Partition& partition() { return *hypervisor.find(id); }
  VirtualProcessor& vp(std::uint32_t index = 0) { return *partition().vp({index}); }
  ScriptedCpu& cpu(std::uint32_t index = 0) { return static_cast<ScriptedCpu&>(*vp(index).cpu()); }
  Status add_vp(Script script, std::uint32_t index = 0) {
    auto shared = std::make_shared<const Script>(std::move(script));
    const CpuFactory factory = [&](sim::CpuBus& bus, VpIndex) -> std::unique_ptr<sim::Cpu> {
      return std::make_unique<ScriptedCpu>(shared, bus, memory);
    };
    return partition().create_vp({index}, factory);
  }
  /// SynIC on, SIMP at page 2, SIEFP at page 3, one SINT unmasked, as a guest driver would do it.
  void enable_synic(std::uint8_t sint, std::uint64_t config, std::uint32_t index = 0) {
    vp(index).write_msr(msr::kSimp, 2 << 12 | 1);
    vp(index).write_msr(msr::kSiefp, 3 << 12 | 1);
    vp(index).write_msr(msr::kSint0 + sint, config);
    vp(index).write_msr(msr::kScontrol, 1);
  }
  std::uint32_t slot_type(unsigned sint, std::uint32_t index = 0) {
    return memory.read_u32(vp(index).synic().message_page().frame(), sint * kSlotBytes);
  }
  bool pending_flag(unsigned sint) {
    return (memory.read_u32(vp().synic().message_page().frame(), sint * kSlotBytes + 4) >> 8 & 1) !=
           0;
  }
  /// The guest takes the message out of its slot: TLFS 14.8.3 without the last step.
  void free_slot(unsigned sint) {
    memory.write_u32(vp().synic().message_page().frame(), sint * kSlotBytes, 0,
                     traces::Writer::Guest);
  }

  Hypervisor hypervisor;
  sim::GuestMemory memory;
  PartitionId id;
};

/// Does nothing for ever.
inline Script idle_script() {
  return {{[](ScriptedCpu& cpu) { cpu.halt(); }}, {}};
}
inline Script busy_script() {
  return {{[](ScriptedCpu& cpu) { cpu.jump(0); }}, {}};
}

inline std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

}  // namespace hv::test
