// One exploration: hands runs to workers, keeps what came of them, has findings shrunk and written.
// This process owns files, database and terminal; worlds run in the workers.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scenarios/explore/finish.hpp"
#include "scenarios/explore/schedule.hpp"
#include "scenarios/explore/seed_ranges.hpp"
#include "scenarios/explore/shelf.hpp"
#include "scenarios/explore/variation.hpp"
#include "scenarios/explore/wire.hpp"
#include "scenarios/explore/workers.hpp"
#include "scenarios/language/scenario.hpp"

namespace scenarios {

class Results;

struct Discovery;

struct CampaignOptions {
  std::optional<SeedRange> seeds;                 ///< or
  std::optional<std::chrono::milliseconds> time;  ///< as long as this, from seed 1 on
  std::optional<std::uint64_t> runs_limit;        ///< mutants included
  std::size_t jobs = 1;
  std::uint64_t shard = 1, shards = 1;
  std::string results;   ///< database, empty: none
  std::string findings;  ///< folder, made when there is a finding; empty: nothing is written
  std::set<std::string, std::less<>> plants;
  WorkerLimits limits;
  std::chrono::milliseconds shrink_limit{60'000};
  bool shrink = true;
  bool mutants = true;
  bool stop_at_first = false;  ///< the first finding ends it, and stays as it was found
  /// Says whether a finding counts; empty: all do. One that does not is forgotten, so that a later
  /// run which violates the same property is asked about again.
  std::function<bool(const Discovery&)> counts;
  std::uint64_t twin_every = 100;   ///< one run in so many is compared with its twin; 0: none
  std::uint64_t twice_every = 100;  ///< one run in so many is made twice; 0: none
  /// Told of each run that ended, with its trace's hash; in no particular order.
  std::function<void(const Item&, const traces::Digest&)> on_hash;
};

/// One way in which a scenario fails, however many runs showed it.
struct Discovery {
  std::size_t scenario = 0;
  RunName run;  ///< the first that showed it
  std::string property;
  std::uint64_t runs = 0;
  std::uint64_t after_runs = 0;  ///< runs of the campaign until then
  Violated violated;
  std::vector<std::string> together;  ///< other properties that the same run violated
  Finished finished;
  std::string stem;        ///< path of its files without their endings; empty: it has none
  bool ordered = false;    ///< a worker shrinks it
  bool settled = false;    ///< `finished` holds
  bool saved = false;      ///< in the results file
  bool unwritten = false;  ///< its scenario could not be written to its place
};

/// What no run of a scenario came to, although somebody asked for it.
struct Unreached {
  std::size_t scenario = 0;
  std::string what;  ///< "fault kill-node in line 12", "property MI-6"
  std::string why;   ///< may be empty
  std::uint64_t runs = 0;
};

struct CampaignProgress {
  double seconds = 0;
  std::uint64_t runs = 0, seeds = 0, seeds_wanted = 0;
  double virtual_seconds = 0;
  std::size_t states = 0, findings = 0, shrinking = 0;
  std::optional<double> seconds_left;
};

struct CampaignResult {
  CampaignProgress progress;
  std::vector<Discovery> discoveries;
  /// Points of trouble that no run reached; empty when no scenario plans trouble.
  std::vector<std::string> silent_buggify, silent_sometimes;
  std::vector<std::size_t> never_run;    ///< scenarios of which no seed was tried
  std::vector<Unreached> never_struck;   ///< faults that files name
  std::vector<Unreached> never_decided;  ///< properties that were unknown in every run
  bool interrupted = false;
  std::vector<std::string> notes;  ///< one clear line each: workers killed, results not saved
  bool results_failed = false;
};

class Campaign final : private WorkerPool::Listener {
 public:
  /// Throws UserError for a results file that cannot be used.
  Campaign(std::vector<Scenario> scenarios, CampaignOptions options);
  ~Campaign() override;

  /// Calls `tick` several times a second. Ends soon after `stop` says true.
  CampaignResult run(const std::function<void(const CampaignProgress&)>& tick,
                     const std::function<bool()>& stop);

  const std::vector<Scenario>& scenarios() const { return scenarios_; }
  const WorkerPool& pool() const { return *pool_; }

 private:
  struct Desk;

  void on_message(std::size_t worker, std::span<const std::byte> message) override;
  void on_death(std::size_t worker, const WorkerPool::Death& death) override;
  void take(std::size_t worker, const RunBegan& report);
  void take(std::size_t worker, const RunEnded& report);
  void take(std::size_t worker, const ForkDied& report);
  void take(std::size_t worker, const FinishProgress& report);
  void take(std::size_t worker, const Finished& report);

  void fill(std::size_t worker);
  bool fill_with_finish(std::size_t worker);
  std::chrono::milliseconds shrink_limit() const;
  bool finish_waits() const;
  std::size_t note_states(std::size_t scenario, const std::vector<std::uint64_t>& states);
  void discover(const Item& item, const std::vector<Violated>& violated);
  void discover_death(const Item& item, const char* property, const std::string& text);
  void settle(Discovery& discovery, Finished finished);
  void settle_as_found(Discovery& discovery);
  void note(const std::string& text);
  void note_killed(const std::string& who, const Item& item, const std::string& what);
  FinishRequest request_for(Discovery& discovery);
  bool enough() const;
  void open_results(std::vector<SeedRanges>& done);
  void put_back(Discovery& discovery);
  std::string key_of(const Scenario& scenario) const;
  void save(bool last);
  CampaignProgress progress() const;
  CampaignResult result();
  void note_reach(const RunEnded& report);
  void tell_unreached(CampaignResult& result) const;

  std::vector<Scenario> scenarios_;
  CampaignOptions options_;
  std::vector<std::unique_ptr<Variations>> variations_;
  std::unique_ptr<Results> results_;
  std::unique_ptr<Schedule> schedule_;
  std::unique_ptr<WorkerPool> pool_;
  std::vector<Desk> desks_;  ///< what each worker has to do
  Shelf shelf_;

  std::vector<Discovery> discoveries_;
  std::map<std::pair<std::size_t, std::string>, std::size_t> known_;
  std::vector<std::set<std::uint64_t>> states_;  ///< per scenario
  std::vector<std::vector<std::uint64_t>> unsaved_states_;
  std::set<std::string> points_;
  /// What the runs of one scenario came to.
  struct Reach {
    std::uint64_t runs = 0;
    bool before = false;  ///< the results file has seeds of it already
    std::set<std::size_t> struck;
    std::set<std::string> decided;
    std::map<std::string, std::string> undecided;  ///< property: why it was unknown first
  };
  std::vector<Reach> reach_;  ///< per scenario
  std::vector<std::string> notes_;
  std::set<std::pair<std::size_t, RunName>> killed_once_;

  std::chrono::steady_clock::time_point began_{}, saved_{};
  std::uint64_t runs_ = 0;
  double virtual_seconds_ = 0;
  bool stopping_ = false;
  bool interrupted_ = false;
  bool results_failed_ = false;
  std::uint64_t seeds_before_ = 0;  ///< done before this exploration
  std::vector<SeedRanges> unsaved_done_;
  std::string campaign_id_;
};

}  // namespace scenarios
