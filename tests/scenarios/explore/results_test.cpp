// Results in a file: nothing is lost, nothing counts twice, one clear line when it cannot be.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "scenarios/explore/results.hpp"
#include "scenarios/language/source.hpp"

namespace {

using scenarios::Results;
using scenarios::SeedRange;
using scenarios::StoredCampaign;
using scenarios::StoredScenario;

class ResultsFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "hvsim-results-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  std::string file(const std::string& name) const { return (folder / name).string(); }

  static StoredScenario scenario(const SeedRange& done, const std::string& finding = "") {
    StoredScenario stored;
    stored.plants = "";
    stored.key = scenarios::scenario_key("text", "", "build");
    stored.name = "moving";
    stored.file = "moving.yaml";
    stored.done.add(done);
    stored.states = {done.first, 0xffff'ffff'ffff'fff0};
    stored.points = {"a.point"};
    if (!finding.empty()) {
      stored.findings.push_back({finding, "17.3", "story", "yaml", "trace", "command", "why", 2});
    }
    return stored;
  }
  static StoredCampaign campaign(const std::string& id, std::uint64_t runs) {
    return {id, "build", runs, 1.5, 20};
  }
  static std::string complaint(const std::string& path, Results::Mode mode) {
    try {
      Results results(path, mode);
    } catch (const scenarios::UserError& error) {
      return error.what();
    }
    return "";
  }

  std::filesystem::path folder;
};

TEST_F(ResultsFile, KeepsWhatIsSaved) {
  {
    Results results(file("a.db"), Results::Mode::Create);
    results.save(campaign("1", 10), {scenario({1, 5}, "MI-1")});
    results.save(campaign("1", 25), {scenario({4, 9})});
  }
  Results results(file("a.db"), Results::Mode::Open);
  const StoredScenario stored = results.scenario(scenarios::scenario_key("text", "", "build"));
  EXPECT_EQ(stored.done.text(), "1..9");
  EXPECT_EQ(stored.states.size(), 3U);
  EXPECT_EQ(stored.points, (std::vector<std::string>{"a.point"}));
  ASSERT_EQ(stored.findings.size(), 1U);
  EXPECT_EQ(stored.findings[0].property, "MI-1");
  EXPECT_EQ(stored.findings[0].run, "17.3");
  ASSERT_EQ(results.campaigns().size(), 1U);
  EXPECT_EQ(results.campaigns()[0].runs, 25U);
}

TEST_F(ResultsFile, KnowsAnotherTextAsAnotherScenario) {
  Results results(file("a.db"), Results::Mode::Create);
  results.save(campaign("1", 10), {scenario({1, 5})});
  EXPECT_TRUE(
      results.scenario(scenarios::scenario_key("text ", "", "build")).done.ranges().empty());
  EXPECT_TRUE(
      results.scenario(scenarios::scenario_key("text", "a.plant", "build")).done.ranges().empty());
  EXPECT_TRUE(results.scenario(scenarios::scenario_key("text", "", "next")).done.ranges().empty());
}

TEST_F(ResultsFile, OfShardsAreMergedAndMergingTwiceCountsOnce) {
  {
    Results one(file("1.db"), Results::Mode::Create);
    one.save(campaign("1", 10), {scenario({1, 5}, "MI-1")});
    Results two(file("2.db"), Results::Mode::Create);
    two.save(campaign("2", 20), {scenario({6, 9}, "MI-2")});
  }
  scenarios::merge_results(file("all.db"), {file("1.db"), file("2.db")});
  scenarios::merge_results(file("all.db"), {file("2.db"), file("1.db")});
  Results all(file("all.db"), Results::Mode::Open);
  const StoredScenario stored = all.scenario(scenarios::scenario_key("text", "", "build"));
  EXPECT_EQ(stored.done.text(), "1..9");
  EXPECT_EQ(stored.findings.size(), 2U);
  ASSERT_EQ(all.campaigns().size(), 2U);
  EXPECT_EQ(all.campaigns()[0].runs + all.campaigns()[1].runs, 30U);
}

TEST_F(ResultsFile, IsRefusedToASecondExploration) {
  Results first(file("a.db"), Results::Mode::Create);
  const std::string text = complaint(file("a.db"), Results::Mode::Create);
  EXPECT_NE(text.find("another exploration is using this results file"), std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos);
  first.save(campaign("1", 10), {scenario({1, 5})});
}

TEST_F(ResultsFile, ThatIsSomethingElseIsRefused) {
  std::ofstream(file("text")) << "this is not a database, though it is long enough to be one\n";
  EXPECT_NE(complaint(file("text"), Results::Mode::Create).find("cannot be used"),
            std::string::npos);
  EXPECT_NE(complaint(file("none"), Results::Mode::Open).find("no such results file"),
            std::string::npos);
  EXPECT_NE(complaint(file("no/folder.db"), Results::Mode::Create), "");
}

/// A full disk, made by a limit on the size of files.
TEST_F(ResultsFile, OnAFullDiskKeepsWhatItHadAndGoesOnWhenThereIsRoom) {
  Results results(file("a.db"), Results::Mode::Create);
  results.save(campaign("1", 10), {scenario({1, 5})});
  StoredScenario large = scenario({6, 50});
  for (std::uint64_t i = 0; i < 200'000; ++i) large.states.push_back(i * 7919);

  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{std::filesystem::file_size(file("a.db")) + 64 * 1024, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  std::string text;
  try {
    results.save(campaign("1", 20), {large});
  } catch (const scenarios::UserError& error) {
    text = error.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_NE(text.find("results cannot be saved"), std::string::npos) << text;
  const std::string key = scenarios::scenario_key("text", "", "build");
  EXPECT_EQ(results.scenario(key).done.text(), "1..5");
  EXPECT_EQ(results.campaigns()[0].runs, 10U);
  results.save(campaign("1", 20), {large});
  EXPECT_EQ(results.scenario(key).done.text(), "1..50");
}

}  // namespace
