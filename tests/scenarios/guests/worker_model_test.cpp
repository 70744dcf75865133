// The model worker on the whole stack: what it says, what judges it, and that no instant of a
// migration is noticed by it.
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "scenarios/guests/model/worker.hpp"
#include "scenarios/language/parser.hpp"
#include "scenarios/runner/run.hpp"
#include "scenarios/runner/simulation.hpp"
#include "tests/scenarios/guests/model_world.hpp"

namespace guests_test {
namespace {

using checkers::Verdict;

struct Setting {
  std::string guest = "model: worker";
  std::string work = "disk-interval: 1ms, flush-every: 4";
  std::string disks = "[disk1]";
  std::string timeline;
  std::string end = "300ms";
};

scenarios::Scenario scenario(const Setting& setting) {
  std::string text = fmt::format(R"(
scenario: worker-model
end: {}
hosts: {{alpha: {{memory: 1GiB}}, beta: {{memory: 1GiB}}}}
networks:
  migration: {{hosts: [alpha, beta], bandwidth: 10Gbit/s, latency: 40us}}
storage: {{disk1: {{size: 1MiB}}}}
vms:
  web:
    host: alpha
    memory: 64MiB
    guest: {{{}, working-set: 2MiB, dirty-rate: 40, blocks-per-write: 12, {}}}
    disks: {}
    speed: 50
    heartbeat: 20ms
expect:
  - no-guest-panic: true
  - heartbeats-answered: true
  - twin-equal: true
)",
                                 setting.end, setting.guest, setting.work, setting.disks);
  if (!setting.timeline.empty()) text += "timeline:\n" + setting.timeline;
  return scenarios::parse_scenario("test.yaml", text);
}

scenarios::Outcome run(const Setting& setting, std::uint64_t seed = 1,
                       const std::string& plant = "") {
  scenarios::RunOptions options;
  options.seed = seed;
  if (!plant.empty()) options.plants.insert(plant);
  return scenarios::run_scenario(scenario(setting), options);
}

std::string complaints(const scenarios::Outcome& outcome) {
  std::string text;
  for (const auto& finding : outcome.findings) {
    if (finding.verdict == Verdict::Holds) continue;
    text += finding.property + ": " + finding.explanation + "\n";
  }
  return text;
}

Verdict verdict_of(const scenarios::Outcome& outcome, const std::string& property) {
  for (const auto& finding : outcome.findings) {
    if (finding.property == property) return finding.verdict;
  }
  return Verdict::Unknown;
}

/// The guest's log lines, each number as '#'.
class Lines final : public traces::Observer {
 public:
  void on_event(const traces::Event& event) override {
    const auto* log = event.as<traces::ev::GuestLog>();
    if (log == nullptr) return;
    std::string text;
    for (const char c : log->line) {
      const bool digit = c >= '0' && c <= '9';
      if (!digit) text.push_back(c);
      if (digit && (text.empty() || text.back() != '#')) text.push_back('#');
    }
    all.push_back(text);
  }
  void attach(scenarios::Simulation& simulation) {
    traces::EventSet types;
    types.set(static_cast<std::size_t>(traces::ev::GuestLog::kType));
    simulation.recorder().attach(*this, types);
  }
  std::vector<std::string> all;
};

migration::WorkerProcess& vm_of(scenarios::Simulation& simulation) {
  return *simulation.installation().hosts().front()->worker(1);
}

std::vector<std::string> lines_of(const Setting& setting) {
  const scenarios::Scenario world = scenario(setting);
  scenarios::Simulation simulation(world, {});
  Lines lines;
  lines.attach(simulation);
  simulation.run();
  return lines.all;
}

TEST(WorkerModel, SaysWhatTheProgramSays) {
  Setting program, model;
  for (Setting* each : {&program, &model}) each->work += ", stop-after: 150ms";
  program.guest = "program: worker";
  const std::vector<std::string> said = lines_of(model);
  ASSERT_FALSE(said.empty());
  EXPECT_EQ(said.back(), "worker: done");
  EXPECT_EQ(said, lines_of(program));
}

TEST(WorkerModel, SaysWhatTheProgramSaysWithoutADisk) {
  Setting program, model;
  for (Setting* each : {&program, &model}) {
    each->disks = "[]";
    each->work = "stop-after: 50ms";
  }
  program.guest = "program: worker";
  const std::vector<std::string> said = lines_of(model);
  ASSERT_FALSE(said.empty());
  EXPECT_EQ(said, lines_of(program));
}

TEST(WorkerModel, IsJudgedByEveryPropertyThatJudgesTheProgram) {
  Setting program, model;
  for (Setting* each : {&program, &model}) {
    each->timeline = "  - {at: 100ms, move-vm: web, to: beta}\n";
  }
  program.guest = "program: worker";
  EXPECT_EQ(complaints(run(program)), "");
  EXPECT_EQ(complaints(run(model)), "");
}

TEST(WorkerModel, DetailDoesNotChangeItsWorld) {
  const scenarios::Scenario world = scenario({});
  traces::Digest hashes[2];
  for (const bool detail : {false, true}) {
    scenarios::SimulationOptions options;
    options.detail = detail;
    scenarios::Simulation simulation(world, options);
    simulation.run();
    hashes[detail ? 1 : 0] = simulation.recorder().hash();
  }
  EXPECT_EQ(hashes[0], hashes[1]);
}

/// From the first message of its start to the middle of its work, with I/O in flight.
TEST(WorkerModel, NoticesAMoveAtNoInstant) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    sim::Draw draw = sim::Random(seed).draw("test.instants");
    const bool early = seed % 3 == 0;
    const std::int64_t first =
        early ? draw.between(1'000'000, 4'000'000) : draw.between(20'000'000, 60'000'000);
    const std::int64_t second = draw.between(100'000'000, 160'000'000);
    Setting setting;
    setting.end = "200ms";
    setting.work = seed % 2 == 0 ? "disk-interval: 300us, flush-every: 4"
                                 : "disk-interval: 70us, flush-every: 16";
    setting.timeline = fmt::format(
        "  - {{at: {}ns, move-vm: web, to: beta}}\n  - {{at: {}ns, move-vm: web, to: alpha}}\n",
        first, second);
    ASSERT_EQ(complaints(run(setting, seed)), "") << "seed " << seed << "\n" << setting.timeline;
  }
}

