// Results of explorations in one SQLite file: which seeds are done, what was found, what was
// reached. An exploration that is given the file again goes on with what is missing; files of
// shards are merged.
//
// A scenario is known by the digest of its text, of the plants that were on and of the build: what
// another text or another program did says nothing of this one. One exploration at a time has the
// file to itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "scenarios/explore/seed_ranges.hpp"

namespace scenarios {

struct StoredFinding {
  std::string property, run, story, yaml, trace, command, explanation;
  std::uint64_t runs = 0;  ///< that showed it
};

struct StoredScenario {
  std::string key;  ///< scenario_key()
  std::string name, file, plants;
  SeedRanges done;
  std::vector<std::uint64_t> states;
  std::vector<std::string> points;
  std::vector<StoredFinding> findings;
};

/// What one exploration has done so far. Rows are replaced as a whole, so that saving or merging
/// twice counts once.
struct StoredCampaign {
  std::string id;  ///< unique among all explorations anywhere
  std::string build;
  std::uint64_t runs = 0;
  double seconds = 0, virtual_seconds = 0;
};

std::string scenario_key(const std::string& text, const std::string& plants,
                         const std::string& build);

class Results {
 public:
  enum class Mode { Create, Open };
  /// Throws UserError in one line: no such file, not such a file, in use by another exploration.
  Results(const std::string& path, Mode mode);
  ~Results();
  Results(const Results&) = delete;

  std::vector<StoredScenario> scenarios();
  std::vector<StoredCampaign> campaigns();
  /// An empty one when it is not there.
  StoredScenario scenario(const std::string& key);

  /// Adds to what is there, all of it or nothing. Throws UserError when it cannot be written: full
  /// disk, file gone; then nothing has changed.
  void save(const StoredCampaign& campaign, const std::vector<StoredScenario>& more);

  const std::string& path() const { return path_; }

 private:
  struct Database;
  std::string path_;
  std::unique_ptr<Database> database_;
};

/// A new id for a campaign.
std::string new_campaign_id();
/// `out` gets everything of `inputs` on top of what it has.
void merge_results(const std::string& out, const std::vector<std::string>& inputs);

}  // namespace scenarios
