// Ethernet frames between hosts: time, order, learning switches, and every way to be lost.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "sim/net/frames.hpp"
#include "sim/net/network.hpp"

namespace sim {
namespace {

using namespace sim::literals;

struct Receiver final : FrameReceiver {
  explicit Receiver(World& world) : world(world) {}
  void arrived(std::span<const EthernetFrame> frames) override {
    for (const EthernetFrame& frame : frames) {
      std::uint32_t number = 0;
      std::memcpy(&number, frame->data() + 14, 4);
      numbers.push_back(number);
      times.push_back(world.now());
    }
  }
  World& world;
  std::vector<std::uint32_t> numbers;
  std::vector<Time> times;
};

/// Hosts a, b, c at a switch s: links la, lb, lc of network "lan".
struct Bed {
  explicit Bed(std::uint64_t seed = 1, std::string hosts = "abc")
      : world({.seed = seed}, recorder), network(world), s(world.add_node("s", "switch")) {
    for (const char name : hosts) {
      Node& node = world.add_node(std::string(1, name), "host");
      network.add_link({.name = std::string("l") + name, .network = "lan"}, node, s);
      receivers.emplace(name, world);
      stations[name] = network.attach_station(node, "lan", receivers.at(name));
    }
  }
  static MacAddress mac(char host) { return {{0x02, 0, 0, 0, 0, static_cast<std::uint8_t>(host)}}; }
  void send(char from, const MacAddress& to, std::uint32_t number, std::size_t bytes = 1000) {
    std::vector<std::byte> frame(bytes);
    std::memcpy(frame.data(), to.bytes.data(), 6);
    std::memcpy(frame.data() + 6, mac(from).bytes.data(), 6);
    std::memcpy(frame.data() + 14, &number, 4);
    stations[from]->send(make_frame(std::move(frame)));
  }
  void send(char from, char to, std::uint32_t number, std::size_t bytes = 1000) {
    send(from, mac(to), number, bytes);
  }
  void run(Duration duration = 1_s) { world.run_until(world.now() + duration); }
  NodeId id(char name) { return world.find_node(std::string(1, name))->id(); }
  const std::vector<std::uint32_t>& got(char host) { return receivers.at(host).numbers; }