TEST(WorkerModel, FindsAWrongBlockWhenItReadsItBack) {
  for (const char* plant : {"storvsp.short-dma", "storvsp.short-write"}) {
    EXPECT_EQ(verdict_of(run({}, 1, plant), "no-guest-panic"), Verdict::Violated) << plant;
  }
}

TEST(WorkerModel, FindsACompletionThatNobodyAskedFor) {
  for (const char* plant : {"storvsp.completes-twice", "storvsp.wrong-transaction"}) {
    EXPECT_EQ(verdict_of(run({}, 1, plant), "no-guest-panic"), Verdict::Violated) << plant;
  }
}

TEST(WorkerModel, FindsATimerThatRingsTooEarly) {
  EXPECT_EQ(verdict_of(run({}, 1, "core.timer-early"), "no-guest-panic"), Verdict::Violated);
}

TEST(WorkerModel, FindsAPageThatIsNotWhatItWrote) {
  const scenarios::Scenario world = scenario({});
  scenarios::Simulation simulation(world, {});
  Lines lines;
  lines.attach(simulation);
  simulation.run_until(sim::Time{100'000'000});
  vm_of(simulation).memory().touch({GUEST_IMAGE_END_PAGE + 77});
  simulation.run_until(sim::Time{250'000'000});
  simulation.finish();
  EXPECT_EQ(lines.all.back(), "PANIC: memory corruption");
}

// ---------------------------------------------------------------- its saved bytes

using WorkerWorld = ModelWorldOf<guests::WorkerModel>;

guests::WorkerPlan small_plan() {
  guests::WorkerPlan plan;
  plan.memory.first_page = {GUEST_IMAGE_END_PAGE};
  plan.memory.pages = 100;
  plan.dirty_pages_per_ms = 8;
  plan.disk.interval = 10'000;
  plan.disk.blocks_per_write = 8;
  plan.disk.flush_every = 4;
  return plan;
}

TEST(WorkerModel, RefusesAStateThatIsNotItsOwn) {
  WorkerWorld world(4096, small_plan());
  world.partition->resume("test");
  world.run_for(sim::Duration{5'000'000});
  world.partition->suspend("test");
  const std::vector<std::byte> state = world.guest->save();
  EXPECT_TRUE(world.guest->restore(state));
  std::vector<std::byte> longer = state;
  longer.push_back({});
  EXPECT_FALSE(world.guest->restore(longer));
  for (std::size_t size = 0; size < state.size(); ++size) {
    EXPECT_FALSE(world.guest->restore(std::span(state).first(size))) << size;
  }
}

/// Whatever the bytes are: refused, or a state in which it can go on.
TEST(WorkerModel, SurvivesDamagedBytesAsItsState) {
  Setting setting;
  setting.work = "disk-interval: 100us, flush-every: 8";
  const scenarios::Scenario world = scenario(setting);
  int refused = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    scenarios::SimulationOptions options;
    options.seed = seed;
    options.detail = false;
    scenarios::Simulation simulation(world, options);
    simulation.run_until(sim::Time{30'000'000});
    hv::Partition& partition = vm_of(simulation).partition();
    partition.suspend("test");
    traces::ByteWriter out;
    ASSERT_EQ(partition.save(out), hv::Status::Success);
    std::vector<std::byte> state = out.take();
    sim::Draw draw = sim::Random(seed).draw("test.damage");
    const auto size = static_cast<std::int64_t>(state.size());
    state[static_cast<std::size_t>(draw.between(0, size - 1))] ^=
        static_cast<std::byte>(1 << draw.between(0, 7));
    traces::ByteReader in(state);
    refused += partition.restore(in) == hv::Status::Success ? 0 : 1;
    partition.resume("test");
    simulation.run_until(sim::Time{40'000'000});
    simulation.finish();
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace guests_test
