// What becomes of a VM when a host dies or the link is cut at any instant of its migration.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "scenarios/language/parser.hpp"
#include "scenarios/runner/simulation.hpp"
#include "sim/kernel/random.hpp"
#include "tests/scenarios/runner/worlds.hpp"

namespace {

/// A whole migration, and hardly anything else: before it the guest has booted and flushed once,
/// behind it there is time for every time-out of the protocol, one after the other. Two hundred of
/// these for each kind of death are affordable.
constexpr worlds::Pace kBrief{.end = 150, .move = 15, .heartbeat = 10, .patience = 5};

/// When the undisturbed migration begins and when its last event is.
class Span final : public traces::Observer {
 public:
  void on_event(const traces::Event& event) override {
    if (const auto* phase = event.as<traces::ev::MigrationPhase>()) {
      if (phase->phase == traces::MigrationPhase::Preflight) begin = event.time;
    }
    if (event.as<traces::ev::MigrationFinished>() != nullptr) end = event.time;
  }
  traces::Time begin{};
  traces::Time end{};
};

Span span_of(std::uint64_t seed) {
  const auto scenario = scenarios::parse_scenario("test.yaml", worlds::moving_worker("", kBrief));
  scenarios::SimulationOptions options;
  options.seed = seed;
  scenarios::Simulation simulation(scenario, options);
  Span span;
  traces::EventSet types;
  types.set(static_cast<std::size_t>(traces::ev::MigrationPhase::kType));
  types.set(static_cast<std::size_t>(traces::ev::MigrationFinished::kType));
  simulation.recorder().attach(span, types);
  simulation.run_until(traces::Time{40'000'000});
  return span;
}

/// How many instants a kind of trouble is tried at: the whole sweep for what a migration must
/// survive in the first place, a sixth of it for what is a variation of that.
int principal() { return worlds::sweep(); }
int variation() { return worlds::sweep() / 6 + 1; }

/// Strikes at seed-chosen instants from just before the migration to just after it.
void strike(const std::string& fault, const char* stream, int runs) {
  int moved = 0;
  int stayed = 0;
  for (int seed = 1; seed <= runs; ++seed) {
    const auto number = static_cast<std::uint64_t>(seed);
    const Span span = span_of(number);
    ASSERT_GT(span.end, span.begin);
    sim::Draw draw = sim::Random(number).draw(stream);
    const auto at = draw.between(span.begin.ns - 20'000, span.end.ns + 200'000);
    const std::string text =
        worlds::moving_worker(fmt::format("  - {{at: {}ns, {}}}\n", at, fault), kBrief);
    const auto outcome = worlds::run(text, number);
    ASSERT_EQ(worlds::complaints(outcome), "") << "seed " << seed << ", strike at " << at << " ns\n"
                                               << text;
    for (const auto& finding : outcome.findings) {
      if (finding.property != "survives-with-owner") continue;
      moved += finding.measured.find("beta") != std::string::npos;
      stayed += finding.measured.find("alpha") != std::string::npos;
    }
  }
  // A whole sweep covers both sides of the commit point, or it proves nothing.
  if (runs < 30) return;
  EXPECT_GT(moved, 0);
  EXPECT_GT(stayed, 0);
}

TEST(Migration, SurvivesTheDeathOfItsSourceExactlyWhenTheTargetOwnsIt) {
  strike("kill-host: alpha", "test.kill-source", principal());
}

TEST(Migration, SurvivesTheDeathOfItsTargetExactlyWhenTheSourceOwnsIt) {
  strike("kill-host: beta", "test.kill-target", principal());
}

TEST(Migration, SurvivesACutThatHealsAtAnyInstant) {
  strike("cut-link: migration, lasts: 40ms", "test.cut", principal());
}

TEST(Migration, SurvivesACutForGoodOrIsReportedInDoubt) {
  strike("cut-link: migration", "test.cut-for-good", variation());
}

TEST(Migration, SurvivesACutOfOneDirectionAtAnyInstant) {
  strike("cut-link: migration, from: beta, lasts: 40ms", "test.cut-one-way", variation());
}

TEST(Migration, SettlesADoubtWhenTheDeadHostComesBack) {
  strike("kill-host: beta, lasts: 20ms", "test.kill-and-return", variation());
}

}  // namespace
