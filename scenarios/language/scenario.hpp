// A scenario as the file says it: what there is, what happens, what must hold. Plain data, checked
// by the parser: every name resolves, every quantity is in range.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fault-injection/plan.hpp"
#include "scenarios/language/source.hpp"
#include "sim/kernel/random.hpp"
#include "sim/kernel/time.hpp"

namespace scenarios {

struct HostSpec {
  std::string name;
  std::uint64_t memory_bytes = 4ULL << 30;
};

struct NetworkSpec {
  std::string name;
  std::vector<std::string> hosts;
  std::uint64_t bits_per_second = 10'000'000'000;
  sim::Duration latency{20'000};
  sim::Chance loss;
};

struct StorageSpec {
  std::string name;
  std::uint64_t bytes = 64ULL << 20;
};

/// What runs in a VM. A zero means the program's own default.
struct GuestSpec {
  std::string program = "worker";  ///< real x86-64 code of scenarios/guests; or
  std::string model;               ///< a model guest, which has no instructions
  std::uint64_t working_set_bytes = 0;
  std::uint64_t dirty_pages_per_ms = 0;
  sim::Duration disk_interval{};
  std::uint64_t blocks_per_write = 0;
  std::uint64_t flush_every = 0;
  sim::Duration stop_after{};
};

struct VmSpec {
  std::string name;
  std::string host;
  std::uint64_t memory_bytes = 64ULL << 20;
  GuestSpec guest;
  std::vector<std::string> disks;
  std::uint64_t instructions_per_us = 1000;
  sim::Duration heartbeat{2'000'000'000};
};

struct Step {
  Place place;
  sim::Time at{};
  std::string verb;  ///< kebab-case, one of management::verbs()
  std::string vm;
  std::string host;  ///< move-vm: to
};

struct FaultSpec : faults::Planned {
  Place place;
};

struct ExpectSpec {
  Place place;
  std::string name;  ///< one of checkers::expectations(), or "twin-equal"
  std::string vm;    ///< empty: every VM
  std::string host;
  std::int64_t bound = 0;  ///< nanoseconds or a count, by name
};

struct MigrationSpec {
  std::uint32_t round_limit = 10;
  std::uint64_t threshold_pages = 50;
  sim::Duration connect_timeout{5'000'000'000};
  sim::Duration patience{8'000'000'000};
  sim::Duration answer_timeout{10'000'000'000};
  sim::Duration query_interval{1'000'000'000};
  sim::Duration idle_timeout{20'000'000'000};
};

/// A value of the scenario that every explored seed draws anew.
struct VarySpec {
  enum class Kind : std::uint8_t { Choice, Range, LogRange };
  Place place;
  std::string key;  ///< path as --set takes it, e.g. vms.web.memory
  Kind kind = Kind::Choice;
  std::vector<std::string> values;  ///< texts to choose from; ranges: the lowest and the highest
};

/// Within what the guarantees of the scenario are stated, and what `explore` plans: at most so many
/// faults of these classes, the last one over by `until`. Beyond it only safety is judged.
struct BudgetSpec {
  std::uint64_t faults = 0;      ///< strikes per run; 0: explore plans none
  std::uint64_t hosts_down = 1;  ///< hosts that are dead or paused at one time
  std::vector<std::string> of;   ///< classes; empty: all
  std::vector<std::string> without;  ///< faults by name that are not planned
  sim::Time from{};
  sim::Time until{};  ///< faults are over and healed
};

/// An invited trouble that is switched on, with its probability per operation.
struct BuggifySpec {
  Place place;
  std::string point;
  sim::Chance chance;
};

/// One random choice that comes out as "it happens" (sim::World::happens).
struct DecisionSpec {
  Place place;
  std::string stream;                       ///< kind of choice, e.g. net.loss
  std::array<std::uint64_t, 4> operation{};  ///< which one
};

struct Scenario {
  std::string file;  ///< as the user named it
  std::string text;  ///< the whole file
  std::string name;
  std::string description;
  std::string platform = "ws2012";
  std::uint64_t seed = 1;
  sim::Time end{};  ///< the world ends at this instant
  std::vector<HostSpec> hosts;
  std::vector<NetworkSpec> networks;
  std::vector<StorageSpec> storage;
  std::vector<VmSpec> vms;
  MigrationSpec migration;
  std::vector<Step> timeline;
  std::vector<FaultSpec> faults;
  std::vector<BuggifySpec> buggify;
  std::vector<VarySpec> vary;
  std::optional<BudgetSpec> budget;
  /// When present, exactly these random choices happen and no other (a shrunk finding).
  std::optional<std::vector<DecisionSpec>> decisions;
  std::vector<ExpectSpec> expect;
};

}  // namespace scenarios
