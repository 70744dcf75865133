// HV-10 (spec I.1): after a partition was deleted nothing happens in it or to it. A call that names
// it all the same must be refused.
#include <array>
#include <cstring>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"
#include "traces/reflection.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

class DeletedPartitions final : public Property {
 public:
  DeletedPartitions() : Property("HV-10", "nothing happens to a deleted partition", {}) {
    for (const traces::EventInfo& info : traces::all_events()) {
      const traces::FieldInfo* field = info.find("partition");
      if (field != nullptr) fields_[static_cast<std::size_t>(info.type)] = field;
    }
  }

  traces::EventSet events() const override {
    traces::EventSet set;
    for (std::size_t type = 0; type < fields_.size(); ++type) set[type] = fields_[type] != nullptr;
    set.set(static_cast<std::size_t>(ev::NodeKilled::kType));
    return set;
  }

  void on_event(const traces::Event& event) override {
    if (event.as<ev::NodeKilled>() != nullptr) {
      deleted_.erase(deleted_.lower_bound({event.node.value, 0}),
                     deleted_.lower_bound({event.node.value + 1, 0}));
      return;
    }
    const auto* change = event.as<ev::PartitionState>();
    const bool deleting = change != nullptr && change->to == traces::PartitionState::Deleted;
    if (!deleted_.empty()) look(event);
    if (!deleting) return;
    deleted_.insert({event.node.value, change->partition});
    ++partitions_;
  }

 private:
  void look(const traces::Event& event) {
    const traces::FieldInfo* field = fields_[static_cast<std::size_t>(event.type)];
    const std::uint64_t partition = traces::field(event, *field).number;
    if (!deleted_.contains({event.node.value, partition})) return;
    if (const auto* call = event.as<ev::PartitionCall>()) {
      if (call->status != 0) return;
    }
    violate(event, std::string(traces::info(event.type).name) + " concerns partition " +
                       std::to_string(partition) + ", which was deleted");
  }

  std::string measured() const override { return std::to_string(partitions_) + " deleted"; }

  std::array<const traces::FieldInfo*, traces::kEventTypeCount> fields_{};
  std::set<std::pair<std::uint32_t, std::uint64_t>> deleted_;  // node, partition
  std::uint64_t partitions_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_hv10() { return std::make_unique<DeletedPartitions>(); }

}  // namespace checkers
