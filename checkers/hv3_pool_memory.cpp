// HV-3 (spec I.1, B.6): the pages of a partition's pool add up. What was deposited and not
// withdrawn is free or in use, at any time, and a partition is deleted with an empty pool only.
#include <map>
#include <string>
#include <utility>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

class PoolMemory final : public Property {
 public:
  PoolMemory()
      : Property("HV-3", "pages of a pool are free or in use until they are withdrawn",
                 {ev::PoolChanged::kType, ev::PartitionState::kType, ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* change = event.as<ev::PoolChanged>()) {
      count(event, *change);
    } else if (const auto* state = event.as<ev::PartitionState>()) {
      if (state->to != traces::PartitionState::Deleted) return;
      const auto pool = pools_.find({event.node.value, state->partition});
      if (pool == pools_.end()) return;
      if (pool->second != 0) {
        violate(event, "partition " + std::to_string(state->partition) + " is deleted with " +
                           std::to_string(pool->second) + " pages in its pool");
      }
      pools_.erase(pool);
    } else if (event.as<ev::NodeKilled>() != nullptr) {
      pools_.erase(pools_.lower_bound({event.node.value, 0}),
                   pools_.lower_bound({event.node.value + 1, 0}));
    }
  }

 private:
  void count(const traces::Event& event, const ev::PoolChanged& change) {
    std::uint64_t& pages = pools_[{event.node.value, change.partition}];
    const std::string pool = "the pool of partition " + std::to_string(change.partition);
    pages += change.deposited;
    deposited_ += change.deposited;
    if (change.withdrawn > pages) {
      violate(event, pool + " gives " + std::to_string(change.withdrawn) + " pages, but has " +
                         std::to_string(pages));
    }
    pages -= change.withdrawn;
    if (change.available + change.in_use != pages) {
      violate(event, pool + " got " + std::to_string(pages) + " pages, of which " +
                         std::to_string(change.available) + " are free and " +
                         std::to_string(change.in_use) + " in use");
    }
  }

  std::string measured() const override { return std::to_string(deposited_) + " pages deposited"; }
  bool needs_detail() const override { return true; }

  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> pools_;  // node, partition
  std::uint64_t deposited_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_hv3() { return std::make_unique<PoolMemory>(); }

}  // namespace checkers
