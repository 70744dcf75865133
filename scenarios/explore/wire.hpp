// What supervisor and workers tell each other, as bytes. Both are the same build, forked from one
// process, so there are no versions here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "scenarios/explore/run_name.hpp"
#include "scenarios/explore/schedule.hpp"
#include "traces/events.hpp"
#include "traces/time.hpp"

namespace scenarios {

// ---- to a worker

struct RunOrder {
  Item item;
  bool twin = false;
  bool twice = false;
  bool forks = true;  ///< worlds may be forked at `sometimes` points
};

/// Shrink what a run violated, and record the smallest run.
struct FinishOrder {
  Item item;
  std::string property;
  std::string yaml, trace;  ///< paths; empty: none
  std::uint64_t limit_ms = 60'000;
  bool shrink = true;
};

using Order = std::variant<RunOrder, FinishOrder>;

// ---- from a worker

struct Violated {
  std::string property;
  std::string statement;
  std::string explanation;
  traces::Time time{};
};

/// A property of which nothing can be said.
struct Undecided {
  std::string property;
  std::string explanation;
};

struct RunBegan {
  Item item;
  bool fork = false;  ///< off the run that began before it, which goes on afterwards
};

struct RunEnded {
  Item item;
  bool fork = false;
  std::vector<Violated> violated;
  traces::Digest hash;
  std::uint64_t events = 0;
  traces::Time end{};
  std::uint64_t took_us = 0;          ///< of the worker's time
  std::vector<std::uint64_t> states;  ///< new to this worker
  std::vector<std::string> points;    ///< new to this worker
  // New to this worker in this scenario.
  std::vector<std::uint64_t> struck;  ///< places of the file's own faults
  std::vector<std::string> decided;   ///< properties
  std::vector<Undecided> undecided;   ///< that no run before has decided
};

/// A forked world died.
struct ForkDied {
  Item item;
  std::string text;
  bool killed = false;  ///< from outside
};

struct FinishProgress {
  std::uint64_t tried = 0;
  std::uint64_t causes = 0;
};

struct Finished {
  Item item;
  std::string property;
  std::string error;  ///< why there is no smaller scenario; the rest is about the run as it was
  std::string yaml;   ///< the scenario, with its story on top
  std::string story;  ///< one paragraph
  std::string trace;  ///< path, empty when none was recorded
  std::string hash;
  std::string command;  ///< shows it again
  std::vector<std::string> causes;
  std::uint64_t tried = 0;
  bool minimal = false;
  std::optional<traces::Time> critical;
};

using Report = std::variant<RunBegan, RunEnded, ForkDied, FinishProgress, Finished>;

std::vector<std::byte> encode(const Order& order);
std::vector<std::byte> encode(const Report& report);
/// Only of what encode() made.
Order decode_order(std::span<const std::byte> bytes);
Report decode_report(std::span<const std::byte> bytes);

}  // namespace scenarios
