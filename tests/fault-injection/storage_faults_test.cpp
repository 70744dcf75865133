// Every storage fault does what its name says to what hosts write and read, and taking it back
// heals.
#include <gtest/gtest.h>

#include <algorithm>

#include "hypervisor/storage/scsi.hpp"
#include "tests/fault-injection/bare_field.hpp"
#include "tests/sim/disk/disk_world.hpp"

namespace faults::testing {
namespace {

using sim::DiskStatus;
using sim::test::sectors_of;

constexpr std::int64_t kAlways = 1'000'000;
constexpr std::int64_t kHalf = 500'000;

class Array final : public BareField {
 public:
  Array() : epoch_(disks_.disk->open(disks_.a).value()) {}
  sim::World& world() override { return disks_.world; }
  sim::SharedDisk* storage(std::string_view) override { return disks_.disk.get(); }

  void strike(const char* fault, std::int64_t amount = 0) {
    apply(*find(fault), *this, at("lun0", amount));
    disks_.run();
  }
  void take_back(const char* fault, std::int64_t amount = 0) {
    undo(*find(fault), *this, at("lun0", amount));
    disks_.run();
  }
  DiskStatus write(std::uint64_t lba, unsigned value, std::size_t sectors = 1) {
    return disks_.write(disks_.a, epoch_, lba, sectors_of(sectors, value));
  }
  std::vector<std::byte> read(std::uint64_t lba, std::size_t sectors = 1) {
    return disks_.read(lba, sectors);
  }
  DiskStatus flush() { return disks_.flush(disks_.a, epoch_); }
  sim::test::DiskWorld& disks() { return disks_; }
  std::uint64_t epoch() const { return epoch_; }
  /// How many of the first `sectors` sectors read as `value`.
  std::size_t count(std::size_t sectors, unsigned value) {
    std::size_t same = 0;
    for (std::size_t lba = 0; lba < sectors; ++lba) {
      if (read(lba) == sectors_of(1, value)) ++same;
    }
    return same;
  }

