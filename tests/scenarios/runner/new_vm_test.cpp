// Two operators who ask for the same VM at the same moment get one. Found by exploring, when both
// created it, the second over the one that ran by then.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "hypervisor/management/installation.hpp"
#include "scenarios/language/parser.hpp"
#include "scenarios/runner/simulation.hpp"
#include "sim/kernel/node.hpp"
#include "sim/kernel/task.hpp"
#include "tests/scenarios/runner/worlds.hpp"
#include "traces/reflection.hpp"
#include "traces/text.hpp"

namespace {

constexpr const char* kText = R"(
scenario: asked-for-twice
end: 100ms
hosts: {alpha: {memory: 1GiB}}
vms:
  web: {host: alpha, memory: 64MiB, guest: {model: worker}}
)";

/// While the first record of the VM is on its way to the disk.
sim::Task<> ask_again(sim::Node& node, management::Installation& installation) {
  co_await node.sleep(sim::Duration{100'000});
  management::Command command;
  command.verb = management::Verb::NewVm;
  command.vm = 1;
  command.host = node.id();
  installation.submit(command);
}

/// How jobs ended, and how often a VM came into being. Asks again when the first job begins.
class Jobs final : public traces::Observer {
 public:
  void on_event(const traces::Event& event) override {
    if (event.as<traces::ev::VerbStarted>() != nullptr && !asked) {
      asked = true;
      sim::Node& host = simulation->world().node(event.node);
      host.spawn("second-operator", 0, ask_again(host, simulation->installation()));
    } else if (const auto* verb = event.as<traces::ev::VerbFinished>()) {
      ++ends[std::string(verb->verb) + " " + traces::to_text(*traces::field(event, "status"))];
    } else if (const auto* state = event.as<traces::ev::VmState>()) {
      created += state->reason == "created" ? 1 : 0;
    }
  }
  std::map<std::string, int> ends;
  int created = 0;
  bool asked = false;
  scenarios::Simulation* simulation = nullptr;
};

TEST(NewVm, AskedForTwiceAtOnceIsCreatedOnce) {
  const scenarios::Scenario scenario = scenarios::parse_scenario("twice.yaml", kText);
  Jobs jobs;
  scenarios::RunOptions options;
  options.prepare = [&jobs](scenarios::Simulation& simulation) {
    simulation.recorder().attach(jobs, traces::EventSet().set());
    jobs.simulation = &simulation;
  };
  const scenarios::Outcome outcome = scenarios::run_scenario(scenario, options);
  EXPECT_EQ(worlds::complaints(outcome), "");
  EXPECT_EQ(jobs.ends["new-vm completed"], 1);
  EXPECT_EQ(jobs.ends["new-vm refused"], 1);
  EXPECT_EQ(jobs.created, 1);
}

}  // namespace
