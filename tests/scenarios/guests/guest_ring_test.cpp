// The guests' ring code (C, scenarios/guests/lib/ring.c) against the host's (C++,
// hypervisor/vmbus/ring.hpp): two implementations of spec C.5 over the same memory.
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "hypervisor/vmbus/ring.hpp"
#include "tests/scenarios/guests/guest_ring.h"

namespace {

constexpr std::uint32_t kPage = 4096;
constexpr std::uint32_t kTrailer = 8;

/// Header page and data, as both sides see it.
class Pages final : public vmbus::RingMemory {
 public:
  explicit Pages(std::uint32_t count) : bytes_(count * kPage), count_(count) {}
  std::uint32_t data_bytes() const override { return (count_ - 1) * kPage; }
  void read(std::uint32_t offset, std::span<std::byte> out) const override {
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
  }
  void write(std::uint32_t offset, std::span<const std::byte> data) override {
    std::memcpy(bytes_.data() + offset, data.data(), data.size());
  }
  std::uint32_t word(std::uint32_t offset) const {
    std::uint32_t value;
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }
  void set_word(std::uint32_t offset, std::uint32_t value) {
    std::memcpy(bytes_.data() + offset, &value, sizeof value);
  }
  std::uint32_t write_index() const { return word(vmbus::ring_header::kWriteIndex); }
  std::uint32_t read_index() const { return word(vmbus::ring_header::kReadIndex); }
  std::uint32_t used() const {
    return (write_index() + data_bytes() - read_index()) % data_bytes();
  }
  std::vector<std::byte>& bytes() { return bytes_; }
  std::uint32_t count() const { return count_; }

 private:
  std::vector<std::byte> bytes_;
  std::uint32_t count_;
};

/// The guest's end of a ring.
class GuestEnd {
 public:
  explicit GuestEnd(Pages& pages) : ring_(guest_ring_attach(pages.bytes().data(), pages.count())) {}
  ~GuestEnd() { guest_ring_detach(ring_); }
  GuestEnd(const GuestEnd&) = delete;
  guest_ring* operator*() const { return ring_; }

