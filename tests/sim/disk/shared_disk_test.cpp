#include "sim/disk/shared_disk.hpp"

#include <gtest/gtest.h>

#include "sim/disk/disk_layers.hpp"
#include "tests/sim/disk/disk_world.hpp"

namespace sim {
namespace {

using namespace sim::literals;
using test::DiskWorld;
using test::sectors_of;

TEST(SharedDisk, ReturnsWhatWasWrittenAndZeroElsewhere) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  EXPECT_EQ(w.write(w.a, epoch, 127, sectors_of(2, 0x42)), DiskStatus::Ok);  // two extents
  EXPECT_EQ(w.read(127, 2), sectors_of(2, 0x42));
  EXPECT_EQ(w.read(126), sectors_of(1, 0));
}

TEST(SharedDisk, EndsWhereItsConfigurationSays) {
  DiskWorld w({}, 1, 100);
  const std::uint64_t epoch = w.disk->open(w.a).value();
  EXPECT_EQ(w.write(w.a, epoch, 99, sectors_of(1, 1)), DiskStatus::Ok);
  EXPECT_EQ(w.write(w.a, epoch, 99, sectors_of(2, 1)), DiskStatus::OutOfRange);
  EXPECT_EQ(w.write(w.a, epoch, UINT64_MAX, sectors_of(2, 1)), DiskStatus::OutOfRange);
  w.start_read(w.b, 100, 1);
  w.run();
  EXPECT_EQ(w.results.back().status, DiskStatus::OutOfRange);
}

TEST(SharedDisk, TakesLatencyAndTransferTime) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.start_write(w.a, epoch, 0, sectors_of(2000, 1));  // 1 024 000 bytes at 1 GB/s
  w.run();
  EXPECT_EQ(w.results.back().when.ns, 1'024'000 + 50'000);
}

TEST(SharedDisk, CompletesOverlappingRequestsInTheirOrderOfIssue) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  // The read is slower than the writes behind it, and the flush slower still.
  const std::uint64_t read = w.start_read(w.a, 0, 1);
  w.world.run_until(w.world.now() + Duration{1000});
  const std::uint64_t flush = w.start_flush(w.a, epoch);
  w.world.run_until(w.world.now() + Duration{1000});
  const std::uint64_t write = w.start_write(w.a, epoch, 0, sectors_of(1, 1));
  w.run();
  ASSERT_EQ(w.results.size(), 3u);
  EXPECT_EQ(w.results[0].request, read);
  EXPECT_EQ(w.results[1].request, flush);
  EXPECT_EQ(w.results[2].request, write);
}

TEST(SharedDisk, SharesItsBandwidthAmongRequests) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.start_write(w.a, epoch, 0, sectors_of(2000, 1));
  w.start_write(w.a, epoch, 2000, sectors_of(2000, 1));
  w.run();
  EXPECT_GE(w.results.back().when.ns, 2 * 1'024'000);
}

TEST(SharedDisk, ReportsAWriteWhenItEntersTheCache) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  const auto data = sectors_of(3, 9);
  w.write(w.a, epoch, 77, data);
  ASSERT_EQ(w.events.writes.size(), 1u);
  EXPECT_EQ(w.events.writes[0].lba, 77u);
  EXPECT_EQ(w.events.writes[0].sectors, 3u);
  EXPECT_EQ(w.events.writes[0].epoch, epoch);
  EXPECT_EQ(w.events.writes[0].hash, traces::hash64_of(data));
  ASSERT_EQ(w.events.sectors.size(), 1u);
  const std::uint64_t sector = traces::hash64_of(std::span(data).first(kSectorSize));
  EXPECT_EQ(w.events.sectors[0].hashes, std::vector<std::uint64_t>(3, sector));
}

TEST(SharedDisk, HoldsPreloadedContentThroughALossOfPower) {
  DiskWorld w;
  w.disk->preload({5}, sectors_of(1, 0x77));
  w.power_cycle();
  EXPECT_EQ(w.read(5), sectors_of(1, 0x77));
}

TEST(SharedDisk, ShowsAllThatWasEverWrittenInOrderWithTheCacheOnTop) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.disk->preload({300}, sectors_of(2, 0x77));
  w.write(w.a, epoch, 301, sectors_of(1, 0x88));
  w.write(w.a, epoch, 127, sectors_of(2, 0x42));  // two extents
  std::vector<std::pair<std::uint64_t, std::byte>> seen;
  w.disk->for_each_written([&seen](Lba lba, std::span<const std::byte> bytes) {
    for (std::size_t i = 0; i < bytes.size(); i += kSectorSize) {
      seen.emplace_back(lba.value + i / kSectorSize, bytes[i + kSectorSize - 1]);
    }
  });
  const std::vector<std::pair<std::uint64_t, std::byte>> expected = {{127, std::byte{0x42}},
                                                                     {128, std::byte{0x42}},
                                                                     {300, std::byte{0x77}},
                                                                     {301, std::byte{0x88}}};
  EXPECT_EQ(seen, expected);
}

