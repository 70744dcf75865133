// MI-5 (spec I.10, G.3): rounds, pages and downtime of a live migration stay within their bounds.
//
// The tight bound for the downtime is V_n / R + c: what the final set weighs on the path, and a
// part for state, handover, commit record and resume. That part is a constant and the round trips
// that the phases take, measured by the two round trips of the set-up. The bound is stated for a
// path without faults; while one lasts, and when one struck, trouble was invited or segments were
// lost during the migration, nothing is asserted (MG-4). Lost segments are detail: without it a
// long downtime may have an excuse that the trace does not hold.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::Duration;
using traces::Time;

constexpr Duration kConstantPart{100'000'000};  // c of G.3: our disks and state need less
constexpr Duration kHardLimit{20'000'000'000};  // TCP's patience, spec G.2
/// Requests that a fault has slowed or queued are done this long after it.
constexpr Duration kAftermath{1'000'000'000};
constexpr int kSetupsPerHandover = 5;  // ten round trips at most against two

class Bounds final : public Property {
 public:
  Bounds()
      : Property("MI-5", "rounds, pages sent and downtime stay within their bounds",
                 {ev::MigrationPhase::kType, ev::MigrationStarted::kType, ev::MigrationRound::kType,
                  ev::VpState::kType, ev::MigrationFinished::kType, ev::FaultFired::kType,
                  ev::NodeKilled::kType, ev::StreamTransfer::kType, ev::BuggifyFired::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* phase = event.as<ev::MigrationPhase>()) {
      if (phase->phase == traces::MigrationPhase::Preflight) preflight_[phase->vm] = event.time;
    } else if (const auto* started = event.as<ev::MigrationStarted>()) {
      Migration& migration = migrations_[started->vm];
      migration = Migration{};
      migration.setup = event.time - preflight_[started->vm];
      migration.pages = started->pages;
      migration.limit = started->round_limit;
      migration.rate = started->bandwidth;
      migration.disturbed = !lasting_.empty() || event.time < calm_from_;
    } else if (const auto* round = event.as<ev::MigrationRound>()) {
      take_round(event, *round);
    } else if (const auto* vp = event.as<ev::VpState>()) {
      processor(event, *vp);
    } else if (const auto* fault = event.as<ev::FaultFired>()) {
      lasting(*fault);
      calm_from_ = event.time + kAftermath;
      disturb();
    } else if (event.as<ev::NodeKilled>() != nullptr || event.as<ev::BuggifyFired>() != nullptr) {
      disturb();
    } else if (const auto* transfer = event.as<ev::StreamTransfer>()) {
      if (transfer->retries != 0) disturb();
    }
  }

 private:
  struct Migration {
    std::uint64_t pages = 0;
    std::uint32_t limit = 0;
    std::uint64_t rate = 0;
    std::uint32_t rounds = 0;
    std::uint64_t sent = 0;
    std::uint64_t final_bytes = 0;
    Duration setup{};
    bool disturbed = false;
    bool stopped = false;
    Time stopped_at{};
  };

  /// A fault that was taken back says so in the first words of its detail; one that was not goes on
  /// for good.
  void lasting(const ev::FaultFired& fault) {
    const std::pair<std::string, std::string> name{fault.fault, fault.target};
    if (fault.detail.rfind("taken back", 0) != 0) {
      ++lasting_[name];
    } else if (const auto found = lasting_.find(name);
               found != lasting_.end() && --found->second == 0) {
      lasting_.erase(found);
    }
  }

  void disturb() {
    for (auto& [vm, migration] : migrations_) migration.disturbed = true;
  }

  void take_round(const traces::Event& event, const ev::MigrationRound& round) {
    Migration& migration = migrations_[round.vm];
    migration.sent += round.pages;
    all_sent_ += round.pages;
    if (round.final) {
      migration.final_bytes = round.bytes;
    } else {
      ++migration.rounds;
    }
    most_rounds_ = std::max(most_rounds_, migration.rounds);
    if (migration.rounds > migration.limit) {
      violate(event, "pre-copy round " + std::to_string(migration.rounds) + " of at most " +
                         std::to_string(migration.limit));
    }
    if (migration.sent > (migration.limit + 1ULL) * migration.pages) {
      violate(event, std::to_string(migration.sent) + " pages sent, more than (N_max + 1) * P");
    }
  }

  void processor(const traces::Event& event, const ev::VpState& vp) {
    const auto found = migrations_.find(vp.vm);
    if (found == migrations_.end()) return;
    Migration& migration = found->second;
    if (vp.state == traces::VpState::Suspended && vp.reason == "live migration") {
      if (!migration.stopped) migration.stopped_at = event.time;
      migration.stopped = true;
    } else if (vp.state == traces::VpState::Running && migration.stopped) {
      migration.stopped = false;
      const Duration down = event.time - migration.stopped_at;
      worst_ = std::max(worst_, down);
      judge(event, migration, down);
    }
  }

  void judge(const traces::Event& event, const Migration& migration, Duration down) {
    const bool tight = !migration.disturbed && migration.rate != 0;
    Duration limit = kHardLimit;
    if (tight) {
      const auto copy =
          static_cast<unsigned __int128>(migration.final_bytes) * 1'000'000'000 / migration.rate;
      limit = std::min(limit, Duration{static_cast<std::int64_t>(copy)} + kConstantPart +
                                  migration.setup * kSetupsPerHandover);
    }
    // After a fault in the commit phase a VM in doubt may stand still for as long as it takes.
    if (migration.disturbed) return;
    tightest_ = std::max(tightest_, limit);
    if (down > limit) {
      if (!violated()) too_long_ = true;
      violate(event, "down for " + milliseconds(down) + ", at most " + milliseconds(limit));
    }
  }

  bool needs_detail() const override { return too_long_; }
  std::string measured() const override {
    return "at most " + std::to_string(most_rounds_) + " rounds, down " + milliseconds(worst_);
  }
  std::string bound() const override {
    return tightest_.ns == 0 ? "" : "down " + milliseconds(tightest_);
  }

  std::vector<Figure> figures() const override {
    return {counts("rounds", most_rounds_), counts("pages sent", all_sent_),
            lasts("downtime", worst_)};
  }

  std::map<std::uint32_t, Time> preflight_;
  std::map<std::uint32_t, Migration> migrations_;
  Time calm_from_{};
  std::map<std::pair<std::string, std::string>, unsigned> lasting_;  // fault and target
  bool too_long_ = false;  // a downtime is what was violated
  std::uint32_t most_rounds_ = 0;
  std::uint64_t all_sent_ = 0;  // in all migrations of the run
  Duration worst_{};
  Duration tightest_{};
};

}  // namespace

std::unique_ptr<Checker> make_mi5() { return std::make_unique<Bounds>(); }

}  // namespace checkers
