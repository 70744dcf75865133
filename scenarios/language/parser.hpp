// Reads a scenario file. Everything that can be wrong with it is one line that says where, what,
// and what would be right; nothing half-checked leaves here.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scenarios/language/scenario.hpp"

namespace scenarios {

/// `--set vms.web.memory=128MiB`: a dotted path and a scalar that replaces what stands there.
using Override = std::pair<std::string, std::string>;

inline constexpr std::size_t kMaxScenarioBytes = 1 << 20;

/// Throws UserError.
Scenario parse_scenario(const std::string& file, std::string text,
                        const std::vector<Override>& overrides = {});
/// Reads the file, then parses it. Throws UserError.
Scenario load_scenario(const std::string& path, const std::vector<Override>& overrides = {});

/// Are the files there that guests are started from, and can those kernels be started in their VMs?
/// Throws UserError otherwise. Cheap when it was asked before.
void require_images(const Scenario& scenario);
/// Whether a VM of it is started from such files.
bool needs_images(const Scenario& scenario);

/// The JSON Schema (draft 7) of the language, for editors: `hvsim schema`.
std::string json_schema();

}  // namespace scenarios
