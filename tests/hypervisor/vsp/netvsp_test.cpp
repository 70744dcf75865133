// The network VSP and a guest that keeps to the protocol (spec D.2).
#include <gtest/gtest.h>

#include "tests/hypervisor/vsp/network_rig.hpp"

namespace {

using test::frame_of;
using test::kMacA;
using test::kMacB;
using test::NetworkRig;
using vsp::nvsp::Status;
using vsp::nvsp::Version;
namespace rndis = vsp::rndis;

TEST(NetVsp, AGuestComesUpAndLearnsItsAddressAndFrameSize) {
  NetworkRig rig;
  rig.host.boot();
  EXPECT_EQ(rig.host.guest.ready, 1);
  EXPECT_EQ(rig.host.guest.net->version(), Version::V6_1);
  EXPECT_EQ(rig.host.guest.net->mac(), kMacA);
  EXPECT_EQ(rig.host.guest.net->mtu(), 1500u);
  EXPECT_TRUE(rig.host.guest.net->link_up());
  EXPECT_TRUE(rig.host.netvsp.passes_frames());
}

TEST(NetVsp, TheHighestVersionOfBothSidesIsSpoken) {
  const Version all[] = {Version::V1, Version::V2, Version::V4,
                         Version::V5, Version::V6, Version::V6_1};
  for (const Version highest : all) {
    vsp::NetVspConfig config;
    config.highest = highest;
    NetworkRig rig(config);
    rig.host.boot();
    ASSERT_EQ(rig.host.guest.ready, 1);
    EXPECT_EQ(rig.host.guest.net->version(), highest);
    rig.host.send(frame_of(kMacB, kMacA, 1));
    rig.world.run();
    EXPECT_EQ(rig.port.sent.size(), 1u);
  }
}

TEST(NetVsp, AGuestWithoutACommonVersionIsToldWhy) {
  vsp::NetVspConfig config;
  config.highest = Version::V4;
  vsp::guest::NetVscConfig guest;
  guest.versions = {Version::V6, Version::V5};
  NetworkRig rig(config, guest);
  rig.host.boot();
  EXPECT_EQ(rig.host.guest.refused_with, static_cast<std::uint32_t>(Status::ProtocolTooNew));
}

TEST(NetVsp, FramesReachThePortAsTheyWereSent) {
  NetworkRig rig;
  rig.host.boot();
  for (std::uint32_t i = 0; i < 200; ++i) {
    ASSERT_TRUE(rig.host.send(frame_of(kMacB, kMacA, i, 60 + i * 7))) << i;
    rig.world.run_for({100'000});
  }
  ASSERT_EQ(rig.port.sent.size(), 200u);
  for (std::uint32_t i = 0; i < 200; ++i) {
    EXPECT_EQ(*rig.port.sent[i], frame_of(kMacB, kMacA, i, 60 + i * 7)) << i;
  }
  EXPECT_EQ(rig.host.guest.sent, std::vector<Status>(200, Status::Success));
  EXPECT_EQ(rig.host.guest.net->outstanding(), 0u);
}

TEST(NetVsp, MorePacketsThanItAnswersAtOnceAreAllTakenFromTheRing) {
  vsp::guest::NetVscConfig guest;
  guest.send_pages = 90;
  NetworkRig rig({}, guest);
  rig.host.guest.ring_pages = 16;
  rig.host.boot();
  std::uint32_t sent = 0;
  while (rig.host.guest.net->send(frame_of(kMacB, kMacA, sent, 1514))) ++sent;
  rig.host.guest.net->flush();
  rig.world.run();
  EXPECT_GT(sent, 150u);
  EXPECT_EQ(rig.port.sent.size(), sent);
  EXPECT_EQ(rig.host.guest.net->outstanding(), 0u);
}

TEST(NetVsp, SeveralFramesOfOneSectionAreAllSent) {
  NetworkRig rig;
  rig.host.boot();
  for (std::uint32_t i = 0; i < 50; ++i) {
    ASSERT_TRUE(rig.host.guest.net->send(frame_of(kMacB, kMacA, i, 301 + i)));
  }
  rig.host.guest.net->flush();
  rig.world.run();
  ASSERT_EQ(rig.port.sent.size(), 50u);
  for (std::uint32_t i = 0; i < 50; ++i) {
    EXPECT_EQ(*rig.port.sent[i], frame_of(kMacB, kMacA, i, 301 + i));
  }
  EXPECT_LT(rig.host.guest.sent.size(), 50u) << "several in one packet";
}

TEST(NetVsp, FramesReachTheGuestAsTheyWereGiven) {
  NetworkRig rig;
  rig.host.boot();
  std::vector<std::vector<std::byte>> frames;
  for (std::uint32_t i = 0; i < 100; ++i) frames.push_back(frame_of(kMacA, kMacB, i, 14 + i * 15));
  rig.port.give(frames);
  rig.world.run();
  EXPECT_EQ(rig.host.guest.frames, frames);
  EXPECT_EQ(rig.host.netvsp.counters().received, 100u);
}

TEST(NetVsp, OnlyWhatTheFilterAsksForIsDelivered) {
  NetworkRig rig;
  rig.host.boot();
  const sim::MacAddress group{{0x01, 0, 0x5E, 0, 0, 1}};
  const auto given = [&](std::uint32_t filter) {
    const auto bytes = std::as_bytes(std::span(&filter, 1));
    rig.host.guest.net->set(rndis::Oid::PacketFilter, bytes);
    rig.world.run();
    rig.host.guest.frames.clear();
    rig.port.give({frame_of(kMacA, kMacB, 1), frame_of(kMacB, kMacB, 2), frame_of(group, kMacB, 3),
                   frame_of(sim::kBroadcastMac, kMacB, 4)});
    rig.world.run();
    std::string numbers;
    for (const auto& frame : rig.host.guest.frames) {
      numbers += std::to_string(test::number_of(frame));
    }
    return numbers;
  };
  EXPECT_EQ(given(0), "");
  EXPECT_EQ(given(rndis::kFilterDirected), "1");
  EXPECT_EQ(given(rndis::kFilterBroadcast), "4");
  EXPECT_EQ(given(rndis::kFilterAllMulticast), "3");
  EXPECT_EQ(given(rndis::kFilterMulticast), "");
  rig.host.guest.net->set(rndis::Oid::MulticastList, std::as_bytes(std::span(group.bytes)));
  rig.world.run();
  EXPECT_EQ(given(rndis::kFilterMulticast | rndis::kFilterDirected), "13");
  EXPECT_EQ(given(rndis::kFilterPromiscuous), "1234");
}

TEST(NetVsp, AVlanTagTravelsBesideTheFrameInTheGuestAndInsideItOnTheWire) {
  NetworkRig rig;
  rig.host.boot();
  const std::uint16_t tag = 0x6123;
  rig.host.send(frame_of(kMacB, kMacA, 7), tag);
  rig.world.run();
  ASSERT_EQ(rig.port.sent.size(), 1u);
  auto tagged = *rig.port.sent[0];
  EXPECT_EQ(tagged.size(), 104u);
  EXPECT_EQ(std::to_integer<int>(tagged[12]) << 8 | std::to_integer<int>(tagged[13]), 0x8100);
  EXPECT_EQ(std::to_integer<int>(tagged[14]) << 8 | std::to_integer<int>(tagged[15]), tag);
  std::memcpy(tagged.data(), kMacA.bytes.data(), 6);
  std::memcpy(tagged.data() + 6, kMacB.bytes.data(), 6);
  rig.port.give({tagged});
  rig.world.run();
  ASSERT_EQ(rig.host.guest.frames.size(), 1u);
  EXPECT_EQ(rig.host.guest.frames[0], frame_of(kMacA, kMacB, 7));
  EXPECT_EQ(rig.host.guest.vlans[0], tag);
}

TEST(NetVsp, LongestFramesPassAndLongerOnesAreCountedAsErrors) {
  NetworkRig rig;
  rig.host.boot();
  rig.host.send(frame_of(kMacB, kMacA, 1, 1514));
  rig.host.send(frame_of(kMacB, kMacA, 2, 1515));
  rig.port.give({frame_of(kMacA, kMacB, 3, 1514), frame_of(kMacA, kMacB, 4, 1515)});
  rig.world.run();
  EXPECT_EQ(rig.port.sent.size(), 1u);
  EXPECT_EQ(rig.host.guest.frames.size(), 1u);
  EXPECT_EQ(rig.host.guest.sent, (std::vector{Status::Success, Status::InvalidRndisPacket}));
  EXPECT_EQ(rig.host.netvsp.counters().transmit_errors, 1u);
  EXPECT_EQ(rig.host.netvsp.counters().receive_errors, 1u);
}

TEST(NetVsp, ALargerMtuHasLargerSections) {
  vsp::NetVspConfig config;
  config.mtu = 4000;
  vsp::guest::NetVscConfig guest;
  guest.mtu = 4000;
  NetworkRig rig(config, guest);
  rig.host.boot();
  EXPECT_EQ(rig.host.guest.net->mtu(), 4000u);
  rig.port.give({frame_of(kMacA, kMacB, 3, 4014)});
  rig.host.send(frame_of(kMacB, kMacA, 4, 4014));
  rig.world.run();
  ASSERT_EQ(rig.host.guest.frames.size(), 1u);
  EXPECT_EQ(rig.host.guest.frames[0], frame_of(kMacA, kMacB, 3, 4014));
  EXPECT_EQ(rig.port.sent.size(), 1u);
}

TEST(NetVsp, AGuestThatReturnsNothingGetsNoMoreThanItsSections) {
  NetworkRig rig;
  rig.host.boot();
  const std::uint32_t sections = rig.host.guest.net->receive_sections();
  rig.host.guest.looks = false;
  for (std::uint32_t i = 0; i < sections + 50; ++i) rig.port.give({frame_of(kMacA, kMacB, i)});
  EXPECT_EQ(rig.host.netvsp.counters().received, sections);
  EXPECT_EQ(rig.host.netvsp.counters().no_buffer, 50u);
  rig.host.guest.looks = true;
  rig.host.guest.net->readable();
  rig.world.run();
  EXPECT_EQ(rig.host.guest.frames.size(), sections);
  rig.port.give({frame_of(kMacA, kMacB, 1000)});
  rig.world.run();
  EXPECT_EQ(test::number_of(rig.host.guest.frames.back()), 1000u) << "sections are in use again";
}

TEST(NetVsp, AFullRingLosesFramesButNoCompletionAndNoAnswer) {
  vsp::guest::NetVscConfig guest;
  guest.receive_pages = 128;
  NetworkRig rig({}, guest);
  rig.host.guest.ring_pages = 2;
  rig.host.boot();
  rig.host.guest.looks = false;
  for (std::uint32_t i = 0; i < 100; ++i) rig.port.give({frame_of(kMacA, kMacB, i)});
  EXPECT_GT(rig.host.netvsp.counters().no_buffer, 0u);
  for (std::uint32_t i = 0; i < 20; ++i) rig.host.send(frame_of(kMacB, kMacA, i));
  rig.host.guest.net->query(rndis::Oid::ReceiveOk);
  rig.world.run();
  EXPECT_TRUE(rig.host.guest.sent.empty());
  rig.host.guest.looks = true;
  rig.host.guest.net->readable();
  rig.world.run();
  EXPECT_EQ(rig.host.guest.sent.size(), 20u);
  EXPECT_EQ(rig.host.guest.frames.size(), rig.host.netvsp.counters().received);
  EXPECT_EQ(rig.host.guest.net->last_info().size(), 4u);
  EXPECT_TRUE(rig.host.guest.unknown.empty());
}

TEST(NetVsp, QuestionsAboutTheAdapterAreAnswered) {
  NetworkRig rig;
  rig.host.boot();
  rig.host.send(frame_of(kMacB, kMacA, 1));
  rig.port.give({frame_of(kMacA, kMacB, 2), frame_of(kMacA, kMacB, 3)});
  rig.world.run();
  const auto ask = [&](rndis::Oid oid) {
    rig.host.guest.net->query(oid);
    rig.world.run();
    return rig.host.guest.net->last_info();
  };
  const auto number = [&](rndis::Oid oid) {
    const auto info = ask(oid);
    std::uint32_t value = 0;
    EXPECT_EQ(info.size(), 4u);
    if (info.size() == 4) std::memcpy(&value, info.data(), 4);
    return value;
  };
  EXPECT_EQ(number(rndis::Oid::LinkSpeed), 100'000'000u) << "10 Gbit/s in units of 100 bit/s";
  EXPECT_EQ(number(rndis::Oid::TransmitOk), 1u);
  EXPECT_EQ(number(rndis::Oid::ReceiveOk), 2u);
  EXPECT_EQ(number(rndis::Oid::MaximumTotalSize), 1514u);
  EXPECT_EQ(ask(rndis::Oid::CurrentAddress).size(), 6u);
  EXPECT_EQ(ask(rndis::Oid::ReceiveScaleCapabilities).size(), 18u);
  EXPECT_EQ(ask(rndis::Oid::OffloadHardwareCapabilities).size(), 112u);
  EXPECT_EQ(ask(rndis::Oid::ReceiveScaleCapabilities)[0], std::byte{0x88});
  const auto list = ask(rndis::Oid::SupportedList);
  for (std::size_t at = 0; at + 4 <= list.size(); at += 4) {
    rndis::Oid oid{};
    std::memcpy(&oid, list.data() + at, 4);
    if (oid == rndis::Oid::OffloadParameters) continue;  // can be set only
    ask(oid);
    EXPECT_EQ(rig.host.guest.net->last_status(), rndis::Status::Success)
        << std::hex << static_cast<std::uint32_t>(oid);
  }
  ask(static_cast<rndis::Oid>(0x12345678));
  EXPECT_EQ(rig.host.guest.net->last_status(), rndis::Status::NotSupported);
}

TEST(NetVsp, NoOffloadCanBeSwitchedOn) {
  NetworkRig rig;
  rig.host.boot();
  std::vector<std::byte> parameters(32);
  const rndis::ObjectHeader header{rndis::kObjectDefault, 3, 32};
  std::memcpy(parameters.data(), &header, sizeof(header));
  rig.host.guest.net->set(rndis::Oid::OffloadParameters, parameters);
  rig.world.run();
  EXPECT_EQ(rig.host.guest.net->last_status(), rndis::Status::Success);
  parameters[5] = std::byte{4};
  rig.host.guest.net->set(rndis::Oid::OffloadParameters, parameters);
  rig.world.run();
  EXPECT_EQ(rig.host.guest.net->last_status(), rndis::Status::NotSupported);
}

TEST(NetVsp, TheGuestHearsOfTheLinkOnce) {
  NetworkRig rig;
  rig.host.boot();
  rig.port.set_link(false);
  rig.port.set_link(false);
  rig.world.run();
  EXPECT_FALSE(rig.host.guest.net->link_up());
  rig.port.set_link(true);
  rig.world.run();
  EXPECT_EQ(rig.host.guest.indications,
            (std::vector{rndis::Status::MediaDisconnect, rndis::Status::MediaConnect}));
}

}  // namespace