 private:
  sim::test::DiskWorld disks_;
  std::uint64_t epoch_;
};

TEST(LoseWrites, AreAcknowledgedAndTheOldContentStays) {
  Array array;
  array.write(3, 1);
  array.strike("lose-writes", kAlways);
  EXPECT_EQ(array.write(3, 2), DiskStatus::Ok);
  EXPECT_EQ(array.read(3), sectors_of(1, 1));
  array.take_back("lose-writes", kAlways);
  EXPECT_EQ(array.write(3, 2), DiskStatus::Ok);
  EXPECT_EQ(array.read(3), sectors_of(1, 2));
}

TEST(LoseWrites, HitTheShareThatWasAskedFor) {
  Array array;
  array.strike("lose-writes", kHalf);
  for (std::uint64_t lba = 0; lba < 100; ++lba) array.write(lba, 1);
  const std::size_t kept = array.count(100, 1);
  EXPECT_GT(kept, 25U);
  EXPECT_LT(kept, 75U);
}

TEST(MisdirectWrites, LandSomewhereElse) {
  Array array;
  array.strike("misdirect-writes", kAlways);
  EXPECT_EQ(array.write(7, 9), DiskStatus::Ok);
  EXPECT_EQ(array.read(7), sectors_of(1, 0));
  ASSERT_EQ(array.disks().events.writes.size(), 1U);
  const std::uint64_t elsewhere = array.disks().events.writes[0].lba;
  EXPECT_NE(elsewhere, 7U);
  EXPECT_EQ(array.read(elsewhere), sectors_of(1, 9));
  array.take_back("misdirect-writes", kAlways);
  array.write(7, 8);
  EXPECT_EQ(array.read(7), sectors_of(1, 8));
}

TEST(LatentErrors, FailReadsUntilTheSectorIsWrittenOrTheFaultEnds) {
  Array array;
  array.write(1, 1, 4);
  array.strike("latent-errors", kAlways);
  EXPECT_TRUE(array.read(2).empty());
  EXPECT_EQ(array.disks().results.back().status, DiskStatus::MediumError);
  array.write(2, 5);
  EXPECT_EQ(array.read(2), sectors_of(1, 5));
  EXPECT_TRUE(array.read(3).empty());
  array.take_back("latent-errors", kAlways);
  EXPECT_EQ(array.read(3), sectors_of(1, 1));
}

TEST(CorruptReads, FlipOneBitPerSectorAndLeaveTheContentAlone) {
  Array array;
  array.write(0, 0x55, 8);
  array.strike("corrupt-reads", kAlways);
  const auto wrong = array.read(0, 8);
  ASSERT_EQ(wrong.size(), 8 * sim::kSectorSize);
  for (std::size_t sector = 0; sector < 8; ++sector) {
    unsigned flipped = 0;
    for (std::size_t i = 0; i < sim::kSectorSize; ++i) {
      const unsigned byte = std::to_integer<unsigned>(wrong[sector * sim::kSectorSize + i]);
      flipped += static_cast<unsigned>(std::popcount(byte ^ 0x55U));
    }
    EXPECT_EQ(flipped, 1U) << sector;
  }
  EXPECT_EQ(array.read(0, 8), wrong) << "reading again does not help";
  array.take_back("corrupt-reads", kAlways);
  EXPECT_EQ(array.read(0, 8), sectors_of(8, 0x55));
}

TEST(SlowIo, AddsItsTimeToEveryRequest) {
  Array array;
  const auto time_of_write = [&array] {
    const sim::Time before = array.disks().world.now();
    array.write(0, 1);
    return array.disks().results.back().when - before;
  };
  const sim::Duration before = time_of_write();
  array.strike("slow-io", 10'000'000);
  EXPECT_EQ(time_of_write() - before, sim::Duration{10'000'000});
  const sim::Time start = array.disks().world.now();
  array.read(0);
  EXPECT_GT(array.disks().results.back().when - start, sim::Duration{10'000'000});
  array.take_back("slow-io", 10'000'000);
  EXPECT_EQ(time_of_write(), before);
}

TEST(FullDisk, RefusesNewExtentsAndKeepsServingTheOthers) {
  Array array;
  array.write(0, 1);
  array.strike("full-disk");
  EXPECT_EQ(array.write(5, 2), DiskStatus::Ok);  // the extent of 64 KiB is there already
  EXPECT_EQ(array.write(128, 3), DiskStatus::NoSpace);
  EXPECT_EQ(array.write(127, 3, 2), DiskStatus::NoSpace);  // half of it has no room
  EXPECT_EQ(array.read(127, 2), sectors_of(2, 0));
  EXPECT_EQ(array.read(5), sectors_of(1, 2));
  array.take_back("full-disk");
  EXPECT_EQ(array.write(128, 3), DiskStatus::Ok);
}

TEST(TornWrites, KeepSomeSectorsOfTheCacheAndLoseOthers) {
  Array array;
  array.write(0, 1, 100);
  array.flush();
  for (std::uint64_t lba = 0; lba < 100; ++lba) array.write(lba, 2);
  array.strike("torn-writes", kHalf);
  EXPECT_FALSE(array.storage("lun0")->node().alive());
  array.take_back("torn-writes", kHalf);
  EXPECT_TRUE(array.storage("lun0")->node().alive());
  const std::size_t kept = array.count(100, 2);
  EXPECT_GT(kept, 25U);
  EXPECT_LT(kept, 75U);
  EXPECT_EQ(array.count(100, 1), 100 - kept) << "nothing but old or new content";
}

TEST(KillStorage, LosesTheCacheAndComesBackWithTheMedium) {
  Array array;
  array.write(0, 1);
  array.flush();
  array.write(0, 2);
  array.strike("kill-storage");
  EXPECT_FALSE(array.storage("lun0")->node().alive());
  EXPECT_TRUE(array.read(0).empty());
  EXPECT_EQ(array.disks().results.back().status, DiskStatus::Unavailable);
  array.take_back("kill-storage");
  EXPECT_EQ(array.read(0), sectors_of(1, 1));
}

TEST(ResetController, EndsWhatIsUnderWayAndKeepsTheCache) {
  Array array;
  array.write(0, 1);
  array.disks().start_write(array.disks().a, array.epoch(), 9, sectors_of(1, 7));
  array.disks().start_read(array.disks().b, 0, 1);
  array.disks().run(sim::Duration{1'000});
  const std::size_t before = array.disks().results.size();
  array.strike("reset-controller");
  ASSERT_EQ(array.disks().results.size(), before + 2);
  EXPECT_EQ(array.disks().results[before].status, DiskStatus::Reset);
  EXPECT_EQ(array.disks().results[before + 1].status, DiskStatus::Reset);
  EXPECT_EQ(array.read(0), sectors_of(1, 1)) << "what was cached is still there";
  EXPECT_EQ(array.write(9, 8), DiskStatus::Ok);
}

}  // namespace
}  // namespace faults::testing
