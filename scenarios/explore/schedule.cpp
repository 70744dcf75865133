#include "scenarios/explore/schedule.hpp"

#include <algorithm>
#include <utility>

#include "traces/assert.hpp"

namespace scenarios {

namespace {

/// Seeds that an open-ended exploration hands to one shard at a time.
constexpr std::uint64_t kBlock = 64;
/// A run that reached something new has so many mutants tried, and one more per two new states.
constexpr std::size_t kMutants = 2;
constexpr std::size_t kMostMutants = 8;
constexpr std::size_t kDeepest = 4;
/// Beyond this the newest mutants are dropped: what is new early on is new everywhere.
constexpr std::size_t kMostWaiting = 4096;

}  // namespace

Schedule::Schedule(const Plan& plan, std::vector<bool> varies, std::vector<SeedRanges> done)
    : plan_(plan), varies_(std::move(varies)), done_(std::move(done)), fresh_(varies_.size()) {
  HVSIM_ASSERT(!varies_.empty() && done_.size() == varies_.size(), "a schedule of no scenario");
  if (!plan_.open_ended) plan_.seeds = shard_of(plan_.seeds, plan_.shard, plan_.shards);
  for (const SeedRanges& ranges : done_) {
    if (plan_.open_ended) continue;
    for (const auto& [first, last] : ranges.ranges()) {
      const SeedRange common{std::max(first, plan_.seeds.first), std::min(last, plan_.seeds.last)};
      seeds_done_ += common.size();
    }
  }
  cursors_.resize(varies_.size(), Cursor{plan_.seeds.first, 0});
  for (std::size_t i = 0; i < cursors_.size(); ++i) skip(i);
}

bool Schedule::seed_left(const Cursor& cursor) const {
  return plan_.open_ended || (plan_.seeds.size() != 0 && cursor.seed <= plan_.seeds.last);
}

bool Schedule::seed_left() const {
  return std::any_of(cursors_.begin(), cursors_.end(),
                     [this](const Cursor& cursor) { return seed_left(cursor); });
}

/// Over seeds that are done, and blocks of other shards.
void Schedule::skip(std::size_t scenario) {
  Cursor& cursor = cursors_[scenario];
  while (seed_left(cursor)) {
    const std::uint64_t block = (cursor.seed - plan_.seeds.first) / kBlock;
    if (plan_.open_ended && block % plan_.shards != plan_.shard - 1) {
      cursor.seed = plan_.seeds.first + (block + 1) * kBlock;
    } else if (done_[scenario].contains(cursor.seed)) {
      ++cursor.seed;
    } else {
      return;
    }
  }
}

std::optional<Item> Schedule::next_seed() {
  const Cursor* best = nullptr;
  for (const Cursor& cursor : cursors_) {
    if (!seed_left(cursor)) continue;
    const bool earlier = best == nullptr || (plan_.open_ended && cursor.seconds != best->seconds
                                                 ? cursor.seconds < best->seconds
                                                 : cursor.seed < best->seed);
    if (earlier) best = &cursor;
  }
  if (best == nullptr) return std::nullopt;
  const auto scenario = static_cast<std::size_t>(best - cursors_.data());
  const Item item{scenario, RunName{best->seed, {}}};
  ++open_[{item.scenario, item.name.seed}];
  ++cursors_[scenario].seed;
  skip(scenario);
  return item;
}

std::optional<Item> Schedule::next() {
  if (!retries_.empty()) {
    Item item = std::move(retries_.front());
    retries_.pop_front();
    return item;
  }
  mutant_turn_ = !mutant_turn_;
  if (!mutants_.empty() && (mutant_turn_ || !seed_left())) {
    Item item = std::move(mutants_.front());
    mutants_.pop_front();
    return item;
  }
  return next_seed();
}

void Schedule::again(const Item& item) { retries_.push_back(item); }

void Schedule::forked(const Item& item) { ++open_[{item.scenario, item.name.seed}]; }

void Schedule::finished(const Item& item, std::size_t new_states, double seconds) {
  cursors_[item.scenario].seconds += seconds;
  const auto open = open_.find({item.scenario, item.name.seed});
  HVSIM_ASSERT(open != open_.end(), "a run ended that had not begun");
  const bool deeper = plan_.mutants && varies_[item.scenario] && new_states != 0 &&
                      item.name.mutants.size() < kDeepest && mutants_.size() < kMostWaiting;
  if (deeper) {
    const std::size_t count = std::min(kMutants + new_states / 2, kMostMutants);
    for (std::uint32_t mutant = 0; mutant < count; ++mutant) {
      mutants_.push_back(item);
      mutants_.back().name.mutants.push_back(mutant);
      ++open->second;
    }
  }
  if (--open->second != 0) return;
  fresh_[item.scenario].add({item.name.seed, item.name.seed});
  open_.erase(open);
  ++seeds_done_;
}

SeedRanges Schedule::take_done(std::size_t scenario) {
  return std::exchange(fresh_[scenario], SeedRanges{});
}

std::uint64_t Schedule::seeds_wanted() const {
  return plan_.open_ended ? 0 : plan_.seeds.size() * varies_.size();
}

}  // namespace scenarios
