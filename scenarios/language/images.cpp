// The files that a scenario's guests are started from.
#include <algorithm>

#include "scenarios/guests/image_files.hpp"
#include "scenarios/guests/kernel_image.hpp"
#include "scenarios/language/parser.hpp"

namespace scenarios {

namespace {

std::span<const std::byte> require_file(const GuestSpec& guest, const std::string& key,
                                        const std::string& name, const std::string& scenario) {
  const guests::ImageFile& file = guests::image_file(name, scenario);
  if (!file.error.empty()) throw UserError(guest.place, key + " `" + name + "` " + file.error);
  return file.bytes;
}

}  // namespace

bool needs_images(const Scenario& scenario) {
  return std::any_of(scenario.vms.begin(), scenario.vms.end(),
                     [](const VmSpec& vm) { return !vm.guest.kernel.empty(); });
}

void require_images(const Scenario& scenario) {
  for (const VmSpec& vm : scenario.vms) {
    const GuestSpec& guest = vm.guest;
    if (guest.kernel.empty()) continue;
    guests::KernelImage image;
    image.kernel = require_file(guest, "kernel", guest.kernel, scenario.file);
    if (!guest.initrd.empty()) {
      image.initrd = require_file(guest, "initrd", guest.initrd, scenario.file);
    }
    image.command_line = guest.command_line;
    image.name = guest.kernel;
    image.initrd_name = guest.initrd;
    const std::string error = guests::check_kernel(image, vm.memory_bytes / sim::kPageSize);
    if (!error.empty()) throw UserError(guest.place, "kernel `" + guest.kernel + "` " + error);
  }
}

}  // namespace scenarios
