#include "sim/kernel/world.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <numeric>
#include <optional>

#include "tests/sim/kernel/journal.hpp"
#include "traces/events.hpp"

namespace sim {
namespace {

/// Hosts that send each other numbers after drawn delays; some are killed, paused and restarted.
/// Whatever happens is an event, so the recorder's hash is the world's history.
class Town {
 public:
  explicit Town(std::uint64_t seed, bool reversed = false,
                std::optional<DecisionSet> script = std::nullopt) {
    recorder_.attach(decided_, traces::EventSet().set());
    WorldConfig config;
    config.decisions = std::move(script);
    config.seed = seed;
    config.buggify["town.lost"] = Chance::per_million(100'000);
    world_ = std::make_unique<World>(std::move(config), recorder_);
    boxes_.resize(kHosts + 1);
    for (int i = 0; i < kHosts; ++i) {
      world_->add_node("host" + std::to_string(i), "host");
    }
    std::vector<int> order(kHosts);
    std::iota(order.begin(), order.end(), 0);
    if (reversed) std::reverse(order.begin(), order.end());
    for (const int i : order) {
      Node& node = *world_->nodes()[static_cast<std::size_t>(i)];
      world_->on_restart(node, [this, &node] { boot(node); });
      boot(node);
    }
    operators_ = &world_->add_node("operator", "operator");
    operators_->spawn("disturb", disturb(*this));
  }

  void run_to(Time limit) { world_->run_until(limit); }
  traces::Digest hash() const { return recorder_.hash(); }
  std::uint64_t events() const { return recorder_.events(); }
  const DecisionSet& decisions() const { return decided_.decisions; }

 private:
  static constexpr int kHosts = 5;

  void boot(Node& node) {
    boxes_[node.id().value].clear();
    for (std::uint64_t i = 0; i < 3; ++i) {
      node.spawn("send", i, send(*this, node, i));
      node.spawn("receive", i, receive(*this, node));
    }
  }

  static Task<> send(Town& town, Node& node, std::uint64_t number) {
    for (std::uint64_t message = 0;; ++message) {
      Draw draw = town.world_->random().draw("send", node.id().value, number, message);
      co_await node.sleep(Duration{draw.between(std::int64_t{0}, std::int64_t{50})});
      const Operation operation{node.id().value, number, message};
      if (town.world_->buggify(node, "town.lost", operation)) continue;
      if (town.world_->happens(node, "town.late", operation, Chance::per_million(50'000))) {
        Draw late = town.world_->amount("town.late", operation);
        co_await node.sleep(Duration{late.between(std::int64_t{1}, std::int64_t{200})});
      }
      town.boxes_[1 + draw.below(kHosts)].put(static_cast<int>(message));
    }
  }

  static Task<> receive(Town& town, Node& node) {
    Mailbox<int>& box = town.boxes_[node.id().value];
    for (;;) {
      const std::optional<int> message = co_await box.take_until(node.now() + 30_ns);
      town.world_->emit(node.id(), traces::ev::FaultFired{.fault = message ? "got" : "nothing"});
    }
  }

  static Task<> disturb(Town& town) {
    Node& self = *town.operators_;
    for (std::uint64_t round = 0;; ++round) {
      Draw draw = town.world_->random().draw("disturb", round);
      co_await self.sleep(Duration{draw.between(std::int64_t{10}, std::int64_t{100})});
      Node& victim = *town.world_->nodes()[draw.below(kHosts)];
      switch (draw.below(4)) {
        case 0:
          town.world_->kill(victim, "operator");
          break;
        case 1:
          town.world_->pause(victim);
          break;
        case 2:
          town.world_->resume(victim);
          break;
        default:
          town.world_->restart(victim);
      }
    }
  }

  struct Decided final : traces::Observer {
    void on_event(const traces::Event& event) override {
      if (auto decision = decision_of(event)) decisions.insert(std::move(*decision));
    }
    DecisionSet decisions;
  };

  traces::Recorder recorder_;
  Decided decided_;
  std::deque<Mailbox<int>> boxes_;
  std::unique_ptr<World> world_;
  Node* operators_ = nullptr;
};

constexpr Time kEnd{20'000};

traces::Digest history(std::uint64_t seed, bool reversed = false) {
  Town town(seed, reversed);
  town.run_to(kEnd);
  EXPECT_GT(town.events(), 1'000u);
  return town.hash();
}

TEST(World, OneSeedGivesOneHistory) {
  EXPECT_EQ(history(1), history(1));
  EXPECT_NE(history(1), history(2));
}

RC_GTEST_PROP(World, HistoryDoesNotDependOnTheOrderOfSpawning, (std::uint64_t seed)) {
  RC_ASSERT(history(seed) == history(seed, true));
}

RC_GTEST_PROP(World, HistoryDoesNotDependOnWhereTheRunIsInterrupted, (std::uint64_t seed)) {
  Town town(seed);
  std::int64_t now = 0;
  while (now < kEnd.ns) {
    now = std::min(now + *rc::gen::inRange<std::int64_t>(1, 5'000), kEnd.ns);
    town.run_to(Time{now});
  }
  RC_ASSERT(town.hash() == history(seed));
}

RC_GTEST_PROP(World, DecisionsOfARunGivenAsAScriptMakeTheSameRun, (std::uint64_t seed)) {
  Town drawn(seed);
  drawn.run_to(kEnd);
  Town scripted(seed, false, drawn.decisions());
  scripted.run_to(kEnd);
  RC_ASSERT(scripted.hash() == drawn.hash());
  RC_ASSERT(scripted.decisions() == drawn.decisions());
}

TEST(World, ADecisionThatIsDroppedFromTheScriptDoesNotHappen) {
  Town drawn(1);
  drawn.run_to(kEnd);
  DecisionSet fewer = drawn.decisions();
  const Decision dropped = *fewer.begin();
  fewer.erase(fewer.begin());
  Town scripted(1, false, fewer);
  scripted.run_to(kEnd);
  EXPECT_FALSE(scripted.decisions().contains(dropped));
  EXPECT_NE(scripted.hash(), drawn.hash());
  Town quiet(1, false, DecisionSet{});
  quiet.run_to(kEnd);
  EXPECT_TRUE(quiet.decisions().empty());
}

TEST(World, ManyWorldsSideBySideHaveTheHistoriesThatTheyHaveAlone) {
  std::deque<Town> towns;
  for (std::uint64_t seed = 0; seed < 20; ++seed) towns.emplace_back(seed);
  for (std::int64_t now = 0; now <= kEnd.ns; now += 100) {
    for (Town& town : towns) town.run_to(Time{now});
  }
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_EQ(towns[seed].hash(), history(seed)) << "seed " << seed;
  }
}

TEST(World, SurvivesFork) {
  Town town(3);
  town.run_to(Time{kEnd.ns / 2});
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    town.run_to(kEnd);
    const traces::Digest hash = town.hash();
    _exit(write(ends[1], &hash, sizeof hash) == sizeof hash ? 0 : 1);
  }
  close(ends[1]);
  traces::Digest childs;
  EXPECT_EQ(read(ends[0], &childs, sizeof childs), static_cast<ssize_t>(sizeof childs));
  close(ends[0]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  town.run_to(kEnd);
  EXPECT_EQ(town.hash(), childs);
  EXPECT_EQ(town.hash(), history(3));
}

// ---------------------------------------------------------------- the event stream

struct Observed final : traces::Observer {
  void on_event(const traces::Event& event) override {
    std::string line = std::to_string(event.time.ns) + "/" + std::to_string(event.node.value);
    if (const auto* added = event.as<traces::ev::NodeAdded>()) {
      line += " added " + std::string(added->name) + " " + std::string(added->kind);
    } else if (const auto* killed = event.as<traces::ev::NodeKilled>()) {
      line += " killed " + std::string(killed->reason);
    } else if (const auto* restarted = event.as<traces::ev::NodeRestarted>()) {
      line += " restarted " + std::to_string(restarted->generation);
    } else if (event.as<traces::ev::NodePaused>() != nullptr) {
      line += " paused";
    } else if (event.as<traces::ev::NodeResumed>() != nullptr) {
      line += " resumed";
    } else if (const auto* plant = event.as<traces::ev::PlantFired>()) {
      line += " plant " + std::string(plant->plant);
    } else if (const auto* reached = event.as<traces::ev::SometimesReached>()) {
      line += " sometimes " + std::string(reached->point);
    } else if (const auto* buggify = event.as<traces::ev::BuggifyFired>()) {
      line += " buggify " + std::string(buggify->point) + " " + std::to_string(buggify->a);
    }
    lines.push_back(line);
  }
  Lines lines;
};

struct ObservedWorld {
  explicit ObservedWorld(WorldConfig config = {}) {
    recorder.attach(observed, traces::EventSet().set());
    world.emplace(std::move(config), recorder);
  }
  traces::Recorder recorder;
  Observed observed;
  std::optional<World> world;
};

TEST(World, TellsWhatBecomesOfNodes) {
  ObservedWorld test;
  World& world = *test.world;
  world.add_node("a", "host");
  Node& node = world.add_node("b", "storage");
  world.run_until(Time{10});
  world.pause(node);
  world.run_until(Time{20});
  world.resume(node);
  world.kill(node, "fire");
  world.run_until(Time{30});
  world.restart(node);
  world.run_until(Time{30});
  EXPECT_EQ(test.observed.lines, (Lines{"0/1 added a host", "0/2 added b storage", "10/2 paused",
                                        "20/2 resumed", "20/2 killed fire", "30/2 restarted 2"}));
}

TEST(World, FindsNodesByNameAndNumber) {
  TestWorld test;
  Node& node = test.world.add_node("a", "host");
  EXPECT_EQ(test.world.find_node("a"), &node);
  EXPECT_EQ(test.world.find_node("b"), nullptr);
  EXPECT_EQ(&test.world.node(node.id()), &node);
}

TEST(World, APlantIsOffUnlessItIsNamedAndAnnouncesItselfOnce) {
  WorldConfig config;
  config.plants = {"skip-flush"};
  ObservedWorld test(config);
  Node& node = test.world->add_node("a", "host");
  EXPECT_FALSE(test.world->plant(node, "other"));
  EXPECT_TRUE(test.world->plant(node, "skip-flush"));
  EXPECT_TRUE(test.world->plant(node, "skip-flush"));
  EXPECT_EQ(test.observed.lines, (Lines{"0/1 added a host", "0/1 plant skip-flush"}));
}

TEST(World, BuggifyIsAFunctionOfSeedPointAndKey) {
  WorldConfig config;
  config.buggify["p"] = Chance::per_million(500'000);
  config.buggify["q"] = Chance::per_million(500'000);
  config.buggify["sure"] = Chance::always();
  config.buggify["off"] = Chance::never();
  ObservedWorld test(config);
  Node& node = test.world->add_node("a", "host");
  const auto fired = [&](std::string_view point) {
    std::string pattern;
    for (std::uint64_t key = 0; key < 64; ++key) {
      pattern += test.world->buggify(node, point, key) ? '1' : '0';
    }
    return pattern;
  };
  const std::string first = fired("p");
  EXPECT_NE(first, fired("q"));
  EXPECT_EQ(first, fired("p")) << "other choices in between change nothing";
  EXPECT_EQ(fired("off"), std::string(64, '0'));
  EXPECT_EQ(fired("absent"), std::string(64, '0'));
  test.observed.lines.clear();
  EXPECT_TRUE(test.world->buggify(node, "sure", 5));
  EXPECT_EQ(test.observed.lines, (Lines{"0/1 buggify sure 5"}));
}

TEST(World, AChoiceBelongsToAllFourNumbersOfItsOperation) {
  ObservedWorld test;
  Node& node = test.world->add_node("a", "host");
  const Chance half{1, 2};
  const auto pattern = [&](unsigned place) {
    std::string drawn;
    for (std::uint64_t i = 0; i < 64; ++i) {
      Operation operation{};
      operation[place] = i;
      drawn += test.world->happens(node, "s", operation, half) ? '1' : '0';
    }
    return drawn;
  };
  const std::set<std::string> patterns{pattern(0), pattern(1), pattern(2), pattern(3)};
  EXPECT_EQ(patterns.size(), 4u);
  EXPECT_EQ(pattern(3), pattern(3));
  EXPECT_FALSE(test.world->happens(node, "s", {}, Chance::never()));
  EXPECT_TRUE(test.world->happens(node, "s", {}, Chance::always()));
}

TEST(World, WhatSometimesHappensIsToldOnce) {
  ObservedWorld test;
  Node& node = test.world->add_node("a", "host");
  test.observed.lines.clear();
  test.world->sometimes(node, "p");
  test.world->sometimes(node, "q");
  test.world->sometimes(node, "p");
  EXPECT_EQ(test.observed.lines, (Lines{"0/1 sometimes p", "0/1 sometimes q"}));
}

TEST(World, StopEndsTheRunAndKeepsTheTime) {
  TestWorld test;
  Node& node = test.world.add_node("a", "host");
  Timer timer(node, "timer", 0, [&] { test.world.stop("enough"); });
  Timer later(node, "later", 0, [] { FAIL(); });
  timer.arm(Time{10});
  later.arm(Time{11});
  EXPECT_TRUE(test.world.run_until(Time{100}));
  EXPECT_TRUE(test.world.stopped());
  EXPECT_EQ(test.world.stop_reason(), "enough");
  EXPECT_EQ(test.world.now(), Time{10});
  test.world.run_until(Time{200});
  EXPECT_EQ(test.world.now(), Time{10});
}

TEST(World, PathsOfOneNameNeverCollide) {
  std::map<std::uint64_t, std::uint64_t> seen;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    const std::uint64_t key = i % 2 == 0 ? i : i << 40;
    const bool is_new = seen.emplace(path_of("task", key), key).second;
    ASSERT_TRUE(is_new || key == 0);
  }
  EXPECT_NE(path_of("task", 0), path_of("tasks", 0));
}

TEST(WorldDeathTest, AnEventInThePastIsADefect) {
  struct Target final : Wakeable {
    void wake() override {}
  };
  TestWorld test;
  Target target;
  test.world.run_until(Time{10});
  EXPECT_DEATH(test.world.schedule({Time{9}, NodeId{}, 0, 0}, target), "outside the future");
}

TEST(WorldDeathTest, TwoNodesOfOneNameAreADefect) {
  TestWorld test;
  test.world.add_node("a", "host");
  EXPECT_DEATH(test.world.add_node("a", "host"), "two nodes of one name");
}

}  // namespace
}  // namespace sim
