// What a migration cost, told from events that are put together here.
#include "scenarios/runner/moves.hpp"

#include <gtest/gtest.h>

#include "traces/events.hpp"

namespace {

namespace ev = traces::ev;
using scenarios::Absence;
using scenarios::Move;

constexpr std::uint32_t kSource = 2;
constexpr std::uint32_t kTarget = 3;
constexpr std::uint32_t kServer = 1;
constexpr std::uint32_t kClient = 2;
constexpr std::uint64_t kServerMac = 0x100;
constexpr std::uint64_t kClientMac = 0x200;

/// Tells a story in microseconds.
class Teller {
 public:
  template <class Event>
  void at(std::int64_t microseconds, std::uint32_t node, const Event& body) {
    traces::Event event;
    event.index = index_++;
    event.time = traces::Time{microseconds * 1000};
    event.node = traces::NodeId{node};
    event.type = Event::kType;
    event.payload = &body;
    moves.on_event(event);
  }
  scenarios::Moves moves;

 private:
  std::uint64_t index_ = 0;
};

class MoveStories : public testing::Test {
 protected:
  MoveStories() {
    for (const auto& [number, name] : {std::pair{kSource, "alpha"}, std::pair{kTarget, "beta"}}) {
      ev::NodeAdded node;
      node.name = name;
      tell.at(0, number, node);
    }
    create(kServer, "server", kServerMac, kSource);
    create(kClient, "client", kClientMac, kTarget);
  }

