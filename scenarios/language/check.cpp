#include "scenarios/language/check.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hypervisor/migration/vm_config.hpp"
#include "scenarios/guests/images.hpp"
#include "scenarios/language/check_parts.hpp"
#include "scenarios/language/fields.hpp"
#include "scenarios/language/platforms.hpp"
#include "scenarios/language/words.hpp"
#include "sim/memory/address.hpp"

namespace scenarios {

namespace check {

void fail(const std::string& path, const std::string& text) { throw Mistake{path, text}; }

void require_role_free(const std::string& path, const std::string& name) {
  for (const faults::Role& role : faults::roles()) {
    if (name == role.name) fail(path, "`" + name + "` is a role of faults; use another name");
  }
}

}  // namespace check

namespace {

using check::fail;
using check::reference;

constexpr std::size_t kMaxDisks = 64;
constexpr std::size_t kMaxEntries = 4096;  // hosts, VMs, steps... each
constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kMostPatternBytes = GUEST_MAX_PATTERN_PAGES * sim::kPageSize;

template <class List>
void limit(const char* key, const List& list) {
  if (list.size() > kMaxEntries) {
    fail(key, "too many entries: " + std::to_string(list.size()) + ", at most " +
                  std::to_string(kMaxEntries));
  }
}

class World {
 public:
  explicit World(const Scenario& scenario) : scenario_(scenario) {}

  void check() const {
    platform();
    if (scenario_.end.ns <= 0) fail("end", "the world must last longer than 0");
    limits();
    if (!scenario_.migration.network.empty()) {
      reference("migration.network", scenario_.migration.network, "network", scenario_.networks);
    }
    for (const HostSpec& host : scenario_.hosts) {
      check::require_role_free("hosts." + host.name, host.name);
    }
    for (const NetworkSpec& one : scenario_.networks) network("networks." + one.name, one);
    for (const StorageSpec& disk : scenario_.storage) storage("storage." + disk.name, disk);
    for (std::size_t i = 0; i < scenario_.vms.size(); ++i) {
      vm("vms." + scenario_.vms[i].name, i);
    }
  }

 private:
  void platform() const {
    const Platform* hosts = find_platform(scenario_.platform);
    if (hosts == nullptr) {
      std::string known;
      for (const Platform& one : platforms()) {
        known += std::string(known.empty() ? "" : ", ") + one.name;
      }
      fail("platform", "platform `" + scenario_.platform + "` is unknown, known: " + known);
    }
    for (const HostSpec& host : scenario_.hosts) {
      at_most("hosts." + host.name, host.memory_bytes, hosts->host_gib, "host");
    }
    for (const VmSpec& vm : scenario_.vms) {
      at_most("vms." + vm.name, vm.memory_bytes, hosts->vm_gib, "VM");
    }
  }

  void at_most(const std::string& path, std::uint64_t bytes, std::uint64_t gib,
               const char* what) const {
    if (bytes <= gib << 30) return;
    fail(path + ".memory", std::string("a ") + what + " of " + scenario_.platform +
                               " has at most " + std::to_string(gib) + " GiB");
  }

  void limits() const {
    limit("hosts", scenario_.hosts);
    if (scenario_.hosts.empty()) fail("hosts", "a scenario needs at least one host");
    limit("networks", scenario_.networks);
    limit("storage", scenario_.storage);
    limit("vms", scenario_.vms);
    limit("timeline", scenario_.timeline);
    limit("faults", scenario_.faults);
    limit("expect", scenario_.expect);
    limit("buggify", scenario_.buggify);
  }

  void network(const std::string& path, const NetworkSpec& network) const {
    check::require_role_free(path, network.name);
    for (std::size_t i = 0; i < network.hosts.size(); ++i) {
      reference(path + ".hosts." + std::to_string(i), network.hosts[i], "host", scenario_.hosts);
    }
    if (network.loss.numerator >= network.loss.denominator) {
      fail(path + ".loss", "a network that loses everything is a cut link; use cut-link");
    }
  }

