// A scenario as the file says it: what there is, what happens, what must hold. Plain data, checked
// by the parser: every name resolves, every quantity is in range.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkers/pattern.hpp"
#include "fault-injection/plan.hpp"
#include "scenarios/language/source.hpp"
#include "sim/kernel/random.hpp"
#include "sim/kernel/time.hpp"

namespace scenarios {

// Specs are compared by what they say; where they stand in a file does not count.

/// What stands at a place of the file.
struct Located {
  Place place;
  friend bool operator==(const Located&, const Located&) { return true; }
};

struct HostSpec {
  std::string name;
  std::uint64_t memory_bytes = 4ULL << 30;
  friend bool operator==(const HostSpec&, const HostSpec&) = default;
};

struct NetworkSpec {
  std::string name;
  std::vector<std::string> hosts;
  std::uint64_t bits_per_second = 10'000'000'000;
  sim::Duration latency{20'000};
  sim::Chance loss;
  friend bool operator==(const NetworkSpec&, const NetworkSpec&) = default;
};

struct StorageSpec {
  std::string name;
  std::uint64_t bytes = 64ULL << 20;
  friend bool operator==(const StorageSpec&, const StorageSpec&) = default;
};

/// What runs in a VM. What is not said, or zero, is the program's own default; files cannot say
/// zero where it would mean that.
struct GuestSpec : Located {
  std::string program = "worker";  ///< real x86-64 code of scenarios/guests; or
  std::string model;               ///< a model guest, which has no instructions; or
  std::string kernel;              ///< a kernel of guests::KernelKind: file, see guests::ImageFile
  std::string initrd;              ///< its initial RAM disk
  std::string command_line;
  std::uint64_t working_set_bytes = 0;
  std::optional<std::uint64_t> dirty_pages_per_ms;  ///< 0: it dirties nothing
  sim::Duration disk_interval{};
  std::uint64_t blocks_per_write = 0;
  std::uint64_t flush_every = 0;
  sim::Duration frame_interval{};
  sim::Duration stop_after{};
  friend bool operator==(const GuestSpec&, const GuestSpec&) = default;
};

/// The VM begins with a saved state, which a world of its own makes (docs/saved-state.md).
struct BootOnceSpec : Located {
  std::string until;  ///< saved when its guest says a line with this in it
  sim::Duration within{60'000'000'000};
  friend bool operator==(const BootOnceSpec&, const BootOnceSpec&) = default;
};

struct VmSpec {
  std::string name;
  std::string host;
  std::uint64_t memory_bytes = 64ULL << 20;
  GuestSpec guest;
  std::vector<std::string> disks;
  std::vector<std::string> nics;      ///< networks, one per adapter
  std::vector<std::string> services;  ///< integration services besides the heartbeat
  std::uint64_t instructions_per_us = 1000;
  sim::Duration heartbeat{2'000'000'000};
  std::optional<BootOnceSpec> boot_once;
  friend bool operator==(const VmSpec&, const VmSpec&) = default;
};

struct Step : Located {
  sim::Time at{};
  std::string verb;  ///< kebab-case, one of management::verbs()
  std::string vm;
  std::string host;        ///< move-vm: to
  std::string disk;        ///< add-disk, remove-disk
  std::string key, value;  ///< key-value pairs
  friend bool operator==(const Step&, const Step&) = default;
};

struct FaultSpec : faults::Planned, Located {
  friend bool operator==(const FaultSpec&, const FaultSpec&) = default;
};

struct ExpectSpec : Located {
  std::string name;  ///< one of checkers::expectations(), "twin-equal", or a pattern's kind
  std::string vm;    ///< empty: every VM
  std::string host;
  std::int64_t bound = 0;                    ///< nanoseconds or a count, by name
  std::optional<checkers::Pattern> pattern;  ///< the user's own property
  friend bool operator==(const ExpectSpec&, const ExpectSpec&) = default;
};

struct MigrationSpec {
  std::string network;  ///< that live migrations use; empty: the shortest way
  std::uint32_t round_limit = 10;
  std::uint64_t threshold_pages = 50;
  sim::Duration connect_timeout{5'000'000'000};
  sim::Duration patience{8'000'000'000};
  sim::Duration answer_timeout{10'000'000'000};
  sim::Duration query_interval{1'000'000'000};
  sim::Duration idle_timeout{20'000'000'000};
  friend bool operator==(const MigrationSpec&, const MigrationSpec&) = default;
};

/// A value of the scenario that every explored seed draws anew.
struct VarySpec : Located {
  enum class Kind : std::uint8_t { Choice, Range, LogRange };
  std::string key;  ///< path as --set takes it, e.g. vms.web.memory
  Kind kind = Kind::Choice;
  std::vector<std::string> values;  ///< texts to choose from; ranges: the lowest and the highest
  friend bool operator==(const VarySpec&, const VarySpec&) = default;
};

/// Within what the guarantees of the scenario are stated, and what `explore` plans: at most so many
/// faults of these classes, the last one over by `until`. Beyond it only safety is judged.
struct BudgetSpec {
  std::uint64_t faults = 0;          ///< strikes per run; 0: explore plans none
  std::uint64_t hosts_down = 1;      ///< hosts that are dead or paused at one time
  std::vector<std::string> of;       ///< classes; empty: all
  std::vector<std::string> without;  ///< faults by name that are not planned
  std::vector<std::string> with;     ///< destructive faults by name that are planned too
  sim::Time from{};
  sim::Time until{};  ///< faults are over and healed
  friend bool operator==(const BudgetSpec&, const BudgetSpec&) = default;
};

/// An invited trouble that is switched on, with its probability per operation.
struct BuggifySpec : Located {
  std::string point;
  sim::Chance chance;
  friend bool operator==(const BuggifySpec&, const BuggifySpec&) = default;
};

/// One random choice that comes out as "it happens" (sim::World::happens).
struct DecisionSpec : Located {
  std::string stream;                        ///< kind of choice, e.g. net.loss
  std::array<std::uint64_t, 4> operation{};  ///< which one
  friend bool operator==(const DecisionSpec&, const DecisionSpec&) = default;
};

/// Where a scenario was read from.
struct SourceText {
  std::string file;  ///< as the user named it
  std::string text;  ///< the whole file
  friend bool operator==(const SourceText&, const SourceText&) { return true; }
};

struct Scenario : SourceText {
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
  friend bool operator==(const Scenario&, const Scenario&) = default;
};

}  // namespace scenarios
