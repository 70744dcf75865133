// Which run is next: fresh seeds, and between them mutants of runs that reached something new. It
// also knows which seeds are done with all that came from them. With an end, all scenarios advance
// seed by seed; without one they share the time, so that a slow one does not hold up the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "scenarios/explore/run_name.hpp"
#include "scenarios/explore/seed_ranges.hpp"

namespace scenarios {

/// One run of one of the scenarios.
struct Item {
  std::size_t scenario = 0;
  RunName name;
};

class Schedule {
 public:
  struct Plan {
    SeedRange seeds;
    /// An open end is shared out in blocks of seeds, a closed one in halves, thirds, ...
    std::uint64_t shard = 1, shards = 1;
    bool open_ended = false;
    bool mutants = true;
  };
  /// `varies`: per scenario, whether mutants of its runs differ. `done` holds seeds per scenario
  /// that need not be run again.
  Schedule(const Plan& plan, std::vector<bool> varies, std::vector<SeedRanges> done);

  /// Nothing when no run is left to start now; more may come from runs that are under way.
  std::optional<Item> next();
  /// Gives back a run that was started and did not end.
  void again(const Item& item);
  /// A run that next() did not hand out, forked off one that it did: counts for the seed.
  void forked(const Item& item);
  /// The run ended after so many seconds, with so many protocol states that nobody had reached.
  void finished(const Item& item, std::size_t new_states, double seconds = 0);

  bool exhausted() const { return open_.empty() && retries_.empty() && !seed_left(); }
  /// Seeds of a scenario that are done since the last call.
  SeedRanges take_done(std::size_t scenario);
  std::uint64_t seeds_done() const { return seeds_done_; }
  /// Of all scenarios together; 0 when there is no end.
  std::uint64_t seeds_wanted() const;

 private:
  /// Where a scenario stands.
  struct Cursor {
    std::uint64_t seed = 0;  ///< the next one
    double seconds = 0;      ///< spent on it
  };
  bool seed_left() const;
  bool seed_left(const Cursor& cursor) const;
  std::optional<Item> next_seed();
  void skip(std::size_t scenario);

  Plan plan_;
  std::vector<bool> varies_;
  std::vector<SeedRanges> done_;
  std::vector<SeedRanges> fresh_;  ///< done since take_done()
  std::vector<Cursor> cursors_;    ///< per scenario
  bool mutant_turn_ = false;
  std::deque<Item> mutants_;
  std::deque<Item> retries_;
  /// (scenario, seed) -> runs of it that have not ended.
  std::map<std::pair<std::size_t, std::uint64_t>, std::uint64_t> open_;
  std::uint64_t seeds_done_ = 0;
};

}  // namespace scenarios
