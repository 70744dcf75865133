// How long one step back takes in a trace of a million events: from its end, and from places all
// over it. Prints: events, the median and the longest step back in milliseconds.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "scenarios/debug/session.hpp"
#include "scenarios/language/parser.hpp"

namespace {

using Clock = std::chrono::steady_clock;

double step_back(debugger::Session& session) {
  const auto begin = Clock::now();
  session.go_to(session.here().index - 1);
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("bench_step_back SCENARIO\n", stderr);
    return 2;
  }
  scenarios::Recorded run;
  // 16 s of the quickstart are a little more than a million events.
  run.scenario = scenarios::load_scenario(argv[1], {{"end", "16s"}});
  run.options.seed = run.scenario.seed;
  debugger::Session session(run);
  session.forward(debugger::Goal{});
  const std::uint64_t events = session.here().index;
  std::vector<double> times;
  for (int i = 0; i < 50; ++i) times.push_back(step_back(session));
  for (int i = 1; i < 12; ++i) {
    session.go_to(events * static_cast<std::uint64_t>(i * 5 % 12) / 12);
    for (int j = 0; j < 5; ++j) times.push_back(step_back(session));
  }
  std::sort(times.begin(), times.end());
  std::printf("%llu %.2f %.2f\n", static_cast<unsigned long long>(events), times[times.size() / 2],
              times.back());
  return 0;
}
