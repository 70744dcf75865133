// What a full host costs the simulator in memory: 16 model guests of 64 GiB on a host of 1 TiB,
// each with 64 MiB touched, wired together by the scenario runner as any other world. Bounds: less
// than 256 MiB for the whole process at its peak, and less than 40 bytes for each touched page,
// counted from before the world is built.
//
// Prints: pages that are not zero | peak of the process in bytes | bytes per page.
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>

#include "scenarios/language/parser.hpp"
#include "scenarios/runner/simulation.hpp"
#include "traces/assert.hpp"

namespace {

constexpr std::uint64_t kGuests = 16;
constexpr std::uint64_t kTouchedEach = 64 << 8;  // 64 MiB in pages

/// Every guest writes each page of its working set about 1200 times. Runs of 64 neighbours start
/// anywhere in it, so its first page is written by one run in 16384: it takes as many to reach it.
std::string scenario_text() {
  std::string text = R"(
scenario: many-guests
platform: ws2012
seed: 1
end: 30s
hosts:
  alpha: {memory: 1TiB}
vms:
)";
  for (std::uint64_t i = 0; i < kGuests; ++i) {
    text += "  vm" + std::to_string(i) +
            ": {host: alpha, memory: 64GiB, guest: {model: dirtying, working-set: 64MiB, "
            "dirty-rate: 640}}\n";
  }
  return text;
}

/// Adds up what the last digest of each guest's memory found not to be zero.
class Touched final : public traces::Observer {
 public:
  static traces::EventSet events() {
    traces::EventSet set;
    set.set(static_cast<std::size_t>(traces::ev::MemoryDigest::kType));
    return set;
  }
  void on_event(const traces::Event& event) override {
    if (const auto* digest = event.as<traces::ev::MemoryDigest>()) {
      if (digest->point != traces::DigestPoint::End) return;
      pages += digest->pages;
      ++guests;
    }
  }
  std::uint64_t pages = 0, guests = 0;
};

/// A line of /proc/self/status in bytes.
std::uint64_t status(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(name + ":", 0) == 0) return std::stoull(line.substr(name.size() + 1)) << 10;
  }
  throw std::runtime_error("/proc/self/status has no " + name);
}

}  // namespace

int main() {
  const scenarios::Scenario scenario =
      scenarios::parse_scenario("many-guests.yaml", scenario_text(), {});
  scenarios::SimulationOptions options;
  options.detail = false;
  const std::uint64_t before = status("VmRSS");
  scenarios::Simulation simulation(scenario, options);
  Touched touched;
  simulation.recorder().attach(touched, Touched::events());
  simulation.run();
  HVSIM_ASSERT(touched.guests == kGuests, "every guest runs to the end");
  HVSIM_ASSERT(touched.pages >= kGuests * kTouchedEach, "every guest touched its working set");
  const std::uint64_t added = status("VmRSS") - before;
  std::printf("%" PRIu64 " %" PRIu64 " %.2f\n", touched.pages, status("VmHWM"),
              static_cast<double>(added) / static_cast<double>(touched.pages));
}