  void create(std::uint32_t vm, const char* name, std::uint64_t mac, std::uint32_t host) {
    ev::VmCreated created;
    created.vm = vm;
    created.name = name;
    tell.at(0, host, created);
    ev::SwitchPort port;
    port.vm = vm;
    port.mac = mac;
    port.connected = true;
    tell.at(0, host, port);
    processors(0, host, vm, traces::VpState::Running, "start-vm");
  }
  void processors(std::int64_t at, std::uint32_t host, std::uint32_t vm, traces::VpState to,
                  const char* reason) {
    ev::VpState state;
    state.vm = vm;
    state.state = to;
    state.reason = reason;
    tell.at(at, host, state);
  }
  void sends(std::int64_t at, std::uint32_t host, bool server, std::uint64_t hash) {
    ev::NicSent frame;
    frame.vm = server ? kServer : kClient;
    frame.source = server ? kServerMac : kClientMac;
    frame.destination = server ? kClientMac : kServerMac;
    frame.hash = hash;
    tell.at(at, host, frame);
  }
  void gets(std::int64_t at, std::uint32_t host, bool server, std::uint64_t hash) {
    ev::NicDelivered frame;
    frame.vm = server ? kServer : kClient;
    frame.source = server ? kClientMac : kServerMac;
    frame.destination = server ? kServerMac : kClientMac;
    frame.hash = hash;
    tell.at(at, host, frame);
  }
  /// The server moves: asked at 1000, stopped at 2000, pages until 2300, runs again at 3000.
  void moves_between(std::uint32_t from, std::uint32_t to) {
    stops(from, to);
    runs_again(from, to);
  }
  void stops(std::uint32_t from, std::uint32_t to) {
    ev::MigrationStarted started;
    started.job = 7;
    started.vm = kServer;
    started.target = to;
    tell.at(1000, from, started);
    processors(2000, from, kServer, traces::VpState::Suspended, "live migration");
  }
  void runs_again(std::uint32_t from, std::uint32_t to) {
    ev::MigrationRound round;
    round.vm = kServer;
    round.final = true;
    round.took = traces::Duration{200'000};
    tell.at(2300, from, round);
    phase(2400, from, traces::MigrationPhase::Handover);
    phase(2500, from, traces::MigrationPhase::Commit);
    processors(3000, to, kServer, traces::VpState::Running, "live migration");
  }
  void phase(std::int64_t at, std::uint32_t host, traces::MigrationPhase phase) {
    ev::MigrationPhase event;
    event.vm = kServer;
    event.phase = phase;
    tell.at(at, host, event);
  }
  static std::int64_t part(const Absence& view, const std::string& cause) {
    for (const auto& one : view.parts) {
      if (one.cause == cause) return one.took.ns / 1000;
    }
    return 0;
  }
  static std::int64_t sum(const Absence& view) {
    std::int64_t all = 0;
    for (const auto& one : view.parts) all += one.took.ns;
    return all;
  }
  static const Absence* view_of(const Move& move, const std::string& who) {
    for (const Absence& view : move.seen) {
      if (view.who == who) return &view;
    }
    return nullptr;
  }

  Teller tell;
};

TEST_F(MoveStories, ProcessorsStandStillFromTheirStopUntilTheyRun) {
  moves_between(kSource, kTarget);
  const auto moves = tell.moves.conclude();
  ASSERT_EQ(moves.size(), 1U);
  const Move& move = moves.front();
  EXPECT_EQ(move.vm + " " + move.from + " " + move.to, "server alpha beta");
  EXPECT_TRUE(move.runs_again);
  EXPECT_TRUE(move.completed);
  ASSERT_EQ(move.seen.size(), 1U);  // no frame, so nobody else looked
  const Absence& view = move.seen.front();
  EXPECT_EQ(view.took.ns, 1'000'000);
  EXPECT_EQ(part(view, "I/O under way"), 100);
  EXPECT_EQ(part(view, "last pages"), 200);
  EXPECT_EQ(part(view, "state"), 100);
  EXPECT_EQ(part(view, "handover"), 100);
  EXPECT_EQ(part(view, "commit"), 500);
  EXPECT_EQ(sum(view), view.took.ns);
}

TEST_F(MoveStories, AVmThatStaysIsToldAsSuch) {
  moves_between(kSource, kTarget);
  ev::MigrationStarted started;
  started.vm = kServer;
  started.target = kSource;
  tell.at(5000, kTarget, started);
  processors(6000, kTarget, kServer, traces::VpState::Suspended, "live migration");
  processors(6500, kTarget, kServer, traces::VpState::Running, "live migration aborted");
  const auto moves = tell.moves.conclude();
  ASSERT_EQ(moves.size(), 2U);
  EXPECT_TRUE(moves[1].runs_again);
  EXPECT_FALSE(moves[1].completed);
  EXPECT_NE(scenarios::text_of(moves).find("stayed"), std::string::npos);
}

TEST_F(MoveStories, AVmThatNeverRunsAgainHasNoView) {
  ev::MigrationStarted started;
  started.vm = kServer;
  started.target = kTarget;
  tell.at(1000, kSource, started);
  processors(2000, kSource, kServer, traces::VpState::Suspended, "live migration");
  const auto moves = tell.moves.conclude();
  ASSERT_EQ(moves.size(), 1U);
  EXPECT_FALSE(moves[0].runs_again);
  EXPECT_TRUE(moves[0].seen.empty());
  EXPECT_NE(scenarios::text_of(moves).find("did not run again"), std::string::npos);
}

TEST_F(MoveStories, AClientsGapIsDividedAmongItsCauses) {
  sends(1000, kSource, true, 1);
  gets(1100, kTarget, false, 1);  // the client's gap begins
  sends(1500, kTarget, false, 2);
  gets(1600, kSource, true, 2);
  moves_between(kSource, kTarget);
  sends(3400, kTarget, true, 3);
  gets(3450, kTarget, false, 3);
  const auto moves = tell.moves.conclude();
  ASSERT_EQ(moves.size(), 1U);
  const Absence* view = view_of(moves[0], "client");
  ASSERT_NE(view, nullptr);
  EXPECT_EQ(view->from.ns, 1'100'000);
  EXPECT_EQ(view->took.ns, 2'350'000);
  EXPECT_EQ(part(*view, "the client's turn"), 400);
  EXPECT_EQ(view->waited().ns, 1'950'000);
  EXPECT_EQ(part(*view, "on the wire"), 100 + 50);
  EXPECT_EQ(part(*view, "the VM's turn"), 400 + 400);
  EXPECT_EQ(part(*view, "last pages"), 200);
  EXPECT_EQ(part(*view, "commit"), 500);
  EXPECT_EQ(sum(*view), view->took.ns);
  const Absence* adapter = view_of(moves[0], "network adapter");
  ASSERT_NE(adapter, nullptr);
  EXPECT_EQ(adapter->took.ns, (3400 - 1600) * 1000);
  EXPECT_EQ(part(*adapter, "nothing to carry before"), 400);
  EXPECT_EQ(part(*adapter, "nothing to carry yet"), 400);
  EXPECT_EQ(sum(*adapter), adapter->took.ns);
}

TEST_F(MoveStories, ALostFrameIsWaitedForUntilItsSenderSendsAgain) {
  sends(1000, kSource, true, 1);
  gets(1100, kTarget, false, 1);
  moves_between(kSource, kTarget);
  // Dropped where the VM is not: a copy that was sent everywhere.
  sends(3100, kTarget, false, 2);
  ev::NicDropped elsewhere;
  elsewhere.vm = kServer;
  elsewhere.hash = 2;
  tell.at(3110, kSource, elsewhere);
  // And now for good.
  tell.at(3200, kTarget, elsewhere);
  sends(5200, kTarget, false, 3);
  gets(5250, kTarget, true, 3);
  sends(5300, kTarget, true, 4);
  gets(5350, kTarget, false, 4);
  const auto moves = tell.moves.conclude();
  ASSERT_EQ(moves.size(), 1U);
  EXPECT_EQ(moves[0].lost, 1U);
  const Absence* view = view_of(moves[0], "client");
  ASSERT_NE(view, nullptr);
  EXPECT_EQ(part(*view, "on the wire"), 100 + 50 + 50);
  EXPECT_EQ(part(*view, "until a lost frame is sent again"), 2000);
  EXPECT_EQ(sum(*view), view->took.ns);
}

TEST_F(MoveStories, AFrameThatIsLostOnTheWireIsFoundByItsNumber) {
  sends(1000, kSource, true, 1);
  gets(1100, kTarget, false, 1);
  sends(1900, kTarget, false, 2);
  ev::SegmentSent out;
  out.number = 9;
  out.hash = 2;
  tell.at(1910, kTarget, out);
  moves_between(kSource, kTarget);
  ev::SegmentLost gone;
  gone.sender = kTarget;
  gone.number = 9;
  tell.at(3050, kSource, gone);
  sends(3500, kTarget, true, 3);
  gets(3550, kTarget, false, 3);
  const auto moves = tell.moves.conclude();
  ASSERT_EQ(moves.size(), 1U);
  EXPECT_EQ(moves[0].lost, 1U);
  const Absence* view = view_of(moves[0], "client");
  ASSERT_NE(view, nullptr);
  EXPECT_EQ(part(*view, "until a lost frame is sent again"), 450);
}

TEST_F(MoveStories, FramesThatArriveWhileItStandsStillBeginTheGapAnew) {
  sends(1000, kSource, true, 7);
  gets(1050, kTarget, false, 7);
  sends(1990, kSource, true, 1);
  stops(kSource, kTarget);
  gets(2030, kTarget, false, 1);
  runs_again(kSource, kTarget);
  sends(3400, kTarget, true, 2);
  gets(3450, kTarget, false, 2);
  const auto moves = tell.moves.conclude();
  ASSERT_EQ(moves.size(), 1U);
  const Absence* view = view_of(moves[0], "client");
  ASSERT_NE(view, nullptr);
  EXPECT_EQ(view->from.ns, 2'030'000);
}

}  // namespace
