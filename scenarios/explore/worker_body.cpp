#include "scenarios/explore/worker_body.hpp"

#include <unistd.h>

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "scenarios/explore/finish.hpp"
#include "scenarios/explore/fork_points.hpp"
#include "scenarios/explore/probe.hpp"
#include "scenarios/explore/wire.hpp"
#include "scenarios/runner/freed_memory.hpp"

namespace scenarios {

namespace {

class Worker {
 public:
  Worker(const WorkerSetup& setup, Channel& channel) : setup_(setup), channel_(channel) {}

  void obey(const RunOrder& order);
  void obey(const FinishOrder& order);

 private:
  void report(const Report& report) {
    if (!channel_.send(encode(report))) ::_exit(0);  // the supervisor is gone
  }

  const WorkerSetup& setup_;
  Channel& channel_;
  ForkCounts forks_;
  std::set<std::string> points_;
  /// Of one scenario, already reported.
  struct Told {
    std::set<std::size_t> struck;
    std::set<std::string> decided, undecided;
    std::set<std::uint64_t> states;
  };
  void tell_reach(const Probe& probe, RunEnded& ended);
  std::map<std::size_t, Told> told_;
};

/// What this scenario's runs have come to for the first time.
void Worker::tell_reach(const Probe& probe, RunEnded& ended) {
  const std::size_t index = ended.item.scenario;
  Told& told = told_[index];
  for (const std::size_t fault : probe.struck) {
    const bool written = fault < setup_.scenarios[index].faults.size();
    if (written && told.struck.insert(fault).second) ended.struck.push_back(fault);
  }
  for (const std::string& property : probe.decided) {
    if (told.decided.insert(property).second) ended.decided.push_back(property);
  }
  for (const checkers::Finding& finding : probe.undecided) {
    const bool known = told.decided.contains(finding.property);
    if (known || !told.undecided.insert(finding.property).second) continue;
    ended.undecided.push_back({finding.property, finding.explanation});
  }
}

void Worker::obey(const RunOrder& order) {
  report(RunBegan{order.item, false});
  const auto began = std::chrono::steady_clock::now();
  const std::size_t index = order.item.scenario;
  const Variations& variations = *setup_.variations[index];
  Scenario scenario = variations.concrete(order.item.name);
  ForkPoints::reserve_faults(scenario);
  ForkPoints forks(
      variations, scenario, order.item.name, forks_,
      {[this, index](const RunName& name) {
         report(RunBegan{{index, name}, true});
       },
       [this, &order, index](const RunName& name, const std::string& death, bool killed) {
         if (!death.empty()) report(ForkDied{{index, name}, death, killed});
         report(RunBegan{order.item, false});
       }});
  ProbeOptions options;
  options.plants = setup_.plants;
  options.twin = order.twin;
  options.twice = order.twice;
  if (order.forks && scenario.budget) {
    options.prepare = [&forks](Simulation& simulation) { forks.attach_to(simulation); };
  }
  const Probe probe = scenarios::probe(scenario, options);

  RunEnded ended;
  ended.item = {index, forks.name()};
  ended.fork = forks.forked();
  for (const checkers::Finding& finding : probe.violated) {
    ended.violated.push_back(
        {finding.property, finding.statement, finding.explanation, finding.time});
  }
  ended.hash = probe.hash;
  ended.events = probe.events;
  ended.end = probe.end;
  const auto took = std::chrono::steady_clock::now() - began;
  ended.took_us = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(took).count());
  for (const std::uint64_t state : probe.states) {
    if (told_[index].states.insert(state).second) ended.states.push_back(state);
  }
  for (const std::string& point : probe.points) {
    if (points_.insert(point).second) ended.points.push_back(point);
  }
  tell_reach(probe, ended);
  report(ended);
  if (forks.forked()) ::_exit(0);
}

void Worker::obey(const FinishOrder& order) {
  FinishRequest request;
  request.item = order.item;
  request.property = order.property;
  request.yaml = order.yaml;
  request.trace = order.trace;
  request.limit = std::chrono::milliseconds(order.limit_ms);
  request.shrink = order.shrink;
  request.plants = setup_.plants;
  request.progress = [this](std::uint64_t tried, std::size_t causes) {
    report(FinishProgress{tried, causes});
  };
  report(finish(setup_.variations[order.item.scenario]->concrete(order.item.name), request));
}

}  // namespace

void work(const WorkerSetup& setup, Channel& channel) {
  keep_freed_memory();
  Worker worker(setup, channel);
  std::vector<std::byte> message;
  while (channel.receive(message)) {
    std::visit([&worker](const auto& order) { worker.obey(order); }, decode_order(message));
  }
}

}  // namespace scenarios
