// What each protocol version brings: connections, and the messages that came with it (spec C.2,
// C.3). The guest asks as Linux 6.1 does, from 5.3 down.
#include <gtest/gtest.h>

#include <algorithm>

#include "hypervisor/vmbus/protocol.hpp"
#include "tests/hypervisor/vmbus/echo_rig.hpp"

namespace {

using test::EchoRig;
using traces::VmbusMessage;
using vmbus::Version;
using vmbus::protocol::Type;

/// Every version there is, as a guest that knows them all asks.
const std::vector<Version> kAsked = [] {
  std::vector<Version> versions = vmbus::guest::BusConfig{}.versions;
  versions.insert(versions.end(), {Version::V1_1, Version::V0_13});
  return versions;
}();

/// A second processor, which does nothing but be there.
class Sleeper final : public hv::ModelGuest {
 public:
  void interrupt(std::uint8_t) override {}
  void run() override {}
  void suspend() override {}
  std::vector<std::byte> save() const override { return {}; }
  bool restore(std::span<const std::byte> state) override { return state.empty(); }
};

/// A guest that is connected at one version and then speaks for itself.
struct Speaker {
  explicit Speaker(Version version, std::set<std::string, std::less<>> plants = {})
      : rig(std::move(plants), {version}, kAsked), messages(rig.world.recorder) {
    rig.machine.partition->create_model_vp({1}, sleeper);
    rig.connect();
  }
  template <class M>
  void post(const M& message) {
    const std::uint32_t connection = rig.guest.bus->version() >= Version::V5_0 ? 4 : 1;
    const auto status = rig.machine.partition->guest_post_message(
        {connection}, 1, vmbus::protocol::bytes_of(message));
    ASSERT_EQ(status, hv::Status::Success);
    rig.world.run();
  }
  void modify(std::uint32_t relid, std::uint32_t target_vp) {
    vmbus::protocol::ModifyChannel message;
    message.relid = relid;
    message.target_vp = target_vp;
    post(message);
  }
  std::vector<std::uint64_t> answers(VmbusMessage type) const {
    std::vector<std::uint64_t> values;
    for (const auto& m : messages.seen) {
      if (m.to_guest && m.type == type) values.push_back(m.value);
    }
    return values;
  }
  Sleeper sleeper;
  EchoRig rig;
  test::Collected<traces::ev::VmbusMessage> messages;
};

class EachVersion : public ::testing::TestWithParam<Version> {};

TEST_P(EachVersion, IsReachedStepByStepFromTheGuestsFirstChoiceAndCarriesTraffic) {
  EchoRig rig({}, {GetParam()}, kAsked);
  test::Collected<traces::ev::VmbusMessage> messages(rig.world.recorder);
  rig.connect();
  EXPECT_EQ(rig.guest.bus->version(), GetParam());
  const auto steps = std::find(kAsked.begin(), kAsked.end(), GetParam()) - kAsked.begin() + 1;
  EXPECT_EQ(std::count_if(messages.seen.begin(), messages.seen.end(),
                          [](const auto& m) { return m.type == VmbusMessage::VersionResponse; }),
            steps);
  ASSERT_EQ(rig.guest.offers.size(), 2u);
  rig.guest.bus->open(1, {16}, 40, 40);
  rig.world.run();
  ASSERT_TRUE(rig.send("at this version", 7));
  rig.world.run();
  ASSERT_EQ(rig.guest.received.size(), 1u);
  EXPECT_EQ(rig.guest.received[0].transaction, 7u);
}

TEST_P(EachVersion, EndsWithUnloadFrom30On) {
  EchoRig rig({}, {GetParam()}, kAsked);
  rig.open();
  EXPECT_EQ(rig.guest.bus->unload(), GetParam() >= Version::V3_0);
  rig.world.run();
  EXPECT_EQ(rig.guest.unloads, GetParam() >= Version::V3_0 ? 1 : 0);
}

TEST_P(EachVersion, MovesAChannelsInterruptsFrom41OnAndSaysSoFrom53On) {
  Speaker guest(GetParam());
  guest.rig.guest.bus->open(1, {16}, 4, 4);
  guest.rig.world.run();
  test::Collected<traces::ev::EventFlag> flags(guest.rig.world.recorder);
  guest.modify(1, 1);
  ASSERT_TRUE(guest.rig.send("moved"));
  guest.rig.world.run();
  ASSERT_EQ(flags.seen.size(), 1u);
  EXPECT_EQ(flags.seen[0].vp, GetParam() >= Version::V4_1 ? 1u : 0u);
  const bool answered = GetParam() >= Version::V5_3;
  EXPECT_EQ(guest.answers(VmbusMessage::ModifyResult),
            answered ? std::vector<std::uint64_t>{0} : std::vector<std::uint64_t>{});
}

TEST_P(EachVersion, RefusesSocketsFrom40OnAsNobodyListens) {
  Speaker guest(GetParam());
  vmbus::protocol::TlConnectRequest request;
  request.service[3] = std::byte{9};
  guest.post(request);
  const bool known = GetParam() >= Version::V4_0;
  EXPECT_EQ(guest.answers(VmbusMessage::SocketResult),
            known ? std::vector<std::uint64_t>{0xC0000236} : std::vector<std::uint64_t>{});
}

INSTANTIATE_TEST_SUITE_P(Spoken, EachVersion, ::testing::ValuesIn(kAsked), [](const auto& each) {
  const auto number = static_cast<std::uint32_t>(each.param);
  return std::to_string(number >> 16) + "_" + std::to_string(number & 0xFFFF);
});

/// Below 2.4 the flag of channel 1 is a bit of the guest's interrupt page (spec C.1).
TEST(Versions, OldGuestsHearThroughTheirInterruptPage) {
  for (const Version version : {Version::V0_13, Version::V1_1, Version::V2_4}) {
    EchoRig rig({}, {version}, kAsked);
    rig.open();
    rig.machine.partition->suspend("to look at the flags before the guest does");
    test::Collected<traces::ev::EventFlag> flags(rig.world.recorder);
    rig.machine.server->resume();  // every open channel's doorbell rings
    constexpr std::uint64_t kPage = (test::Machine::kPages - 3) * sim::kPageSize;
    const bool by_page = version < Version::V2_4;
    ASSERT_EQ(flags.seen.size(), 1u);
    EXPECT_EQ(flags.seen[0].flag, by_page ? 0u : 1u);
    EXPECT_EQ(rig.machine.word({kPage}), by_page ? 1u << 1 : 0u);
  }
}

TEST(Versions, GuestsOf013RingThroughTheSharedConnectionAndTheirPage) {
  for (const Version version : {Version::V0_13, Version::V1_1}) {
    EchoRig rig({}, {version}, kAsked);
    rig.open();
    const bool shared = version == Version::V0_13;
    EXPECT_EQ(rig.machine.partition->guest_signal_event({2}, 0) == hv::Status::Success, shared);
    test::Collected<traces::ev::VmbusDoorbell> doorbells(rig.world.recorder);
    ASSERT_TRUE(rig.send("old times", 5));
    rig.world.run();
    ASSERT_EQ(doorbells.seen.size(), 1u);
    EXPECT_EQ(doorbells.seen[0].relid, 1u);
    ASSERT_EQ(rig.guest.received.size(), 1u);
    constexpr std::uint64_t kToHost = (test::Machine::kPages - 3) * sim::kPageSize + 2048;
    EXPECT_EQ(rig.machine.word({kToHost}), 0u) << "the host has taken the bit";
  }
}

TEST(Versions, AnInterruptPageThatIsNoneIsAnsweredNotSupported) {
  Speaker guest(Version::V1_1);
  const auto contact = [&](std::uint64_t page) {
    vmbus::protocol::InitiateContact message;
    message.version = static_cast<std::uint32_t>(Version::V1_1);
    message.interrupt_page_or_target = page;
    guest.messages.seen.clear();
    guest.post(message);
    return guest.answers(VmbusMessage::VersionResponse);
  };
  EXPECT_EQ(contact(0), std::vector<std::uint64_t>{0}) << "none";
  EXPECT_EQ(contact(0x7008), std::vector<std::uint64_t>{0}) << "not a page";
  EXPECT_EQ(contact(1ULL << 40), std::vector<std::uint64_t>{0}) << "no memory there";
  EXPECT_EQ(contact(0x7000), std::vector<std::uint64_t>{1});
}

TEST(Versions, AnOldGuestGoesOnAfterARestore) {
  for (const Version version : {Version::V0_13, Version::V1_1}) {
    EchoRig rig({}, {version}, kAsked);
    rig.open();
    test::Guest guest;
    test::EchoDevice echo{1}, second{2};
    test::Machine target(rig.world, "target", guest, 1, {version}, kAsked);
    target.server->add_device("echo", echo);
    target.server->add_device("second", second);
    ASSERT_TRUE(target.restore(rig.machine.suspend_and_save(), *rig.machine.memory));
    target.boot();
    rig.world.run();
    const auto payload = test::bytes_of("still here");
    vmbus::PacketOut out;
    out.completion_requested = true;
    out.transaction = 9;
    out.payload = payload;
    ASSERT_TRUE(guest.bus->send(1, out));
    rig.world.run();
    ASSERT_EQ(guest.received.size(), 1u);
    EXPECT_EQ(guest.received[0].transaction, 9u);
  }
}

TEST(Versions, AMoveOfWhatIsNotOpenOrToNoProcessorIsRefused) {
  Speaker guest(Version::V5_3);
  guest.modify(1, 0);  // not open
  guest.modify(9, 0);  // no such channel
  guest.rig.guest.bus->open(1, {16}, 4, 4);
  guest.rig.world.run();
  guest.modify(1, 2);  // of two processors
  guest.modify(1, 0);
  EXPECT_EQ(guest.answers(VmbusMessage::ModifyResult),
            (std::vector<std::uint64_t>{0xC0000001, 0xC0000001, 0xC0000001, 0}));
}

TEST(Versions, ThePlantMovesAChannelWithoutAWord) {
  Speaker guest(Version::V5_3, {"vmbus.forgets-modify-response"});
  guest.rig.guest.bus->open(1, {16}, 4, 4);
  guest.rig.world.run();
  guest.modify(1, 1);
  EXPECT_TRUE(guest.answers(VmbusMessage::ModifyResult).empty());
}

TEST(Versions, AMovedChannelStaysWhereItIsThroughASave) {
  Speaker source(Version::V5_3);
  EchoRig& rig = source.rig;
  rig.guest.bus->open(1, {16}, 4, 4);
  rig.world.run();
  source.modify(1, 1);
  test::Guest guest;
  Sleeper sleeper;
  test::EchoDevice echo{1}, second{2};
  test::Machine target(rig.world, "target", guest, 1, {Version::V5_3});
  target.partition->create_model_vp({1}, sleeper);
  target.server->add_device("echo", echo);
  target.server->add_device("second", second);
  ASSERT_TRUE(target.restore(rig.machine.suspend_and_save(), *rig.machine.memory));
  test::Collected<traces::ev::EventFlag> flags(rig.world.recorder);
  target.boot();
  ASSERT_FALSE(flags.seen.empty());
  EXPECT_EQ(flags.seen[0].vp, 1u);
}

TEST(Versions, AContactThatAsksForTheImpossibleIsAnsweredNotSupported) {
  Speaker guest(Version::V5_3);
  const auto contact = [&](Version version, std::uint32_t vp, std::uint64_t target,
                           std::uint64_t monitor1, std::uint64_t monitor2) {
    vmbus::protocol::InitiateContact message;
    message.version = static_cast<std::uint32_t>(version);
    message.target_vp = vp;
    message.interrupt_page_or_target = target;
    message.monitor_to_guest = monitor1;
    message.monitor_to_host = monitor2;
    // As Linux posts: from 5.0 on over connection 4.
    guest.messages.seen.clear();
    guest.post(message);
    const auto answers = guest.answers(VmbusMessage::VersionResponse);
    return answers.size() == 1 ? static_cast<int>(answers[0]) : -1;
  };
  EXPECT_EQ(contact(Version::V5_3, 0, 2, 0x5000, 0x6000), 1);
  EXPECT_EQ(contact(Version::V5_3, 2, 2, 0x5000, 0x6000), 0) << "no such processor";
  EXPECT_EQ(contact(Version::V5_3, 0, 3, 0x5000, 0x6000), 0) << "another interrupt source";
  EXPECT_EQ(contact(Version::V5_3, 0, 2 | 1 << 8, 0x5000, 0x6000), 0) << "another trust level";
  EXPECT_EQ(contact(Version::V5_3, 0, 2, 0x5000, 0), 0) << "one monitor page";
  EXPECT_EQ(contact(Version::V4_1, 0, 0x7000, 0x5000, 0x6000), 1) << "an interrupt page is idle";
  EXPECT_EQ(contact(static_cast<Version>(0x60000), 0, 2, 0, 0), 0) << "newer than this host";
  EXPECT_EQ(contact(static_cast<Version>(0x40002), 0, 0, 0, 0), 0) << "never was one";
}

/// Linux does not tear down the GPADLs of a rescinded channel; it closes and releases.
TEST(Versions, WhatWasLentForARescindedChannelEndsWithItsRelid) {
  Speaker guest(Version::V5_3);
  vmbus::protocol::GpadlHeader lend;
  lend.relid = 1;
  lend.gpadl = 0x77;
  lend.range_bytes = 16;
  lend.range_count = 1;
  const auto fixed = vmbus::protocol::bytes_of(lend);
  std::vector<std::byte> bytes(fixed.begin(), fixed.end());
  const std::uint64_t words[] = {4096, 30};  // one page, from its beginning: page 30
  const auto range = std::as_bytes(std::span(words));
  bytes.insert(bytes.end(), range.begin(), range.end());
  const auto post = [&] {
    guest.rig.machine.partition->guest_post_message({4}, 1, bytes);
    guest.rig.world.run();
  };
  post();
  ASSERT_EQ(guest.answers(VmbusMessage::GpadlCreated), std::vector<std::uint64_t>{0});
  test::Collected<traces::ev::VmbusGpadl> states(guest.rig.world.recorder);
  guest.rig.machine.server->remove_device("echo");
  guest.rig.world.run();
  ASSERT_EQ(states.seen.size(), 1u) << "the bus of the test releases the relid by itself";
  EXPECT_EQ(states.seen[0].to, traces::GpadlState::None);
}

}  // namespace
