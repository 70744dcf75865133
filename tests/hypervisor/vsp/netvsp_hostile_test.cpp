// The network VSP and a guest that does not keep to the protocol: every value of it is untrusted.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstring>

#include "tests/hypervisor/vsp/network_rig.hpp"

namespace {

using test::frame_of;
using test::kMacA;
using test::kMacB;
using test::NetworkRig;
using vsp::nvsp::Message;
using vsp::nvsp::Status;
using vsp::nvsp::Type;
namespace nvsp = vsp::nvsp;
namespace rndis = vsp::rndis;

template <class Body>
Message message_of(Type type, const Body& body) {
  Message message;
  message.type = type;
  std::memcpy(message.body.data(), &body, sizeof(body));
  return message;
}

template <class Body>
Body body_of(const vmbus::Packet& packet) {
  Body body;
  EXPECT_GE(packet.payload.size(), 4 + sizeof(body));
  std::memcpy(&body, packet.payload.data() + 4, sizeof(body));
  return body;
}

/// A guest that says what the test says.
struct Rig : NetworkRig {
  explicit Rig(vsp::NetVspConfig config = {}) : NetworkRig(config) {
    host.guest.handshake = false;
    host.boot();
  }
  /// The completion of a message, if there is one.
  std::optional<vmbus::Packet> ask(const Message& message,
                                   std::vector<vmbus::GpaRange> ranges = {}) {
    vmbus::PacketOut out;
    if (!ranges.empty()) out.type = vmbus::PacketType::DataUsingGpaDirect;
    out.ranges = std::move(ranges);
    out.completion_requested = true;
    out.transaction = ++transaction;
    out.payload = std::as_bytes(std::span(&message, 1));
    EXPECT_TRUE(host.guest.bus->send(host.guest.relid, out));
    world.run_for({2'000'000});
    for (const vmbus::Packet& packet : host.guest.received) {
      if (packet.type == vmbus::PacketType::Completion && packet.transaction == transaction) {
        return packet;
      }
    }
    return std::nullopt;
  }
  Status init(nvsp::Version version = nvsp::Version::V6_1) {
    const auto number = static_cast<std::uint32_t>(version);
    const auto answer = ask(message_of(Type::Init, nvsp::Init{number, number}));
    return answer ? body_of<nvsp::InitComplete>(*answer).status : Status::None;
  }
  std::uint32_t lend(std::uint64_t first, std::uint32_t pages) {
    const std::uint32_t gpadl = host.guest.bus->lend(host.guest.relid, {first}, pages);
    world.run_for({2'000'000});
    return gpadl;
  }
  Status receive_buffer(std::uint32_t gpadl, std::uint16_t id = nvsp::kReceiveBufferId) {
    const auto answer = ask(message_of(Type::SendReceiveBuffer, nvsp::SendBuffer{gpadl, id, 0}));
    return answer ? body_of<nvsp::ReceiveBufferComplete>(*answer).status : Status::None;
  }
  Status send_buffer(std::uint32_t gpadl) {
    const auto answer = ask(message_of(Type::SendSendBuffer, nvsp::SendBuffer{gpadl, 0, 0}));
    return answer ? body_of<nvsp::SendBufferComplete>(*answer).status : Status::None;
  }
  /// An RNDIS message out of page 300, as ranges of the packet.
  Status rndis_message(std::uint32_t channel, std::span<const std::byte> bytes) {
    host.machine.guest_write(sim::base_of({300}), bytes);
    vmbus::GpaRange range;
    range.bytes = static_cast<std::uint32_t>(bytes.size());
    for (std::uint64_t page = 0; page * sim::kPageSize < bytes.size(); ++page) {
      range.pfns.push_back(300 + page);
    }
    return packet({channel, nvsp::kNoSection, 0}, {range});
  }
  Status packet(const nvsp::RndisPacket& body, std::vector<vmbus::GpaRange> ranges = {}) {
    const auto answer = ask(message_of(Type::SendRndisPacket, body), std::move(ranges));
    return answer ? body_of<nvsp::RndisPacketComplete>(*answer).status : Status::None;
  }
  /// Up to where frames pass.
  void prepare() {
    ASSERT_EQ(init(), Status::Success);
    receive_gpadl = lend(200, 32);
    ASSERT_EQ(receive_buffer(receive_gpadl), Status::Success);
    send_gpadl = lend(240, 12);
    ASSERT_EQ(send_buffer(send_gpadl), Status::Success);
    struct {
      rndis::Header header{rndis::Type::Initialize, 24};
      rndis::Initialize body{1, 1, 0, 0x4000};
    } initialise;
    ASSERT_EQ(rndis_message(1, std::as_bytes(std::span(&initialise, 1))), Status::Success);
    struct {
      rndis::Header header{rndis::Type::Set, 32};
      rndis::Request body{2, rndis::Oid::PacketFilter, 4, 20, 0};
      std::uint32_t filter = 0xD;
    } set;
    ASSERT_EQ(rndis_message(1, std::as_bytes(std::span(&set, 1))), Status::Success);
    ASSERT_TRUE(host.netvsp.passes_frames());
  }
  std::uint64_t transaction = 0;
  std::uint32_t receive_gpadl = 0, send_gpadl = 0;
};

/// A data message with one frame.
std::vector<std::byte> data_message(std::span<const std::byte> frame) {
  rndis::Header header{rndis::Type::Packet, static_cast<std::uint32_t>(44 + frame.size())};
  rndis::Packet packet;
  packet.data_offset = 36;
  packet.data_bytes = static_cast<std::uint32_t>(frame.size());
  std::vector<std::byte> bytes(44);
  std::memcpy(bytes.data(), &header, 8);
  std::memcpy(bytes.data() + 8, &packet, 36);
  bytes.insert(bytes.end(), frame.begin(), frame.end());
  return bytes;
}

TEST(NetVspHostile, NothingMeansAnythingBeforeTheVersion) {
  Rig rig;
  const std::uint32_t gpadl = rig.lend(200, 32);
  const auto answer = rig.ask(
      message_of(Type::SendReceiveBuffer, nvsp::SendBuffer{gpadl, nvsp::kReceiveBufferId, 0}));
  ASSERT_TRUE(answer) << "who waits is not left waiting";
  EXPECT_TRUE(answer->payload.empty());
  EXPECT_EQ(rig.init(), Status::Success);
  EXPECT_EQ(rig.init(), Status::Failure) << "a version is agreed once";
  EXPECT_EQ(rig.receive_buffer(gpadl), Status::Success);
}

TEST(NetVspHostile, ABufferThatIsNotLentOrTooSmallOrASecondOneIsRefused) {
  Rig rig;
  ASSERT_EQ(rig.init(), Status::Success);
  EXPECT_EQ(rig.receive_buffer(0), Status::Failure);
  EXPECT_EQ(rig.receive_buffer(0xE1E10), Status::Failure) << "the rings' own GPADL";
  EXPECT_EQ(rig.receive_buffer(0x7777777), Status::Failure);
  const std::uint32_t gpadl = rig.lend(200, 8);
  EXPECT_EQ(rig.receive_buffer(gpadl, 1), Status::Failure);
  EXPECT_EQ(rig.send_buffer(rig.lend(230, 1)), Status::Failure);
  EXPECT_EQ(rig.receive_buffer(gpadl), Status::Success);
  EXPECT_EQ(rig.receive_buffer(gpadl), Status::Failure);
}

TEST(NetVspHostile, FramesBeforeTheirTurnAreRefused) {
  Rig rig;
  ASSERT_EQ(rig.init(), Status::Success);
  const auto frame = data_message(frame_of(kMacB, kMacA, 1));
  EXPECT_EQ(rig.rndis_message(0, frame), Status::Failure) << "no receive buffer";
  ASSERT_EQ(rig.receive_buffer(rig.lend(200, 32)), Status::Success);
  EXPECT_EQ(rig.rndis_message(0, frame), Status::Failure) << "RNDIS is not initialised";
  EXPECT_TRUE(rig.port.sent.empty());
  rig.port.give({frame_of(kMacA, kMacB, 1)});
  EXPECT_EQ(rig.host.netvsp.counters().received, 0u);
}

TEST(NetVspHostile, SectionsOutsideTheSendBufferAreRefused) {
  Rig rig;
  rig.prepare();
  const auto sections = static_cast<std::uint32_t>(12 * sim::kPageSize / nvsp::kSendSectionBytes);
  EXPECT_EQ(rig.packet({0, sections, 100}), Status::InvalidRndisPacket);
  EXPECT_EQ(rig.packet({0, 0xFFFFFFFE, 100}), Status::InvalidRndisPacket);
  EXPECT_EQ(rig.packet({0, 0, nvsp::kSendSectionBytes + 1}), Status::InvalidRndisPacket);
  EXPECT_EQ(rig.packet({0, 0, 0xFFFFFFFF}), Status::InvalidRndisPacket);
  EXPECT_EQ(rig.packet({0, 0, 0}), Status::InvalidRndisPacket);
  EXPECT_EQ(rig.packet({2, nvsp::kNoSection, 0}), Status::InvalidRndisPacket);
  EXPECT_TRUE(rig.port.sent.empty());
}

TEST(NetVspHostile, RangesOutsideMemoryAreRefused) {
  Rig rig;
  rig.prepare();
  EXPECT_EQ(rig.packet({0, nvsp::kNoSection, 0}, {{100, 0, {0x123456789}}}),
            Status::InvalidRndisPacket);
  vmbus::GpaRange huge;
  huge.bytes = 0x50000;
  for (std::uint64_t i = 0; i < 0x50; ++i) huge.pfns.push_back(300);
  EXPECT_EQ(rig.packet({0, nvsp::kNoSection, 0}, {huge}), Status::InvalidRndisPacket);
}

TEST(NetVspHostile, AMessageMayLieInASectionAndInRanges) {
  Rig rig;
  rig.prepare();
  const auto bytes = data_message(frame_of(kMacB, kMacA, 5, 200));
  const std::span<const std::byte> all(bytes);
  rig.host.machine.guest_write(sim::base_of({240}) + nvsp::kSendSectionBytes, all.first(60));
  rig.host.machine.guest_write(sim::base_of({310}) + 8, all.subspan(60));
  vmbus::GpaRange range{static_cast<std::uint32_t>(bytes.size() - 60), 8, {310}};
  EXPECT_EQ(rig.packet({0, 1, 60}, {range}), Status::Success);
  ASSERT_EQ(rig.port.sent.size(), 1u);
  EXPECT_EQ(*rig.port.sent[0], frame_of(kMacB, kMacA, 5, 200));
}

TEST(NetVspHostile, ABufferThatIsTakenBackWithoutAWordIsNotTouched) {
  Rig rig;
  rig.prepare();
  rig.host.guest.bus->take_back(rig.host.guest.relid, rig.receive_gpadl);
  rig.host.guest.bus->take_back(rig.host.guest.relid, rig.send_gpadl);
  rig.world.run();
  ASSERT_EQ(rig.host.guest.taken_back.size(), 2u);
  const traces::Digest before = rig.host.machine.memory->digest();
  rig.port.give({frame_of(kMacA, kMacB, 1)});
  EXPECT_EQ(rig.host.machine.memory->digest(), before);
  EXPECT_EQ(rig.host.netvsp.counters().no_buffer, 1u);
  EXPECT_EQ(rig.packet({0, 0, 100}), Status::InvalidRndisPacket);
}

TEST(NetVspHostile, ACompletionOfNothingOrASecondOneReturnsNoSection) {
  Rig rig;
  rig.prepare();
  rig.port.give({frame_of(kMacA, kMacB, 1)});
  rig.world.run();
  std::uint64_t given = 0;
  for (const auto& packet : rig.host.guest.received) {
    if (packet.type == vmbus::PacketType::DataUsingTransferPages) given = packet.transaction;
  }
  for (const std::uint64_t transaction : {given, given, std::uint64_t{12345}}) {
    vmbus::PacketOut out;
    out.type = vmbus::PacketType::Completion;
    out.transaction = transaction;
    rig.host.guest.bus->send(rig.host.guest.relid, out);
  }
  rig.world.run();
  // Were a section free twice, two frames would lie in it.
  rig.host.guest.received.clear();
  std::vector<std::vector<std::byte>> frames;
  for (std::uint32_t i = 0; i < 10; ++i) frames.push_back(frame_of(kMacA, kMacB, i));
  rig.port.give(frames);
  rig.world.run();
  std::set<std::uint32_t> offsets;
  for (const auto& packet : rig.host.guest.received) {
    for (const auto& range : packet.ranges) EXPECT_TRUE(offsets.insert(range.offset).second);
  }
  EXPECT_EQ(offsets.size(), 10u);
}

TEST(NetVspHostile, SubChannelsAreGrantedToNobody) {
  Rig rig;
  ASSERT_EQ(rig.init(), Status::Success);
  const auto answer = rig.ask(message_of(Type::SubChannel, nvsp::SubChannelRequest{1, 7}));
  ASSERT_TRUE(answer);
  EXPECT_EQ(body_of<nvsp::SubChannelComplete>(*answer).status, Status::Success);
  EXPECT_EQ(body_of<nvsp::SubChannelComplete>(*answer).count, 0u);
}

TEST(NetVspHostile, AFloodOfQuestionsIsRefusedAsBusy) {
  Rig rig;
  rig.prepare();
  rig.host.guest.received.clear();
  struct {
    rndis::Header header{rndis::Type::Query, 28};
    rndis::Request body{9, rndis::Oid::LinkSpeed, 0, 20, 0};
  } query;
  // The guest returns none of the 75 sections that the answers lie in.
  Status last = Status::Success;
  for (int i = 0; i < 200 && last == Status::Success; ++i) {
    last = rig.rndis_message(1, std::as_bytes(std::span(&query, 1)));
  }
  EXPECT_EQ(last, Status::Busy);
}

/// Bytes with small numbers and all ones among them, as offsets and lengths like to be wrong.
rc::Gen<std::vector<std::byte>> messages() {
  return rc::gen::map(
      rc::gen::container<std::vector<std::uint32_t>>(rc::gen::oneOf(
          rc::gen::inRange<std::uint32_t>(0, 80), rc::gen::arbitrary<std::uint32_t>(),
          rc::gen::elementOf(std::vector<std::uint32_t>{0xFFFFFFFF, 0x7FFFFFFF, 36, 44, 100, 1514,
                                                        0x0001010E, 0xFC01020C, 0x0001021B,
                                                        0x01010103}))),
      [](const std::vector<std::uint32_t>& words) {
        std::vector<std::byte> bytes(words.size() * 4);
        if (!words.empty()) std::memcpy(bytes.data(), words.data(), bytes.size());
        return bytes;
      });
}

RC_GTEST_PROP(NetVspHostileProperty, AnyMessageIsAnsweredOnceAndFramesStillPass, ()) {
  Rig rig;
  rig.prepare();
  const auto rounds = *rc::gen::inRange(1, 6);
  for (int round = 0; round < rounds; ++round) {
    auto bytes = *messages();
    bytes.resize(std::max<std::size_t>(bytes.size(), 8));
    const auto type = *rc::gen::inRange<std::uint32_t>(1, 9);
    const std::uint32_t channel = type == 1 ? 0 : 1;
    std::memcpy(bytes.data(), &type, 4);
    if (*rc::gen::arbitrary<bool>()) {
      const auto length = static_cast<std::uint32_t>(bytes.size());
      std::memcpy(bytes.data() + 4, &length, 4);
    }
    const Status status = rig.rndis_message(channel, bytes);
    RC_ASSERT(status != Status::None);
  }
  for (const auto& frame : rig.port.sent) RC_ASSERT(frame->size() >= 14u);
  // The guest starts anew: whatever was said before, it comes up.
  rig.host.guest.received.clear();
  rig.host.guest.handshake = true;
  rig.host.guest.bus->close(rig.host.guest.relid);
  rig.world.run();
  rig.host.guest.bus->open(rig.host.guest.relid, {16}, 8, 8);
  rig.world.run();
  RC_ASSERT(rig.host.guest.net->ready());
  rig.port.give({frame_of(kMacA, kMacB, 9)});
  rig.world.run();
  RC_ASSERT(rig.host.guest.frames.size() == 1u);
}

RC_GTEST_PROP(NetVspHostileProperty, AnyNvspMessageIsCompletedOnce, ()) {
  Rig rig;
  if (*rc::gen::arbitrary<bool>()) rig.prepare();
  const auto rounds = *rc::gen::inRange(1, 10);
  for (int round = 0; round < rounds; ++round) {
    Message message;
    message.type =
        static_cast<Type>(*rc::gen::oneOf(rc::gen::elementOf(std::vector<std::uint32_t>{
                                              1, 100, 101, 103, 104, 106, 107, 125, 129, 133}),
                                          rc::gen::inRange<std::uint32_t>(0, 140)));
    const auto words = *rc::gen::container<std::vector<std::uint32_t>>(
        9, rc::gen::oneOf(
               rc::gen::inRange<std::uint32_t>(0, 3),
               rc::gen::elementOf(std::vector<std::uint32_t>{rig.receive_gpadl, rig.send_gpadl,
                                                             0xCAFE, 0xFFFFFFFF, 0x60001, 0xE1E10}),
               rc::gen::arbitrary<std::uint32_t>()));
    std::memcpy(message.body.data(), words.data(), 36);
    rig.host.guest.received.clear();
    RC_ASSERT(rig.ask(message).has_value());
    const auto completions =
        std::count_if(rig.host.guest.received.begin(), rig.host.guest.received.end(),
                      [](const auto& p) { return p.type == vmbus::PacketType::Completion; });
    RC_ASSERT(completions == 1);
    rig.port.give({frame_of(kMacA, kMacB, 1)});
  }
}

}  // namespace
