#include "scenarios/explore/campaign.hpp"

#include <algorithm>
#include <deque>
#include <utility>

#include "scenarios/explore/finish.hpp"
#include "scenarios/explore/points.hpp"
#include "scenarios/explore/results.hpp"
#include "scenarios/explore/worker_body.hpp"
#include "scenarios/language/source.hpp"
#include "scenarios/runner/run.hpp"
#include "scenarios/shrink/judge.hpp"
#include "sim/kernel/random.hpp"
#include "traces/assert.hpp"

namespace scenarios {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Runs that wait at a worker while it works, so that it never waits for us.
constexpr std::size_t kQueued = 3;
/// What shrinking a finding may take when the exploration's time is over.
constexpr std::chrono::milliseconds kShrinkOvertime{10'000};
constexpr milliseconds kTurn{100};
constexpr milliseconds kSaveInterval{2'000};

/// A function of the run's name, so that the same runs are looked at closely in every exploration.
bool sampled(const char* what, const RunName& name, std::uint64_t every) {
  if (every == 0) return false;
  std::uint64_t depth = 0;
  for (const std::uint32_t mutant : name.mutants) depth = depth * 31 + mutant + 1;
  return sim::Random(name.seed).draw(what, depth).below(every) == 0;
}

}  // namespace

/// What a worker was told to do, first things first.
struct Campaign::Desk {
  struct Work {
    Item item;
    bool finish = false;
    std::size_t discovery = 0;
  };
  std::deque<Work> work;
  std::optional<Item> fork;  ///< a world forked off the first one's runs now
};

Campaign::Campaign(std::vector<Scenario> scenarios, CampaignOptions options)
    : scenarios_(std::move(scenarios)), options_(std::move(options)) {
  HVSIM_ASSERT(!scenarios_.empty() && options_.jobs > 0, "an exploration of nothing by nobody");
  std::vector<bool> varies;
  std::vector<SeedRanges> done(scenarios_.size());
  for (const Scenario& scenario : scenarios_) {
    variations_.push_back(std::make_unique<Variations>(scenario));
    varies.push_back(variations_.back()->varies());
  }
  states_.resize(scenarios_.size());
  reach_.resize(scenarios_.size());
  unsaved_states_.resize(scenarios_.size());
  unsaved_done_.resize(scenarios_.size());
  shelf_ = Shelf(options_.findings);
  open_results(done);
  Schedule::Plan plan;
  plan.seeds = options_.seeds.value_or(SeedRange{1, 1});
  plan.open_ended = !options_.seeds.has_value();
  plan.shard = options_.shard;
  plan.shards = options_.shards;
  plan.mutants = options_.mutants;
  schedule_ = std::make_unique<Schedule>(plan, std::move(varies), std::move(done));
  seeds_before_ = schedule_->seeds_done();
}

Campaign::~Campaign() = default;

CampaignResult Campaign::run(const std::function<void(const CampaignProgress&)>& tick,
                             const std::function<bool()>& stop) {
  began_ = saved_ = Clock::now();
  const WorkerSetup setup{scenarios_, variations_, options_.plants};
  pool_ = std::make_unique<WorkerPool>(
      options_.jobs, [&setup](Channel& channel) { work(setup, channel); }, options_.limits);
  desks_.resize(options_.jobs);
  while (true) {
    if (!interrupted_ && stop && stop()) interrupted_ = stopping_ = true;
    if (enough()) stopping_ = true;
    for (std::size_t i = 0; i < desks_.size(); ++i) fill(i);
    const bool idle = std::all_of(desks_.begin(), desks_.end(),
                                  [](const Desk& desk) { return desk.work.empty(); });
    if (idle || interrupted_) break;
    pool_->turn(kTurn, *this);
    if (tick) tick(progress());
    if (Clock::now() - saved_ >= kSaveInterval) save(false);
  }
  pool_.reset();
  for (Discovery& discovery : discoveries_) {
    if (!discovery.settled) settle_as_found(discovery);
  }
  save(true);
  return result();
}

bool Campaign::enough() const {
  if (options_.stop_at_first && !discoveries_.empty()) return true;
  if (options_.runs_limit && runs_ >= *options_.runs_limit) return true;
  return options_.time && Clock::now() - began_ >= *options_.time;
}

// ---------------------------------------------------------------- giving work

void Campaign::fill(std::size_t worker) {
  Desk& desk = desks_[worker];
  if (interrupted_) return;
  if (fill_with_finish(worker)) return;
  // A worker that gets more to explore before it is done with what it has never comes to shrink.
  if (!desk.work.empty() && finish_waits()) return;
  while (!stopping_ && desk.work.size() < kQueued) {
    if (!desk.work.empty() && desk.work.back().finish) return;
    const std::optional<Item> item = schedule_->next();
    if (!item) return;
    RunOrder order;
    order.item = *item;
    order.twin = sampled("explore.twin", item->name, options_.twin_every);
    order.twice = sampled("explore.twice", item->name, options_.twice_every);
    order.forks = options_.mutants && !killed_once_.contains({item->scenario, item->name});
    if (desk.work.empty()) pool_->set_busy(worker, true);
    desk.work.push_back({*item, false, 0});
    pool_->send(worker, encode(order));
  }
}

/// At most half of the workers shrink while there is something to explore.
bool Campaign::finish_waits() const {
  if (!options_.shrink || options_.stop_at_first) return false;
  const bool waits = std::any_of(
      discoveries_.begin(), discoveries_.end(),
      [](const Discovery& discovery) { return !discovery.settled && !discovery.ordered; });
  if (!waits) return false;
  const auto busy = std::count_if(desks_.begin(), desks_.end(), [](const Desk& other) {
    return !other.work.empty() && other.work.front().finish;
  });
  const bool exploring = !stopping_ && !schedule_->exhausted();
  return !exploring || static_cast<std::size_t>(busy) < (desks_.size() + 1) / 2;
}

/// What is found late may be shrunk a little beyond the time that the exploration was given.
std::chrono::milliseconds Campaign::shrink_limit() const {
  if (!options_.time) return options_.shrink_limit;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*options_.time -
                                                                          (Clock::now() - began_));
  return std::min(options_.shrink_limit, std::max(kShrinkOvertime, left));
}

bool Campaign::fill_with_finish(std::size_t worker) {
  Desk& desk = desks_[worker];
  if (!desk.work.empty() || !finish_waits()) return false;
  for (std::size_t i = 0; i < discoveries_.size(); ++i) {
    Discovery& discovery = discoveries_[i];
    if (discovery.settled || discovery.ordered) continue;
    discovery.ordered = true;
    const FinishRequest request = request_for(discovery);
    FinishOrder order;
    order.item = request.item;
    order.property = request.property;
    order.yaml = request.yaml;
    order.trace = request.trace;
    order.limit_ms = static_cast<std::uint64_t>(shrink_limit().count());
    pool_->set_busy(worker, true);
    desk.work.push_back({request.item, true, i});
    pool_->send(worker, encode(order));
    return true;
  }
  return false;
}

// ---------------------------------------------------------------- taking reports

void Campaign::on_message(std::size_t worker, std::span<const std::byte> message) {
  std::visit([this, worker](const auto& report) { take(worker, report); }, decode_report(message));
  if (desks_[worker].work.empty()) pool_->set_busy(worker, false);
  fill(worker);
}

void Campaign::take(std::size_t worker, const RunBegan& report) {
  Desk& desk = desks_[worker];
  desk.fork.reset();
  if (!report.fork) return;
  desk.fork = report.item;
  schedule_->forked(report.item);
}

void Campaign::take(std::size_t worker, const RunEnded& report) {
  Desk& desk = desks_[worker];
  HVSIM_ASSERT(!desk.work.empty(), "a worker did what nobody asked for");
  ++runs_;
  virtual_seconds_ += static_cast<double>(report.end.ns) / 1e9;
  points_.insert(report.points.begin(), report.points.end());
  note_reach(report);
  if (report.fork) {
    desk.fork.reset();
  } else {
    desk.work.pop_front();
  }
  if (options_.on_hash) options_.on_hash(report.item, report.hash);
  if (!report.violated.empty()) discover(report.item, report.violated);
  // A forked world's time is in that of the run that waited for it.
  const double seconds = report.fork ? 0 : static_cast<double>(report.took_us) / 1e6;
  schedule_->finished(report.item, note_states(report.item.scenario, report.states), seconds);
}

void Campaign::take(std::size_t worker, const ForkDied& report) {
  Desk& desk = desks_[worker];
  // It may have died before it said that it began.
  if (!desk.fork) schedule_->forked(report.item);
  desk.fork.reset();
  if (report.killed) {
    note_killed("a forked world was killed", report.item, "it is left out");
    schedule_->finished(report.item, 0);
    return;
  }
  ++runs_;
  const std::string last_words = pool_->take_output(worker);
  discover_death(
      report.item, kCrash,
      report.text + " in a forked world" + (last_words.empty() ? "" : ": ") + last_words);
  schedule_->finished(report.item, 0);
}

void Campaign::take(std::size_t, const FinishProgress&) {}

void Campaign::take(std::size_t worker, const Finished& report) {
  Desk& desk = desks_[worker];
  HVSIM_ASSERT(!desk.work.empty() && desk.work.front().finish, "nobody asked to shrink");
  const std::size_t index = desk.work.front().discovery;
  desk.work.pop_front();
  settle(discoveries_[index], report);
}

void Campaign::on_death(std::size_t worker, const WorkerPool::Death& death) {
  Desk& desk = desks_[worker];
  std::deque<Desk::Work> work = std::exchange(desk.work, {});
  const std::optional<Item> fork = std::exchange(desk.fork, std::nullopt);
  if (work.empty()) {
    note("a worker without work ended: " + death.text);
    return;
  }
  const Desk::Work current = work.front();
  work.pop_front();
  const char* property = death.how == WorkerPool::End::Hung       ? kHang
                         : death.how == WorkerPool::End::TooLarge ? kTooLarge
                                                                  : kCrash;
  const std::string last_words = death.output.empty() ? "" : ": " + death.output;
  if (current.finish) {
    Discovery& discovery = discoveries_[current.discovery];
    settle_as_found(discovery);
    discovery.finished.error = "shrinking ended with " + death.text + last_words;
  } else if (fork) {
    if (death.killed) {
      note_killed("a worker was killed", *fork, "the run is made again without it");
    } else {
      ++runs_;
      discover_death(*fork, property, death.text + last_words);
    }
    schedule_->finished(*fork, 0);
    // The run that it was forked off is made again, without forks.
    killed_once_.insert({current.item.scenario, current.item.name});
    schedule_->again(current.item);
  } else if (death.killed &&
             killed_once_.insert({current.item.scenario, current.item.name}).second) {
    note_killed("a worker was killed", current.item, "the run is made again");
    schedule_->again(current.item);
  } else {
    ++runs_;
    discover_death(current.item, property, death.text + last_words);
    schedule_->finished(current.item, 0);
  }
  for (const Desk::Work& rest : work) {
    if (rest.finish) {
      discoveries_[rest.discovery].ordered = false;
    } else {
      schedule_->again(rest.item);
    }
  }
}

std::size_t Campaign::note_states(std::size_t scenario, const std::vector<std::uint64_t>& states) {
  std::size_t count = 0;
  for (const std::uint64_t state : states) {
    if (!states_[scenario].insert(state).second) continue;
    unsaved_states_[scenario].push_back(state);
    ++count;
  }
  return count;
}

void Campaign::note_reach(const RunEnded& report) {
  Reach& reach = reach_[report.item.scenario];
  ++reach.runs;
  reach.struck.insert(report.struck.begin(), report.struck.end());
  reach.decided.insert(report.decided.begin(), report.decided.end());
  for (const Undecided& each : report.undecided) {
    reach.undecided.try_emplace(each.property, each.explanation);
  }
}

/// Of scenarios that had runs: what a results file holds from before does not say these things.
void Campaign::tell_unreached(CampaignResult& result) const {
  for (std::size_t i = 0; i < scenarios_.size(); ++i) {
    const Scenario& scenario = scenarios_[i];
    const Reach& reach = reach_[i];
    if (reach.runs == 0 && !reach.before) result.never_run.push_back(i);
    if (reach.runs == 0) continue;
    for (std::size_t fault = 0; fault < scenario.faults.size(); ++fault) {
      if (reach.struck.contains(fault)) continue;
      const FaultSpec& spec = scenario.faults[fault];
      result.never_struck.push_back(
          {i, "fault " + spec.fault + " in line " + std::to_string(spec.place.line), "",
           reach.runs});
    }
    std::map<std::string, std::string> open = reach.undecided;
    if (expects_twin(scenario)) open.try_emplace("twin-equal", "no run was compared with a twin");
    for (const auto& [property, why] : open) {
      if (reach.decided.contains(property)) continue;
      result.never_decided.push_back({i, "property " + property, why, reach.runs});
    }
  }
}

void Campaign::note(const std::string& text) { notes_.push_back(text); }

void Campaign::note_killed(const std::string& who, const Item& item, const std::string& what) {
  note(who + " from outside in run " + to_text(item.name) + " of " +
       scenarios_[item.scenario].name + "; " + what);
}

// ---------------------------------------------------------------- findings

void Campaign::discover(const Item& item, const std::vector<Violated>& violated) {
  for (const Violated& each : violated) {
    const auto [place, is_new] =
        known_.try_emplace({item.scenario, each.property}, discoveries_.size());
    if (!is_new) {
      ++discoveries_[place->second].runs;
      continue;
    }
    Discovery discovery;
    discovery.scenario = item.scenario;
    discovery.run = item.name;
    discovery.property = each.property;
    discovery.runs = 1;
    discovery.after_runs = runs_;
    discovery.violated = each;
    for (const Violated& other : violated) {
      if (other.property != each.property) discovery.together.push_back(other.property);
    }
    if (options_.counts && !options_.counts(discovery)) {
      known_.erase(place);
      continue;
    }
    discoveries_.push_back(std::move(discovery));
  }
}

void Campaign::discover_death(const Item& item, const char* property, const std::string& text) {
  Violated violated;
  violated.property = property;
  violated.explanation = text;
  while (!violated.explanation.empty() && violated.explanation.back() == '\n') {
    violated.explanation.pop_back();
  }
  discover(item, {violated});
}

FinishRequest Campaign::request_for(Discovery& discovery) {
  FinishRequest request;
  request.item = {discovery.scenario, discovery.run};
  request.property = discovery.property;
  request.limit = options_.shrink_limit;
  request.plants = options_.plants;
  if (!options_.findings.empty() && discovery.stem.empty()) discovery.stem = shelf_.reserve();
  if (discovery.stem.empty()) return request;
  request.yaml = discovery.stem + ".yaml";
  request.trace = discovery.stem + ".trace";
  return request;
}

/// What nobody shrinks is written down as it was found.
void Campaign::settle_as_found(Discovery& discovery) {
  const Scenario scenario = variations_[discovery.scenario]->concrete(discovery.run);
  const FinishRequest request = request_for(discovery);
  settle(discovery, finish_without_running(scenario, request, discovery.violated.explanation));
}

void Campaign::settle(Discovery& discovery, Finished finished) {
  discovery.finished = std::move(finished);
  discovery.settled = true;
  discovery.saved = false;
  if (discovery.stem.empty()) return;
  const std::string problem = shelf_.put(discovery.stem, discovery.finished.yaml);
  discovery.unwritten = !problem.empty();
  if (discovery.unwritten) note(problem);
}

// ---------------------------------------------------------------- figures

CampaignProgress Campaign::progress() const {
  CampaignProgress now;
  now.seconds = std::chrono::duration<double>(Clock::now() - began_).count();
  now.runs = runs_;
  now.seeds = schedule_->seeds_done();
  now.seeds_wanted = schedule_->seeds_wanted();
  now.virtual_seconds = virtual_seconds_;
  for (const auto& states : states_) now.states += states.size();
  now.findings = discoveries_.size();
  for (const Discovery& discovery : discoveries_) now.shrinking += discovery.settled ? 0 : 1;
  const std::uint64_t fresh = now.seeds - seeds_before_;
  if (options_.time) {
    now.seconds_left =
        std::max(0.0, std::chrono::duration<double>(*options_.time).count() - now.seconds);
  }
  if (now.seeds_wanted != 0 && fresh != 0) {
    const double left = now.seconds / static_cast<double>(fresh) *
                        static_cast<double>(now.seeds_wanted - now.seeds);
    now.seconds_left = std::min(now.seconds_left.value_or(left), left);
  }
  return now;
}

CampaignResult Campaign::result() {
  CampaignResult result;
  result.progress = progress();
  result.discoveries = discoveries_;
  const bool trouble = std::any_of(scenarios_.begin(), scenarios_.end(), [](const Scenario& each) {
    return each.budget && each.budget->faults != 0;
  });
  const auto silent = [this](const std::vector<std::string>& all) {
    std::vector<std::string> names;
    for (const std::string& name : all) {
      if (!points_.contains(name)) names.push_back(name);
    }
    return names;
  };
  if (trouble) {
    result.silent_buggify = silent(buggify_points());
    result.silent_sometimes = silent(sometimes_points());
  }
  tell_unreached(result);
  result.interrupted = interrupted_;
  result.notes = notes_;
  result.results_failed = results_failed_;
  return result;
}

}  // namespace scenarios