  void storage(const std::string& path, const StorageSpec& disk) const {
    check::require_role_free(path, disk.name);
    if (disk.bytes < kMiB || disk.bytes % 4096 != 0) {
      fail(path + ".size", "a disk is a multiple of 4KiB and at least 1MiB");
    }
  }

  void vm(const std::string& path, std::size_t index) const {
    const VmSpec& vm = scenario_.vms[index];
    check::require_role_free(path, vm.name);
    reference(path + ".host", vm.host, "host", scenario_.hosts);
    if (vm.memory_bytes % sim::kPageSize != 0 || vm.memory_bytes < kMiB) {
      fail(path + ".memory", "memory is a multiple of 4KiB and at least 1MiB");
    }
    room(path, index);
    if (vm.disks.size() > kMaxDisks) {
      fail(path + ".disks", "a SCSI controller serves at most 64 disks");
    }
    for (std::size_t i = 0; i < vm.disks.size(); ++i) {
      const std::string place = path + ".disks." + std::to_string(i);
      reference(place, vm.disks[i], "storage", scenario_.storage);
      sole_user(place, index, vm.disks[i]);
    }
    for (std::size_t i = 0; i < vm.nics.size(); ++i) {
      reference(path + ".nics." + std::to_string(i), vm.nics[i], "network", scenario_.networks);
    }
    if (vm.nics.size() > migration::kMaxNics) {
      fail(path + ".nics", "a VM has at most 8 network adapters");
    }
    services(path + ".integration-services", vm);
    guest(path + ".guest", vm);
    if (vm.boot_once) boot_once(path + ".boot-once", vm);
  }

  static void boot_once(const std::string& path, const VmSpec& vm) {
    if (!vm.guest.model.empty()) fail(path, "a model guest says nothing that could be waited for");
    if (vm.boot_once->until.empty()) fail(path + ".until", "every line has an empty text in it");
  }

  static void services(const std::string& path, const VmSpec& vm) {
    static const std::vector<std::string> known{"time-synchronization", "shutdown",
                                                "key-value-pair-exchange", "vss"};
    if (!vm.services.empty() && !vm.guest.kernel.empty()) {
      fail(path, "a Linux VM has all integration services");
    }
    for (std::size_t i = 0; i < vm.services.size(); ++i) {
      if (std::find(known.begin(), known.end(), vm.services[i]) != known.end()) continue;
      fail(path + "." + std::to_string(i), "there is no integration service `" + vm.services[i] +
                                               "`" + suggestion(vm.services[i], known));
    }
  }

  void room(const std::string& path, std::size_t index) const {
    const VmSpec& vm = scenario_.vms[index];
    for (const HostSpec& host : scenario_.hosts) {
      if (host.name != vm.host) continue;
      std::uint64_t used = 0;
      for (std::size_t i = 0; i < index; ++i) {
        if (scenario_.vms[i].host == vm.host) used += scenario_.vms[i].memory_bytes;
      }
      const std::uint64_t free = host.memory_bytes - std::min(used, host.memory_bytes);
      if (vm.memory_bytes <= free) return;
      fail(path + ".memory", "VM `" + vm.name + "` does not fit on host `" + host.name +
                                 "`: " + std::to_string(vm.memory_bytes >> 20) + " MiB wanted, " +
                                 std::to_string(free >> 20) + " MiB free");
    }
  }

  void sole_user(const std::string& path, std::size_t index, const std::string& disk) const {
    for (std::size_t i = 0; i < index; ++i) {
      const VmSpec& other = scenario_.vms[i];
      if (std::find(other.disks.begin(), other.disks.end(), disk) == other.disks.end()) continue;
      fail(path, "disk `" + disk + "` belongs to VM `" + other.name +
                     "`; a disk has one VM (this is `" + scenario_.vms[index].name + "`)");
    }
  }

