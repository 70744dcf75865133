// The folder of saved states: it saves time and decides nothing. A file that is missing, damaged or
// another build's is made again.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "traces/events.hpp"

namespace scenarios {

/// The folder that the user named; empty: `saved-states` beside the running program.
std::string& boot_cache_setting();

class BootCache {
 public:
  /// The place of the state that this program makes of such an origin.
  BootCache(const std::string& vm, traces::Digest origin);

  const std::string& path() const { return path_; }
  /// nullopt when there is no such file that could be read.
  std::optional<std::vector<std::byte>> load() const;
  /// Whole or not at all, beside others that do the same. Failures cost time only, so they are
  /// silent. Of very many files the longest unused ones go.
  void store(std::span<const std::byte> file) const;

 private:
  std::string folder_;
  std::string path_;  ///< empty when this program cannot be read: then nothing is kept
};

}  // namespace scenarios
