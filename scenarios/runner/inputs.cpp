// What decides a run beside its seed: the scenario's text and the images of its guests.
#include <algorithm>

#include "scenarios/guests/image_files.hpp"
#include "scenarios/guests/images.hpp"
#include "scenarios/runner/boot_once.hpp"
#include "scenarios/runner/simulation.hpp"
#include "traces/digest.hpp"

namespace scenarios {

traces::Digest Simulation::input_digest(const Scenario& scenario) {
  traces::DigestStream stream;
  stream.add(std::as_bytes(std::span(scenario.text)));
  for (const auto& input : inputs(scenario)) {
    stream.add(std::as_bytes(std::span(input.name)));
    stream.add_u64(input.digest.high);
    stream.add_u64(input.digest.low);
  }
  return stream.finish();
}

std::vector<traces::TraceHeader::Input> Simulation::inputs(const Scenario& scenario) {
  std::vector<traces::TraceHeader::Input> all;
  const auto add = [&all](const std::string& name, const traces::Digest& digest) {
    const bool known = std::any_of(all.begin(), all.end(),
                                   [&name](const auto& input) { return input.name == name; });
    if (!known) all.push_back({name, digest});
  };
  for (const VmSpec& vm : scenario.vms) {
    if (!vm.guest.model.empty()) continue;
    if (vm.guest.kernel.empty()) {
      add("guest " + vm.guest.program, traces::digest_of(guests::image(vm.guest.program)));
      continue;
    }
    for (const std::string& file : {vm.guest.kernel, vm.guest.initrd}) {
      if (!file.empty()) add("file " + file, guests::image_file(file, scenario.file).digest);
    }
  }
  for (std::size_t vm = 0; vm < scenario.vms.size(); ++vm) {
    if (!scenario.vms[vm].boot_once) continue;
    add("saved state of " + scenario.vms[vm].name, boot_state(scenario, vm).digest);
  }
  return all;
}

}  // namespace scenarios
