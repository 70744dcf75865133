// What guests of every protocol version find behind an adapter, and disks that come and go.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/hypervisor/vsp/storage_rig.hpp"

namespace {

using test::StorageRig;
using vsp::StorageVersion;
using Cdb = std::vector<std::uint8_t>;

constexpr std::uint8_t kGood = 0x01, kInvalidLun = 0x20;

/// A rig with a second disk that nobody has attached yet.
struct TwoDisks {
  explicit TwoDisks(StorageVersion highest = StorageVersion::Win10,
                    std::set<std::string, std::less<>> plants = {})
      : rig(std::move(plants), {.highest = highest}),
        disk(rig.array, {.name = "second", .number = 2, .sectors = 128}),
        handle(rig.host.machine.host, disk) {
    rig.host.guest.storage = std::make_unique<vsp::guest::StorVsc>(
        *rig.host.guest.bus, rig.host.guest, std::vector<StorageVersion>{highest});
    rig.host.boot();
    handle.open();
  }
  const vsp::guest::Completion& run(std::uint8_t lun, Cdb cdb, std::uint32_t bytes = 0,
                                    std::uint8_t target = 0) {
    const std::uint64_t tag = submit(lun, std::move(cdb), bytes, 1, target);
    rig.world.run();
    EXPECT_EQ(rig.host.guest.times[tag], 1);
    return rig.host.guest.results[tag];
  }
  std::uint64_t submit(std::uint8_t lun, Cdb cdb, std::uint32_t bytes, std::uint8_t direction,
                       std::uint8_t target = 0) {
    auto command =
        rig.host.command(++last_tag, std::move(cdb), bytes == 0 ? 2 : direction, 0, bytes);
    command.lun = lun;
    command.target = target;
    rig.host.guest.storage->submit(std::move(command));
    return last_tag;
  }
  static sim::Task<> unplug(vsp::StorVsp& adapter, bool& done) {
    done = co_await adapter.unplug(1);
  }
  int byte(std::size_t at) { return std::to_integer<int>(rig.host.memory(0, at + 1)[at]); }

