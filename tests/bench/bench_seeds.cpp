// How many seeds of a scenario one core runs per second, as exploration runs them: the file is read
// once, every seed is a world of its own with all checkers and all detail, and the twin of one seed
// in a hundred is compared. Prints seeds per second of processor time, least and middle of passes.
//
//     bench_seeds FILE SEEDS PASSES
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "scenarios/language/parser.hpp"
#include "scenarios/runner/freed_memory.hpp"
#include "scenarios/runner/run.hpp"

namespace {

constexpr int kSeedsPerTwin = 100;

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

scenarios::Scenario without_twin(scenarios::Scenario scenario) {
  std::erase_if(scenario.expect, [](const auto& each) { return each.name == "twin-equal"; });
  return scenario;
}

/// False when a property does not hold: then there is nothing to measure.
bool run_seed(const scenarios::Scenario& scenario, std::uint64_t seed) {
  scenarios::RunOptions options;
  options.seed = seed;
  const scenarios::Outcome outcome = scenarios::run_scenario(scenario, options);
  if (outcome.verdict() == checkers::Verdict::Holds) return true;
  for (const auto& finding : outcome.findings) {
    if (finding.verdict == checkers::Verdict::Holds) continue;
    std::fprintf(stderr, "seed %llu: %s: %s\n", static_cast<unsigned long long>(seed),
                 finding.property.c_str(), finding.explanation.c_str());
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const int seeds = std::atoi(argv[2]);
  const int passes = std::atoi(argv[3]);
  if (seeds < 1 || passes < 1) return 2;
  scenarios::keep_freed_memory();
  const scenarios::Scenario scenario = scenarios::load_scenario(argv[1]);
  const scenarios::Scenario alone = without_twin(scenario);
  std::vector<double> rates;
  std::uint64_t seed = 0;
  for (int pass = 0; pass < passes; ++pass) {
    const double begun = processor_seconds();
    for (int i = 0; i < seeds; ++i) {
      const bool with_twin = ++seed % kSeedsPerTwin == 0;
      if (!run_seed(with_twin ? scenario : alone, seed)) return 1;
    }
    rates.push_back(seeds / (processor_seconds() - begun));
  }
  std::sort(rates.begin(), rates.end());
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("%.1f %.1f %ld\n", rates.back(), rates[rates.size() / 2], usage.ru_maxrss);
  return 0;
}
