// The lists that the catalogue is joined from, one per class, and what their files share.
#pragma once

#include <string>
#include <vector>

#include "fault-injection/catalogue.hpp"

namespace faults {

const std::vector<Fault>& network_faults();
const std::vector<Fault>& storage_faults();
const std::vector<Fault>& host_faults();
const std::vector<Fault>& guest_faults();
const std::vector<Fault>& operator_faults();

/// Name of the rule that a strike sets, so that taking it back ends this one and no other.
inline std::string rule_of(const Strike& strike) {
  return "fault " + std::to_string(strike.number);
}

inline sim::Chance chance_of(const Strike& strike) {
  return sim::Chance::per_million(static_cast<std::uint64_t>(strike.amount));
}

/// Percentages as a Magnitude counts them.
constexpr std::int64_t percent(std::int64_t n) { return n * 10'000; }
constexpr std::int64_t kMicrosecond = 1'000;
constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kSecond = 1'000'000'000;

/// A VM that executes at this moment; `worker` is null when it does not.
struct RunningVm {
  management::Host* host = nullptr;
  migration::WorkerProcess* worker = nullptr;
};
RunningVm running_vm(Field& field, std::uint32_t vm);

/// The VM that moves between hosts at this moment, the lowest number first.
struct Move {
  std::uint32_t vm = 0;  ///< 0: none moves
  sim::NodeId source{}, target{};
};
Move current_move(Field& field);

}  // namespace faults
