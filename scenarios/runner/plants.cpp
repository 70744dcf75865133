// The planted bugs of all libraries in one list.
#include "hypervisor/core/plants.hpp"
#include "hypervisor/migration/plants.hpp"
#include "hypervisor/storage/plants.hpp"
#include "hypervisor/vmbus/plants.hpp"
#include "hypervisor/vsp/network_plants.hpp"
#include "hypervisor/vsp/plants.hpp"
#include "scenarios/runner/plants.hpp"
#include "scenarios/runner/run.hpp"
#include "sim/disk/plants.hpp"
#include "sim/memory/plants.hpp"

namespace scenarios {

namespace {

template <class List>
void add(std::vector<Plant>& all, const List& list) {
  for (const auto& plant : list) {
    all.push_back({std::string(plant.name), std::string(plant.what), std::string(plant.checker)});
  }
}

}  // namespace

const std::vector<Plant>& all_plants() {
  static const std::vector<Plant> all = [] {
    std::vector<Plant> list;
    add(list, sim::memory::kPlants);
    add(list, sim::disk::kPlants);
    add(list, hv::plants::kPlants);
    add(list, vmbus::kPlants);
    add(list, storage::kPlants);
    add(list, vsp::kPlants);
    add(list, vsp::kNetworkPlants);
    add(list, migration::kPlants);
    add(list, kPlants);
    return list;
  }();
  return all;
}

}  // namespace scenarios
