// Executes a stored trace again, event by event, up to the first difference, an event of the
// user's choice, or the end; and says what led there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/debug/lead_up.hpp"
#include "scenarios/debug/stop_at.hpp"
#include "scenarios/runner/run.hpp"
#include "traces/compare.hpp"
#include "traces/file.hpp"

namespace debugger {

struct Replayed {
  std::uint64_t equal = 0;  ///< events compared and found equal
  traces::Digest hash;      ///< of this run, as far as it went
  std::optional<traces::Difference> difference;
  LeadUp::Story stored, live;  ///< with a difference: what led to the event of either side
  /// The event that was asked for, with its number, and what led to it.
  struct Reached {
    std::uint64_t index = 0;
    std::string line;
    LeadUp::Story story;
  };
  std::optional<Reached> reached;
};

/// Throws TraceError when the trace turns out to be damaged.
Replayed replay(traces::TraceReader& trace, const scenarios::Recorded& run,
                const std::optional<StopAt>& until);

}  // namespace debugger