  traces::Recorder recorder;
  World world;
  Network network;
  Node& s;
  std::map<char, Receiver> receivers;
  std::map<char, std::unique_ptr<FrameStation>> stations;
};

using Numbers = std::vector<std::uint32_t>;

TEST(Frames, TakeTheirBytesAndTheLatencyOfEveryLink) {
  Bed bed;
  bed.send('a', 'b', 1, 1000);
  bed.run();
  ASSERT_EQ(bed.got('b'), Numbers{1});
  // 1024 bytes on the wire at 10 Gbit/s and 20 us of latency, twice: the switch stores and
  // forwards.
  EXPECT_EQ(bed.receivers.at('b').times[0].ns, 2 * (820 + 20'000));
}

TEST(Frames, OfOneSenderFollowEachOtherAtTheRateOfTheLink) {
  Bed bed;
  for (std::uint32_t i = 0; i < 10; ++i) bed.send('a', 'b', i, 1226);  // 1 us each
  bed.run();
  ASSERT_EQ(bed.got('b').size(), 10u);
  for (std::uint32_t i = 0; i < 10; ++i) {
    EXPECT_EQ(bed.got('b')[i], i);
    EXPECT_EQ(bed.receivers.at('b').times[i].ns, 42'000 + 1'000 * i);
  }
}

TEST(Frames, AreFloodedUntilTheSwitchHasLearned) {
  Bed bed;
  bed.send('a', 'b', 1);
  bed.run();
  EXPECT_EQ(bed.got('b'), Numbers{1});
  EXPECT_EQ(bed.got('c'), Numbers{1});
  bed.send('b', 'a', 2);
  bed.run();
  bed.send('a', 'b', 3);
  bed.run();
  EXPECT_EQ(bed.got('a'), Numbers{2});
  EXPECT_EQ(bed.got('b'), (Numbers{1, 3}));
  EXPECT_EQ(bed.got('c'), Numbers{1});
  bed.send('c', kBroadcastMac, 4);
  bed.run();
  EXPECT_EQ(bed.got('a'), (Numbers{2, 4}));
  EXPECT_EQ(bed.got('b'), (Numbers{1, 3, 4}));
}

TEST(Frames, FollowAnAddressThatHasMoved) {
  Bed bed;
  bed.send('a', kBroadcastMac, 1);
  bed.run();
  // The address of a now speaks from c.
  std::vector<std::byte> frame(60);
  std::memcpy(frame.data(), kBroadcastMac.bytes.data(), 6);
  std::memcpy(frame.data() + 6, Bed::mac('a').bytes.data(), 6);
  bed.stations['c']->send(make_frame(frame));
  bed.run();
  bed.send('b', 'a', 2);
  bed.run();
  EXPECT_EQ(bed.got('c'), (Numbers{1, 2}));
  EXPECT_EQ(std::count(bed.got('a').begin(), bed.got('a').end(), 2u), 0);
}

TEST(Frames, OnACutLinkAreLostAlsoThoseUnderWay) {
  Bed bed;
  bed.send('a', 'b', 1);
  bed.world.run_until(Time{} + 10_us);  // on the first link
  bed.network.cut("la");
  bed.run();
  EXPECT_TRUE(bed.got('b').empty());
  bed.send('a', 'b', 2);
  bed.run();
  EXPECT_TRUE(bed.got('b').empty());
  bed.network.heal("la");
  bed.send('a', 'b', 3);
  bed.run();
  EXPECT_EQ(bed.got('b'), Numbers{3});
}

TEST(Frames, ThatHaveLeftALinkDoNotCareThatItIsCut) {
  Bed bed;
  bed.send('a', 'b', 1);
  bed.world.run_until(Time{} + 30_us);  // on the second link
  bed.network.cut("la");
  bed.run();
  EXPECT_EQ(bed.got('b'), Numbers{1});
}

TEST(Frames, OfAPairThatIsCutDoNotArriveWhileOthersDo) {
  Bed bed;
  bed.send('b', kBroadcastMac, 1);
  bed.send('c', kBroadcastMac, 2);
  bed.run();
  bed.network.cut_pair("lb", bed.id('a'), bed.id('b'));
  bed.send('a', kBroadcastMac, 3);
  bed.run();
  EXPECT_EQ(std::count(bed.got('b').begin(), bed.got('b').end(), 3u), 0);
  EXPECT_EQ(std::count(bed.got('c').begin(), bed.got('c').end(), 3u), 1);
}

TEST(Frames, AreLostDamagedDoubledAndLateAsTheRulesSay) {
  const auto story = [](LinkFaults faults) {
    Bed bed;
    bed.network.set_faults({"la", bed.id('a')}, faults);
    for (std::uint32_t i = 0; i < 1000; ++i) {
      bed.send('a', 'b', i);
      bed.run(10_us);
    }
    bed.run();
    return bed.got('b');
  };
  LinkFaults faults;
  EXPECT_EQ(story(faults).size(), 1000u);
  faults.loss = {1, 4};
  EXPECT_NEAR(static_cast<double>(story(faults).size()), 750, 60);
  faults = {};
  faults.corruption = {1, 4};
  EXPECT_NEAR(static_cast<double>(story(faults).size()), 750, 60);
  faults = {};
  faults.duplication = {1, 4};
  const Numbers doubled = story(faults);
  EXPECT_NEAR(static_cast<double>(doubled.size()), 1250, 60);
  EXPECT_TRUE(std::is_sorted(doubled.begin(), doubled.end()));
  faults = {};
  faults.reordering = {1, 4};
  Numbers mixed = story(faults);
  EXPECT_EQ(mixed.size(), 1000u);
  EXPECT_FALSE(std::is_sorted(mixed.begin(), mixed.end()));
  faults = {};
  faults.mtu = 900;
  EXPECT_TRUE(story(faults).empty());
}

TEST(Frames, WhatHappensToOneFrameDoesNotDependOnTheOthers) {
  const auto lost = [](bool more) {
    Bed bed;
    LinkFaults faults;
    faults.loss = {1, 3};
    bed.network.set_faults({"la", bed.id('a')}, faults);
    for (std::uint32_t i = 0; i < 100; ++i) {
      bed.send('a', 'b', i);
      if (more) bed.send('c', 'b', 1000);
    }
    bed.run();
    Numbers numbers = bed.got('b');
    std::erase(numbers, 1000u);
    return numbers;
  };
  EXPECT_EQ(lost(false), lost(true));
}

TEST(Frames, BeyondWhatAPortHoldsAreDropped) {
  Bed bed;
  for (std::uint32_t i = 0; i < 5000; ++i) bed.send('a', 'b', i, 1514);
  bed.run();
  // 4 MiB of 1538 bytes each wait, one is on the link.
  EXPECT_NEAR(static_cast<double>(bed.got('b').size()), 4194304.0 / 1538, 2);
}

TEST(Frames, PassAStreamOnTheSameLinkAndItHasSoMuchLess) {
  const auto stream_done = [](bool frames) {
    Bed bed;
    Time done{};
    bed.network.listen(*bed.world.find_node("b"), "sink", [&](std::shared_ptr<Stream> stream) {
      bed.world.find_node("b")->keep(stream);
    });
    const auto task = [](Bed& bed, Time& done) -> Task<> {
      auto stream = co_await bed.network.connect(*bed.world.find_node("a"), bed.id('b'), "sink",
                                                 1_s, kStreamPatience, "lan");
      Message message;
      message.bytes = 10'000'000;
      const StreamStatus status = co_await stream->send(message);
      if (status == StreamStatus::Ok) done = bed.world.now();
    };
    bed.world.find_node("a")->spawn("sender", task(bed, done));
    bed.run(1_ms);
    for (std::uint32_t i = 0; frames && i < 1000; ++i) {
      bed.send('a', 'b', i, 1226);
      if (i == 0) {
        bed.run(60_us);
        EXPECT_EQ(bed.got('b'), Numbers{0}) << "it does not wait for the whole message";
      }
    }
    bed.run();
    return done;
  };
  const Time alone = stream_done(false), shared = stream_done(true);
  EXPECT_GT(alone.ns, 8'000'000);
  EXPECT_GE((shared - alone).ns, 0);
}

TEST(Frames, OfADeadNodeThatHadNotLeftItAreLostAndItGetsNone) {
  Bed bed;
  for (std::uint32_t i = 0; i < 100; ++i) bed.send('a', 'b', i, 1226);
  bed.world.run_until(Time{} + Duration{10'500});
  bed.world.kill(*bed.world.find_node("a"), "test");
  bed.run();
  EXPECT_EQ(bed.got('b').size(), 11u) << "what was on the wire arrives";
  bed.send('b', kBroadcastMac, 1000);
  bed.run();
  EXPECT_TRUE(bed.got('a').empty());
  EXPECT_EQ(bed.got('c').back(), 1000u);
}

TEST(Frames, TakeTheOtherWayWhenALinkIsCut) {
  Bed bed;
  bed.network.add_link({.name = "spare", .network = "lan"}, *bed.world.find_node("a"), bed.s);
  bed.network.cut("la");
  bed.send('a', 'b', 1);
  bed.run();
  EXPECT_EQ(bed.got('b'), Numbers{1});
}

TEST(Frames, OfAnotherNetworkDoNotMeet) {
  Bed bed;
  Node& d = bed.world.add_node("d", "host");
  bed.network.add_link({.name = "ld", .network = "other"}, d, bed.s);
  Receiver receiver(bed.world);
  const auto station = bed.network.attach_station(d, "other", receiver);
  bed.send('a', kBroadcastMac, 1);
  bed.run();
  EXPECT_TRUE(receiver.numbers.empty());
}

/// Random frames through two switches in a row: each arrives exactly once at whom it is for, and in
/// the order in which its sender sent.
RC_GTEST_PROP(FramesProperty, EachArrivesOnceAndInOrderOnAWorkingNetwork, ()) {
  Bed bed(1, "ab");
  Node& far = bed.world.add_node("t", "switch");
  bed.network.add_link({.name = "st", .bits_per_second = 1'000'000'000, .network = "lan"}, bed.s,
                       far);
  Node& c = bed.world.add_node("c", "host");
  bed.network.add_link({.name = "lc", .network = "lan"}, c, far);
  bed.receivers.emplace('c', bed.world);
  bed.stations['c'] = bed.network.attach_station(c, "lan", bed.receivers.at('c'));
  std::map<char, std::map<char, Numbers>> sent;  // to, from
  const std::string hosts = "abc";
  const auto count = *rc::gen::inRange<std::uint32_t>(1, 60);
  for (std::uint32_t i = 0; i < count; ++i) {
    const char from = *rc::gen::elementOf(hosts), to = *rc::gen::elementOf(hosts);
    bed.send(from, to, i, *rc::gen::inRange<std::size_t>(18, 1514));
    if (from != to) sent[to][from].push_back(i);
    bed.run({*rc::gen::inRange<std::int64_t>(0, 100'000)});
  }
  bed.run();
  for (const char to : hosts) {
    for (const char from : hosts) {
      Numbers wanted = sent[to][from], arrived;
      for (const std::uint32_t number : bed.got(to)) {
        if (std::count(wanted.begin(), wanted.end(), number) != 0) arrived.push_back(number);
      }
      RC_ASSERT(arrived == wanted);
    }
  }
}

}  // namespace
}  // namespace sim
