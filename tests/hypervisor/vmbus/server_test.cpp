// The server against the guest's bus over a real partition: connecting, offers, opening, traffic.
#include <gtest/gtest.h>

#include "hypervisor/vmbus/protocol.hpp"
#include "tests/hypervisor/vmbus/echo_rig.hpp"

namespace {

using test::EchoDevice;
using test::EchoRig;
using test::Guest;
using test::Machine;
using traces::VmbusMessage;
using vmbus::PacketOut;
using vmbus::Version;

TEST(Server, AgreesOnTheHighestVersionThatBothSpeak) {
  EchoRig rig;
  test::Collected<traces::ev::VmbusMessage> messages(rig.world.recorder);
  rig.connect();
  EXPECT_EQ(rig.guest.bus->version(), Version::V2_4);
  EXPECT_EQ(rig.machine.server->version(), Version::V2_4);
  int contacts = 0, responses = 0, supported = 0;
  for (const auto& m : messages.seen) {
    contacts += m.type == VmbusMessage::InitiateContact;
    responses += m.type == VmbusMessage::VersionResponse;
    supported += m.type == VmbusMessage::VersionResponse && m.value == 1;
  }
  EXPECT_EQ(contacts, 8) << "5.3 down to 2.4";
  EXPECT_EQ(responses, contacts);
  EXPECT_EQ(supported, 1);
}

TEST(Server, ANewerHostMeetsTheGuestAtItsFirstChoice) {
  EchoRig rig({}, {Version::V5_2});
  rig.connect();
  EXPECT_EQ(rig.guest.bus->version(), Version::V5_2);
  EXPECT_EQ(rig.guest.offers.size(), 2u) << "control messages go on over connection 4";
}

TEST(Server, WithoutACommonVersionNothingIsConnected) {
  EchoRig rig({}, {}, {Version::V4_0, Version::V3_0});
  rig.connect();
  EXPECT_EQ(rig.guest.refusals, 1);
  EXPECT_FALSE(rig.machine.server->connected());
}

TEST(Server, OffersEveryDeviceOnceAndThenSaysSo) {
  EchoRig rig;
  test::Collected<traces::ev::VmbusMessage> messages(rig.world.recorder);
  rig.connect();
  EXPECT_EQ(rig.guest.complete, 1);
  ASSERT_EQ(rig.guest.offers.size(), 2u);
  EXPECT_EQ(rig.guest.offers[0].relid, 1u);
  EXPECT_EQ(rig.guest.offers[0].instance_id, rig.echo.offer().instance_id);
  EXPECT_EQ(rig.guest.offers[0].connection_id, 1u | 2u << 12);
  EXPECT_EQ(rig.guest.offers[1].relid, 2u);
  EXPECT_EQ(messages.seen.back().type, VmbusMessage::AllOffers);
}

TEST(Server, AManyPageRingIsLentInSeveralMessages) {
  EchoRig rig;
  rig.connect();
  test::Collected<traces::ev::VmbusMessage> messages(rig.world.recorder);
  test::Collected<traces::ev::VmbusGpadl> gpadls(rig.world.recorder);
  ASSERT_TRUE(rig.guest.bus->open(1, {16}, 300, 300));
  rig.world.run();
  EXPECT_EQ(rig.guest.open, std::vector<std::uint32_t>{1});
  std::uint64_t pfns = 0;
  for (const auto& m : messages.seen) {
    if (m.type == VmbusMessage::GpadlHeader || m.type == VmbusMessage::GpadlBody) pfns += m.value;
  }
  EXPECT_EQ(pfns, 600u);
  ASSERT_EQ(gpadls.seen.size(), 3u);
  EXPECT_EQ(gpadls.seen[0].to, traces::GpadlState::InProgress);
  EXPECT_EQ(gpadls.seen[1].to, traces::GpadlState::Offered);
  EXPECT_EQ(gpadls.seen[2].to, traces::GpadlState::Accepted);
  EXPECT_EQ(gpadls.seen[2].announced, 600u);
  EXPECT_EQ(gpadls.seen[2].received, 600u);
}

TEST(Server, PacketsCrossAnOpenChannelBothWays) {
  EchoRig rig;
  rig.open();
  EXPECT_EQ(rig.echo.opens, 1);
  ASSERT_TRUE(rig.send("hello...", 5));
  rig.world.run();
  ASSERT_EQ(rig.guest.received.size(), 1u);
  EXPECT_EQ(rig.guest.received[0].type, vmbus::PacketType::Completion);
  EXPECT_EQ(rig.guest.received[0].transaction, 5u);
  EXPECT_EQ(rig.guest.received[0].payload, test::bytes_of("hello..."));
}

TEST(Server, OneDoorbellServesManyPackets) {
  EchoRig rig;
  rig.open();
  test::Collected<traces::ev::VmbusDoorbell> doorbells(rig.world.recorder);
  for (std::uint64_t i = 1; i <= 10; ++i) ASSERT_TRUE(rig.send("payload.", i));
  rig.world.run();
  EXPECT_EQ(doorbells.seen.size(), 1u);
  EXPECT_EQ(rig.guest.received.size(), 10u);
}

TEST(Server, AFullRingToTheGuestGoesOnWhenTheGuestReads) {
  EchoRig rig;
  rig.open();
  rig.guest.reads = false;
  const std::string text(1024, 'x');
  int sent = 0;
  for (std::uint64_t i = 1; i <= 40; ++i) {
    sent += rig.send(text, i);
    rig.world.run_for({100'000});
  }
  ASSERT_EQ(sent, 40) << "the device reads on while its answers wait";
  EXPECT_FALSE(rig.echo.queue.empty());
  rig.guest.reads = true;
  rig.guest.readable(1);
  rig.world.run();
  EXPECT_GE(rig.echo.rooms, 1);
  ASSERT_EQ(rig.guest.received.size(), 40u);
  for (std::uint64_t i = 1; i <= 40; ++i) EXPECT_EQ(rig.guest.received[i - 1].transaction, i);
}

TEST(Server, AGuestThatFoundNoRoomHearsOfRoom) {
  EchoRig rig;
  rig.open();
  rig.echo.reads = false;
  const std::string text(1024, 'x');
  std::uint64_t sent = 0;
  while (rig.send(text, sent + 1)) ++sent;
  EXPECT_EQ(sent, (3 * 4096 - 8) / 1048u);
  rig.world.run();
  EXPECT_EQ(rig.guest.rooms, 0);
  rig.echo.reads = true;
  rig.echo.drain();
  rig.world.run();
  EXPECT_GE(rig.guest.rooms, 1);
  EXPECT_TRUE(rig.send(text, 100));
}

TEST(Server, AClosedChannelGivesThePagesBack) {
  EchoRig rig;
  rig.open();
  test::Collected<traces::ev::VmbusChannel> states(rig.world.recorder);
  ASSERT_TRUE(rig.guest.bus->close(1));
  rig.world.run();
  EXPECT_EQ(rig.echo.closes, 1);
  EXPECT_EQ(rig.guest.shut, std::vector<std::uint32_t>{1});
  ASSERT_EQ(states.seen.size(), 2u);
  EXPECT_EQ(states.seen[0].to, traces::ChannelState::Closing);
  EXPECT_EQ(states.seen[1].to, traces::ChannelState::Closed);
  ASSERT_TRUE(rig.guest.bus->open(1, {64}, 2, 2)) << "and can be opened again";
  rig.world.run();
  EXPECT_EQ(rig.echo.opens, 2);
}

TEST(Server, ContactOnAConnectedBusResetsEverythingFirst) {
  EchoRig rig;
  rig.open();
  test::Collected<traces::ev::VmbusChannel> states(rig.world.recorder);
  test::Collected<traces::ev::VmbusMessage> messages(rig.world.recorder);
  rig.guest.bus->connect();
  rig.world.run();
  EXPECT_EQ(rig.echo.closes, 1);
  EXPECT_EQ(rig.guest.complete, 2);
  ASSERT_FALSE(states.seen.empty());
  EXPECT_EQ(states.seen[0].to, traces::ChannelState::Closing);
  for (std::size_t i = 0; i < messages.seen.size(); ++i) {
    if (messages.seen[i].type == VmbusMessage::VersionResponse) {
      EXPECT_LT(states.indices[2], messages.indices[i]) << "released before the answer";
      break;
    }
  }
}

TEST(Server, UnloadIsAnsweredAfterAllChannelsAreClosed) {
  EchoRig rig({}, {Version::V3_0});
  rig.open();
  ASSERT_TRUE(rig.guest.bus->unload());
  rig.world.run();
  EXPECT_EQ(rig.guest.unloads, 1);
  EXPECT_EQ(rig.echo.closes, 1);
  EXPECT_FALSE(rig.machine.server->connected());
  rig.guest.bus->connect();
  rig.world.run();
  EXPECT_EQ(rig.guest.complete, 2);
}

TEST(Server, ARemovedDeviceIsRescindedAndItsRelidReleased) {
  EchoRig rig;
  rig.open();
  test::Collected<traces::ev::VmbusMessage> messages(rig.world.recorder);
  ASSERT_TRUE(rig.machine.server->remove_device("echo"));
  EXPECT_EQ(rig.echo.closes, 1);
  rig.world.run();
  EXPECT_EQ(rig.guest.gone, std::vector<std::uint32_t>{1});
  EXPECT_EQ(messages.seen.back().type, VmbusMessage::RelidReleased);
  EchoDevice third{3};
  rig.machine.server->add_device("third", third);
  rig.world.run();
  EXPECT_EQ(rig.guest.offers.back().relid, 1u) << "free again";
}

TEST(Server, ManyAnswersWaitForTheGuestsSlot) {
  // 40 devices: more offers than the 16 buffers of a message port.
  test::World world;
  Guest guest;
  std::vector<std::unique_ptr<EchoDevice>> devices;
  Machine machine(world, "host", guest);
  for (int i = 0; i < 40; ++i) {
    devices.push_back(std::make_unique<EchoDevice>(static_cast<std::uint8_t>(i + 1)));
    machine.server->add_device("echo" + std::to_string(i), *devices.back());
  }
  machine.boot();
  guest.bus->connect();
  world.run_for({200'000'000});
  ASSERT_EQ(guest.offers.size(), 40u);
  for (std::uint32_t i = 0; i < 40; ++i) EXPECT_EQ(guest.offers[i].relid, i + 1);
  EXPECT_EQ(guest.complete, 1);
}

// ---------------------------------------------------------------- a hostile or clumsy guest

class HostileGuest : public ::testing::Test {
 protected:
  HostileGuest() : messages(rig.world.recorder) {}
  template <class M>
  void post(const M& message, std::span<const std::byte> more = {}) {
    const auto fixed = vmbus::protocol::bytes_of(message);
    std::vector<std::byte> bytes(fixed.begin(), fixed.end());
    bytes.insert(bytes.end(), more.begin(), more.end());
    const auto status = rig.machine.partition->guest_post_message({1}, 1, bytes);
    ASSERT_EQ(status, hv::Status::Success);
    rig.world.run();
  }
  void header(std::uint32_t gpadl, std::uint32_t relid, std::uint16_t range_bytes,
              std::uint16_t ranges, const std::vector<std::uint64_t>& words) {
    vmbus::protocol::GpadlHeader message;
    message.relid = relid;
    message.gpadl = gpadl;
    message.range_bytes = range_bytes;
    message.range_count = ranges;
    post(message, std::as_bytes(std::span(words)));
  }
  void open(std::uint32_t relid, std::uint32_t gpadl, std::uint32_t downstream) {
    vmbus::protocol::OpenChannel message;
    message.relid = message.open_id = relid;
    message.ring_gpadl = gpadl;
    message.downstream_page = downstream;
    post(message);
  }
  static std::uint64_t range(std::uint32_t bytes, std::uint32_t offset = 0) {
    return bytes | std::uint64_t{offset} << 32;
  }
  /// The answer to the last request: its status.
  std::uint64_t last(VmbusMessage type) {
    for (auto it = messages.seen.rbegin(); it != messages.seen.rend(); ++it) {
      if (it->type == type) return it->value;
    }
    ADD_FAILURE() << "no such message";
    return 0;
  }
  std::size_t count(VmbusMessage type) {
    std::size_t n = 0;
    for (const auto& m : messages.seen) n += m.type == type;
    return n;
  }
  EchoRig rig;
  test::Collected<traces::ev::VmbusMessage> messages;
};

TEST_F(HostileGuest, IsNotHeardBeforeContact) {
  rig.machine.boot();
  constexpr std::uint32_t kInitiateContact = 14;
  for (std::uint32_t type = 0; type < 30; ++type) {
    if (type == kInitiateContact) continue;
    std::vector<std::uint32_t> words(50, 1);
    words[0] = type;
    rig.machine.partition->guest_post_message({1}, 1, std::as_bytes(std::span(words)));
    rig.world.run();
  }
  EXPECT_TRUE(messages.seen.empty());
}

TEST_F(HostileGuest, GetsEveryBadGpadlRefusedOnce) {
  rig.connect();
  const auto refused = [&](auto&&... arguments) {
    const auto before = count(VmbusMessage::GpadlCreated);
    header(arguments...);
    EXPECT_EQ(count(VmbusMessage::GpadlCreated), before + 1);
    EXPECT_NE(last(VmbusMessage::GpadlCreated), 0u);
  };
  using Words = std::vector<std::uint64_t>;
  refused(0u, 1u, 16, 1, Words{range(4096), 20});        // handle 0
  refused(5u, 9u, 16, 1, Words{range(4096), 20});        // no such channel
  refused(5u, 1u, 16, 0, Words{range(4096), 20});        // no range
  refused(5u, 1u, 12, 1, Words{range(4096), 20});        // not whole words
  refused(5u, 1u, 16, 1, Words{range(0), 20});           // empty range
  refused(5u, 1u, 16, 1, Words{range(4096, 4096), 20});  // offset past the page
  refused(5u, 1u, 16, 1, Words{range(8192), 20});        // a PFN is missing
  refused(5u, 1u, 24, 1, Words{range(4096), 20, 21});    // a PFN too many
  refused(5u, 1u, 16, 1, Words{range(4096), 1u << 30});  // not RAM
  refused(5u, 1u, 16, 1, Words{range(4096), 20, 21});    // more than announced
  refused(5u, 1u, 16, 1, Words{range(0xFFFFFFFF, 4095), 20});
  header(5, 1, 16, 1, {range(4096), 20});
  EXPECT_EQ(last(VmbusMessage::GpadlCreated), 0u) << "the handle is still free";
  refused(5u, 1u, 16, 1, Words{range(4096), 20});  // in use
}

TEST_F(HostileGuest, CannotExtendWhatItHasNotBegun) {
  rig.connect();
  vmbus::protocol::GpadlBody body;
  body.gpadl = 77;
  const std::uint64_t pfn = 20;
  post(body, std::as_bytes(std::span(&pfn, 1)));
  EXPECT_EQ(count(VmbusMessage::GpadlCreated), 0u);
  header(77, 1, 24, 1, {range(8192), 20});
  EXPECT_EQ(count(VmbusMessage::GpadlCreated), 0u) << "one PFN is missing";
  const std::vector<std::uint64_t> two = {21, 22};
  post(body, std::as_bytes(std::span(two)));
  EXPECT_NE(last(VmbusMessage::GpadlCreated), 0u) << "one too many";
}

TEST_F(HostileGuest, CannotOpenWithWrongRings) {
  rig.connect();
  header(5, 1, 40, 1, {range(4 * 4096), 20, 21, 22, 23});
  header(6, 2, 40, 1, {range(4 * 4096), 24, 25, 26, 27});
  header(7, 1, 40, 1, {range(3 * 4096, 8), 28, 29, 30, 31});
  const auto refused = [&](std::uint32_t relid, std::uint32_t gpadl, std::uint32_t downstream) {
    const auto before = count(VmbusMessage::OpenResult);
    open(relid, gpadl, downstream);
    EXPECT_EQ(count(VmbusMessage::OpenResult), before + 1);
    EXPECT_EQ(last(VmbusMessage::OpenResult), 0xC0000001u);
  };
  refused(1, 99, 2);  // no such GPADL
  refused(1, 6, 2);   // of another channel
  refused(1, 7, 2);   // does not begin on a page
  refused(1, 5, 0);
  refused(1, 5, 1);  // no data page for the guest's ring
  refused(1, 5, 3);  // none for the host's
  refused(1, 5, 4);
  refused(1, 5, 0xFFFFFFFF);
  refused(9, 5, 2);  // no such channel
  open(1, 5, 2);
  EXPECT_EQ(last(VmbusMessage::OpenResult), 0u);
  refused(1, 5, 2);  // open already
  EXPECT_EQ(rig.echo.opens, 1);
}

TEST_F(HostileGuest, GetsARingBackOnlyAfterClosing) {
  rig.open();
  vmbus::protocol::GpadlTeardown teardown;
  teardown.relid = 1;
  teardown.gpadl = 0xE1E10;
  post(teardown);
  post(teardown);
  EXPECT_EQ(count(VmbusMessage::GpadlTorndown), 0u);
  EXPECT_TRUE(rig.send("still ok"));
  rig.world.run();
  EXPECT_EQ(rig.guest.received.size(), 1u);
  post(vmbus::protocol::RelidMessage{{vmbus::protocol::Type::CloseChannel}, 1});
  EXPECT_EQ(count(VmbusMessage::GpadlTorndown), 1u);
}

TEST_F(HostileGuest, MayCloseWhatIsNotOpen) {
  rig.connect();
  post(vmbus::protocol::RelidMessage{{vmbus::protocol::Type::CloseChannel}, 1});
  post(vmbus::protocol::RelidMessage{{vmbus::protocol::Type::CloseChannel}, 4000});
  post(vmbus::protocol::RelidMessage{{vmbus::protocol::Type::RelidReleased}, 1});
  post(vmbus::protocol::Header{vmbus::protocol::Type::RequestOffers});
  EXPECT_EQ(count(VmbusMessage::Close), 0u);
  EXPECT_EQ(count(VmbusMessage::AllOffers), 1u) << "offers are requested once per contact";
  rig.guest.bus->open(1, {16}, 2, 2);
  rig.world.run();
  EXPECT_EQ(rig.guest.open.size(), 1u);
}

TEST_F(HostileGuest, BreaksOnlyItsOwnRing) {
  rig.open();
  rig.guest.bus->open(2, {64}, 4, 4);
  rig.world.run();
  rig.machine.guest_write(sim::base_of({16}), 12345u);  // write index, not a multiple of 8
  const auto status = rig.machine.partition->guest_signal_event({1 | 2 << 12}, 0);
  ASSERT_EQ(status, hv::Status::Success);
  rig.world.run();
  EXPECT_TRUE(rig.echo.channel->failed());
  EXPECT_EQ(rig.machine.server->channel_error("echo"), vmbus::RingError::BadIndex);
  EXPECT_TRUE(rig.echo.taken.empty());
  const auto payload = test::bytes_of("others..");
  PacketOut out;
  out.completion_requested = true;
  out.payload = payload;
  ASSERT_TRUE(rig.guest.bus->send(2, out));
  rig.world.run();
  EXPECT_EQ(rig.second.taken.size(), 1u);
  EXPECT_EQ(rig.guest.received.size(), 1u);
  rig.guest.bus->close(1);
  rig.world.run();
  EXPECT_EQ(rig.echo.closes, 1) << "and can still close it";
}

TEST_F(HostileGuest, MayRingAClosedChannel) {
  rig.connect();
  test::Collected<traces::ev::VmbusDoorbell> doorbells(rig.world.recorder);
  rig.machine.partition->guest_signal_event({1 | 2 << 12}, 0);
  rig.world.run();
  ASSERT_EQ(doorbells.seen.size(), 1u);
  EXPECT_FALSE(doorbells.seen[0].accepted);
  EXPECT_EQ(rig.echo.looks, 0);
}

TEST_F(HostileGuest, MaySendAnyBytesAtAll) {
  rig.open();
  std::uint64_t noise = 88172645463325252ull;
  for (int i = 0; i < 400; ++i) {
    std::vector<std::uint32_t> words(1 + i % 60);
    for (auto& word : words) {
      noise ^= noise << 13;
      noise ^= noise >> 7;
      noise ^= noise << 17;
      word = static_cast<std::uint32_t>(noise % 3 == 0 ? noise : noise % 30);
    }
    words[0] = static_cast<std::uint32_t>(i % 26);
    rig.machine.partition->guest_post_message({1}, 1, std::as_bytes(std::span(words)));
    rig.world.run_for({100'000});
  }
  rig.guest.bus->connect();
  rig.world.run_for({200'000'000});
  EXPECT_EQ(rig.guest.bus->state(), vmbus::guest::Bus::State::Connected);
}

}  // namespace
