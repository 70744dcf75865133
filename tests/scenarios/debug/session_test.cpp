#include "scenarios/debug/session.hpp"

#include <gtest/gtest.h>

#include <map>

#include "scenarios/debug/render.hpp"
#include "scenarios/language/parser.hpp"
#include "scenarios/language/source.hpp"

namespace debugger {
namespace {

constexpr const char* kMoving = R"(
scenario: moving
end: 600ms
hosts: {alpha: {memory: 1GiB}, beta: {memory: 1GiB}}
networks: {migration: {hosts: [alpha, beta]}}
storage: {disk1: {size: 4MiB}}
vms:
  web:
    host: alpha
    memory: 16MiB
    guest: {model: worker, working-set: 4MiB, dirty-rate: 8, disk-interval: 5ms}
    disks: [disk1]
timeline: [{at: 300ms, move-vm: web, to: beta}]
)";

scenarios::Recorded moving(std::set<std::string, std::less<>> plants = {}) {
  scenarios::Recorded run;
  run.scenario = scenarios::parse_scenario("moving.yaml", kMoving);
  run.options.plants = std::move(plants);
  return run;
}

Goal until(const std::string& stop) {
  Goal goal;
  goal.stops.push_back(stop);
  return goal;
}

Json look(Session& session, const Words& words) {
  Json request;
  request["do"] = "inspect";
  request["words"] = words;
  return session.ask(request)["data"];
}

TEST(Session, BeginsAtTheFirstEvent) {
  const scenarios::Recorded run = moving();
  const Session session(run);
  EXPECT_EQ(session.here().index, 0U);
  EXPECT_NE(session.here().line.find("world.started"), std::string::npos);
}

TEST(Session, EveryWayToAnEventLeadsToTheSameWorld) {
  const scenarios::Recorded run = moving();
  Session session(run);
  std::map<std::uint64_t, std::string> hashes;
  for (std::uint64_t index = 100; index < 1000; index += 100) {
    hashes[index] = session.go_to(index).hash;
  }
  session.forward(Goal{});
  EXPECT_TRUE(session.here().ended);
  for (auto one = hashes.rbegin(); one != hashes.rend(); ++one) {
    EXPECT_EQ(session.go_to(one->first).hash, one->second) << one->first;
    EXPECT_EQ(session.here().index, one->first);
  }
  for (const auto& [index, hash] : hashes) EXPECT_EQ(session.go_to(index).hash, hash);
}

TEST(Session, StepsBackFromTheEndAndIsAtTheEndAgain) {
  const scenarios::Recorded run = moving();
  Session session(run);
  const Stop end = session.forward(Goal{});
  session.go_to(end.index - 1);
  EXPECT_FALSE(session.here().ended);
  EXPECT_NE(session.here().line.find("world.ended"), std::string::npos);
  EXPECT_EQ(session.forward(Goal{}).hash, end.hash);
  EXPECT_TRUE(session.here().ended);
}

TEST(Session, LookingChangesNothing) {
  const scenarios::Recorded run = moving();
  std::string undisturbed;
  {
    Session session(run);
    undisturbed = session.forward(Goal{}).hash;
  }
  Session session(run);
  for (const Words& words : {Words{"vms"}, Words{"disks"}, Words{"vp", "web"}, Words{"queue"}}) {
    session.forward(until("migration.phase"));
    look(session, words);
  }
  EXPECT_EQ(session.forward(Goal{}).hash, undisturbed);
}

TEST(Session, GoesBackToTheLastMatch) {
  const scenarios::Recorded run = moving();
  Session session(run);
  std::vector<std::uint64_t> phases;
  while (!session.forward(until("migration.phase")).ended) phases.push_back(session.here().index);
  ASSERT_GE(phases.size(), 4U);
  for (auto one = phases.rbegin(); one != phases.rend(); ++one) {
    EXPECT_EQ(session.back_to_match({"migration.phase"}).index, *one);
  }
  EXPECT_EQ(session.back_to_match({"migration.phase"}).index, 0U);
  EXPECT_EQ(session.here().why, "");
}

TEST(Session, StopsWhereAPropertyBreaks) {
  const scenarios::Recorded run = moving({"migration.forgets-final-set"});
  Session session(run);
  Goal goal;
  goal.violation = "MI-1";
  session.forward(goal);
  EXPECT_EQ(session.here().why, "violation");
  EXPECT_EQ(session.here().which, "MI-1");
  // Told once: what is known to be broken does not stop the run again.
  EXPECT_TRUE(session.forward(goal).ended);
}

TEST(Session, ShowsWhereAMachineIs) {
  const scenarios::Recorded run = moving();
  Session session(run);
  session.forward(until("200ms"));
  EXPECT_EQ(look(session, {"vms", "web"})["host"], "alpha");
  session.forward(until("500ms"));
  EXPECT_EQ(look(session, {"vms", "web"})["host"], "beta");
  EXPECT_EQ(look(session, {"disks", "disk1"})["owner"], "beta");
  EXPECT_EQ(look(session, {"jobs", "3"})["status"], "completed");
  EXPECT_THROW(look(session, {"vms", "mail"}), scenarios::UserError);
  EXPECT_THROW(look(session, {"weather"}), scenarios::UserError);
}

TEST(Render, ListsOfObjectsAreTables) {
  Json table = Json::parse(R"([{"name":"a","up":true},{"name":"long","up":false,"more":3}])");
  EXPECT_EQ(render(table), "name  up   more\na     yes\nlong  no   3\n");
  EXPECT_EQ(render(Json::array()), "(none)\n");
}

}  // namespace
}  // namespace debugger
