// The virtual switch: who gets which frame, what it learns, and what it lets nobody do.
#include <gtest/gtest.h>

#include <algorithm>

#include "hypervisor/vsp/virtual_switch.hpp"
#include "tests/hypervisor/vsp/network_rig.hpp"

namespace {

using test::frame_of;
using test::kMacA;
using test::kMacB;
using test::number_of;

const sim::MacAddress kMacC{{0x00, 0x15, 0x5D, 0, 0, 0xC}};

/// Remembers the numbers of the frames that it got.
struct Client final : vsp::PortClient {
  void received(std::span<const sim::EthernetFrame> frames) override {
    ++turns;
    for (const auto& frame : frames) numbers.push_back(number_of(*frame));
  }
  void link_changed(bool up) override { links.push_back(up); }
  int turns = 0;
  std::vector<std::uint32_t> numbers;
  std::vector<bool> links;
};

struct SwitchRig {
  explicit SwitchRig(vsp::VirtualSwitchConfig config = {.name = "switch"})
      : host(world.world.add_node("host", "host")), vswitch(host, std::move(config)) {
    for (std::uint32_t i = 0; i < 3; ++i) {
      ports.push_back(&vswitch.connect({.vm = i + 1, .mac = macs[i]}));
      ports[i]->attach(&clients[i]);
    }
  }
  ~SwitchRig() {
    for (auto* port : ports) port->attach(nullptr);
  }
  void send(std::size_t port, const sim::MacAddress& to, std::uint32_t number) {
    ports[port]->send(sim::make_frame(frame_of(to, macs[port], number)));
  }
  test::World world;
  sim::Node& host;
  std::array<sim::MacAddress, 3> macs{kMacA, kMacB, kMacC};
  std::array<Client, 3> clients;
  vsp::VirtualSwitch vswitch;
  std::vector<vsp::SwitchPort*> ports;
};

using Numbers = std::vector<std::uint32_t>;

TEST(VirtualSwitch, FloodsWhatItDoesNotKnowAndThenLearns) {
  SwitchRig rig;
  rig.send(0, kMacB, 1);
  rig.world.run();
  EXPECT_EQ(rig.clients[1].numbers, Numbers{1});
  EXPECT_EQ(rig.clients[2].numbers, Numbers{1});
  rig.send(1, kMacA, 2);
  rig.send(0, kMacB, 3);
  rig.world.run();
  EXPECT_EQ(rig.clients[0].numbers, Numbers{2});
  EXPECT_EQ(rig.clients[1].numbers, (Numbers{1, 3}));
  EXPECT_EQ(rig.clients[2].numbers, Numbers{1});
}

TEST(VirtualSwitch, NobodyGetsItsOwnFrameBack) {
  SwitchRig rig;
  rig.send(0, sim::kBroadcastMac, 1);
  rig.send(0, kMacA, 2);
  rig.world.run();
  EXPECT_TRUE(rig.clients[0].numbers.empty());
  EXPECT_EQ(rig.clients[1].numbers, Numbers{1});
}

TEST(VirtualSwitch, FramesOfOnePortKeepTheirOrderAndComeInOneTurn) {
  SwitchRig rig;
  Numbers all;
  for (std::uint32_t i = 0; i < 100; ++i) {
    rig.send(0, kMacB, i);
    all.push_back(i);
  }
  rig.world.run();
  EXPECT_EQ(rig.clients[1].numbers, all);
  EXPECT_EQ(rig.clients[1].turns, 1);
}

TEST(VirtualSwitch, AnAddressThatIsNotThePortsDoesNotPass) {
  SwitchRig rig;
  rig.ports[0]->send(sim::make_frame(frame_of(kMacB, kMacC, 1)));
  rig.world.run();
  EXPECT_TRUE(rig.clients[1].numbers.empty());
  EXPECT_FALSE(rig.vswitch.port_of(kMacC)) << "nor is it learned";
}

TEST(VirtualSwitch, ForgetsAnAddressThatIsSilentForLong) {
  SwitchRig rig({.name = "switch", .address_age = {1'000'000'000}});
  rig.send(0, sim::kBroadcastMac, 1);
  rig.world.run();
  EXPECT_EQ(rig.vswitch.port_of(kMacA), 1u);
  rig.world.run_for({1'100'000'000});
  EXPECT_FALSE(rig.vswitch.port_of(kMacA));
}

TEST(VirtualSwitch, DropsWhatItsQueueCannotHold) {
  SwitchRig rig({.name = "switch", .queue_frames = 10});
  for (std::uint32_t i = 0; i < 20; ++i) rig.send(0, kMacB, i);
  rig.world.run();
  EXPECT_EQ(rig.clients[1].numbers.size(), 10u);
}

TEST(VirtualSwitch, APortWithoutItsCableNeitherSendsNorReceives) {
  SwitchRig rig;
  rig.vswitch.set_link(*rig.ports[1], false);
  rig.send(0, kMacB, 1);
  rig.send(1, kMacA, 2);
  rig.world.run();
  EXPECT_TRUE(rig.clients[1].numbers.empty());
  EXPECT_TRUE(rig.clients[0].numbers.empty());
  rig.vswitch.set_link(*rig.ports[1], true);
  rig.send(0, kMacB, 3);
  rig.world.run();
  EXPECT_EQ(rig.clients[1].numbers, Numbers{3});
  EXPECT_EQ(rig.clients[1].links, (std::vector<bool>{false, true}));
}

/// Two hosts, each with a switch whose uplink goes to one physical switch.
struct TwoHosts {
  explicit TwoHosts(std::set<std::string, std::less<>> plants = {})
      : world(std::move(plants)),
        network(world.world),
        core(world.world.add_node("core", "switch")),
        alpha(world, network, core, "alpha"),
        beta(world, network, core, "beta") {}
  struct Side {
    Side(test::World& world, sim::Network& network, sim::Node& core, const std::string& name)
        : host(world.world.add_node(name, "host")), vswitch(host, {.name = "external"}) {
      network.add_link({.name = name, .network = "lan"}, host, core);
      vswitch.connect_uplink(network, "lan");
    }
    ~Side() {
      if (port != nullptr) port->attach(nullptr);
    }
    void plug(std::uint32_t vm, const sim::MacAddress& mac) {
      port = &vswitch.connect({.vm = vm, .mac = mac});
      port->attach(&client);
    }
    sim::Node& host;
    vsp::VirtualSwitch vswitch;
    vsp::SwitchPort* port = nullptr;
    Client client;
  };
  test::World world;
  sim::Network network;
  sim::Node& core;
  Side alpha, beta;
};

TEST(VirtualSwitch, FramesCrossTheWireToAnotherHost) {
  TwoHosts hosts;
  hosts.alpha.plug(1, kMacA);
  hosts.beta.plug(2, kMacB);
  hosts.alpha.port->send(sim::make_frame(frame_of(kMacB, kMacA, 1)));
  hosts.world.run();
  hosts.beta.port->send(sim::make_frame(frame_of(kMacA, kMacB, 2)));
  hosts.world.run();
  EXPECT_EQ(hosts.beta.client.numbers, Numbers{1});
  EXPECT_EQ(hosts.alpha.client.numbers, Numbers{2});
  EXPECT_EQ(hosts.alpha.vswitch.port_of(kMacB), 0u) << "behind the uplink";
}

TEST(VirtualSwitch, AnAnnouncementMovesTheAddressInEverySwitch) {
  TwoHosts hosts;
  hosts.alpha.plug(1, kMacA);
  hosts.beta.plug(2, kMacB);
  hosts.alpha.port->send(sim::make_frame(frame_of(sim::kBroadcastMac, kMacA, 1)));
  hosts.world.run();
  EXPECT_EQ(hosts.beta.vswitch.port_of(kMacA), 0u);
  test::Collected<traces::ev::SegmentLearned> learned(hosts.world.recorder);
  vsp::SwitchPort& moved = hosts.beta.vswitch.connect({.vm = 1, .mac = kMacA});
  moved.announce();
  hosts.world.run();
  EXPECT_EQ(hosts.beta.vswitch.port_of(kMacA), 2u);
  EXPECT_EQ(hosts.alpha.vswitch.port_of(kMacA), 0u);
  ASSERT_EQ(learned.seen.size(), 1u);
  EXPECT_EQ(learned.seen[0].mac, kMacA.number());
  EXPECT_EQ(learned.seen[0].station, hosts.beta.host.id().value);
}

TEST(VirtualSwitch, AnAnnouncementIsRepeatedBecauseFramesAreLost) {
  TwoHosts hosts;
  hosts.beta.plug(1, kMacA);
  test::Collected<traces::ev::SwitchAnnounced> announced(hosts.world.recorder);
  hosts.beta.port->announce();
  hosts.world.run_for({1'000'000'000});
  EXPECT_EQ(announced.seen.size(), 3u);
}

TEST(VirtualSwitch, AnAnnouncementWaitsWhileItsSenderStandsStill) {
  TwoHosts hosts;
  hosts.beta.plug(1, kMacA);
  test::Collected<traces::ev::SwitchAnnounced> announced(hosts.world.recorder);
  hosts.beta.port->announce();
  hosts.world.run();
  hosts.beta.port->stand_still();
  hosts.world.run_for({1'000'000'000});
  EXPECT_EQ(announced.seen.size(), 1u);
  hosts.beta.port->go_on();
  hosts.world.run_for({1'000'000'000});
  EXPECT_EQ(announced.seen.size(), 3u);
}

TEST(VirtualSwitch, AnAnnouncementEndsWithItsPort) {
  TwoHosts hosts;
  hosts.beta.plug(1, kMacA);
  hosts.beta.port->announce();
  hosts.beta.port->attach(nullptr);
  hosts.beta.vswitch.disconnect(*hosts.beta.port);
  hosts.beta.port = nullptr;
  test::Collected<traces::ev::SwitchAnnounced> announced(hosts.world.recorder);
  hosts.world.run_for({1'000'000'000});
  EXPECT_TRUE(announced.seen.empty());
}

}  // namespace
