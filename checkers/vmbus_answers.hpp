// When a VMBus server owes its guest an answer: what VB-3 and VB-4 share. Only the time counts for
// which the guest may run, and a guest that cannot be reached is owed nothing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "traces/record.hpp"

namespace checkers {

/// How long a server may take.
inline constexpr traces::Duration kServerPatience{100'000'000};

/// The guest's SynIC did not take a message and will not take it later. Without a free buffer the
/// post is tried again (spec B.4).
inline bool refused_for_good(const traces::ev::MessagePosted& posted) {
  constexpr std::uint16_t kNoBuffer = 0x13;
  return posted.to_guest && posted.status != 0 && posted.status != kNoBuffer;
}

/// How long a guest that may run since `running` has waited at `now` for what it asked at `asked`;
/// nothing while that is within the patience.
inline std::optional<traces::Duration> overdue(traces::Time asked, traces::Time running,
                                               traces::Time now) {
  const traces::Duration waited = now - std::max(asked, running);
  if (waited <= kServerPatience) return std::nullopt;
  return waited;
}

}  // namespace checkers
