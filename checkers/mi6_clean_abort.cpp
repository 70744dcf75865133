// MI-6 (spec I.10): a migration that fails before its commit leaves the VM running where it was,
// and nothing of it on the target.
#include <map>
#include <set>
#include <string>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

class CleanAbort final : public Property {
 public:
  CleanAbort()
      : Property("MI-6", "an aborted migration leaves the source running and no residue",
                 {ev::MigrationPhase::kType, ev::MigrationFinished::kType,
                  ev::MigrationResidue::kType, ev::VpState::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* vp = event.as<ev::VpState>()) {
      running_[{event.node.value, vp->vm}] = vp->state;
    } else if (const auto* phase = event.as<ev::MigrationPhase>()) {
      if (phase->phase == traces::MigrationPhase::Preflight)
        sources_[phase->job] = event.node.value;
    } else if (const auto* end = event.as<ev::MigrationFinished>()) {
      finished(event, *end);
    } else if (const auto* residue = event.as<ev::MigrationResidue>()) {
      ++looked_;
      if (residue->partitions != 0 || residue->pages != 0 || residue->disks != 0) {
        violate(event, "VM " + std::to_string(residue->vm) + " leaves " +
                           std::to_string(residue->partitions) + " partitions, " +
                           std::to_string(residue->pages) + " pages and " +
                           std::to_string(residue->disks) + " open disks on the target");
      }
    }
  }

 private:
  void finished(const traces::Event& event, const ev::MigrationFinished& end) {
    if (end.outcome != traces::MigrationOutcome::Aborted) return;
    const auto source = sources_.find(end.job);
    if (source == sources_.end() || source->second != event.node.value) return;
    ++aborts_;
    const auto state = running_.find({event.node.value, end.vm});
    // A guest that stopped by itself during the migration is not brought back by the abort.
    if (state == running_.end() || state->second == traces::VpState::Suspended) {
      violate(event, "VM " + std::to_string(end.vm) + " does not run after the abort");
    }
  }

  std::string measured() const override {
    return std::to_string(aborts_) + " aborts, " + std::to_string(looked_) + " targets looked at";
  }

  std::map<std::pair<std::uint32_t, std::uint32_t>, traces::VpState> running_;
  std::map<std::uint64_t, std::uint32_t> sources_;
  std::uint64_t aborts_ = 0;
  std::uint64_t looked_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_mi6() { return std::make_unique<CleanAbort>(); }

}  // namespace checkers