TEST(SharedDisk, GoesOnElsewhereWithEverythingThatItHeldItsCacheIncluded) {
  DiskWorld from;
  const std::uint64_t epoch = from.disk->open(from.a).value();
  from.write(from.a, epoch, 100, sectors_of(200, 0x11));
  ASSERT_EQ(from.flush(from.a, epoch), DiskStatus::Ok);
  from.write(from.a, epoch, 150, sectors_of(2, 0x22));
  const DiskLayers layers = from.disk->contents();
  EXPECT_EQ(layers.unflushed_writes, 1u);

  DiskWorld to;
  ASSERT_TRUE(to.disk->fits(layers));
  to.disk->preload(layers);
  EXPECT_EQ(to.disk->contents(), layers);
  EXPECT_EQ(to.disk->digest(), from.disk->digest());
  EXPECT_EQ(to.read(151), sectors_of(1, 0x22));
  to.power_cycle();
  EXPECT_EQ(to.read(151), sectors_of(1, 0x11)) << "only the cache had the rest";

  DiskLayers beyond = layers;
  beyond.cache[0].first = {to.disk->config().sectors};
  EXPECT_FALSE(to.disk->fits(beyond));
}

TEST(Ownership, BelongsToOneHostAtATime) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  EXPECT_EQ(w.disk->open(w.b), std::nullopt);
  EXPECT_EQ(w.disk->open(w.a), epoch) << "the owner's reopening";
  EXPECT_EQ(w.disk->owner(), w.a.id());
  w.disk->close(w.b, epoch);
  EXPECT_EQ(w.disk->owner(), w.a.id()) << "only the owner closes";
  w.disk->close(w.a, epoch);
  EXPECT_EQ(w.disk->owner(), std::nullopt);
  EXPECT_EQ(w.disk->open(w.b), epoch + 1);
  ASSERT_EQ(w.events.opened.size(), 4u);
  EXPECT_FALSE(w.events.opened[1].granted);
  EXPECT_EQ(w.events.closed.size(), 1u);
}

TEST(Ownership, AStaleEpochNeitherWritesNorFlushesNorCloses) {
  DiskWorld w;
  const std::uint64_t old = w.disk->open(w.a).value();
  const std::uint64_t now = w.disk->seize(w.b);
  EXPECT_GT(now, old);
  EXPECT_EQ(w.write(w.a, old, 0, sectors_of(1, 1)), DiskStatus::NotOwner);
  EXPECT_EQ(w.flush(w.a, old), DiskStatus::NotOwner);
  w.disk->close(w.a, old);
  EXPECT_EQ(w.disk->owner(), w.b.id());
  EXPECT_EQ(w.write(w.b, now, 0, sectors_of(1, 2)), DiskStatus::Ok);
  EXPECT_EQ(w.read(0), sectors_of(1, 2));
}

TEST(Ownership, IsCheckedWhenTheWriteLands) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.start_write(w.a, epoch, 0, sectors_of(2000, 1));
  w.run(100_us);  // still on its way
  w.disk->seize(w.b);
  w.run();
  EXPECT_EQ(w.results.back().status, DiskStatus::NotOwner);
  EXPECT_EQ(w.read(0), sectors_of(1, 0));
}

TEST(Ownership, NobodyWritesADiskThatNobodyOwns) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.disk->close(w.a, epoch);
  EXPECT_EQ(w.write(w.a, epoch, 0, sectors_of(1, 1)), DiskStatus::NotOwner);
}

TEST(HostCrash, AWriteOnItsWayNeverLands) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.start_write(w.a, epoch, 0, sectors_of(2000, 1));
  w.run(100_us);
  w.world.kill(w.a, "test");
  w.run();
  EXPECT_TRUE(w.events.writes.empty());
  EXPECT_EQ(w.read(0), sectors_of(1, 0));
}

TEST(HostCrash, AWriteMayLandWithoutItsAcknowledgement) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.start_write(w.a, epoch, 0, sectors_of(1, 1));  // across after 512 ns, acknowledged at 50.5 us
  w.run(10_us);
  w.world.kill(w.a, "test");
  w.run();
  EXPECT_TRUE(w.results.empty());
  EXPECT_EQ(w.read(0), sectors_of(1, 1));
}

TEST(HostCrash, LeavesTheCacheOfTheDiskAlone) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.write(w.a, epoch, 0, sectors_of(1, 1));
  w.world.kill(w.a, "test");
  w.run();
  EXPECT_EQ(w.read(0), sectors_of(1, 1));
  EXPECT_TRUE(w.events.power_lost.empty());
}

