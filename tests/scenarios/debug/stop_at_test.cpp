#include "scenarios/debug/stop_at.hpp"

#include <gtest/gtest.h>

#include "scenarios/language/source.hpp"

namespace debugger {
namespace {

traces::ev::MigrationRound round_of(std::uint64_t pages) {
  traces::ev::MigrationRound round;
  round.job = 3;
  round.pages = pages;
  round.took = traces::Duration{2'000'000};
  return round;
}

bool matches(const std::string& pattern, const traces::ev::MigrationRound& round) {
  traces::Event event;
  event.type = traces::ev::MigrationRound::kType;
  event.index = 7;
  event.time = traces::Time{1'000};
  event.node = traces::NodeId{2};
  event.payload = &round;
  return StopAt::parse(pattern).matches(event, traces::NodeNames());
}

std::string mistake_of(const std::string& pattern) {
  try {
    StopAt::parse(pattern);
  } catch (const scenarios::UserError& error) {
    return error.what();
  }
  return "";
}

TEST(StopAt, TakesNumbersInstantsAndEvents) {
  EXPECT_EQ(StopAt::parse("12").index, 12U);
  EXPECT_EQ(StopAt::parse("#12").index, 12U);
  EXPECT_EQ(StopAt::parse("1.5ms").time, traces::Time{1'500'000});
  EXPECT_TRUE(StopAt::parse("migration").pattern.has_value());
}

TEST(StopAt, AnIndexAndAnInstantStopThereOrBehind) {
  EXPECT_TRUE(matches("7", round_of(1)));
  EXPECT_TRUE(matches("6", round_of(1)));
  EXPECT_FALSE(matches("8", round_of(1)));
  EXPECT_TRUE(matches("1us", round_of(1)));
  EXPECT_FALSE(matches("2us", round_of(1)));
}

TEST(StopAt, AnAreaIsAllItsEvents) {
  EXPECT_TRUE(matches("migration", round_of(1)));
  EXPECT_TRUE(matches("migration.round", round_of(1)));
  EXPECT_TRUE(matches("*", round_of(1)));
  EXPECT_FALSE(matches("migration.phase", round_of(1)));
}

TEST(StopAt, AllConditionsMustHold) {
  EXPECT_TRUE(matches("migration.round pages>10 job=3", round_of(11)));
  EXPECT_FALSE(matches("migration.round pages>10 job=4", round_of(11)));
  EXPECT_FALSE(matches("migration.round pages>10", round_of(10)));
  EXPECT_TRUE(matches("migration.round pages!=10", round_of(11)));
  EXPECT_TRUE(matches("migration.round took>=2ms pages<=0xb", round_of(11)));
  EXPECT_TRUE(matches("migration.round node=node-2", round_of(11)));
  EXPECT_FALSE(matches("migration.round node=alpha", round_of(11)));
}

TEST(StopAt, TakesExpressionsOfTheUsersProperties) {
  EXPECT_TRUE(matches("migration.round where pages * 2 > 20 and not final", round_of(11)));
  EXPECT_FALSE(matches("migration.round where pages * 2 > 22", round_of(11)));
}

TEST(StopAt, SaysWhatIsWrongAndWhatWouldBeRight) {
  EXPECT_EQ(mistake_of("migratoin.round"),
            "there is no event or area `migratoin.round`, did you mean `migration.round`?");
  EXPECT_NE(mistake_of("migration.phase fase=commit").find("it has job, vm, phase"),
            std::string::npos);
  EXPECT_NE(mistake_of("migration.round pages>many").find("is no number"), std::string::npos);
  EXPECT_NE(mistake_of("migration.phase phase<5").find("has no order"), std::string::npos);
  EXPECT_NE(mistake_of("migration.round pages").find("is no condition"), std::string::npos);
  EXPECT_NE(mistake_of("migration.round where pages >").find("behind `where`"), std::string::npos);
  EXPECT_NE(mistake_of(""), "");
}

}  // namespace
}  // namespace debugger
