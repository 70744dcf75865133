// A fault-like random choice that came out as "it happens", and the operation it belongs to. A run
// is a function of (scenario, seed, decisions): the decisions of a run, given to another world of
// the same seed as its script, make the same things happen and no others, so that a finding can be
// replayed from them and shrunk by dropping them.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "traces/record.hpp"

namespace sim {

/// The operation that a choice belongs to: numbers that stay what they are when other operations
/// are dropped (connection, message, attempt, chunk; disk, sector), never a running count.
using Operation = std::array<std::uint64_t, 4>;

struct Decision {
  std::string stream;  ///< kind of choice: "net.loss:...", "disk.lost-write", a buggify point
  Operation operation{};
  friend auto operator<=>(const Decision&, const Decision&) = default;
};

/// The same for lookups, without a copy of the name.
struct DecisionView {
  std::string_view stream;
  Operation operation{};
};

struct DecisionOrder {
  using is_transparent = void;
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    const int order = std::string_view(a.stream).compare(std::string_view(b.stream));
    return order != 0 ? order < 0 : a.operation < b.operation;
  }
};
using DecisionSet = std::set<Decision, DecisionOrder>;

/// What an event says about a choice: decision.taken and buggify.fired do, others say nothing.
std::optional<Decision> decision_of(const traces::Event& event);

}  // namespace sim
