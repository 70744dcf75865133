// A scenario that was read and written runs as it did: all that differs is the digest of its text.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "scenarios/language/parser.hpp"
#include "scenarios/language/writer.hpp"
#include "scenarios/runner/simulation.hpp"
#include "traces/digest.hpp"
#include "traces/text.hpp"

namespace scenarios {
namespace {

/// One number for all events after the one that says what the inputs are.
class Story final : public traces::Observer {
 public:
  static traces::EventSet events() {
    traces::EventSet set;
    for (const traces::EventInfo& event : traces::all_events()) {
      const bool counts = event.level == 0 && event.type != traces::ev::WorldStarted::kType;
      if (counts) set.set(static_cast<std::size_t>(event.type));
    }
    return set;
  }
  void on_event(const traces::Event& event) override {
    names_.learn(event);
    hash_ = hash_ * 31 + traces::hash64_of(traces::text_line(event, names_));
    ++count_;
  }
  std::uint64_t hash() const { return hash_; }
  std::uint64_t count() const { return count_; }

 private:
  traces::NodeNames names_;
  std::uint64_t hash_ = 0;
  std::uint64_t count_ = 0;
};

Story run(const Scenario& scenario) {
  SimulationOptions options;
  options.seed = scenario.seed;
  options.detail = false;
  Simulation simulation(scenario, options);
  Story story;
  simulation.recorder().attach(story, Story::events());
  simulation.run();
  return story;
}

std::vector<std::filesystem::path> library() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(HVSIM_LIBRARY)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  // The sanitizer build is several times slower and looks at a part.
  const char* sweep = std::getenv("HVSIM_SWEEP");
  if (sweep != nullptr && std::atoi(sweep) < 100)
    files.resize(std::min<std::size_t>(files.size(), 4));
  return files;
}

TEST(Written, ScenariosOfTheLibraryRunAsBefore) {
  for (const auto& file : library()) {
    const Scenario original = load_scenario(file.string());
    if (needs_images(original)) continue;  // linux_test.py
    const Scenario written = parse_scenario("written.yaml", write_scenario(original));
    const Story first = run(original);
    const Story second = run(written);
    EXPECT_EQ(first.hash(), second.hash()) << file;
    EXPECT_EQ(first.count(), second.count()) << file;
    EXPECT_GT(first.count(), 50U) << file;
  }
}

}  // namespace
}  // namespace scenarios
