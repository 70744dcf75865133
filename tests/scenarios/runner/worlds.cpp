#include "tests/scenarios/runner/worlds.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "scenarios/language/parser.hpp"

namespace worlds {

namespace {

/// The VM died before it was ever suspended: there is nothing to compare.
bool has_no_twin(const checkers::Finding& finding) {
  return finding.property == "twin-equal" && finding.verdict == checkers::Verdict::Unknown &&
         finding.explanation.starts_with("every VM died");
}

}  // namespace

std::string moving_worker(const std::string& faults, const Pace& pace) {
  std::string text = fmt::format(
      R"(
scenario: moving-worker
end: {end}ms
hosts: {{alpha: {{memory: 1GiB}}, beta: {{memory: 1GiB}}}}
networks:
  migration: {{hosts: [alpha, beta], bandwidth: 10Gbit/s, latency: 40us}}
storage: {{disk1: {{size: 4MiB}}}}
vms:
  web:
    host: alpha
    memory: 64MiB
    guest: {{program: worker, working-set: 2MiB, dirty-rate: 20, disk-interval: 1ms,
            blocks-per-write: 8, flush-every: 4}}
    disks: [disk1]
    speed: 50
    heartbeat: {heartbeat}ms
migration: {{connect-timeout: {connect}ms, patience: {answer}ms, answer-timeout: {answer}ms,
            query-interval: {query}ms, idle-timeout: {idle}ms}}
timeline:
  - {{at: {move}ms, move-vm: web, to: beta}}
expect:
  - survives-with-owner: true
  - no-guest-panic: true
  - twin-equal: true
)",
      fmt::arg("end", pace.end), fmt::arg("heartbeat", pace.heartbeat), fmt::arg("move", pace.move),
      fmt::arg("connect", pace.patience), fmt::arg("answer", 2 * pace.patience),
      fmt::arg("query", 2 * pace.patience / 5), fmt::arg("idle", 4 * pace.patience));
  if (!faults.empty()) text += "faults:\n" + faults;
  return text;
}

scenarios::Outcome run(const std::string& text, std::uint64_t seed, const std::string& plant) {
  const scenarios::Scenario scenario = scenarios::parse_scenario("test.yaml", text);
  scenarios::RunOptions options;
  options.seed = seed;
  if (!plant.empty()) options.plants.insert(plant);
  return scenarios::run_scenario(scenario, options);
}

std::string complaints(const scenarios::Outcome& outcome) {
  std::string text;
  for (const auto& finding : outcome.findings) {
    if (finding.verdict == checkers::Verdict::Holds || has_no_twin(finding)) continue;
    text += finding.property + ": " + finding.explanation + "\n";
  }
  return text;
}

bool violated(const scenarios::Outcome& outcome, const std::string& property) {
  for (const auto& finding : outcome.findings) {
    if (finding.property == property && finding.verdict == checkers::Verdict::Violated) return true;
  }
  return false;
}

int sweep() {
  const char* text = std::getenv("HVSIM_SWEEP");
  const int count = text == nullptr ? 0 : std::atoi(text);
  return count > 0 ? count : 200;
}

}  // namespace worlds
