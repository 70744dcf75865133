// HV-2 (spec I.1, B.6): within one power cycle of a host no two partitions have the same number,
// and numbers grow. A processor's index is below the largest that there is, and its partition's
// only one of that number.
#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::PartitionState;

constexpr std::uint32_t kMostVps = 64;  // spec A19
constexpr std::uint16_t kCreateVp = 0x4E;

struct Numbers {
  std::uint64_t last = 0;                                  // the largest partition id so far
  std::map<std::uint64_t, std::set<std::uint32_t>> vps;    // of the partitions that there are
  std::map<std::uint64_t, std::uint32_t> created_unnamed;  // CreateVp succeeded, VP not seen yet
};

class PartitionIds final : public Property {
 public:
  PartitionIds()
      : Property("HV-2", "partitions and processors have numbers of their own",
                 {ev::PartitionState::kType, ev::PartitionCall::kType, ev::VpState::kType,
                  ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    Numbers& numbers = hosts_[event.node.value];
    if (const auto* change = event.as<ev::PartitionState>()) {
      transition(event, numbers, *change);
    } else if (const auto* call = event.as<ev::PartitionCall>()) {
      if (call->code == kCreateVp && call->status == 0) ++numbers.created_unnamed[call->partition];
    } else if (const auto* vp = event.as<ev::VpState>()) {
      processor(event, numbers, *vp);
    } else if (event.as<ev::NodeKilled>() != nullptr) {
      numbers = {};
    }
  }

 private:
  void transition(const traces::Event& event, Numbers& numbers, const ev::PartitionState& change) {
    const std::uint64_t id = change.partition;
    if (change.to == PartitionState::Deleted) {
      numbers.vps.erase(id);
      numbers.created_unnamed.erase(id);
      return;
    }
    // The root is there before anybody can see it.
    const bool root = change.from == PartitionState::Uninitialized && numbers.last == 0;
    if (change.from != PartitionState::None && !root) return;
    ++partitions_;
    if (id <= numbers.last) {
      violate(event, "a new partition has number " + std::to_string(id) + " after number " +
                         std::to_string(numbers.last));
    }
    numbers.last = std::max(numbers.last, id);
  }

  void processor(const traces::Event& event, Numbers& numbers, const ev::VpState& vp) {
    std::set<std::uint32_t>& known = numbers.vps[vp.partition];
    std::uint32_t& unnamed = numbers.created_unnamed[vp.partition];
    const std::string name =
        "VP " + std::to_string(vp.vp) + " of partition " + std::to_string(vp.partition);
    if (unnamed > 0) {
      // What follows a successful CreateVp is the new processor, suspended.
      --unnamed;
      ++processors_;
      if (!known.insert(vp.vp).second) violate(event, name + " is created a second time");
      if (vp.vp >= kMostVps) {
        violate(event, name + " is created; indices end at " + std::to_string(kMostVps - 1));
      }
    } else if (!known.contains(vp.vp)) {
      violate(event, name + " was never created");
    }
  }

  std::string measured() const override {
    return std::to_string(partitions_) + " partitions, " + std::to_string(processors_) +
           " processors";
  }

  std::map<std::uint32_t, Numbers> hosts_;
  std::uint64_t partitions_ = 0;
  std::uint64_t processors_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_hv2() { return std::make_unique<PartitionIds>(); }

}  // namespace checkers
