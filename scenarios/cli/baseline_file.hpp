// The text of a baseline file, read with the place of every mistake.
#pragma once

#include <map>
#include <string>

#include "scenarios/cli/baseline.hpp"

namespace cli {

struct BaselineFile {
  Tolerance tolerance;
  std::map<RunKey, std::map<std::string, Recorded>> runs;
};

/// Throws UserError: no such file, or file, line and column of what is damaged.
BaselineFile read_baseline_file(const std::string& path);

}  // namespace cli