TEST(PowerLoss, TakesWhatWasNotFlushedAndLeavesWhatWas) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.write(w.a, epoch, 0, sectors_of(4, 1));
  EXPECT_EQ(w.flush(w.a, epoch), DiskStatus::Ok);
  w.write(w.a, epoch, 2, sectors_of(4, 2));
  w.events.sectors.clear();
  w.power_cycle();
  EXPECT_EQ(w.read(0, 4), sectors_of(4, 1));
  EXPECT_EQ(w.read(4, 2), sectors_of(2, 0));
  ASSERT_EQ(w.events.flushed.size(), 1u);
  EXPECT_EQ(w.events.flushed[0].writes, 1u);
  ASSERT_EQ(w.events.power_lost.size(), 1u);
  EXPECT_EQ(w.events.power_lost[0].kept, 0u);
  EXPECT_EQ(w.events.power_lost[0].lost, 4u);
  ASSERT_EQ(w.events.sectors.size(), 1u);
  EXPECT_EQ(w.events.sectors[0].cause, traces::SectorCause::PowerLoss);
  EXPECT_EQ(w.events.sectors[0].lba, 2u);
  const auto one = traces::hash64_of(sectors_of(1, 1));
  const auto zero = traces::hash64_of(sectors_of(1, 0));
  EXPECT_EQ(w.events.sectors[0].hashes, (std::vector<std::uint64_t>{one, one, zero, zero}));
}

TEST(PowerLoss, MakesRequestsUnavailableUntilTheDiskIsBack) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.start_write(w.a, epoch, 0, sectors_of(2000, 1));
  w.run(100_us);
  w.world.kill(w.array, "test");
  w.world.restart(w.array);
  w.run();
  EXPECT_EQ(w.results.back().status, DiskStatus::Unavailable) << "of an earlier life";
  EXPECT_EQ(w.read(0), sectors_of(1, 0));
  w.world.kill(w.array, "test");
  w.run();
  EXPECT_EQ(w.write(w.a, epoch, 0, sectors_of(1, 1)), DiskStatus::Unavailable);
  EXPECT_EQ(w.flush(w.a, epoch), DiskStatus::Unavailable);
  w.world.restart(w.array);
  w.run();
  EXPECT_EQ(w.write(w.a, epoch, 0, sectors_of(1, 1)), DiskStatus::Ok);
}

TEST(Pause, HoldsRequestsUntilItEnds) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.world.pause(w.array);
  w.start_write(w.a, epoch, 0, sectors_of(1, 1));
  w.run();
  EXPECT_TRUE(w.results.empty());
  w.world.resume(w.array);
  w.run();
  ASSERT_EQ(w.results.size(), 1u);
  EXPECT_EQ(w.results[0].status, DiskStatus::Ok);
}

TEST(Pause, EndsInUnavailableWhenThePowerGoes) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.world.pause(w.array);
  w.start_write(w.a, epoch, 0, sectors_of(1, 1));
  w.run();
  w.world.kill(w.array, "test");
  w.run();
  ASSERT_EQ(w.results.size(), 1u);
  EXPECT_EQ(w.results[0].status, DiskStatus::Unavailable);
}

TEST(Digest, IsAFunctionOfTheContentAlone) {
  DiskWorld one;
  DiskWorld other;
  const std::uint64_t e1 = one.disk->open(one.a).value();
  const std::uint64_t e2 = other.disk->open(other.a).value();
  one.write(one.a, e1, 0, sectors_of(300, 1));
  one.write(one.a, e1, 1000, sectors_of(1, 0));
  for (std::uint64_t lba = 300; lba-- > 0;) other.write(other.a, e2, lba, sectors_of(1, 1));
  other.flush(other.a, e2);
  EXPECT_EQ(one.disk->digest(), other.disk->digest());
  other.write(other.a, e2, 299, sectors_of(1, 2));
  EXPECT_NE(one.disk->digest(), other.disk->digest());
}

TEST(Digest, IsEmittedWithItsPoint) {
  DiskWorld w;
  w.disk->emit_digest(traces::DigestPoint::End);
  ASSERT_EQ(w.events.digests.size(), 1u);
  EXPECT_EQ(w.events.digests[0].point, traces::DigestPoint::End);
  EXPECT_EQ(w.events.digests[0].digest, w.disk->digest());
}

TEST(Sectors, AtTheEndAreAllThatWereEverWritten) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.write(w.a, epoch, 5, sectors_of(2, 1));
  w.flush(w.a, epoch);
  w.write(w.a, epoch, 7, sectors_of(1, 2));
  w.write(w.a, epoch, 1000, sectors_of(1, 3));
  w.events.sectors.clear();
  w.disk->emit_sectors(traces::SectorCause::End);
  ASSERT_EQ(w.events.sectors.size(), 2u);
  EXPECT_EQ(w.events.sectors[0].lba, 5u);
  EXPECT_EQ(w.events.sectors[0].hashes.size(), 3u);
  EXPECT_EQ(w.events.sectors[0].hashes[2], traces::hash64_of(sectors_of(1, 2)));
  EXPECT_EQ(w.events.sectors[1].lba, 1000u);
}

}  // namespace
}  // namespace sim
