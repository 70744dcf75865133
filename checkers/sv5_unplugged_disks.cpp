// SV-5 (spec I.6): once the guest has been told that a disk is gone, no request to it ends with
// data or success.
#include <set>
#include <string>
#include <utility>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

class UnpluggedDisks final : public Property {
 public:
  UnpluggedDisks()
      : Property("SV-5", "a disk that was taken out completes nothing any more",
                 {ev::LunChanged::kType, ev::ScsiCompletion::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* change = event.as<ev::LunChanged>()) {
      ++changes_;
      if (change->present) {
        gone_.erase({change->vm, change->disk});
      } else {
        gone_.emplace(change->vm, change->disk);
      }
    } else if (const auto* done = event.as<ev::ScsiCompletion>()) {
      constexpr std::uint8_t kStatusBits = 0x3F;
      const bool good = (done->srb_status & kStatusBits) == 1;
      if (done->disk == 0 || !gone_.contains({done->vm, done->disk})) return;
      if (!good && done->bytes == 0) return;
      violate(event, "a request to disk " + std::to_string(done->disk) +
                         " completes after the disk was taken out of VM " +
                         std::to_string(done->vm));
    }
  }

 private:
  std::string measured() const override { return std::to_string(changes_) + " changes"; }

  std::set<std::pair<std::uint32_t, std::uint32_t>> gone_;  // VM and disk
  std::uint64_t changes_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_sv5() { return std::make_unique<UnpluggedDisks>(); }

}  // namespace checkers
