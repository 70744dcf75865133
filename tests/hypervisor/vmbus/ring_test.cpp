// Rings: the rules of spec C.5 against plain memory, a reference queue, and hostile content.
#include "hypervisor/vmbus/ring.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstring>
#include <deque>

#include "hypervisor/vmbus/packet_format.hpp"

namespace {

using vmbus::Packet;
using vmbus::PacketOut;
using vmbus::PacketType;
using vmbus::RingError;

class PlainRing final : public vmbus::RingMemory {
 public:
  explicit PlainRing(std::uint32_t data_bytes = 4096) : bytes_(4096 + data_bytes) {
    set(vmbus::ring_header::kFeatureBits, 1);
  }
  std::uint32_t data_bytes() const override {
    return static_cast<std::uint32_t>(bytes_.size() - 4096);
  }
  void read(std::uint32_t offset, std::span<std::byte> out) const override {
    ASSERT_LE(offset + out.size(), bytes_.size());
    std::copy_n(bytes_.begin() + offset, out.size(), out.begin());
  }
  void write(std::uint32_t offset, std::span<const std::byte> data) override {
    ASSERT_LE(offset + data.size(), bytes_.size());
    std::copy(data.begin(), data.end(), bytes_.begin() + offset);
  }
  std::uint32_t get(std::uint32_t offset) const {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes_.data() + offset, 4);
    return value;
  }
  void set(std::uint32_t offset, std::uint32_t value) {
    std::memcpy(bytes_.data() + offset, &value, 4);
  }
  void start_at(std::uint32_t index) {
    set(vmbus::ring_header::kWriteIndex, index);
    set(vmbus::ring_header::kReadIndex, index);
  }
  std::vector<std::byte>& raw() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

PacketOut inband(std::span<const std::byte> payload, std::uint64_t transaction = 1) {
  PacketOut packet;
  packet.transaction = transaction;
  packet.payload = payload;
  return packet;
}

std::vector<std::byte> filled(std::size_t bytes, int value) {
  return std::vector<std::byte>(bytes, static_cast<std::byte>(value));
}

TEST(Ring, APacketArrivesAsItWasSent) {
  PlainRing ring;
  vmbus::RingWriter writer(ring);
  vmbus::RingReader reader(ring);
  const auto payload = filled(40, 7);
  PacketOut out = inband(payload, 99);
  out.type = PacketType::DataUsingGpaDirect;
  out.completion_requested = true;
  out.ranges = {{8192, 100, {5, 6, 7}}, {4096, 0, {9}}};
  const auto written = writer.write(out);
  ASSERT_TRUE(written.fits);
  const auto read = reader.read();
  ASSERT_TRUE(read.packet);
  EXPECT_EQ(read.packet->type, PacketType::DataUsingGpaDirect);
  EXPECT_EQ(read.packet->transaction, 99u);
  EXPECT_TRUE(read.packet->completion_requested);
  EXPECT_EQ(read.packet->payload, payload);
  ASSERT_EQ(read.packet->ranges.size(), 2u);
  EXPECT_EQ(read.packet->ranges[0].pfns, (std::vector<std::uint64_t>{5, 6, 7}));
  EXPECT_EQ(read.packet->ranges[1].bytes, 4096u);
  EXPECT_EQ(read.hash, written.hash);
  EXPECT_EQ(read.end, written.end);
  EXPECT_EQ(ring.get(vmbus::ring_header::kReadIndex), ring.get(vmbus::ring_header::kWriteIndex));
}

TEST(Ring, TransferPagePacketsCarrySetAndSections) {
  PlainRing ring;
  PacketOut out = inband({}, 3);
  out.type = PacketType::DataUsingTransferPages;
  out.pageset = 0xCAFE;
  out.ranges = {{60, 1728, {}}, {1514, 0, {}}};
  ASSERT_TRUE(vmbus::RingWriter(ring).write(out).fits);
  const auto read = vmbus::RingReader(ring).read();
  ASSERT_TRUE(read.packet);
  EXPECT_EQ(read.packet->pageset, 0xCAFE);
  ASSERT_EQ(read.packet->ranges.size(), 2u);
  EXPECT_EQ(read.packet->ranges[0].offset, 1728u);
  EXPECT_EQ(read.packet->ranges[1].bytes, 1514u);
}

TEST(Ring, TheTrailerNamesThePacketsStart) {
  PlainRing ring;
  ring.start_at(64);
  const auto payload = filled(8, 1);
  const auto written = vmbus::RingWriter(ring).write(inband(payload));
  ASSERT_TRUE(written.fits);
  EXPECT_EQ(written.end, 64u + 16 + 8 + 8);
  EXPECT_EQ(ring.get(4096 + written.end - 8), 0u);
  EXPECT_EQ(ring.get(4096 + written.end - 4), 64u);
}

TEST(Ring, ThePayloadIsPaddedToEightBytes) {
  PlainRing ring;
  const auto payload = filled(3, 1);
  EXPECT_EQ(vmbus::RingWriter(ring).write(inband(payload)).end, 16u + 8 + 8);
  EXPECT_EQ(vmbus::RingReader(ring).read().packet->payload.size(), 8u);
}

TEST(Ring, TheWriterSignalsOnlyWhenTheRingWasEmpty) {
  PlainRing ring;
  vmbus::RingWriter writer(ring);
  const auto payload = filled(8, 1);
  EXPECT_TRUE(writer.write(inband(payload)).check.signal);
  EXPECT_FALSE(writer.write(inband(payload)).check.signal);
  vmbus::RingReader reader(ring);
  reader.read();
  EXPECT_FALSE(writer.write(inband(payload)).check.signal) << "one packet was still unread";
  while (reader.read().packet) {
  }
  EXPECT_TRUE(writer.write(inband(payload)).check.signal);
}

TEST(Ring, TheWriterDoesNotSignalAMaskingReader) {
  PlainRing ring;
  vmbus::RingReader reader(ring);
  reader.mask();
  const auto payload = filled(8, 1);
  const auto written = vmbus::RingWriter(ring).write(inband(payload));
  EXPECT_FALSE(written.check.signal);
  EXPECT_EQ(written.check.mask, 1u);
  EXPECT_TRUE(reader.unmask()) << "what came while masked must be noticed when unmasking";
}

TEST(Ring, TheLastEightBytesStayFree) {
  PlainRing ring;
  vmbus::RingWriter writer(ring);
  const auto exact = filled(4096 - 8 - 16 - 8, 1);
  EXPECT_TRUE(writer.write(inband(exact)).fits);
  EXPECT_EQ(ring.get(vmbus::ring_header::kWriteIndex), 4088u);
  EXPECT_FALSE(writer.write(inband({})).fits);
}

TEST(Ring, AFullRingAnnouncesWhatItNeeds) {
  PlainRing ring;
  vmbus::RingWriter writer(ring);
  const auto big = filled(2048, 1);
  ASSERT_TRUE(writer.write(inband(big)).fits);
  ASSERT_FALSE(writer.write(inband(big)).fits);
  EXPECT_EQ(ring.get(vmbus::ring_header::kPendingSendSize), 2048u + 24);
  const auto read = vmbus::RingReader(ring).read();
  EXPECT_TRUE(read.check.signal) << "the read crossed the announced threshold";
  EXPECT_EQ(read.check.pending, 2048u + 24);
  ASSERT_TRUE(writer.write(inband(big)).fits);
  EXPECT_EQ(ring.get(vmbus::ring_header::kPendingSendSize), 0u) << "nobody waits any more";
}

TEST(Ring, TheReaderSignalsOnceWhenItCrossesTheThreshold) {
  PlainRing ring;
  vmbus::RingWriter writer(ring);
  const auto small = filled(488, 1);  // 512 bytes with descriptor and trailer
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(writer.write(inband(small)).fits);
  const auto big = filled(1000, 1);  // 1024 bytes; 512 are free
  ASSERT_FALSE(writer.write(inband(big)).fits);
  vmbus::RingReader reader(ring);
  EXPECT_FALSE(reader.read().check.signal) << "1024 free are one too few: a full ring looks empty";
  EXPECT_TRUE(reader.read().check.signal);
  EXPECT_FALSE(reader.read().check.signal) << "there was room before this read";
}

TEST(Ring, WithoutTheFeatureBitTheReaderNeverSignals) {
  PlainRing ring;
  ring.set(vmbus::ring_header::kFeatureBits, 0);
  vmbus::RingWriter writer(ring);
  const auto big = filled(2048, 1);
  ASSERT_TRUE(writer.write(inband(big)).fits);
  ASSERT_FALSE(writer.write(inband(big)).fits);
  EXPECT_FALSE(vmbus::RingReader(ring).read().check.signal);
}

TEST(Ring, AnIndexOutsideTheDataIsRefused) {
  for (const std::uint32_t bad : {4096u, 4u, 0xFFFFFFF8u}) {
    PlainRing ring;
    ring.set(vmbus::ring_header::kWriteIndex, bad);
    EXPECT_EQ(vmbus::RingReader(ring).read().error, RingError::BadIndex);
    EXPECT_EQ(vmbus::RingWriter(ring).write(inband({})).error, RingError::BadIndex);
    ring.start_at(0);
    ring.set(vmbus::ring_header::kReadIndex, bad);
    EXPECT_EQ(vmbus::RingReader(ring).read().error, RingError::BadIndex);
    EXPECT_EQ(vmbus::RingWriter(ring).write(inband({})).error, RingError::BadIndex);
  }
}

/// Writes one packet and then changes its descriptor.
RingError read_after(void (*change)(vmbus::protocol::PacketDescriptor&)) {
  PlainRing ring;
  const auto payload = filled(32, 1);
  EXPECT_TRUE(vmbus::RingWriter(ring).write(inband(payload)).fits);
  vmbus::protocol::PacketDescriptor descriptor;
  std::memcpy(&descriptor, ring.raw().data() + 4096, sizeof(descriptor));
  change(descriptor);
  std::memcpy(ring.raw().data() + 4096, &descriptor, sizeof(descriptor));
  const auto read = vmbus::RingReader(ring).read();
  EXPECT_EQ(read.end, read.start);
  EXPECT_EQ(ring.get(vmbus::ring_header::kReadIndex), 0u) << "nothing was consumed";
  return read.error;
}

TEST(Ring, ImpossibleDescriptorsAreRefused) {
  EXPECT_EQ(read_after([](auto& d) { d.offset8 = 1; }), RingError::BadDescriptor);
  EXPECT_EQ(read_after([](auto& d) { d.offset8 = 7; }), RingError::BadDescriptor);
  EXPECT_EQ(read_after([](auto& d) { d.length8 = 7; }), RingError::BadDescriptor);
  EXPECT_EQ(read_after([](auto& d) { d.length8 = 0xFFFF; }), RingError::BadDescriptor);
  EXPECT_EQ(read_after([](auto& d) { d.length8 = 0; }), RingError::BadDescriptor);
  EXPECT_EQ(read_after([](auto& d) { d.type = 8; }), RingError::BadDescriptor);
  EXPECT_EQ(read_after([](auto& d) { d.type = 9; }), RingError::BadDescriptor)
      << "ranges that reach past the payload's start";
}

/// Two sides in random steps against a queue: order, bytes, free space, signals.
RC_GTEST_PROP(RingProperty, WhatGoesInComesOutInOrder, ()) {
  const auto pages = *rc::gen::inRange<std::uint32_t>(1, 4);
  PlainRing ring(pages * 4096);
  const std::uint32_t size = ring.data_bytes();
  ring.start_at(8 * *rc::gen::inRange<std::uint32_t>(0, size / 8));
  vmbus::RingWriter writer(ring);
  vmbus::RingReader reader(ring);
  std::deque<std::vector<std::byte>> reference;
  std::uint32_t used = 0;
  std::uint32_t wanted = 0;  // by a writer that found no room
  std::uint64_t number = 0, taken = 0;
  bool masked = false;
  const auto steps =
      *rc::gen::container<std::vector<std::pair<std::uint8_t, std::uint16_t>>>(rc::gen::pair(
          rc::gen::inRange<std::uint8_t>(0, 8), rc::gen::inRange<std::uint16_t>(0, 2000)));
  for (const auto& [action, bytes] : steps) {
    if (action < 4) {
      const auto payload = filled(bytes, static_cast<int>(number + 1));
      const std::uint32_t need = (bytes + 7u) / 8 * 8 + 24;
      const auto written = writer.write(inband(payload, number));
      RC_ASSERT(written.error == RingError::None);
      RC_ASSERT(written.fits == (need + used <= size - 8));
      if (written.fits) {
        RC_ASSERT(written.check.signal == (used == 0 && !masked));
        auto padded = payload;
        padded.resize(need - 24);
        reference.push_back(std::move(padded));
        used += need;
        ++number;
        wanted = 0;
      } else {
        wanted = need;
      }
      RC_ASSERT(ring.get(vmbus::ring_header::kPendingSendSize) == wanted);
    } else if (action < 7) {
      const auto read = reader.read();
      RC_ASSERT(read.error == RingError::None);
      RC_ASSERT(read.packet.has_value() == !reference.empty());
      if (!read.packet) continue;
      RC_ASSERT(read.packet->transaction == taken++);
      RC_ASSERT(read.packet->payload == reference.front());
      const auto freed = static_cast<std::uint32_t>(reference.front().size()) + 24;
      const bool before = wanted != 0 && wanted + used <= size - 8;
      used -= freed;
      const bool after = wanted != 0 && wanted + used <= size - 8;
      RC_ASSERT(read.check.signal == (!before && after));
      reference.pop_front();
    } else if (masked) {
      RC_ASSERT(reader.unmask() == !reference.empty());
      masked = false;
    } else {
      reader.mask();
      masked = true;
    }
  }
}

RC_GTEST_PROP(RingProperty, HostileContentNeverBreaksTheHost, ()) {
  PlainRing ring;
  const auto noise =
      *rc::gen::container<std::vector<std::uint8_t>>(256, rc::gen::arbitrary<std::uint8_t>());
  for (std::size_t i = 0; i < noise.size(); ++i) {
    ring.raw()[4096 + i] = static_cast<std::byte>(noise[i]);
  }
  // Plausible indices more often than not, so that the descriptors are looked at.
  ring.set(vmbus::ring_header::kWriteIndex,
           *rc::gen::oneOf(rc::gen::arbitrary<std::uint32_t>(),
                           rc::gen::map(rc::gen::inRange<std::uint32_t>(0, 512),
                                        [](auto n) { return 8 * n; })));
  ring.set(vmbus::ring_header::kReadIndex,
           *rc::gen::oneOf(
               rc::gen::arbitrary<std::uint32_t>(),
               rc::gen::map(rc::gen::inRange<std::uint32_t>(0, 32), [](auto n) { return 8 * n; })));
  ring.set(vmbus::ring_header::kPendingSendSize, *rc::gen::arbitrary<std::uint32_t>());
  // A small descriptor where reading begins, with random type and lengths.
  const std::uint32_t at = ring.get(vmbus::ring_header::kReadIndex);
  if (at % 8 == 0 && at <= 4096 - 16) {
    vmbus::protocol::PacketDescriptor descriptor;
    descriptor.type = *rc::gen::inRange<std::uint16_t>(5, 13);
    descriptor.offset8 = *rc::gen::inRange<std::uint16_t>(0, 10);
    descriptor.length8 = *rc::gen::inRange<std::uint16_t>(0, 40);
    std::memcpy(ring.raw().data() + 4096 + at, &descriptor, sizeof(descriptor));
  }
  vmbus::RingReader reader(ring);
  for (int i = 0; i < 600; ++i) {
    const auto read = reader.read();
    if (read.error != RingError::None || !read.packet) break;
    RC_ASSERT(read.end < 4096u && read.end % 8 == 0u);
    for (const auto& range : read.packet->ranges) RC_ASSERT(range.pfns.size() <= 512u);
  }
  vmbus::RingWriter(ring).write(inband({}));
  reader.unmask();
}

}  // namespace
