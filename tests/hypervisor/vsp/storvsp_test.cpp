// The storage VSP as a guest's driver sees it: handshake, commands, errors, order, plants.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "hypervisor/vsp/plants.hpp"
#include "hypervisor/vsp/storvsp_protocol.hpp"
#include "tests/hypervisor/vsp/storage_rig.hpp"

namespace {

using test::StorageRig;
using vsp::StorageVersion;
using vsp::protocol::Operation;
using vsp::protocol::StoragePacket;

TEST(StorVsp, AgreesOnTheHighestVersionOfTheHost) {
  StorageRig rig;
  rig.host.boot();
  EXPECT_EQ(rig.host.guest.ready, 1);
  EXPECT_EQ(rig.host.guest.storage->version(), StorageVersion::Win8);
  EXPECT_EQ(rig.host.guest.storage->max_transfer_bytes(), 0x40000u);
}

TEST(StorVsp, RefusesAGuestThatIsTooNew) {
  StorageRig rig({}, {.highest = static_cast<StorageVersion>(0x0100)});
  rig.host.boot();
  EXPECT_EQ(rig.host.guest.refused_with, vsp::protocol::kRevisionMismatch);
}

/// Speaks the protocol by hand.
class Handshake : public ::testing::Test {
 protected:
  explicit Handshake(std::set<std::string, std::less<>> plants = {}) : rig(std::move(plants)) {
    rig.host.guest.handshake = false;
    rig.host.boot();
  }
  std::uint32_t ask(Operation operation, std::uint16_t version = 0) {
    StoragePacket packet;
    packet.operation = operation;
    std::memcpy(packet.body.data(), &version, sizeof(version));
    return raw(std::as_bytes(std::span(&packet, 1)));
  }
  std::uint32_t raw(std::span<const std::byte> payload) {
    vmbus::PacketOut out;
    out.completion_requested = true;
    out.transaction = ++transaction;
    out.payload = payload;
    EXPECT_TRUE(rig.host.guest.bus->send(rig.host.guest.scsi_relid, out));
    rig.world.run();
    const auto& received = rig.host.guest.received;
    EXPECT_EQ(received.size(), transaction);
    if (received.empty()) return 0;
    EXPECT_EQ(received.back().transaction, transaction);
    EXPECT_EQ(received.back().type, vmbus::PacketType::Completion);
    EXPECT_EQ(received.back().payload.size(), 64u) << "Linux drops anything shorter";
    std::memcpy(&reply, received.back().payload.data(), sizeof(reply));
    return reply.status;
  }
  StorageRig rig;
  std::uint64_t transaction = 0;
  StoragePacket reply;
};

TEST_F(Handshake, HasOneOrder) {
  constexpr std::uint32_t kOutOfOrder = 0xC0000184;
  for (const auto operation :
       {Operation::QueryProtocolVersion, Operation::QueryProperties, Operation::EndInitialization,
        Operation::ExecuteSrb, Operation::ResetBus}) {
    EXPECT_EQ(ask(operation, 0x0501), kOutOfOrder);
  }
  EXPECT_EQ(ask(Operation::BeginInitialization), 0u);
  EXPECT_EQ(ask(Operation::BeginInitialization), kOutOfOrder);
  EXPECT_EQ(ask(Operation::QueryProperties), kOutOfOrder);
  EXPECT_EQ(ask(Operation::QueryProtocolVersion, 0x0602), 0xC0000059u);
  EXPECT_EQ(ask(Operation::QueryProtocolVersion, 0x0000), 0xC0000059u);
  EXPECT_EQ(ask(Operation::QueryProtocolVersion, 0x0501), 0u);
  EXPECT_EQ(ask(Operation::QueryProtocolVersion, 0x0402), kOutOfOrder) << "never changes again";
  EXPECT_EQ(ask(Operation::EndInitialization), kOutOfOrder);
  EXPECT_EQ(ask(Operation::QueryProperties), 0u);
  EXPECT_EQ(ask(Operation::EndInitialization), 0u);
  EXPECT_EQ(ask(Operation::ResetBus), 0u);
  EXPECT_EQ(ask(Operation::ResetLun), 0u);
  EXPECT_EQ(ask(Operation::BeginInitialization), kOutOfOrder);
}

TEST_F(Handshake, StartsAgainWhenTheChannelIsOpenedAgain) {
  EXPECT_EQ(ask(Operation::BeginInitialization), 0u);
  rig.host.guest.bus->close(rig.host.guest.scsi_relid);
  rig.world.run();
  rig.host.guest.bus->open(rig.host.guest.scsi_relid, {16}, 4, 4);
  rig.world.run();
  EXPECT_EQ(ask(Operation::BeginInitialization), 0u);
}

TEST_F(Handshake, RefusesWhatIsNoRequest) {
  EXPECT_NE(ask(static_cast<Operation>(99)), 0u);
  EXPECT_NE(ask(Operation::CreateSubChannels), 0u);
  EXPECT_NE(raw({}), 0u) << "no packet in it at all";
  const auto few = test::bytes_of("1234567");
  EXPECT_NE(raw(few), 0u);
}

// ---------------------------------------------------------------- commands

class Commands : public ::testing::Test {
 protected:
  Commands() { rig.host.boot(); }
  const vsp::guest::Completion& run(vsp::guest::Command command) {
    const std::uint64_t tag = command.tag;
    rig.host.guest.storage->submit(std::move(command));
    rig.world.run();
    EXPECT_EQ(rig.host.guest.times[tag], 1) << "completed exactly once";
    return rig.host.guest.results[tag];
  }
  /// Sense key, code and qualifier of a failed command.
  static std::array<int, 3> sense(const vsp::guest::Completion& completion) {
    EXPECT_EQ(completion.srb_status, 0x84) << "error with autosense";
    EXPECT_EQ(completion.scsi_status, 2);
    EXPECT_EQ(completion.sense[0], 0x70);
    return {completion.sense[2], completion.sense[12], completion.sense[13]};
  }
  StorageRig rig;
};

TEST_F(Commands, ReadWhatWasWritten) {
  rig.host.write(1, 100, 16, 0xAB);
  rig.world.run();
  ASSERT_TRUE(rig.host.guest.results[1].good());
  EXPECT_EQ(rig.host.guest.results[1].bytes, 16 * 512u);
  rig.host.read(2, 96, 24);
  rig.world.run();
  ASSERT_TRUE(rig.host.guest.results[2].good());
  EXPECT_EQ(rig.host.guest.results[2].bytes, 24 * 512u);
  const auto data = rig.host.memory(64, 24 * 512);
  EXPECT_EQ(data[4 * 512 - 1], std::byte{0});
  EXPECT_EQ(data[4 * 512], std::byte{0xAB});
  EXPECT_EQ(data[20 * 512 - 1], std::byte{0xAB});
  EXPECT_EQ(data[20 * 512], std::byte{0});
}

TEST_F(Commands, MayUseAnyPartOfPages) {
  const std::vector<std::byte> pattern(1024, std::byte{0x5C});
  rig.host.machine.guest_write(sim::base_of({test::StorageGuest::kBuffer}) + 3800, pattern);
  auto write = rig.host.command(1, vsp::guest::write_cdb(8, 2), 0, 0, 0);
  write.buffer = test::StorageHost::buffer(0, 1024, 3800);
  EXPECT_TRUE(run(write).good());
  auto read = rig.host.command(2, vsp::guest::read_cdb(8, 2), 1, 0, 0);
  read.buffer = test::StorageHost::buffer(32, 1024, 100);
  EXPECT_TRUE(run(read).good());
  const auto data = rig.host.memory(32, 4096);
  EXPECT_EQ(data[99], std::byte{0});
  EXPECT_EQ(data[100], std::byte{0x5C});
  EXPECT_EQ(data[1123], std::byte{0x5C});
  EXPECT_EQ(data[1124], std::byte{0});
}

TEST_F(Commands, IdentifyTheDisk) {
  const auto& inquiry = run(rig.host.command(1, {0x12, 0, 0, 0, 36, 0}, 1, 0, 36));
  EXPECT_TRUE(inquiry.good());
  EXPECT_EQ(inquiry.bytes, 36u);
  EXPECT_EQ(rig.host.memory(0, 36)[8], std::byte{'M'});
  EXPECT_TRUE(run(rig.host.command(2, {0, 0, 0, 0, 0, 0}, 2, 0, 0)).good());
  EXPECT_EQ(run(rig.host.command(3, {0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1, 1, 8)).bytes, 8u);
  EXPECT_EQ(rig.host.memory(1, 8)[2], std::byte{0x0F});
  EXPECT_EQ(rig.host.memory(1, 8)[3], std::byte{0xFF});
  EXPECT_EQ(run(rig.host.command(4, {0xA0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0}, 1, 2, 64)).bytes, 16u)
      << "one LUN";
  EXPECT_EQ(run(rig.host.command(5, {0x12, 0, 0, 0, 200, 0}, 1, 3, 20)).bytes, 20u)
      << "never more than the buffer holds";
}

TEST_F(Commands, FailForAnAbsentUnit) {
  auto command = rig.host.command(1, {0, 0, 0, 0, 0, 0}, 2, 0, 0);
  command.lun = 1;
  EXPECT_EQ(run(command).srb_status, 0x20);
  command.tag = 2;
  command.lun = 0;
  command.target = 1;
  EXPECT_EQ(run(command).srb_status, 0x20);
}

TEST_F(Commands, FailOutsideTheDisk) {
  constexpr std::array<int, 3> kOutOfRange = {5, 0x21, 0};
  EXPECT_EQ(sense(run(rig.host.command(1, vsp::guest::read_cdb(4096, 1), 1, 0, 512))), kOutOfRange);
  EXPECT_EQ(sense(run(rig.host.command(2, vsp::guest::write_cdb(4095, 2), 0, 0, 1024))),
            kOutOfRange);
  EXPECT_EQ(sense(run(rig.host.command(3, vsp::guest::read_cdb(UINT64_MAX, 1), 1, 0, 512))),
            kOutOfRange);
  EXPECT_TRUE(run(rig.host.command(4, vsp::guest::read_cdb(4095, 1), 1, 0, 512)).good());
}

TEST_F(Commands, FailWithImpossibleBuffers) {
  EXPECT_EQ(run(rig.host.command(1, vsp::guest::read_cdb(0, 1), 0, 0, 512)).srb_status, 6)
      << "wrong direction";
  EXPECT_EQ(sense(run(rig.host.command(2, vsp::guest::read_cdb(0, 4), 1, 0, 512))),
            (std::array<int, 3>{5, 0x24, 0}))
      << "buffer too small";
  auto lost = rig.host.command(3, vsp::guest::read_cdb(0, 1), 1, 0, 512);
  lost.buffer.pfns[0] = 1u << 30;
  EXPECT_EQ(run(lost).srb_status, 6) << "not memory of the guest";
  EXPECT_EQ(run(rig.host.command(4, vsp::guest::read_cdb(0, 2048), 1, 0, 0x40200)).srb_status, 6)
      << "more than one transfer may move";
  EXPECT_EQ(run(rig.host.command(5, {0x28, 0}, 1, 0, 512)).srb_status, 6);
  EXPECT_EQ(
      sense(run(rig.host.command(6, {0x7F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 2, 0, 0))),
      (std::array<int, 3>{5, 0x20, 0}));
  EXPECT_TRUE(run(rig.host.command(7, vsp::guest::read_cdb(0, 0), 2, 0, 0)).good());
}

TEST_F(Commands, ReportWhatTheDiskReports) {
  rig.disk.set_faults({.latent_error = sim::Chance::always()});
  EXPECT_EQ(sense(run(rig.host.command(1, vsp::guest::read_cdb(0, 1), 1, 0, 512))),
            (std::array<int, 3>{3, 0x11, 0}));
  rig.disk.set_faults({.full = true});
  EXPECT_EQ(sense(run(rig.host.command(3, vsp::guest::write_cdb(0, 1), 0, 0, 512))),
            (std::array<int, 3>{7, 0x27, 7}))
      << "a thin disk without room";
  rig.disk.set_faults({});
  rig.host.write(4, 10, 1, 0x11);
  rig.world.world.run_until(rig.world.world.now() + sim::Duration{20'000});
  rig.disk.reset_controller();
  rig.world.run();
  EXPECT_TRUE(rig.host.guest.results[4].good())
      << "after a reset while it was under way the guest tries again";
  rig.host.handle.close();
  EXPECT_EQ(sense(run(rig.host.command(2, vsp::guest::write_cdb(0, 1), 0, 0, 512))),
            (std::array<int, 3>{2, 0x04, 0}));
}

TEST_F(Commands, SurviveAPowerLossAfterAFlush) {
  rig.host.write(1, 10, 1, 0x11);
  rig.world.run();
  rig.host.flush(2);
  rig.world.run();
  rig.host.write(3, 11, 1, 0x22, 1, true);
  rig.world.run();
  rig.host.write(4, 12, 1, 0x33, 2);
  rig.world.run();
  for (std::uint64_t tag = 1; tag <= 4; ++tag) EXPECT_TRUE(rig.host.guest.results[tag].good());
  test::Collected<traces::ev::DiskPowerLost> losses(rig.world.recorder);
  rig.world.world.kill(rig.array, "power");
  rig.world.run();
  ASSERT_EQ(losses.seen.size(), 1u);
  EXPECT_EQ(losses.seen[0].kept + losses.seen[0].lost, 1u) << "only the last one was in the cache";
}

TEST_F(Commands, RunSideBySideUpToTheLimitAndAllComplete) {
  for (std::uint64_t tag = 1; tag <= 100; ++tag) rig.host.write(tag, tag, 1, 1, tag % 32);
  rig.world.run_for({200'000'000});
  EXPECT_EQ(rig.host.guest.order.size(), 100u);
  for (std::uint64_t tag = 1; tag <= 100; ++tag) EXPECT_EQ(rig.host.guest.times[tag], 1);
}

TEST_F(Commands, LeaveARefusedShareInTheRing) {
  StorageRig small({}, {.max_outstanding = 2});
  small.host.boot();
  test::Collected<traces::ev::ScsiRequest> requests(small.world.recorder);
  for (std::uint64_t tag = 1; tag <= 6; ++tag) small.host.write(tag, tag, 1, 1);
  small.world.run_for({20'000});
  EXPECT_EQ(requests.seen.size(), 2u);
  small.world.run();
  EXPECT_EQ(small.host.guest.order.size(), 6u);
}

TEST_F(Commands, WaitForRoomInASmallRing) {
  StorageRig small;
  small.host.guest.ring_pages = 2;
  small.host.boot();
  ASSERT_EQ(small.host.guest.ready, 1);
  small.host.guest.handshake = false;  // the guest stops reading: 46 completions fill the ring
  small.host.guest.reads = false;
  for (std::uint64_t tag = 1; tag <= 60; ++tag) small.host.write(tag, tag, 1, 1);
  small.world.run_for({100'000'000});
  EXPECT_TRUE(small.host.guest.order.empty());
  small.host.guest.handshake = true;
  small.host.guest.readable(small.host.guest.scsi_relid);
  small.host.guest.writable(small.host.guest.scsi_relid);
  small.world.run_for({100'000'000});
  EXPECT_EQ(small.host.guest.order.size(), 60u);
  for (std::uint64_t tag = 1; tag <= 60; ++tag) EXPECT_EQ(small.host.guest.times[tag], 1) << tag;
}

TEST_F(Commands, AreAnsweredBeforeAReset) {
  for (std::uint64_t tag = 1; tag <= 4; ++tag) rig.host.write(tag, tag, 1, 1);
  StoragePacket packet;
  packet.operation = Operation::ResetBus;
  vmbus::PacketOut out;
  out.completion_requested = true;
  out.transaction = 1000;
  out.payload = std::as_bytes(std::span(&packet, 1));
  test::Collected<traces::ev::RingProduced> produced(rig.world.recorder);
  ASSERT_TRUE(rig.host.guest.bus->send(rig.host.guest.scsi_relid, out));
  rig.world.run();
  ASSERT_EQ(produced.seen.size(), 5u);
  EXPECT_EQ(produced.seen.back().transaction, 1000u);
}

TEST_F(Commands, OfAClosedChannelNeverReachTheGuest) {
  rig.host.write(1, 5, 1, 0x77);
  rig.world.run();
  rig.host.read(2, 5, 1);
  rig.world.run_for({20'000});  // accepted, and still on the disk
  rig.host.guest.bus->close(rig.host.guest.scsi_relid);
  rig.world.run();
  EXPECT_TRUE(rig.host.all(64, 512, 0)) << "no DMA after the close";
  EXPECT_EQ(rig.host.guest.times.count(2), 0u);
}

TEST_F(Commands, AreWitnessedWithTheGuestsOwnBytes) {
  struct Hashes final : traces::Observer {
    explicit Hashes(traces::Recorder& recorder) {
      traces::EventSet types;
      types.set(static_cast<std::size_t>(traces::ev::ScsiData::kType));
      recorder.attach(*this, types);
    }
    void on_event(const traces::Event& event) override {
      const auto& data = *event.as<traces::ev::ScsiData>();
      seen.emplace_back(data.write, std::vector<std::byte>(data.hashes.begin(), data.hashes.end()));
    }
    std::vector<std::pair<bool, std::vector<std::byte>>> seen;
  } hashes(rig.world.recorder);
  rig.host.write(1, 5, 2, 0x77);
  rig.world.run();
  rig.host.read(2, 5, 2);
  rig.world.run();
  ASSERT_EQ(hashes.seen.size(), 2u);
  EXPECT_TRUE(hashes.seen[0].first);
  EXPECT_FALSE(hashes.seen[1].first);
  EXPECT_EQ(hashes.seen[0].second.size(), 16u);
  EXPECT_EQ(hashes.seen[0].second, hashes.seen[1].second) << "read what was written";
}

// ---------------------------------------------------------------- plants

TEST(StorVspPlants, CompleteTwiceOrForAnother) {
  StorageRig twice({"storvsp.completes-twice"});
  twice.host.boot();
  test::Collected<traces::ev::ScsiCompletion> completions(twice.world.recorder);
  twice.host.write(1, 1, 1, 1);
  twice.world.run();
  EXPECT_EQ(completions.seen.size(), 2u);
  StorageRig other({"storvsp.wrong-transaction"});
  other.host.boot();
  other.host.write(1, 1, 1, 1);
  other.world.run();
  EXPECT_TRUE(other.host.guest.order.empty());
}

TEST(StorVspPlants, LoseTheLastSector) {
  StorageRig short_read({"storvsp.short-dma"});
  short_read.host.boot();
  short_read.host.write(1, 1, 2, 0x44);
  short_read.world.run();
  short_read.host.read(2, 1, 2);
  short_read.world.run();
  EXPECT_TRUE(short_read.host.guest.results[2].good());
  EXPECT_TRUE(short_read.host.all(64, 512, 0x44));
  EXPECT_FALSE(short_read.host.all(64, 1024, 0x44));
  StorageRig short_write({"storvsp.short-write"});
  short_write.host.boot();
  short_write.host.write(1, 1, 2, 0x44);
  short_write.world.run();
  short_write.host.read(2, 1, 2);
  short_write.world.run();
  EXPECT_FALSE(short_write.host.all(64, 1024, 0x44));
}

TEST(StorVspPlants, MoveDataAfterTheCompletion) {
  StorageRig rig({"storvsp.dma-after-completion"});
  rig.host.boot();
  test::Collected<traces::ev::ScsiCompletion> completions(rig.world.recorder);
  test::Collected<traces::ev::VmbusAccess> accesses(rig.world.recorder);
  rig.host.read(1, 1, 1);
  rig.world.run();
  const auto dma = std::find_if(accesses.seen.begin(), accesses.seen.end(), [](const auto& access) {
    return access.gpadl == 0 && access.transaction == 1 && access.write;
  });
  ASSERT_NE(dma, accesses.seen.end());
  EXPECT_GT(accesses.indices[dma - accesses.seen.begin()], completions.indices.at(0));
}

TEST(StorVspPlants, SkipTheFlush) {
  for (const auto* plant : {"storvsp.lying-flush", "none"}) {
    StorageRig rig({plant});
    rig.host.boot();
    test::Collected<traces::ev::DiskFlushed> flushes(rig.world.recorder);
    rig.host.write(1, 1, 1, 1, 0, true);
    rig.world.run();
    rig.host.flush(2);
    rig.world.run();
    EXPECT_TRUE(rig.host.guest.results[1].good());
    EXPECT_TRUE(rig.host.guest.results[2].good());
    EXPECT_EQ(flushes.seen.size(), std::string(plant) == "none" ? 2u : 1u) << plant;
  }
}

}  // namespace