  void guest(const std::string& path, const VmSpec& vm) const {
    const GuestSpec& guest = vm.guest;
    if (!guest.kernel.empty()) {
      linux_guest(path, guest);
      return;
    }
    for (const std::string& only_linux : {guest.initrd, guest.command_line}) {
      if (!only_linux.empty()) fail(path, "`initrd` and `command-line` belong to a `kernel`");
    }
    const bool model = !guest.model.empty();
    known_guest(path, model ? "model" : "program", model ? guest.model : guest.program);
    // What a program's image, or a model's rings and buffers, have below the working set.
    const bool has_own_pages = guest.model != "dirtying";
    const std::uint64_t least = !has_own_pages ? 0
                                : model        ? 2 * GUEST_IMAGE_END_PAGE
                                               : guests::find_image(guest.program)->ram_pages;
    if (vm.memory_bytes / sim::kPageSize < least) {
      fail(path, "guest `" + (model ? guest.model : guest.program) + "` needs at least " +
                     std::to_string(least * sim::kPageSize >> 20) + "MiB of memory");
    }
    heeded(path, guest);
    if (has_own_pages && guest.working_set_bytes > kMostPatternBytes) {
      fail(path + ".working-set", "guests keep count of at most " +
                                      std::to_string(kMostPatternBytes >> 20) +
                                      "MiB; only model `dirtying` takes more");
    }
    const std::uint64_t image_bytes = has_own_pages ? GUEST_IMAGE_END_PAGE * sim::kPageSize : 0;
    const std::uint64_t room = vm.memory_bytes - std::min(image_bytes, vm.memory_bytes);
    if (guest.working_set_bytes > room) {
      fail(path + ".working-set", "the working set does not fit: at most " +
                                      std::to_string(room >> 20) + "MiB with this memory");
    }
  }

  static void linux_guest(const std::string& path, const GuestSpec& guest) {
    GuestSpec others = guest;
    others.kernel = others.initrd = others.command_line = "";
    if (!(others == GuestSpec{})) {
      fail(path, "a Linux guest takes `initrd` and `command-line`, and none of a program's values");
    }
  }

  /// A value that the guest does not look at would be one that does nothing.
  static void heeded(const std::string& path, const GuestSpec& guest) {
    static const std::pair<const char*, std::string_view> kKeys[] = {
        {"working-set", "memory_pages"},       {"dirty-rate", "dirty_pages_per_ms"},
        {"disk-interval", "disk_interval_us"}, {"blocks-per-write", "blocks_per_write"},
        {"flush-every", "flush_every"},        {"frame-interval", "frame_interval_us"},
        {"stop-after", "stop_after_us"}};
    const std::string& name = guest.model.empty() ? guest.program : guest.model;
    const std::string_view takes = guest.model == "dirtying"
                                       ? "memory_pages dirty_pages_per_ms"
                                       : guests::find_image(name)->parameters;  // `worker` is both
    GuestSpec given = guest;
    GuestSpec nothing;
    const std::vector<Field> all = fields(given);
    const std::vector<Field> usual = fields(nothing);
    std::string known;
    std::string unheeded;
    for (const auto& [key, parameter] : kKeys) {
      if (takes.find(parameter) != std::string_view::npos) {
        known += (known.empty() ? "" : ", ") + std::string(key);
        continue;
      }
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (all[i].key != key || absent(all[i])) continue;
        if (absent(usual[i]) || written(all[i]) != written(usual[i])) unheeded = key;
      }
    }
    if (unheeded.empty()) return;
    fail(path + "." + unheeded, "guest `" + name + "` takes no `" + unheeded + "`; it takes " +
                                    (known.empty() ? "none of these values" : known));
  }

  static void known_guest(const std::string& path, const char* key, const std::string& name) {
    static const std::vector<std::string> programs = [] {
      std::vector<std::string> names;
      for (const auto& image : guests::images()) names.emplace_back(image.name);
      return names;
    }();
    static const std::vector<std::string> models{"dirtying", "worker"};
    const auto& known = std::string(key) == "model" ? models : programs;
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      fail(path + "." + key,
           "there is no guest " + std::string(key) + " `" + name + "`" + suggestion(name, known));
    }
  }

  const Scenario& scenario_;
};

}  // namespace

std::optional<Mistake> find_mistake(const Scenario& scenario) {
  try {
    World(scenario).check();
    check::plan(scenario);
    return std::nullopt;
  } catch (const Mistake& mistake) {
    return mistake;
  }
}

}  // namespace scenarios
