#include "scenarios/runner/guest_setup.hpp"

#include <algorithm>
#include <optional>

#include "hypervisor/core/virtual_processor.hpp"
#include "scenarios/guests/image_files.hpp"
#include "scenarios/guests/images.hpp"
#include "scenarios/guests/kernel_image.hpp"
#include "scenarios/guests/loader.hpp"
#include "scenarios/guests/model/worker.hpp"
#include "scenarios/guests/model_guest.hpp"
#include "sim/disk/shared_disk.hpp"
#include "sim/kernel/random.hpp"
#include "traces/assert.hpp"

namespace scenarios {

namespace {

std::uint64_t disk_blocks(const Scenario& scenario, const VmSpec& vm) {
  if (vm.disks.empty()) return 0;
  for (const StorageSpec& disk : scenario.storage) {
    if (disk.name == vm.disks.front()) return disk.bytes / sim::kSectorSize;
  }
  return 0;
}

std::uint64_t parameter(const migration::VmConfig& config, GuestParameter index) {
  return index < config.guest_parameters.size() ? config.guest_parameters[index] : 0;
}

std::uint64_t dirty_rate(const migration::VmConfig& config, std::uint64_t otherwise) {
  const std::uint64_t rate = parameter(config, kDirtyPagesPerMs);
  if (rate == GUEST_NONE) return 0;
  return rate == 0 ? otherwise : rate;
}

}  // namespace

std::vector<std::uint64_t> guest_parameters(const Scenario& scenario, const VmSpec& vm,
                                            std::uint64_t seed) {
  std::vector<std::uint64_t> all(kGuestParameterCount);
  all[kWorkingSetPages] = vm.guest.working_set_bytes / sim::kPageSize;
  // Zero is "the default" to guests.
  const std::optional<std::uint64_t> rate = vm.guest.dirty_pages_per_ms;
  all[kDirtyPagesPerMs] = rate == 0U ? GUEST_NONE : rate.value_or(0);
  all[kDiskIntervalUs] = static_cast<std::uint64_t>(vm.guest.disk_interval.ns / 1000);
  all[kDiskBlocks] = disk_blocks(scenario, vm);
  all[kBlocksPerWrite] = vm.guest.blocks_per_write;
  all[kFlushEvery] = vm.guest.flush_every;
  all[kStopAfterUs] = static_cast<std::uint64_t>(vm.guest.stop_after.ns / 1000);
  std::uint64_t index = 0;
  for (const VmSpec& other : scenario.vms) {
    if (&other == &vm) break;
    ++index;
  }
  all[kGuestSeed] = sim::Random(seed).draw("guest.seed", index).bits();
  if (vm.guest.frame_interval.ns != 0) {
    all.push_back(static_cast<std::uint64_t>(vm.guest.frame_interval.ns / 1000));
  }
  return all;
}

std::uint8_t offered_services(const VmSpec& vm) {
  std::uint8_t services = 0;
  for (const std::string& name : vm.services) {
    services |= name == "time-synchronization"      ? migration::service::kTimeSync
                : name == "shutdown"                ? migration::service::kShutdown
                : name == "key-value-pair-exchange" ? migration::service::kKeyValue
                                                    : migration::service::kVss;
  }
  return services;
}

std::vector<std::string> disks_of(const Scenario& scenario, const VmSpec& vm) {
  std::vector<std::string> all = vm.disks;
  for (const Step& step : scenario.timeline) {
    if (step.vm != vm.name || step.disk.empty()) continue;
    if (std::find(all.begin(), all.end(), step.disk) == all.end()) all.push_back(step.disk);
  }
  return all;
}

void boot_program(const migration::VmConfig& config, hv::Partition& partition) {
  guest_boot_info info{};
  info.memory_pages = parameter(config, kWorkingSetPages);
  info.dirty_pages_per_ms = static_cast<std::uint32_t>(parameter(config, kDirtyPagesPerMs));
  info.disk_interval_us = static_cast<std::uint32_t>(parameter(config, kDiskIntervalUs));
  info.disk_blocks = parameter(config, kDiskBlocks);
  info.blocks_per_write = static_cast<std::uint32_t>(parameter(config, kBlocksPerWrite));
  info.flush_every = static_cast<std::uint32_t>(parameter(config, kFlushEvery));
  info.frame_interval_us = static_cast<std::uint32_t>(parameter(config, kFrameIntervalUs));
  info.stop_after_us = parameter(config, kStopAfterUs);
  info.seed = parameter(config, kGuestSeed);
  const auto loaded =
      guests::load_guest(guests::image(config.guest), info, config.memory_pages,
                         [&partition](sim::Gpa gpa, std::span<const std::byte> bytes) {
                           return partition.write(gpa, bytes);
                         });
  HVSIM_ASSERT(loaded.registers.has_value(), "an image of this build loads into a checked VM");
  partition.vp(hv::VpIndex{0})->cpu()->set_registers(*loaded.registers);
}

namespace {

guests::KernelSeed kernel_seed(const migration::VmConfig& config) {
  sim::Draw draw = sim::Random(parameter(config, kGuestSeed)).draw("guest.linux-seed");
  guests::KernelSeed seed;
  for (std::byte& byte : seed) byte = static_cast<std::byte>(draw.bits());
  return seed;
}

}  // namespace

void boot_kernel(const Scenario& scenario, const GuestSpec& guest,
                 const migration::VmConfig& config, hv::Partition& partition) {
  guests::KernelImage image;
  image.kernel = guests::image_file(guest.kernel, scenario.file).bytes;
  if (!guest.initrd.empty()) image.initrd = guests::image_file(guest.initrd, scenario.file).bytes;
  image.command_line = guest.command_line;
  image.name = guest.kernel;
  image.initrd_name = guest.initrd;
  image.seed = kernel_seed(config);
  const auto loaded =
      guests::load_kernel(image, config.memory_pages, config.processors,
                          [&partition](sim::Gpa gpa, std::span<const std::byte> bytes) {
                            return partition.write(gpa, bytes);
                          });
  HVSIM_ASSERT(loaded.registers.has_value(), "the scenario's check has tried this kernel");
  partition.vp(hv::VpIndex{0})->cpu()->set_registers(*loaded.registers);
}

namespace {

/// The defaults are those of programs/worker.c.
guests::WorkerPlan worker_plan(const migration::VmConfig& config) {
  constexpr std::uint64_t kTicksPerUs = 10;  // of the reference time
  const auto given = [&config](GuestParameter index, std::uint64_t otherwise) {
    const std::uint64_t value = parameter(config, index);
    return value == 0 ? otherwise : value;
  };
  guests::WorkerPlan plan;
  plan.memory.first_page = {GUEST_IMAGE_END_PAGE};
  const std::uint64_t room = config.memory_pages - GUEST_IMAGE_END_PAGE;
  const std::uint64_t most = std::min<std::uint64_t>(room, GUEST_MAX_PATTERN_PAGES);
  plan.memory.pages = std::min(given(kWorkingSetPages, 8192), most);
  plan.memory.seed = plan.disk.seed = parameter(config, kGuestSeed);
  plan.dirty_pages_per_ms = dirty_rate(config, 8);
  plan.disk.blocks = parameter(config, kDiskBlocks);
  plan.disk.interval = given(kDiskIntervalUs, 2000) * kTicksPerUs;
  plan.disk.blocks_per_write = static_cast<std::uint32_t>(given(kBlocksPerWrite, 8));
  plan.disk.flush_every = static_cast<std::uint32_t>(given(kFlushEvery, 4));
  plan.stop_after = parameter(config, kStopAfterUs) * kTicksPerUs;
  return plan;
}

}  // namespace

std::unique_ptr<hv::ModelGuest> make_model_guest(const migration::VmConfig& config,
                                                 hv::Partition& partition) {
  if (config.guest == "worker") {
    return std::make_unique<guests::WorkerModel>(partition, worker_plan(config));
  }
  guests::DirtyingConfig dirtying;
  const std::uint64_t pages = parameter(config, kWorkingSetPages);
  dirtying.pages = pages == 0 ? config.memory_pages : pages;
  dirtying.pages_per_second = dirty_rate(config, 0) * 1000;
  return std::make_unique<guests::DirtyingGuest>(partition, dirtying);
}

}  // namespace scenarios
