// Trouble that product code invites: each point fires and nothing that is promised breaks; runs
// repeat from their decisions alone.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "scenarios/language/parser.hpp"
#include "scenarios/language/points.hpp"
#include "scenarios/runner/simulation.hpp"
#include "tests/scenarios/runner/worlds.hpp"

namespace {

/// What a run decided, and which rare moments it saw.
class Told final : public traces::Observer {
 public:
  void on_event(const traces::Event& event) override {
    if (const auto* fired = event.as<traces::ev::BuggifyFired>())
      ++fired_[std::string(fired->point)];
    if (const auto* reached = event.as<traces::ev::SometimesReached>()) {
      reached_.insert(std::string(reached->point));
    }
    if (const auto decision = sim::decision_of(event)) decisions_.insert(*decision);
  }
  std::map<std::string, int> fired_;
  std::set<std::string> reached_;
  sim::DecisionSet decisions_;
};

scenarios::Outcome run(const scenarios::Scenario& scenario, std::uint64_t seed, Told& told) {
  scenarios::RunOptions options;
  options.seed = seed;
  options.prepare = [&told](scenarios::Simulation& simulation) {
    simulation.recorder().attach(told, traces::EventSet().set());
  };
  return scenarios::run_scenario(scenario, options);
}

scenarios::Scenario parsed(const std::string& text) {
  return scenarios::parse_scenario("test.yaml", text);
}

/// Two hosts and a worker that moves once; `more` is appended.
std::string world(const std::string& more, const char* loss = "0%") {
  return fmt::format(R"(
scenario: troubled-worker
end: 3s
hosts: {{alpha: {{memory: 1GiB}}, beta: {{memory: 1GiB}}}}
networks:
  migration: {{hosts: [alpha, beta], bandwidth: 10Gbit/s, latency: 40us, loss: {}}}
storage: {{disk1: {{size: 4MiB}}}}
vms:
  web:
    host: alpha
    memory: 64MiB
    guest: {{program: worker, working-set: 2MiB, dirty-rate: 20, disk-interval: 1ms,
            blocks-per-write: 8, flush-every: 4}}
    disks: [disk1]
    speed: 50
    heartbeat: 50ms
migration: {{connect-timeout: 50ms, patience: 100ms, answer-timeout: 100ms, query-interval: 20ms,
            idle-timeout: 2s}}
timeline:
  - {{at: 500ms, move-vm: web, to: beta}}
expect:
  - survives-with-owner: true
  - no-guest-panic: true
  - twin-equal: true
{})",
                     loss, more);
}

/// What some points need to be reached at all.
std::string help(const std::string& point) {
  if (point == "migration.late-verdict") {
    return "faults:\n"
           "  - {when: {event: migration.commit, step: ceded}, cut-link: migration, lasts: "
           "300ms}\n";
  }
  return "";
}

class Points : public testing::TestWithParam<std::string> {};

TEST_P(Points, FireAndBreakNothingThatIsPromised) {
  const std::string& point = GetParam();
  const std::string invitation = fmt::format("buggify: [{{point: {}, chance: 100%}}]\n", point);
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    Told told;
    const auto outcome = run(parsed(world(invitation + help(point))), seed, told);
    EXPECT_EQ(worlds::complaints(outcome), "") << "seed " << seed;
    EXPECT_EQ(told.fired_.size(), 1u);
    EXPECT_GT(told.fired_[point], 0);
  }
}

std::vector<std::string> names_of(const std::vector<scenarios::Point>& points) {
  std::vector<std::string> names;
  for (const auto& point : points) names.push_back(point.name);
  return names;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& letter : name) {
    if (letter == '.' || letter == '-') letter = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, Points, testing::ValuesIn(names_of(scenarios::all_buggify_points())),
                         test_name);

TEST(PointTables, NameEachPlaceOnceWithItsLibraryInFront) {
  ASSERT_GE(scenarios::all_buggify_points().size(), 14u);
  ASSERT_GE(scenarios::all_sometimes_points().size(), 10u);
  std::set<std::string> seen;
  for (const auto* table : {&scenarios::all_buggify_points(), &scenarios::all_sometimes_points()}) {
    for (const auto& point : *table) {
      EXPECT_TRUE(seen.insert(point.name).second) << point.name;
      EXPECT_NE(point.name.find('.'), std::string::npos) << point.name;
      EXPECT_FALSE(point.what.empty()) << point.name;
    }
  }
}

