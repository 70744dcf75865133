// What an exploration found, for people, for CI and on GitHub.
#pragma once

#include <string>
#include <vector>

#include "scenarios/explore/campaign.hpp"

namespace cli {

/// One line: figures of an exploration that is under way.
std::string progress_line(const scenarios::CampaignProgress& progress);

/// One paragraph per finding; the last line is the command that shows the last of them again.
std::string text_of(const scenarios::CampaignResult& result,
                    const std::vector<scenarios::Scenario>& all);
/// A test case per scenario, a failure per finding; what no run came to is skipped.
std::string junit_of(const scenarios::CampaignResult& result,
                     const std::vector<scenarios::Scenario>& all);
/// `::error file=...` lines, one per finding.
std::string annotations_of(const scenarios::CampaignResult& result,
                           const std::vector<scenarios::Scenario>& all);
/// What `hvsim run` on the worst finding would end with; undecided when it was interrupted.
int exit_code(const scenarios::CampaignResult& result);

}  // namespace cli
