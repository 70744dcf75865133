// Spec B.7: message slots, buffers, event flags, EOI and EOM.
#include <gtest/gtest.h>

#include "tests/hypervisor/core/lab.hpp"
#include "traces/digest.hpp"

namespace hv::test {
namespace {

constexpr std::uint8_t kMessageSint = 2;
constexpr std::uint64_t kVector = 0x40;
constexpr std::uint64_t kAutoEoiVector = kVector | 1 << 17;

struct SynicTest : ::testing::Test {
  SynicTest() : machine(lab.first) {
    machine.add_vp(idle_script());
    machine.enable_synic(kMessageSint, kVector);
  }
  Status post(std::uint32_t port = 1, int payload = 5, std::uint8_t sint = kMessageSint) {
    return machine.partition().post_message(port, {0}, {sint}, 1, bytes_of({payload}));
  }
  bool requested() { return machine.vp().apic().deliverable(); }
  void eom() { machine.vp().write_msr(msr::kEom, 0); }

  Lab lab;
  Machine machine;
};

TEST_F(SynicTest, AMessageLandsInAFreeSlotInTheLayoutThatGuestsRead) {
  EXPECT_EQ(machine.partition().post_message(0x51, {0}, {kMessageSint}, 1, bytes_of({1, 2, 3})),
            Status::Success);
  std::array<std::byte, 20> slot;
  machine.memory.read(machine.vp().synic().message_page().frame(), kMessageSint * kSlotBytes, slot);
  const auto expected = bytes_of({1, 0, 0, 0, 3, 0, 0, 0, 0x51, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 0});
  EXPECT_TRUE(std::equal(slot.begin(), slot.end(), expected.begin()));
  EXPECT_TRUE(requested());
}

TEST_F(SynicTest, TheMessagePageCoversTheGuestsPageWithoutChangingIt) {
  const auto before = machine.memory.hash_of({2});
  Kept<traces::ev::OverlayChanged> overlays(lab.recorder);
  post();
  EXPECT_EQ(machine.memory.hash_of({2}), before);
  EXPECT_EQ(machine.partition().gpa_map().lookup({2})->frame, machine.memory.overlay_frame(4));
  machine.vp().write_msr(msr::kSimp, 0);
  EXPECT_EQ(machine.partition().gpa_map().lookup({2})->frame, sim::Frame{2});
  ASSERT_EQ(overlays.size(), 1u);
  EXPECT_FALSE(overlays.back().enabled);
  EXPECT_EQ(overlays.back().covered_hash, before);
  machine.vp().write_msr(msr::kSimp, 9 << 12 | 1);
  EXPECT_EQ(machine.slot_type(kMessageSint), 1u) << "the page's contents move with it";
}

TEST_F(SynicTest, AnOccupiedSlotIsLeftAloneAndSaysThatMoreIsWaiting) {
  Kept<traces::ev::MessageDelivered> delivered(lab.recorder);
  post(1, 10);
  EXPECT_FALSE(machine.pending_flag(kMessageSint));
  post(1, 11);
  EXPECT_TRUE(machine.pending_flag(kMessageSint));
  EXPECT_EQ(delivered.size(), 1u);
  machine.free_slot(kMessageSint);
  EXPECT_EQ(delivered.size(), 1u) << "freeing alone tells the hypervisor nothing";
  eom();
  ASSERT_EQ(delivered.size(), 2u);
  EXPECT_EQ(delivered.back().hash, traces::hash64_of(bytes_of({11})));
  EXPECT_FALSE(machine.pending_flag(kMessageSint));
}

TEST_F(SynicTest, MessagePendingIsSetAtDeliveryWhileOthersWait) {
  post(1, 1);
  post(1, 2);
  post(1, 3);
  machine.free_slot(kMessageSint);
  eom();
  EXPECT_TRUE(machine.pending_flag(kMessageSint));
}

TEST_F(SynicTest, AnEoiOfASintsVectorDeliversWhatWaits) {
  Kept<traces::ev::MessageEnd> ends(lab.recorder);
  Kept<traces::ev::MessageDelivered> delivered(lab.recorder);
  post();
  post();
  EXPECT_EQ(machine.vp().acknowledge_interrupt(), kVector);
  machine.free_slot(kMessageSint);
  machine.vp().write_msr(msr::kEoi, 0);
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_TRUE(ends.back().by_eoi);
  EXPECT_EQ(delivered.size(), 2u);
}

TEST_F(SynicTest, AForgottenEomIsMadeGoodByTheRetry) {
  Kept<traces::ev::MessageDelivered> delivered(lab.recorder);
  machine.partition().resume("test");
  post();
  post();
  machine.free_slot(kMessageSint);
  lab.run_for(999_us);
  EXPECT_EQ(delivered.size(), 1u);
  lab.run_for(2_us);
  EXPECT_EQ(delivered.size(), 2u);
  EXPECT_EQ(delivered.times.back(), sim::Time{1'000'000});
}

TEST(Synic, TheRetryCanBeSwitchedOffToExposeGuestsThatForgetEom) {
  Lab lab;
  PartitionConfig config = plain_config();
  config.synic.retry = 0_ns;
  Machine machine(lab.first, config);
  machine.add_vp(idle_script());
  machine.enable_synic(kMessageSint, kVector);
  machine.partition().resume("test");
  Kept<traces::ev::MessageDelivered> delivered(lab.recorder);
  for (int i = 0; i < 2; ++i) machine.partition().post_message(1, {0}, {kMessageSint}, 1, {});
  machine.free_slot(kMessageSint);
  lab.run_for(1_s);
  EXPECT_EQ(delivered.size(), 1u);
}

TEST_F(SynicTest, APortHasSixteenBuffersAndGetsThemBackOnDelivery) {
  EXPECT_EQ(post(), Status::Success);  // goes straight into the slot
  for (int i = 0; i < 16; ++i) EXPECT_EQ(post(), Status::Success) << i;
  EXPECT_EQ(post(), Status::InsufficientBuffers);
  EXPECT_EQ(post(2), Status::Success) << "another port has its own";
  machine.free_slot(kMessageSint);
  eom();
  EXPECT_EQ(post(), Status::Success);
  EXPECT_EQ(post(), Status::InsufficientBuffers);
}

TEST_F(SynicTest, MessagesOfOnePortAndSintKeepTheirOrder) {
  Kept<traces::ev::MessageDelivered> delivered(lab.recorder);
  for (int i = 0; i < 10; ++i) post(1 + i % 2, i);
  for (int i = 0; i < 10; ++i) {
    machine.free_slot(kMessageSint);
    eom();
  }
  ASSERT_EQ(delivered.size(), 10u);
  std::map<std::uint32_t, std::uint64_t> last;
  for (const auto& each : delivered.all) EXPECT_EQ(each.sequence, ++last[each.port]);
}

TEST_F(SynicTest, SourcesHaveSlotsOfTheirOwn) {
  machine.vp().write_msr(msr::kSint0 + 3, 0x50);
  post(1, 1, 2);
  post(1, 1, 3);
  EXPECT_EQ(machine.slot_type(2), 1u);
  EXPECT_EQ(machine.slot_type(3), 1u);
}

TEST_F(SynicTest, AMaskedSintLosesTheInterruptButNotTheMessage) {
  machine.vp().write_msr(msr::kSint0 + kMessageSint, 1 << 16 | kVector);
  EXPECT_EQ(post(), Status::Success);
  EXPECT_EQ(machine.slot_type(kMessageSint), 1u);
  EXPECT_FALSE(requested());
}

TEST_F(SynicTest, ASoftwareDisabledApicLosesTheInterruptButNotTheMessage) {
  machine.vp().mmio_write({Apic::kBaseAddress + 0xF0}, 4, 0xFF);
  EXPECT_EQ(post(), Status::Success);
  EXPECT_EQ(machine.slot_type(kMessageSint), 1u);
  EXPECT_FALSE(requested());
}

TEST_F(SynicTest, APolledSintGetsMessagesAndFlagsWithoutInterrupts) {
  machine.vp().write_msr(msr::kSint0 + kMessageSint, 1 << 18 | kVector);
  EXPECT_EQ(post(), Status::Success);
  EXPECT_EQ(machine.partition().signal_event({0}, {kMessageSint}, 4), Status::Success);
  EXPECT_FALSE(requested());
}

TEST_F(SynicTest, PostingIsRefusedWithTheStatusThatNamesTheReason) {
  Partition& partition = machine.partition();
  EXPECT_EQ(partition.post_message(1, {0}, {kMessageSint}, 0, {}), Status::InvalidParameter);
  EXPECT_EQ(partition.post_message(1, {0}, {kMessageSint}, 0x8000'0000, {}),
            Status::InvalidParameter);
  EXPECT_EQ(partition.post_message(1, {0}, {0}, 1, {}), Status::InvalidParameter)
      << "SINT0 is ours";
  EXPECT_EQ(partition.post_message(1, {0}, {16}, 1, {}), Status::InvalidParameter);
  EXPECT_EQ(partition.post_message(1, {0}, {kMessageSint}, 1, std::vector<std::byte>(241)),
            Status::InvalidParameter);
  EXPECT_EQ(partition.post_message(1, {0}, {kMessageSint}, 1, std::vector<std::byte>(240)),
            Status::Success);
  EXPECT_EQ(partition.post_message(1, {5}, {kMessageSint}, 1, {}), Status::InvalidVpIndex);
  machine.vp().write_msr(msr::kScontrol, 0);
  EXPECT_EQ(post(), Status::InvalidSynicState);
  machine.vp().write_msr(msr::kScontrol, 1);
  machine.vp().write_msr(msr::kSimp, 2 << 12);
  EXPECT_EQ(post(), Status::InvalidSynicState);
}

TEST_F(SynicTest, WhatWaitsSurvivesASwitchedOffSynicAndComesWhenItIsBack) {
  Kept<traces::ev::MessageDelivered> delivered(lab.recorder);
  post();
  post();
  machine.vp().write_msr(msr::kScontrol, 0);
  machine.free_slot(kMessageSint);
  eom();
  EXPECT_EQ(delivered.size(), 1u);
  machine.vp().write_msr(msr::kScontrol, 1);
  EXPECT_EQ(delivered.size(), 2u);
}

TEST_F(SynicTest, AFlagInterruptsOnlyWhenItWasClear) {
  Kept<traces::ev::EventFlag> flags(lab.recorder);
  Partition& partition = machine.partition();
  EXPECT_EQ(partition.signal_event({0}, {kMessageSint}, 37), Status::Success);
  EXPECT_TRUE(flags.back().interrupt);
  EXPECT_FALSE(flags.back().was_set);
  EXPECT_EQ(machine.vp().acknowledge_interrupt(), kVector);
  machine.vp().write_msr(msr::kEoi, 0);
  EXPECT_EQ(partition.signal_event({0}, {kMessageSint}, 37), Status::Success);
  EXPECT_TRUE(flags.back().was_set);
  EXPECT_FALSE(flags.back().interrupt);
  EXPECT_FALSE(requested());
  const auto word = machine.memory.read_u32(machine.vp().synic().event_page().frame(),
                                            kMessageSint * kSlotBytes + 4);
  EXPECT_EQ(word, 1u << 5) << "flag 37 is bit 5 of the second word";
}

TEST_F(SynicTest, SignallingAMaskedSintIsAnErrorAndSetsNothing) {
  machine.vp().write_msr(msr::kSint0 + kMessageSint, 1 << 16);
  EXPECT_EQ(machine.partition().signal_event({0}, {kMessageSint}, 1), Status::InvalidSynicState);
  EXPECT_EQ(
      machine.memory.read_u32(machine.vp().synic().event_page().frame(), kMessageSint * kSlotBytes),
      0u);
}

TEST_F(SynicTest, SignallingNeedsTheEventPageAndAnExistingFlagAndVp) {
  Partition& partition = machine.partition();
  EXPECT_EQ(partition.signal_event({0}, {kMessageSint}, 2048), Status::InvalidParameter);
  EXPECT_EQ(partition.signal_event({3}, {kMessageSint}, 1), Status::InvalidVpIndex);
  machine.vp().write_msr(msr::kSiefp, 0);
  EXPECT_EQ(partition.signal_event({0}, {kMessageSint}, 1), Status::InvalidSynicState);
}

TEST_F(SynicTest, AutoEoiLeavesNothingInServiceAndPlainVectorsBlockThemselves) {
  machine.vp().write_msr(msr::kSint0 + kMessageSint, kAutoEoiVector);
  post();
  EXPECT_EQ(machine.vp().acknowledge_interrupt(), kVector);
  machine.partition().signal_event({0}, {kMessageSint}, 1);
  EXPECT_TRUE(requested()) << "nothing is in service";
  EXPECT_EQ(machine.vp().acknowledge_interrupt(), kVector);

  machine.vp().write_msr(msr::kSint0 + kMessageSint, kVector);
  machine.partition().signal_event({0}, {kMessageSint}, 2);
  EXPECT_EQ(machine.vp().acknowledge_interrupt(), kVector);
  machine.partition().signal_event({0}, {kMessageSint}, 3);
  EXPECT_FALSE(requested()) << "the vector is in service until its EOI";
  machine.vp().write_msr(msr::kEoi, 0);
  EXPECT_TRUE(requested());
}

TEST_F(SynicTest, RegistersRefuseWhatTheSpecificationRefuses) {
  VirtualProcessor& vp = machine.vp();
  EXPECT_FALSE(vp.write_msr(msr::kSint0 + 4, 15)) << "vector below 16, unmasked";
  EXPECT_TRUE(vp.write_msr(msr::kSint0 + 4, 1 << 16 | 15));
  EXPECT_FALSE(vp.write_msr(msr::kSversion, 1));
  EXPECT_EQ(vp.read_msr(msr::kSversion), 1u);
  EXPECT_EQ(vp.read_msr(msr::kEom), 0u);
  EXPECT_FALSE(vp.write_msr(msr::kSimp, 4096ull << 12 | 1)) << "outside the GPA range";
  EXPECT_EQ(vp.read_msr(msr::kSint0 + 9), 0x1'0000u) << "reset value: masked";
}

TEST_F(SynicTest, HostWritesToThePagesTellTheProcessorToForgetTheirCode) {
  machine.cpu().forgotten.clear();
  post();
  EXPECT_FALSE(machine.cpu().forgotten.empty());
  EXPECT_EQ(machine.cpu().forgotten.front(), machine.vp().synic().message_page().frame().value);
}

// ---------------------------------------------------------------- guest to parent

struct Port final : MessagePort, EventPort {
  void message(std::uint32_t type, std::span<const std::byte> payload) override {
    messages.push_back({type, std::vector(payload.begin(), payload.end())});
  }
  void signalled(std::uint16_t flag) override { flags.push_back(flag); }
  std::vector<std::pair<std::uint32_t, std::vector<std::byte>>> messages;
  std::vector<std::uint16_t> flags;
};

struct ToParent : SynicTest {
  ToParent() {
    machine.partition().connect_messages({1}, port);
    machine.partition().connect_events({9}, port, 4);
    machine.partition().resume("test");
  }
  Status post_up(int payload, std::uint32_t connection = 1) {
    return machine.partition().guest_post_message({connection}, 1, bytes_of({payload}));
  }
  Port port;
};

TEST_F(ToParent, MessagesArriveALittleLaterAndInOrder) {
  post_up(1);
  post_up(2);
  lab.run_for(1_us);
  EXPECT_TRUE(port.messages.empty());
  lab.run_for(1_us);
  ASSERT_EQ(port.messages.size(), 2u);
  EXPECT_EQ(port.messages[0].second, bytes_of({1}));
  EXPECT_EQ(port.messages[1].second, bytes_of({2}));
}

TEST_F(ToParent, AConnectionHasSixteenBuffers) {
  for (int i = 0; i < 16; ++i) EXPECT_EQ(post_up(i), Status::Success);
  EXPECT_EQ(post_up(16), Status::InsufficientBuffers);
  lab.run_for(1_ms);
  EXPECT_EQ(port.messages.size(), 16u);
  EXPECT_EQ(post_up(16), Status::Success);
}

TEST_F(ToParent, NoSignalIsLostInTheCrowd) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(machine.partition().guest_signal_event({9}, i % 4), Status::Success);
  }
  lab.run_for(1_us);
  EXPECT_EQ(port.flags.size(), 100u);
}

TEST_F(ToParent, RefusalsNameTheirReason) {
  Partition& partition = machine.partition();
  EXPECT_EQ(post_up(1, 2), Status::InvalidConnectionId);
  EXPECT_EQ(post_up(1, 9), Status::InvalidPortId) << "an event port takes no messages";
  EXPECT_EQ(partition.guest_signal_event({1}, 0), Status::InvalidPortId);
  EXPECT_EQ(partition.guest_signal_event({9}, 4), Status::InvalidParameter);
  EXPECT_EQ(partition.guest_post_message({1}, 0, {}), Status::InvalidParameter);
  EXPECT_EQ(partition.guest_post_message({1}, 1, std::vector<std::byte>(241)),
            Status::InvalidParameter);
  EXPECT_EQ(partition.connect_messages({1}, port), Status::ObjectInUse);
  EXPECT_EQ(partition.connect_messages({1u << 24}, port), Status::InvalidConnectionId);
}

TEST_F(ToParent, WithoutThePrivilegeNothingGetsThrough) {
  PartitionConfig config = plain_config();
  config.vm = 8;
  config.privileges.hypercall = 0;
  Machine other(lab.second, config);
  other.partition().connect_messages({1}, port);
  other.partition().connect_events({9}, port, 4);
  EXPECT_EQ(other.partition().guest_post_message({1}, 1, {}), Status::AccessDenied);
  EXPECT_EQ(other.partition().guest_signal_event({9}, 0), Status::AccessDenied);
}

TEST_F(ToParent, WhatIsOnItsWayStandsStillWhileThePartitionIsSuspended) {
  post_up(1);
  lab.run_for(1_us);
  machine.partition().suspend("test");
  lab.run_for(1_ms);
  EXPECT_TRUE(port.messages.empty());
  machine.partition().resume("test");
  lab.run_for(999_ns);
  EXPECT_TRUE(port.messages.empty());
  lab.run_for(1_ns);
  EXPECT_EQ(port.messages.size(), 1u);
}

TEST_F(ToParent, DisconnectingDropsWhatIsOnItsWay) {
  post_up(1);
  machine.partition().disconnect({1});
  machine.partition().connect_messages({1}, port);
  post_up(2);
  lab.run_for(1_ms);
  ASSERT_EQ(port.messages.size(), 1u);
  EXPECT_EQ(port.messages[0].second, bytes_of({2}));
}

}  // namespace
}  // namespace hv::test