/// All points that do not forbid each other, often, on a lossy network.
std::string everything() {
  std::string text = "buggify:\n";
  for (const auto& point : scenarios::all_buggify_points()) {
    const bool rarely = point.name.starts_with("management.");
    text += fmt::format("  - {{point: {}, chance: {}}}\n", point.name, rarely ? "1%" : "20%");
  }
  return text;
}

TEST(Decisions, OfAWholeRunMakeTheSameRunAgainAndNothingElseDoes) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    scenarios::Scenario scenario = parsed(world(everything(), "5%"));
    Told drawn;
    const auto outcome = run(scenario, seed, drawn);
    EXPECT_EQ(worlds::complaints(outcome), "") << "seed " << seed;
    EXPECT_GT(drawn.fired_.size(), 12u);
    EXPECT_GT(drawn.decisions_.size(), 100u);
    scenario.decisions.emplace();
    for (const sim::Decision& each : drawn.decisions_) {
      scenarios::DecisionSpec spec;
      spec.stream = each.stream;
      spec.operation = each.operation;
      scenario.decisions->push_back(spec);
    }
    scenario.buggify.clear();
    scenario.networks[0].loss = sim::Chance::never();
    Told scripted;
    const auto again = run(scenario, seed, scripted);
    EXPECT_EQ(again.hash, outcome.hash) << "seed " << seed;
    EXPECT_EQ(worlds::complaints(again), "") << "the twin decides the same, seed " << seed;
    scenario.decisions->clear();
    Told quiet;
    run(scenario, seed, quiet);
    EXPECT_TRUE(quiet.decisions_.empty());
  }
}

/// Rare moments and the trouble that brings them about.
struct Moment {
  const char* point;
  const char* more;
};
constexpr Moment kMoments[] = {
    {"migration.in-doubt",
     "faults: [{when: {event: migration.commit, step: ceded}, cut-link: migration, lasts: 300ms}]"},
    {"migration.withdrawn-after-ceding",
     "faults: [{when: {event: migration.commit, step: ceded}, cut-link: migration, lasts: 300ms}]"},
    {"migration.target-had-committed",
     "faults: [{when: {event: migration.commit, step: committed}, cut-link: migration, "
     "lasts: 300ms}]"},
    {"migration.restarted-target-is-asked",
     "faults: [{when: {event: migration.commit, step: committed}, kill-host: beta, lasts: 200ms}]"},
    {"migration.settled-after-boot",
     "faults: [{when: {event: migration.commit, step: ceded}, kill-host: alpha, lasts: 200ms}]"},
    {"migration.aborts-after-suspend",
     "faults: [{when: {event: migration.phase, phase: stop_and_copy}, cut-link: migration, "
     "lasts: 300ms}]"},
    {"migration.seizes-a-disk",
     "faults: [{when: {event: migration.phase, phase: handover}, cut-link: migration, "
     "lasts: 300ms}]"},
    {"migration.drops-restored-skeleton",
     "faults: [{when: {event: migration.phase, phase: handover}, cut-link: migration, "
     "lasts: 300ms}]"},
    {"migration.io-in-flight", "buggify: [{point: storvsp.late-completion, chance: 100%}]"},
    {"core.message-slot-busy", ""},
};

TEST(Sometimes, RareMomentsAreReachedAndToldOnce) {
  for (const Moment& moment : kMoments) {
    Told told;
    const auto outcome = run(parsed(world(std::string(moment.more) + "\n")), 1, told);
    EXPECT_EQ(worlds::complaints(outcome), "") << moment.point;
    EXPECT_TRUE(told.reached_.contains(moment.point)) << moment.point;
    for (const std::string& point : told.reached_) {
      const auto names = names_of(scenarios::all_sometimes_points());
      EXPECT_TRUE(std::find(names.begin(), names.end(), point) != names.end())
          << point << " is in no table";
    }
  }
}

TEST(Sometimes, TheRoundLimitIsARareMomentToo) {
  scenarios::Scenario scenario = parsed(world(""));
  scenario.migration.round_limit = 1;
  Told told;
  const auto outcome = run(scenario, 1, told);
  EXPECT_EQ(worlds::complaints(outcome), "");
  EXPECT_TRUE(told.reached_.contains("migration.round-limit"));
}

}  // namespace
