// Runs one concrete scenario without a story and says what came of it: verdicts, and what the run
// reached on the way.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "checkers/checker.hpp"
#include "scenarios/language/scenario.hpp"
#include "traces/digest.hpp"

namespace scenarios {

class Simulation;

struct ProbeOptions {
  std::set<std::string, std::less<>> plants;
  bool twin = false;   ///< judge twin-equal, where the scenario expects it, with a second world
  bool twice = false;  ///< judge MG-3 with a second world
  bool detail = true;
  /// Called with the world before it runs, to attach observers; may be empty.
  std::function<void(Simulation&)> prepare;
};

struct Probe {
  checkers::Verdict verdict = checkers::Verdict::Holds;  ///< unknown counts as holding for a search
  std::vector<checkers::Finding> violated;
  std::vector<std::string> decided;          ///< properties that held or were violated
  std::vector<checkers::Finding> undecided;  ///< unknown ones
  std::set<std::size_t> struck;              ///< places of the faults that struck
  traces::Digest hash;
  std::uint64_t events = 0;
  traces::Time end{};
  std::vector<std::uint64_t> states;  ///< hashes of the protocol states that were seen, sorted
  std::vector<std::string> points;    ///< buggify and sometimes points that fired, sorted
};

/// The scenario may gain faults while it runs (Simulation::add_fault); nothing else may change it.
Probe probe(const Scenario& concrete, const ProbeOptions& options);

}  // namespace scenarios
