#include "tests/fault-injection/played.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/language/parser.hpp"
#include "scenarios/runner/simulation.hpp"
#include "traces/text.hpp"

namespace faults::testing {

namespace {

namespace ev = traces::ev;

class Watcher final : public traces::Observer {
 public:
  Watcher(Played& played, sim::World& world) : played_(played), world_(world) {}

  static traces::EventSet events() {
    traces::EventSet set;
    for (const traces::EventType type :
         {ev::VmState::kType, ev::VpState::kType, ev::VpDigest::kType, ev::MigrationFinished::kType,
          ev::VerbFinished::kType, ev::HeartbeatReceived::kType, ev::GuestLog::kType,
          ev::NodeKilled::kType, ev::NodeRestarted::kType, ev::FaultFired::kType}) {
      set.set(static_cast<std::size_t>(type));
    }
    return set;
  }

  void on_event(const traces::Event& event) override {
    const std::string node = event.node.value == 0 ? "-" : world_.node(event.node).name();
    if (const auto* vm = event.as<ev::VmState>()) {
      say(event, fmt::format("vm.state {} {} {} {}", node, vm->vm,
                             traces::to_text(*traces::field(event, "state")), vm->reason));
    } else if (const auto* vp = event.as<ev::VpState>()) {
      say(event, fmt::format("vp.state {} {} {} {}", node, vp->vm,
                             traces::to_text(*traces::field(event, "state")), vp->reason));
    } else if (const auto* digest = event.as<ev::VpDigest>()) {
      if (digest->vm == 1) played_.instructions = digest->instructions;
    } else if (const auto* move = event.as<ev::MigrationFinished>()) {
      say(event, fmt::format("migration.finished {} {} {}", node,
                             traces::to_text(*traces::field(event, "outcome")), move->reason));
    } else if (const auto* verb = event.as<ev::VerbFinished>()) {
      say(event, fmt::format("verb.finished {} {} {}", verb->verb,
                             traces::to_text(*traces::field(event, "status")), verb->detail));
    } else if (const auto* beat = event.as<ev::HeartbeatReceived>()) {
      say(event, fmt::format("heartbeat {}", beat->vm));
    } else if (const auto* log = event.as<ev::GuestLog>()) {
      say(event, fmt::format("guest {} {}", log->vm, log->line));
    } else if (event.as<ev::NodeKilled>() != nullptr) {
      say(event, "killed " + node);
    } else if (event.as<ev::NodeRestarted>() != nullptr) {
      say(event, "restarted " + node);
    } else if (const auto* fault = event.as<ev::FaultFired>()) {
      say(event, fmt::format("fault {} {} {}", fault->fault, fault->target, fault->detail));
    }
  }

 private:
  void say(const traces::Event& event, std::string text) {
    played_.lines.push_back({event.time, std::move(text)});
  }

  Played& played_;
  sim::World& world_;
};

constexpr const char* kText = R"(
scenario: two-vms
end: 600ms
hosts: {{alpha: {{memory: 1GiB}}, beta: {{memory: 1GiB}}}}
networks:
  migration: {{hosts: [alpha, beta], bandwidth: 10Gbit/s, latency: 40us}}
storage: {{disk1: {{size: 4MiB}}, disk2: {{size: 4MiB}}}}
vms:
  web:
    host: alpha
    memory: 64MiB
    guest: {{{0}, working-set: 2MiB, dirty-rate: 20, disk-interval: 1ms,
            blocks-per-write: 8, flush-every: 4}}
    disks: [disk1]
    speed: 50
    heartbeat: 20ms
  db:
    host: alpha
    memory: 64MiB
    guest: {{{0}, working-set: 2MiB, dirty-rate: 20, disk-interval: 1ms,
            blocks-per-write: 8, flush-every: 4}}
    disks: [disk2]
    speed: 50
    heartbeat: 20ms
migration: {{connect-timeout: 50ms, patience: 100ms, answer-timeout: 100ms, query-interval: 20ms,
            idle-timeout: 200ms}}
timeline:
  - {{at: 60ms, move-vm: web, to: beta}}
expect:
  - no-guest-panic: true
  - twin-equal: true
)";

}  // namespace

std::size_t Played::count(const std::string& start, sim::Time from, sim::Time to) const {
  return static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), [&](const Line& line) {
    return line.time >= from && line.time < to && line.text.compare(0, start.size(), start) == 0;
  }));
}

checkers::Verdict Played::verdict(const std::string& property) const {
  for (const checkers::Finding& finding : outcome.findings) {
    if (finding.property == property) return finding.verdict;
  }
  return checkers::Verdict::Unknown;
}

std::string Played::violations() const {
  std::string text;
  for (const checkers::Finding& finding : outcome.findings) {
    if (finding.verdict != checkers::Verdict::Violated) continue;
    text += finding.property + ": " + finding.explanation + "\n";
  }
  return text;
}

std::string Played::story() const {
  std::string text;
  for (const Line& line : lines) {
    if (line.text.compare(0, 9, "heartbeat") == 0) continue;
    text += fmt::format("{:>12} {}\n", line.time.ns, line.text);
  }
  return text;
}

scenarios::Scenario two_vms(bool moves, const char* guest) {
  auto scenario = scenarios::parse_scenario("test.yaml", fmt::format(kText, guest));
  if (!moves) scenario.timeline.clear();
  return scenario;
}

Played play(scenarios::Scenario scenario, const std::vector<FaultLine>& faults,
            std::uint64_t seed) {
  for (const FaultLine& fault : faults) scenario.faults.push_back(fault.spec());
  Played played;
  std::unique_ptr<Watcher> watcher;
  scenarios::RunOptions options;
  options.seed = seed;
  options.prepare = [&](scenarios::Simulation& simulation) {
    watcher = std::make_unique<Watcher>(played, simulation.world());
    simulation.recorder().attach(*watcher, Watcher::events());
  };
  played.outcome = scenarios::run_scenario(scenario, options);
  return played;
}

}  // namespace faults::testing
