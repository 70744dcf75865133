#include "scenarios/explore/fork_points.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "scenarios/runner/simulation.hpp"
#include "traces/reflection.hpp"

namespace scenarios {

namespace {

constexpr std::size_t kMostForks = 3;  // one inside the other

std::string death_of(int status) {
  if (WIFSIGNALED(status)) {
    return "signal " + std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) +
           ")";
  }
  return WEXITSTATUS(status) == 0 ? "" : "exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

ForkPoints::ForkPoints(const Variations& variations, Scenario& scenario, RunName name,
                       ForkCounts& counts, Listener listener)
    : variations_(variations),
      scenario_(scenario),
      name_(std::move(name)),
      counts_(counts),
      listener_(std::move(listener)) {}

void ForkPoints::reserve_faults(Scenario& scenario) {
  scenario.faults.reserve(scenario.faults.size() + kMostForks);
}

void ForkPoints::attach_to(Simulation& simulation) {
  simulation_ = &simulation;
  traces::EventSet types;
  types.set(static_cast<std::size_t>(traces::EventType::SometimesReached));
  simulation.recorder().attach(*this, types);
}

/// The rarer a point is, the more of its visits are worth a fork: the 1st, 2nd, 4th, 8th, ...
bool ForkPoints::worth_it(const std::string& point) {
  std::size_t forks = 0;
  for (const std::uint32_t mutant : name_.mutants) forks += mutant >= kFirstForkMutant ? 1 : 0;
  ForkCounts::Point& count = counts_.points[point];
  return std::has_single_bit(++count.seen) && forks < kMostForks &&
         scenario_.faults.size() < scenario_.faults.capacity();
}

void ForkPoints::on_event(const traces::Event& event) {
  const std::string point(event.as<traces::ev::SometimesReached>()->point);
  if (!worth_it(point)) return;
  RunName name = name_;
  name.mutants.push_back(
      fork_mutant(point, static_cast<std::uint32_t>(counts_.points[point].forked++)));
  const Scenario mutant = variations_.concrete(name);
  if (mutant.faults.size() <= scenario_.faults.size()) return;  // the budget has no room

  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return;  // a machine without a process to spare explores without forks
  if (child > 0) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    listener_.ended(name, death_of(status), WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);
  forked_ = true;
  name_ = std::move(name);
  listener_.began(name_);
  scenario_.faults.push_back(mutant.faults.back());
  simulation_->add_fault(scenario_.faults.size() - 1, event);
}

}  // namespace scenarios
