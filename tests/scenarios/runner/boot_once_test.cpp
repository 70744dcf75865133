// A restored guest goes on with the same instructions as one that was never saved, whatever it is
// and wherever in its life it was saved.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "hypervisor/management/installation.hpp"
#include "hypervisor/migration/saved_state_file.hpp"
#include "scenarios/language/parser.hpp"
#include "scenarios/runner/boot_cache.hpp"
#include "scenarios/runner/boot_once.hpp"
#include "scenarios/runner/simulation.hpp"
#include "sim/kernel/node.hpp"
#include "sim/kernel/task.hpp"
#include "tests/scenarios/runner/worlds.hpp"
#include "traces/text.hpp"

namespace {

namespace ev = traces::ev;
namespace fs = std::filesystem;
using scenarios::Scenario;
using scenarios::Simulation;

/// A worker that begins with a state saved at a line of it.
std::string worker(const std::string& until, const std::string& end = "300ms") {
  return "scenario: once\nend: " + end + R"(
hosts: {alpha: {memory: 1GiB}, beta: {memory: 1GiB}}
networks: {lan: {hosts: [alpha, beta]}}
storage: {disk1: {size: 4MiB}}
vms:
  web:
    host: alpha
    memory: 64MiB
    guest: {program: worker, working-set: 1MiB, disk-interval: 1ms, flush-every: 50}
    disks: [disk1]
    heartbeat: 20ms
    boot-once: {until: ')" +
         until + "'}\n";
}

/// What witnesses say at the end, and what the guest said after it went on.
class Witness final : public traces::Observer {
 public:
  void on_event(const traces::Event& event) override {
    if (const auto* memory = event.as<ev::MemoryDigest>()) {
      if (memory->point == traces::DigestPoint::Suspended) since_ = true;
      note("memory", memory->point, traces::to_text(memory->digest));
    } else if (const auto* processor = event.as<ev::VpDigest>()) {
      note("processor", processor->point,
           traces::to_text(processor->digest) + " after " +
               std::to_string(processor->instructions) + " instructions");
    } else if (const auto* bus = event.as<ev::BusDigest>()) {
      note("bus", bus->point, traces::to_text(bus->digest));
    } else if (const auto* disk = event.as<ev::DiskDigest>()) {
      note("disk", disk->point, traces::to_text(disk->digest));
    } else if (const auto* log = event.as<ev::GuestLog>()) {
      if (since_) said.push_back(std::to_string(event.time.ns) + " " + std::string(log->line));
    }
  }
  std::map<std::string, std::string> seen;
  std::vector<std::string> said;

 private:
  void note(const std::string& what, traces::DigestPoint point, const std::string& digest) {
    seen[what + " at point " + std::to_string(static_cast<int>(point))] = digest;
  }
  bool since_ = false;
};

sim::Task<> hold_now(management::Host& host, std::uint32_t vm) {
  co_await host.hold_vm(vm, host.node().now(), host.node().now());
}

/// Holds the VM in place where the other world's was saved: for as long as its devices need to come
/// to rest, and no longer.
class Holder final : public traces::Observer {
 public:
  Holder(Simulation& simulation, std::string until) : simulation_(simulation), until_(until) {}
  void on_event(const traces::Event& event) override {
    const auto* log = event.as<ev::GuestLog>();
    if (log == nullptr || held_ || log->line.find(until_) == std::string_view::npos) return;
    held_ = true;
    management::Host* host = simulation_.installation().host(event.node);
    host->node().spawn("hold", 0, hold_now(*host, log->vm));
  }

 private:
  Simulation& simulation_;
  const std::string until_;
  bool held_ = false;
};

/// The guest that is never saved runs in the world in which the other one's state is made.
void expect_same_course(const std::string& text) {
  const Scenario saved = scenarios::parse_scenario("once.yaml", text);
  Scenario whole = scenarios::preparation(saved, 0);
  whole.end = saved.end;
  scenarios::SimulationOptions options;
  options.detail = false;

  Simulation uninterrupted(whole, options);
  Holder holder(uninterrupted, saved.vms[0].boot_once->until);
  Witness wanted;
  uninterrupted.recorder().attach(holder, traces::EventSet().set());
  uninterrupted.recorder().attach(wanted, traces::EventSet().set());
  uninterrupted.run();

  options.seed = 17;  // no matter
  Simulation restored(saved, options);
  Witness seen;
  restored.recorder().attach(seen, traces::EventSet().set());
  restored.run();

  EXPECT_EQ(seen.seen, wanted.seen);
  EXPECT_EQ(seen.said, wanted.said);
  EXPECT_GE(wanted.seen.size(), 8U);
  EXPECT_EQ(seen.seen.count("memory at point 2"), 1U);
}

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("hvsim-boot-once-" + std::to_string(getpid()))) {
    scenarios::boot_cache_setting() = path_.string();
  }
  ~Folder() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

class BootOnce : public ::testing::Test {
 protected:
  Folder folder_;
};

TEST_F(BootOnce, GuestThatWasRestoredTakesTheCourseOfOneThatWasNeverSaved) {
  for (const char* until :
       {"connected", "disk found", "heartbeat open", "working set", "writes so far 50"}) {
    SCOPED_TRACE(until);
    expect_same_course(worker(until));
  }
}

TEST_F(BootOnce, StateIsTheSameForEveryHostNextToItAndEverySeed) {
  const Scenario one = scenarios::parse_scenario("once.yaml", worker("heartbeat open"));
  std::string crowded = worker("heartbeat open", "900ms");
  crowded += "  other: {host: beta, memory: 64MiB, guest: {program: worker}}\n";
  Scenario more = scenarios::parse_scenario("crowd.yaml", crowded);
  more.seed = 99;
  const auto state = scenarios::boot_state(one, 0);
  EXPECT_EQ(scenarios::boot_state(more, 0).digest, state.digest);
  std::string larger = worker("heartbeat open");
  larger.replace(larger.find("64MiB"), 5, "65MiB");
  const Scenario other = scenarios::parse_scenario("once.yaml", larger);
  EXPECT_NE(scenarios::boot_state(other, 0).digest, state.digest);
}

TEST_F(BootOnce, WorldOfSavedVmsHoldsAllPropertiesAndItsTwin) {
  std::string text = worker("heartbeat open");
  text += "timeline:\n  - {at: 100ms, move-vm: web, to: beta}\n";
  text += "  - {at: 200ms, move-vm: web, to: alpha}\nexpect:\n  - twin-equal: true\n";
  for (std::uint64_t seed : {1, 2}) EXPECT_EQ(worlds::complaints(worlds::run(text, seed)), "");
}

TEST_F(BootOnce, VmThatLostItsHostAfterwardsBootsFromNothing) {
  std::string text = worker("heartbeat open");
  text += "faults:\n  - {at: 50ms, crash-host: alpha, lasts: 20ms}\n";
  text += "timeline:\n  - {at: 100ms, start-vm: web}\n";
  text +=
      "expect:\n  - eventually: {event: guest.log, where: \"line == 'worker: heartbeat open'\"}\n";
  EXPECT_EQ(worlds::complaints(worlds::run(text, 1)), "");
}

TEST_F(BootOnce, StateOfVersionOneStillRestoresAndItsGuestGoesOn) {
  std::ifstream in(HVSIM_SAVED_WORKER_V1, std::ios::binary | std::ios::ate);
  ASSERT_TRUE(in) << HVSIM_SAVED_WORKER_V1;
  std::vector<std::byte> file(static_cast<std::size_t>(in.tellg()));
  in.seekg(0).read(reinterpret_cast<char*>(file.data()), static_cast<long>(file.size()));
  migration::SavedStateReader reader(file);
  auto vm = reader.read();
  ASSERT_TRUE(vm.has_value()) << reader.problem();

  Scenario scenario = scenarios::parse_scenario("once.yaml", worker("heartbeat open"));
  scenario.vms[0].boot_once.reset();
  scenarios::SimulationOptions options;
  options.begin_with[1] = std::make_shared<const migration::SavedVm>(std::move(*vm));
  Simulation simulation(scenario, options);
  Witness seen;
  simulation.recorder().attach(seen, traces::EventSet().set());
  simulation.run();
  ASSERT_FALSE(seen.said.empty());
  EXPECT_NE(seen.said.back().find("writes so far 50"), std::string::npos) << seen.said.back();
}

/// An unmodified kernel that writes files, saved in the midst of it.
TEST_F(BootOnce, LinuxThatWasRestoredTakesTheCourseOfOneThatWasNeverSaved) {
  const char* images = std::getenv("HVSIM_IMAGES");
  ASSERT_NE(images, nullptr) << "restored_linux_test.py runs this";
  const fs::path kernel = fs::path(images) / "vmlinuz-6.1-cloud";
  const std::string text =
      "scenario: linux-once\nend: 2900ms\nplatform: current\n" + std::string(R"(
hosts: {alpha: {memory: 1GiB}}
networks: {lan: {hosts: [alpha]}}
storage: {disk1: {size: 64MiB}}
vms:
  web:
    host: alpha
    memory: 256MiB
    guest:
      kernel: )") +
      kernel.string() + "\n      initrd: " + (kernel.parent_path() / "initrd-6.1-cloud").string() +
      R"(
      command-line: "console=ttyS0 quiet panic=-1 part=storage"
    disks: [disk1]
    nics: [lan]
    boot-once: {until: "guest: 16 files"}
)";
  expect_same_course(text);
}

}  // namespace
