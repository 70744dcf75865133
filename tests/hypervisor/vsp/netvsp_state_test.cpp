// The network VSP through a migration: completions exactly once, nothing doubled, and a moved guest
// is the twin of one that was only paused.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "hypervisor/vsp/virtual_switch.hpp"
#include "tests/hypervisor/vsp/network_rig.hpp"

namespace {

using test::frame_of;
using test::kMacA;
using test::kMacB;
using test::NetworkHost;

/// A source and a target host, each with a port of its own.
struct Pair {
  explicit Pair(vsp::NetVspConfig config = {})
      : source(world, "source", source_port, config), target(world, "target", target_port, config) {
    source.boot();
  }
  bool move() {
    const auto state = source.machine.suspend_and_save();
    return target.machine.restore(state, *source.machine.memory);
  }
  void go_on() {
    target.machine.partition->resume("moved");
    target.machine.server->resume();
  }
  test::World world;
  test::TestPort source_port, target_port;
  NetworkHost source, target;
};

TEST(NetVspState, EveryPacketIsCompletedOnceWhereverTheMoveFalls) {
  for (std::int64_t delay = 0; delay <= 60'000; delay += 1'777) {
    Pair pair;
    for (std::uint32_t i = 0; i < 8; ++i) pair.source.send(frame_of(kMacB, kMacA, i));
    std::vector<std::vector<std::byte>> frames;
    for (std::uint32_t i = 0; i < 8; ++i) frames.push_back(frame_of(kMacA, kMacB, i));
    pair.source_port.give(frames);
    pair.source.guest.net->query(vsp::rndis::Oid::TransmitOk);
    pair.world.run_for({delay});
    ASSERT_TRUE(pair.move()) << delay;
    EXPECT_EQ(pair.source_port.flushes, 1);
    pair.go_on();
    pair.world.run();
    EXPECT_EQ(pair.source_port.sent.size() + pair.target_port.sent.size(), 8u) << delay;
    EXPECT_EQ(pair.source.guest.sent.size() + pair.target.guest.sent.size(), 8u) << delay;
    EXPECT_EQ(pair.source.guest.frames.size() + pair.target.guest.frames.size(), 8u) << delay;
    EXPECT_TRUE(pair.target.guest.unknown.empty());
    EXPECT_EQ(pair.target.guest.net->outstanding(), 0u);
    EXPECT_EQ(pair.target_port.announcements, 1);
    EXPECT_EQ(pair.source_port.announcements, 0);
  }
}

TEST(NetVspState, AMoveInTheMiddleOfTheHandshakeIsFinishedElsewhere) {
  for (std::int64_t delay = 0; delay <= 120'000; delay += 3'000) {
    test::World world;
    test::TestPort source_port, target_port;
    NetworkHost source(world, "source", source_port), target(world, "target", target_port);
    source.machine.boot();
    source.guest.bus->connect();
    world.run_for({50'000 + delay});
    const auto state = source.machine.suspend_and_save();
    ASSERT_TRUE(target.machine.restore(state, *source.machine.memory)) << delay;
    target.machine.partition->resume("moved");
    target.machine.server->resume();
    world.run();
    EXPECT_TRUE(target.guest.net->ready()) << delay;
    target_port.give({frame_of(kMacA, kMacB, 1)});
    world.run();
    EXPECT_EQ(target.guest.frames.size(), 1u) << delay;
  }
}

TEST(NetVspState, WhoStandsStillGetsNothingAndItsMemoryStaysAsItIs) {
  Pair pair;
  pair.source.machine.suspend_and_drain();
  const traces::Digest before = pair.source.machine.memory->digest();
  pair.source_port.give({frame_of(kMacA, kMacB, 1)});
  EXPECT_EQ(pair.source.machine.memory->digest(), before);
  pair.source.machine.partition->resume("go on");
  pair.source.machine.server->resume();
  pair.world.run();
  EXPECT_TRUE(pair.source.guest.frames.empty());
  EXPECT_EQ(pair.source_port.announcements, 0) << "it is where it was";
}

TEST(NetVspState, AChangeOfTheNetworkIsToldWhereThatIsConfigured) {
  for (const bool tell : {false, true}) {
    vsp::NetVspConfig config;
    config.indicate_network_change = tell;
    Pair pair(config);
    ASSERT_TRUE(pair.move());
    pair.target_port.up = false;
    pair.go_on();
    pair.world.run();
    std::vector<vsp::rndis::Status> wanted;
    if (tell) wanted.push_back(vsp::rndis::Status::NetworkChange);
    wanted.push_back(vsp::rndis::Status::MediaDisconnect);
    EXPECT_EQ(pair.target.guest.indications, wanted);
  }
}

TEST(NetVspState, WhatWaitsForRoomTravelsAlong) {
  Pair pair;
  pair.source.guest.looks = false;
  pair.target.guest.looks = false;
  const std::uint32_t sections = pair.source.guest.net->receive_sections();
  for (std::uint32_t i = 0; i < sections; ++i) pair.source_port.give({frame_of(kMacA, kMacB, i)});
  pair.source.guest.net->query(vsp::rndis::Oid::ReceiveOk);  // no section for the answer
  pair.world.run_for({1'000'000});
  ASSERT_TRUE(pair.move());
  pair.go_on();
  pair.world.run();
  pair.target.guest.looks = true;
  pair.target.guest.net->readable();
  pair.world.run();
  EXPECT_EQ(pair.target.guest.frames.size(), sections);
  EXPECT_EQ(pair.target.guest.net->last_info().size(), 4u);
}

/// The same run with a move or with a pause in place of the same length.
struct Story {
  Story(bool moves, std::int64_t at) {
    NetworkHost* owner = &pair.source;
    test::TestPort* port = &pair.source_port;
    const auto traffic = [&](std::uint32_t from) {
      for (std::uint32_t i = from; i < from + 6; ++i) {
        owner->send(frame_of(kMacB, kMacA, i, 60 + 100 * (i % 10)));
        port->give({frame_of(kMacA, kMacB, i, 900), frame_of(kMacA, kMacB, i + 100, 64)});
      }
    };
    traffic(0);
    pair.world.run_for({at});
    if (moves) {
      good = pair.move();
      owner = &pair.target;
      port = &pair.target_port;
    } else {
      pair.source.machine.suspend_and_drain();
    }
    pair.world.world.run_until({300'000'000});
    owner->machine.partition->resume("go on");
    owner->machine.server->resume();
    pair.world.run_for({50'000});
    traffic(50);
    pair.world.run();
    owner->machine.partition->suspend("end");
    memory = owner->machine.memory->digest();
    state = owner->guest.save();
    traces::ByteWriter out;
    owner->netvsp.save(out);
    device = out.take();
  }
  Pair pair;
  bool good = true;
  traces::Digest memory;
  std::vector<std::byte> state, device;
};

TEST(NetVspState, AMovedGuestIsTheTwinOfAPausedOne) {
  for (std::int64_t at = 0; at <= 60'000; at += 3'001) {
    const Story twin(false, at), moved(true, at);
    ASSERT_TRUE(moved.good);
    EXPECT_EQ(moved.memory, twin.memory) << "moved after " << at << " ns";
    EXPECT_EQ(moved.state, twin.state);
    EXPECT_EQ(moved.device, twin.device);
  }
}

RC_GTEST_PROP(NetVspStateProperty, BrokenBytesAreRefusedOrDoNoHarm, ()) {
  Pair pair;
  pair.source.send(frame_of(kMacB, kMacA, 1));
  pair.source_port.give({frame_of(kMacA, kMacB, 1)});
  pair.world.run_for({*rc::gen::inRange<std::int64_t>(0, 30'000)});
  pair.source.machine.suspend_and_drain();
  traces::ByteWriter out;
  pair.source.netvsp.save(out);
  std::vector<std::byte> bytes = out.take();
  const auto changes = *rc::gen::inRange(0, 4);
  for (int i = 0; i < changes; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    bytes[at] = static_cast<std::byte>(*rc::gen::arbitrary<std::uint8_t>());
  }
  if (*rc::gen::arbitrary<bool>()) bytes.resize(*rc::gen::inRange<std::size_t>(0, bytes.size()));
  test::TestPort port;
  vsp::NetVsp fresh(pair.source.machine.host, NetworkHost::fill({}), port);
  traces::ByteReader in(bytes);
  if (!fresh.restore(in, nullptr)) return;
  RC_ASSERT(!fresh.passes_frames());
}

/// Two guests on two hosts with a wire between them.
struct Wired {
  Wired()
      : network(world.world),
        core(world.world.add_node("core", "switch")),
        alpha(world, network, core, "alpha", 1, kMacA),
        beta(world, network, core, "beta", 2, kMacB) {
    alpha.host.boot();
    beta.host.boot();
  }
  struct Side {
    Side(test::World& world, sim::Network& network, sim::Node& core, const std::string& name,
         std::uint32_t vm, const sim::MacAddress& mac)
        : node(world.world.add_node("nic-" + name, "host")),
          vswitch(node, {.name = "external"}),
          host(world, name, vswitch.connect({.vm = vm, .mac = mac}), {.vm = vm, .mac = mac}) {
      network.add_link({.name = name, .network = "lan"}, node, core);
      vswitch.connect_uplink(network, "lan");
    }
    sim::Node& node;
    vsp::VirtualSwitch vswitch;
    NetworkHost host;
  };
  test::World world;
  sim::Network network;
  sim::Node& core;
  Side alpha, beta;
};

TEST(NetVspWired, TwoGuestsOnTwoHostsExchangeFrames) {
  Wired wired;
  for (std::uint32_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(wired.alpha.host.send(frame_of(kMacB, kMacA, i, 64 + i * 14)));
    ASSERT_TRUE(wired.beta.host.send(frame_of(kMacA, kMacB, 1000 + i, 64)));
    wired.world.run_for({200'000});
  }
  wired.world.run();
  ASSERT_EQ(wired.beta.host.guest.frames.size(), 100u);
  ASSERT_EQ(wired.alpha.host.guest.frames.size(), 100u);
  for (std::uint32_t i = 0; i < 100; ++i) {
    EXPECT_EQ(wired.beta.host.guest.frames[i], frame_of(kMacB, kMacA, i, 64 + i * 14));
  }
}

TEST(NetVspWired, FramesAreLostByRulesAndCutsAndCompletedAllTheSame) {
  Wired wired;
  sim::LinkFaults faults;
  faults.loss = {1, 2};
  wired.network.set_faults({"alpha", wired.alpha.node.id()}, faults);
  for (std::uint32_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(wired.alpha.host.send(frame_of(kMacB, kMacA, i)));
    wired.world.run_for({200'000});
  }
  const std::size_t through = wired.beta.host.guest.frames.size();
  EXPECT_GT(through, 25u);
  EXPECT_LT(through, 75u);
  wired.network.cut("beta");
  for (std::uint32_t i = 0; i < 10; ++i) wired.alpha.host.send(frame_of(kMacB, kMacA, i));
  wired.world.run();
  EXPECT_EQ(wired.beta.host.guest.frames.size(), through);
  EXPECT_EQ(wired.alpha.host.guest.sent.size(), 110u);
}

}  // namespace