 private:
  guest_ring* ring_;
};

struct Sent {
  vmbus::PacketType type;
  bool completion;
  std::uint64_t transaction;
  std::vector<vmbus::GpaRange> ranges;
  std::vector<std::byte> payload;  // padded to a multiple of 8, as it arrives
};

std::vector<std::byte> padded(std::vector<std::byte> payload) {
  payload.resize((payload.size() + 7) / 8 * 8);
  return payload;
}

/// GPA-direct ranges as the guest writes them in front of the payload.
std::vector<std::byte> range_bytes(const std::vector<vmbus::GpaRange>& ranges) {
  std::vector<std::byte> out;
  auto put = [&out](auto value) {
    auto bytes = std::as_bytes(std::span(&value, 1));
    out.insert(out.end(), bytes.begin(), bytes.end());
  };
  if (ranges.empty()) return out;
  put(std::uint32_t{0});
  put(static_cast<std::uint32_t>(ranges.size()));
  for (const vmbus::GpaRange& range : ranges) {
    put(range.bytes);
    put(range.offset);
    for (std::uint64_t pfn : range.pfns) put(pfn);
  }
  return out;
}

/// With `round`, only packets that take a multiple of 512 bytes of the ring: then free space and
/// need are often equal, which is where the rules are easily wrong by one.
Sent arbitrary_packet(std::uint64_t transaction, bool round = false) {
  Sent sent;
  sent.transaction = transaction;
  sent.completion = *rc::gen::arbitrary<bool>();
  bool direct = !round && *rc::gen::weightedElement<bool>({{3, false}, {1, true}});
  sent.type = direct ? vmbus::PacketType::DataUsingGpaDirect : vmbus::PacketType::DataInband;
  if (direct) {
    vmbus::GpaRange range;
    range.offset = *rc::gen::inRange<std::uint32_t>(0, kPage);
    range.pfns = *rc::gen::container<std::vector<std::uint64_t>>(
        *rc::gen::inRange<std::size_t>(1, 6), rc::gen::inRange<std::uint64_t>(1, 1 << 20));
    auto pages = static_cast<std::uint32_t>(range.pfns.size());
    // As many bytes as touch exactly these pages.
    std::uint32_t least = pages == 1 ? 1 : (pages - 1) * kPage - range.offset + 1;
    range.bytes = *rc::gen::inRange<std::uint32_t>(least, pages * kPage - range.offset + 1);
    sent.ranges.push_back(range);
  }
  auto bytes = round ? 512 * *rc::gen::inRange<std::size_t>(1, 5) - 24
                     : *rc::gen::inRange<std::size_t>(0, 1500);
  for (std::size_t i = 0; i < bytes; ++i) {
    sent.payload.push_back(static_cast<std::byte>(transaction * 31 + i * 7));
  }
  return sent;
}

std::uint32_t bytes_in_ring(const Sent& sent) {
  return static_cast<std::uint32_t>(16 + range_bytes(sent.ranges).size() +
                                    padded(sent.payload).size() + kTrailer);
}

int guest_send(const GuestEnd& guest, const Sent& sent, int& signal) {
  std::vector<std::byte> extra = range_bytes(sent.ranges);
  return guest_ring_send(*guest, static_cast<std::uint16_t>(sent.type), sent.completion ? 1 : 0,
                         sent.transaction, extra.data(), static_cast<std::uint32_t>(extra.size()),
                         sent.payload.data(), static_cast<std::uint32_t>(sent.payload.size()),
                         &signal);
}

vmbus::PacketOut packet_out(const Sent& sent) {
  vmbus::PacketOut out;
  out.type = sent.type;
  out.completion_requested = sent.completion;
  out.transaction = sent.transaction;
  out.ranges = sent.ranges;
  out.payload = sent.payload;
  return out;
}

void expect_arrived(const Sent& sent, const vmbus::Packet& packet) {
  RC_ASSERT(packet.type == sent.type);
  RC_ASSERT(packet.completion_requested == sent.completion);
  RC_ASSERT(packet.transaction == sent.transaction);
  RC_ASSERT(packet.payload == padded(sent.payload));
  RC_ASSERT(packet.ranges.size() == sent.ranges.size());
  for (std::size_t i = 0; i < sent.ranges.size(); ++i) {
    RC_ASSERT(packet.ranges[i].bytes == sent.ranges[i].bytes);
    RC_ASSERT(packet.ranges[i].offset == sent.ranges[i].offset);
    RC_ASSERT(packet.ranges[i].pfns == sent.ranges[i].pfns);
  }
}

/// What a consumer owes a producer that waits (spec C.5): one signal, when free space crosses.
bool owes_signal(std::uint32_t pending, std::uint32_t free_before, std::uint32_t free_after) {
  return pending != 0 && free_before <= pending && free_after > pending;
}

RC_GTEST_PROP(GuestRing, WhatTheGuestProducesTheHostConsumesInOrderAndSignalsAreExact, ()) {
  Pages pages(*rc::gen::inRange<std::uint32_t>(2, 4));
  GuestEnd guest(pages);
  guest_ring_initialise(*guest);
  vmbus::RingReader host(pages);
  std::deque<Sent> expected;
  bool masked = false;
  const bool round = *rc::gen::arbitrary<bool>();
  std::uint64_t transaction = 1;
  for (int step = 0; step < 60; ++step) {
    int action = *rc::gen::weightedElement<int>({{5, 0}, {4, 1}, {1, 2}});
    if (action == 0) {
      Sent sent = arbitrary_packet(transaction++, round);
      std::uint32_t start = pages.write_index();
      bool fits = bytes_in_ring(sent) <= pages.data_bytes() - 8 - pages.used();
      int signal = 0;
      RC_ASSERT(guest_send(guest, sent, signal) == (fits ? 1 : 0));
      RC_ASSERT((signal != 0) == (fits && !masked && expected.empty()));
      RC_ASSERT(pages.word(vmbus::ring_header::kPendingSendSize) ==
                (fits ? 0 : bytes_in_ring(sent)));
      if (fits) {
        RC_ASSERT((pages.write_index() + pages.data_bytes() - start) % pages.data_bytes() ==
                  bytes_in_ring(sent));
        std::uint32_t trailer =
            (pages.write_index() + pages.data_bytes() - kTrailer) % pages.data_bytes();
        RC_ASSERT(pages.word(kPage + trailer) == 0u);
        RC_ASSERT(pages.word(kPage + trailer + 4) == start);
        expected.push_back(sent);
      }
    } else if (action == 1) {
      std::uint32_t pending = pages.word(vmbus::ring_header::kPendingSendSize);
      std::uint32_t free_before = pages.data_bytes() - pages.used();
      vmbus::RingReader::Read read = host.read();
      RC_ASSERT(read.error == vmbus::RingError::None);
      RC_ASSERT(read.packet.has_value() == !expected.empty());
      if (!read.packet) continue;
      expect_arrived(expected.front(), *read.packet);
      expected.pop_front();
      // The guest announced with its feature bit that it waits by pending_send_sz.
      std::uint32_t free_after = pages.data_bytes() - pages.used();
      RC_ASSERT(read.check.signal == owes_signal(pending, free_before, free_after));
    } else {
      if (masked) {
        RC_ASSERT(host.unmask() == !expected.empty());
      } else {
        host.mask();
      }
      masked = !masked;
    }
  }
}

RC_GTEST_PROP(GuestRing, WhatTheHostProducesTheGuestConsumesInOrderAndSignalsAreExact, ()) {
  Pages pages(*rc::gen::inRange<std::uint32_t>(2, 4));
  GuestEnd guest(pages);
  guest_ring_initialise(*guest);
  vmbus::RingWriter host(pages);
  std::deque<Sent> expected;
  bool masked = false;
  const bool round = *rc::gen::arbitrary<bool>();
  std::uint64_t transaction = 1;
  for (int step = 0; step < 60; ++step) {
    int action = *rc::gen::weightedElement<int>({{5, 0}, {4, 1}, {1, 2}});
    if (action == 0) {
      Sent sent = arbitrary_packet(transaction++, round);
      bool fits = bytes_in_ring(sent) <= pages.data_bytes() - 8 - pages.used();
      vmbus::RingWriter::Written written = host.write(packet_out(sent));
      RC_ASSERT(written.fits == fits);
      RC_ASSERT(written.check.signal == (fits && !masked && expected.empty()));
      if (fits) expected.push_back(sent);
    } else if (action == 1) {
      std::uint32_t pending = pages.word(vmbus::ring_header::kPendingSendSize);
      std::uint32_t free_before = pages.data_bytes() - pages.used();
      guest_ring_packet packet{};
      std::vector<std::byte> payload(2048);
      int signal = 0;
      auto outcome = guest_ring_receive(*guest, &packet, payload.data(), 2048, &signal);
      RC_ASSERT(outcome == (expected.empty() ? GUEST_RING_EMPTY : GUEST_RING_PACKET));
      if (outcome != GUEST_RING_PACKET) continue;
      payload.resize(packet.payload_bytes);
      RC_ASSERT(payload == padded(expected.front().payload));
      RC_ASSERT(packet.transaction == expected.front().transaction);
      RC_ASSERT(packet.type == static_cast<std::uint16_t>(expected.front().type));
      RC_ASSERT(packet.flags == (expected.front().completion ? 1 : 0));
      expected.pop_front();
      std::uint32_t free_after = pages.data_bytes() - pages.used();
      RC_ASSERT((signal != 0) == owes_signal(pending, free_before, free_after));
    } else {
      if (masked) {
        RC_ASSERT((guest_ring_unmask(*guest) != 0) == !expected.empty());
      } else {
        guest_ring_mask(*guest);
      }
      masked = !masked;
    }
  }
}

RC_GTEST_PROP(GuestRing, BothSidesProduceTheSameBytes, ()) {
  Pages by_guest(2);
  GuestEnd guest(by_guest);
  guest_ring_initialise(*guest);
  // Anywhere in the ring, so that packets wrap at every place.
  auto start = *rc::gen::inRange<std::uint32_t>(0, kPage / 8) * 8;
  by_guest.set_word(vmbus::ring_header::kWriteIndex, start);
  by_guest.set_word(vmbus::ring_header::kReadIndex, start);
  Pages by_host = by_guest;
  Sent sent = arbitrary_packet(7);
  int signal = 0;
  RC_ASSERT(guest_send(guest, sent, signal) == 1);
  vmbus::RingWriter host(by_host);
  RC_ASSERT(host.write(packet_out(sent)).fits);
  RC_ASSERT(by_guest.bytes() == by_host.bytes());
}

TEST(GuestRing, APacketThatFillsTheRingToItsLastEightBytesFitsAndOneByteMoreDoesNot) {
  Pages pages(2);
  GuestEnd guest(pages);
  guest_ring_initialise(*guest);
  std::vector<std::byte> payload(kPage - 8 - 16 - kTrailer + 1);
  int signal = 0;
  EXPECT_EQ(guest_ring_send(*guest, 6, 0, 1, nullptr, 0, payload.data(),
                            static_cast<std::uint32_t>(payload.size()), &signal),
            0);
  EXPECT_EQ(pages.write_index(), 0u);
  EXPECT_EQ(guest_ring_send(*guest, 6, 0, 1, nullptr, 0, payload.data(),
                            static_cast<std::uint32_t>(payload.size() - 1), &signal),
            1);
  EXPECT_EQ(signal, 1);
  EXPECT_EQ(pages.used(), kPage - 8);
}

TEST(GuestRing, AWriterThatFindsNoRoomSaysHowMuchItNeeds) {
  Pages pages(2);
  GuestEnd guest(pages);
  guest_ring_initialise(*guest);
  std::vector<std::byte> payload(2000);
  int signal = 0;
  ASSERT_EQ(guest_ring_send(*guest, 6, 0, 1, nullptr, 0, payload.data(), 2000, &signal), 1);
  ASSERT_EQ(guest_ring_send(*guest, 6, 0, 2, nullptr, 0, payload.data(), 2000, &signal), 1);
  ASSERT_EQ(guest_ring_send(*guest, 6, 0, 3, nullptr, 0, payload.data(), 2000, &signal), 0);
  EXPECT_EQ(pages.word(vmbus::ring_header::kPendingSendSize), 2000u + 16 + kTrailer);
  vmbus::RingReader host(pages);
  EXPECT_TRUE(host.read().check.signal);
  ASSERT_EQ(guest_ring_send(*guest, 6, 0, 3, nullptr, 0, payload.data(), 2000, &signal), 1);
  EXPECT_EQ(pages.word(vmbus::ring_header::kPendingSendSize), 0u);
}

struct Damage {
  const char* what;
  std::uint32_t offset;  ///< from the header page
  std::uint32_t value;
};

class BrokenGuestRing : public testing::TestWithParam<Damage> {};

TEST_P(BrokenGuestRing, IsNoticedAndNothingIsConsumed) {
  Pages pages(2);
  GuestEnd guest(pages);
  guest_ring_initialise(*guest);
  vmbus::RingWriter host(pages);
  std::vector<std::byte> payload(64);
  vmbus::PacketOut packet;
  packet.payload = payload;
  ASSERT_TRUE(host.write(packet).fits);
  pages.set_word(GetParam().offset, GetParam().value);
  const std::uint32_t read_index = pages.read_index();

  guest_ring_packet received{};
  std::vector<std::byte> out(256);
  int signal = 0;
  EXPECT_EQ(guest_ring_receive(*guest, &received, out.data(), 256, &signal), GUEST_RING_BROKEN);
  EXPECT_EQ(pages.read_index(), read_index);
}

INSTANTIATE_TEST_SUITE_P(
    , BrokenGuestRing,
    testing::Values(Damage{"WriteIndexBeyondTheData", vmbus::ring_header::kWriteIndex, kPage},
                    Damage{"WriteIndexNotAMultipleOf8", vmbus::ring_header::kWriteIndex, 84},
                    Damage{"ReadIndexBeyondTheData", vmbus::ring_header::kReadIndex, 1u << 31},
                    Damage{"LengthBeyondWhatWasWritten", kPage + 4, 0x0000'0040},
                    Damage{"LengthBelowTheOffset", kPage + 4, 0x0000'0001},
                    Damage{"OffsetInsideTheDescriptor", kPage, 0x0001'0006},
                    Damage{"LessThanADescriptor", vmbus::ring_header::kWriteIndex, 16}),
    [](const testing::TestParamInfo<Damage>& info) { return std::string(info.param.what); });

}  // namespace
