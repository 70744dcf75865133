// From a run that violates a property to what a person gets: the smallest scenario that still does,
// its story in a paragraph, its trace, and the command that shows it again.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "scenarios/explore/wire.hpp"
#include "scenarios/language/scenario.hpp"

namespace scenarios {

/// Names that stand for the end of a process where properties are named.
inline constexpr const char* kTooLarge = "memory";

struct FinishRequest {
  Item item;
  std::string property;
  std::string yaml;   ///< where the scenario will be written, for the command; empty: nowhere
  std::string trace;  ///< where to record the smallest run; empty: nowhere
  std::chrono::milliseconds limit{60'000};
  bool shrink = true;
  std::set<std::string, std::less<>> plants;
  std::function<void(std::uint64_t tried, std::size_t causes)> progress;
};

/// Runs worlds, so it belongs into a worker. Never throws for a run that turns out not to violate
/// the property again: `error` says so.
Finished finish(const Scenario& failing, const FinishRequest& request);

/// The same for a world that cannot be run again by whoever asks: `text` is how it ended.
Finished finish_without_running(const Scenario& failing, const FinishRequest& request,
                                const std::string& text);

/// `hvsim run FILE --plant P`; with the seed that stands in the file.
std::string command_for(const std::string& yaml, const FinishRequest& request);

}  // namespace scenarios
