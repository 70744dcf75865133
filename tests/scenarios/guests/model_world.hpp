// A host with one VM that a model guest plays: what tests and benchmarks share. There is no stack.
#pragma once

#include <memory>

#include "hypervisor/core/hypervisor.hpp"
#include "scenarios/guests/model_guest.hpp"
#include "sim/kernel/world.hpp"
#include "sim/memory/guest_memory.hpp"
#include "traces/assert.hpp"
#include "traces/record.hpp"

namespace guests_test {

template <class ModelGuest>
struct ModelWorldOf {
  template <class Config>
  ModelWorldOf(std::uint64_t ram_pages, const Config& config, std::uint64_t seed = 1,
               std::uint32_t vm = 1) {
    recorder.set_detail(false);
    sim::WorldConfig world_config;
    world_config.seed = seed;
    world = std::make_unique<sim::World>(world_config, recorder);
    sim::Node& host = world->add_node("alpha", "host");
    hypervisor = std::make_unique<hv::Hypervisor>(host);
    sim::GuestMemoryConfig memory_config;
    memory_config.backing = sim::Backing::Versions;
    memory_config.ram_pages = ram_pages;
    memory_config.vm = vm;
    memory = std::make_unique<sim::GuestMemory>(host, memory_config);
    hv::PartitionConfig partition_config;
    partition_config.vm = vm;
    const hv::PartitionId root = hypervisor->root();
    const auto created = hypervisor->create_partition(root, partition_config, *memory);
    HVSIM_ASSERT(created.status == hv::Status::Success, "a child partition");
    hypervisor->deposit_memory(root, created.id, 64);
    hypervisor->initialize_partition(root, created.id);
    partition = hypervisor->find(created.id);
    partition->map_gpa_pages({0}, ram_pages, {0}, {true, true, true});
    guest = std::make_unique<ModelGuest>(*partition, config);
    partition->create_model_vp({0}, *guest);
  }
  ~ModelWorldOf() { hypervisor->destroy_partition(hypervisor->root(), partition->id()); }

  void run_for(sim::Duration duration) { world->run_until(world->now() + duration); }

  traces::Recorder recorder;
  std::unique_ptr<sim::World> world;
  std::unique_ptr<sim::GuestMemory> memory;
  std::unique_ptr<hv::Hypervisor> hypervisor;
  hv::Partition* partition = nullptr;
  std::unique_ptr<ModelGuest> guest;
};

using ModelWorld = ModelWorldOf<guests::DirtyingGuest>;

}  // namespace guests_test