  StorageRig rig;
  sim::SharedDisk disk;
  storage::SharedDiskHandle handle;
  std::uint64_t last_tag = 0;
};

class StorageVersions : public ::testing::TestWithParam<StorageVersion> {};

TEST_P(StorageVersions, AreAgreedOnAndCarryCommands) {
  TwoDisks disks(GetParam());
  EXPECT_EQ(disks.rig.host.guest.storage->version(), GetParam());
  disks.rig.host.write(100, 7, 2, 0x5A);
  disks.rig.world.run();
  EXPECT_EQ(disks.run(0, {0x28, 0, 0, 0, 0, 7, 0, 0, 2, 0}, 1024).bytes, 1024u);
  EXPECT_EQ(disks.byte(1023), 0x5A);
}

TEST_P(StorageVersions, HearOfDisksFromThe2008R2ProtocolOn) {
  TwoDisks disks(GetParam());
  ASSERT_TRUE(disks.rig.host.storvsp.plug(1, disks.handle));
  disks.rig.world.run();
  EXPECT_EQ(disks.rig.host.guest.rescans, GetParam() >= StorageVersion::Win7 ? 1 : 0);
  EXPECT_EQ(disks.run(1, {0, 0, 0, 0, 0, 0}).srb_status, kGood);
}

INSTANTIATE_TEST_SUITE_P(Spoken, StorageVersions,
                         ::testing::Values(StorageVersion::Win6, StorageVersion::Win7,
                                           StorageVersion::Win8, StorageVersion::Win8_1,
                                           StorageVersion::Win10));

TEST(StorVspLuns, AScanOfEverythingFindsTheDiskAndNoErrors) {
  TwoDisks disks;
  for (std::uint8_t target = 0; target < 2; ++target) {
    for (std::uint8_t lun = 0; lun < 4; ++lun) {
      EXPECT_TRUE(disks.run(lun, {0x12, 0, 0, 0, 36, 0}, 36, target).good());
      EXPECT_EQ(disks.byte(0), lun == 0 && target == 0 ? 0x00 : 0x7F);
    }
    EXPECT_TRUE(disks.run(0, {0xA0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0}, 64, target).good());
    EXPECT_EQ(disks.byte(3), target == 0 ? 8 : 0) << "bytes of the list";
  }
  for (const std::uint8_t page : {0x00, 0x80, 0x83, 0xB0, 0xB1, 0xB2}) {
    EXPECT_TRUE(disks.run(0, {0x12, 1, page, 0, 255, 0}, 255).good());
  }
  EXPECT_TRUE(disks.run(0, {0xA3, 0x0C, 1, 0x93, 0, 0, 0, 0, 2, 0, 0, 0}, 512).good());
  EXPECT_TRUE(disks.run(0, {0x1A, 0, 0x3F, 0, 4, 0}, 4).good());
  EXPECT_EQ(disks.run(1, {0, 0, 0, 0, 0, 0}).srb_status, kInvalidLun);
  EXPECT_EQ(disks.run(1, {0x12, 1, 0x80, 0, 255, 0}, 255).srb_status, 0x84) << "no such page";
}

TEST(StorVspLuns, AnAdapterOf2012WithoutDisksKnowsNoUnits) {
  test::World world;
  sim::Node& array = world.world.add_node("array", "storage");
  sim::SharedDisk disk(array, {.name = "disk", .number = 1, .sectors = 64});
  test::StorageHost host(world, "host", disk);
  host.boot();
  bool done = false;
  host.machine.host.spawn("unplug", 0, [](vsp::StorVsp& adapter, bool& end) -> sim::Task<> {
    end = co_await adapter.unplug(0);
  }(host.storvsp, done));
  world.run();
  ASSERT_TRUE(done);
  host.guest.storage->submit(host.command(1, {0x12, 0, 0, 0, 36, 0}, 1, 0, 36));
  world.run();
  EXPECT_EQ(host.guest.results[1].srb_status, kInvalidLun);
}

TEST(StorVspLuns, ShortAndLongCommandBlocksMoveTheSameBlocks) {
  TwoDisks disks;
  const std::vector<std::byte> data(512, std::byte{0x66});
  disks.rig.host.machine.guest_write(sim::base_of({test::StorageGuest::kBuffer}), data);
  disks.submit(0, {0x0A, 0, 0, 9, 1, 0}, 512, 0);
  disks.rig.world.run();
  for (const Cdb& read : {Cdb{0x08, 0, 0, 9, 1, 0}, Cdb{0x28, 0, 0, 0, 0, 9, 0, 0, 1, 0},
                          Cdb{0xA8, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0},
                          Cdb{0x88, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0}}) {
    const std::vector<std::byte> nothing(512);
    disks.rig.host.machine.guest_write(sim::base_of({test::StorageGuest::kBuffer}), nothing);
    EXPECT_EQ(disks.run(0, read, 512).bytes, 512u);
    EXPECT_EQ(disks.byte(511), 0x66);
  }
}

TEST(StorVspLuns, VerifyReadsTheMediumAndMovesNothing) {
  TwoDisks disks;
  EXPECT_TRUE(disks.run(0, {0x2F, 0, 0, 0, 0, 0, 0, 2, 0, 0}).good());
  disks.rig.disk.set_faults({.latent_error = sim::Chance::always()});
  const auto& failed = disks.run(0, {0x2F, 0, 0, 0, 0, 0, 0, 2, 0, 0});
  EXPECT_EQ(failed.srb_status, 0x84);
  EXPECT_EQ(failed.sense[2], 3);
  EXPECT_EQ(failed.sense[12], 0x11);
}

TEST(StorVspLuns, ADiskGoesWhenItsRequestsAreDone) {
  TwoDisks disks;
  test::Collected<traces::ev::LunChanged> changes(disks.rig.world.recorder);
  test::Collected<traces::ev::ScsiCompletion> completions(disks.rig.world.recorder);
  disks.rig.host.storvsp.plug(1, disks.handle);
  disks.rig.world.run();
  const auto tag = disks.submit(1, {0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0}, 512, 1);
  disks.rig.world.run_for({20'000});
  bool done = false;
  disks.rig.host.machine.host.spawn("unplug", 0, TwoDisks::unplug(disks.rig.host.storvsp, done));
  disks.rig.world.run_for({10'000});
  EXPECT_FALSE(done) << "the read is on its way";
  EXPECT_EQ(disks.run(1, {0, 0, 0, 0, 0, 0}).srb_status, kInvalidLun) << "nothing new begins";
  EXPECT_TRUE(done);
  EXPECT_TRUE(disks.rig.host.guest.results[tag].good());
  EXPECT_EQ(disks.rig.host.guest.rescans, 2);
  ASSERT_EQ(changes.seen.size(), 2u);
  EXPECT_FALSE(changes.seen[1].present);
  EXPECT_EQ(changes.seen[1].disk, 2u);
  for (std::size_t i = 0; i < completions.seen.size(); ++i) {
    if (completions.seen[i].disk != 2) continue;
    EXPECT_LT(completions.indices[i], changes.indices[1]);
  }
}

TEST(StorVspLuns, ThePlantTakesADiskOutInUse) {
  TwoDisks disks(StorageVersion::Win10, {"storvsp.unplugs-in-use"});
  test::Collected<traces::ev::LunChanged> changes(disks.rig.world.recorder);
  test::Collected<traces::ev::ScsiCompletion> completions(disks.rig.world.recorder);
  disks.rig.host.storvsp.plug(1, disks.handle);
  disks.rig.world.run();
  disks.submit(1, {0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0}, 512, 1);
  disks.rig.world.run_for({20'000});
  bool done = false;
  disks.rig.host.machine.host.spawn("unplug", 0, TwoDisks::unplug(disks.rig.host.storvsp, done));
  disks.rig.world.run();
  ASSERT_EQ(changes.seen.size(), 2u);
  EXPECT_EQ(completions.seen.back().disk, 2u);
  EXPECT_GT(completions.indices.back(), changes.indices[1]);
}

TEST(StorVspLuns, ANoticeThatFoundNoRoomGoesWithTheVm) {
  test::World world;
  sim::Node& array = world.world.add_node("array", "storage");
  sim::SharedDisk disk(array, {.name = "disk", .number = 1, .sectors = 64});
  sim::SharedDisk other(array, {.name = "other", .number = 2, .sectors = 64});
  test::StorageHost source(world, "source", disk), target(world, "target", disk);
  source.boot();
  source.guest.handshake = false;  // from now on it reads nothing
  source.guest.reads = false;
  storage::SharedDiskHandle handle(source.machine.host, other);
  storage::SharedDiskHandle there(target.machine.host, other);
  for (std::uint8_t lun = 1; lun < 200; ++lun) source.storvsp.plug(lun, handle);
  world.run();
  for (std::uint8_t lun = 1; lun < 200; ++lun) target.storvsp.attach(lun, there);
  const auto state = source.machine.suspend_and_save();
  source.handle.close();
  ASSERT_TRUE(target.handle.open());
  ASSERT_TRUE(target.machine.restore(state, *source.machine.memory));
  target.machine.boot();
  world.run();
  EXPECT_EQ(target.guest.rescans, 199);
}

/// A guest that says anything at all, in any phase, gets an answer to everything that wants one,
/// and the adapter still works for a guest that begins anew.
RC_GTEST_PROP(StorVspProperty, NoPacketBreaksTheAdapter, ()) {
  StorageRig rig;
  rig.host.guest.handshake = *rc::gen::arbitrary<bool>();
  rig.host.boot();
  rig.host.guest.handshake = false;
  rig.host.guest.received.clear();
  std::size_t asked = 0;
  for (int i = 0; i < 30; ++i) {
    std::vector<std::byte> payload;
    for (const auto byte : *rc::gen::container<std::vector<std::uint8_t>>(
             *rc::gen::inRange<std::size_t>(0, 90), rc::gen::inRange<std::uint8_t>(0, 0x3F))) {
      payload.push_back(std::byte{byte});
    }
    if (payload.size() >= 4) {
      payload[0] = static_cast<std::byte>(*rc::gen::inRange(0, 15));
      payload[1] = payload[2] = payload[3] = std::byte{0};
    }
    vmbus::PacketOut out;
    out.completion_requested = *rc::gen::arbitrary<bool>();
    out.transaction = static_cast<std::uint64_t>(i) + 1;
    out.payload = payload;
    if (*rc::gen::arbitrary<bool>()) {
      out.type = vmbus::PacketType::DataUsingGpaDirect;
      out.ranges = {test::StorageHost::buffer(*rc::gen::inRange<std::uint64_t>(0, 8),
                                              *rc::gen::inRange<std::uint32_t>(1, 5000))};
    }
    if (rig.host.guest.bus->send(rig.host.guest.scsi_relid, out)) {
      asked += out.completion_requested ? 1 : 0;
    }
    rig.world.run_for({300'000});
  }
  rig.world.run();
  std::size_t answers = 0;
  for (const auto& packet : rig.host.guest.received) {
    RC_ASSERT(packet.type == vmbus::PacketType::Completion);
    RC_ASSERT(packet.payload.size() >= sizeof(vsp::protocol::StoragePacket));
    ++answers;
  }
  RC_ASSERT(answers == asked);
  rig.host.guest.handshake = true;
  const int before = rig.host.guest.ready;
  rig.host.guest.bus->connect();
  rig.world.run();
  RC_ASSERT(rig.host.guest.ready == before + 1);
}

}  // namespace
