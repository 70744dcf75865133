// A host's handle on a shared disk: ownership decides who writes.
#include <gtest/gtest.h>

#include "hypervisor/storage/virtual_disk.hpp"

namespace {

using sim::DiskStatus;

struct Rig {
  explicit Rig(std::set<std::string, std::less<>> plants = {})
      : world(sim::WorldConfig{.seed = 1, .plants = std::move(plants)}, recorder) {}
  template <class F>
  void run(F&& make) {
    a.spawn("test", make());
    world.run_until(world.now() + sim::Duration{100'000'000});
    ASSERT_FALSE(a.running("test"));
  }
  traces::Recorder recorder;
  sim::World world;
  sim::Node& array = world.add_node("array", "storage");
  sim::Node& a = world.add_node("a", "host");
  sim::Node& b = world.add_node("b", "host");
  sim::SharedDisk disk{array, {.name = "disk", .number = 1, .sectors = 64}};
  storage::SharedDiskHandle first{a, disk}, second{b, disk};
};

sim::Task<> write(storage::VirtualDisk& disk, std::uint64_t lba, int value, DiskStatus& status) {
  std::vector<std::byte> data(512, static_cast<std::byte>(value));
  status = co_await disk.write({lba}, std::move(data));
}

sim::Task<> read(storage::VirtualDisk& disk, std::uint64_t lba, int& value, DiskStatus& status) {
  std::vector<std::byte> data(512);
  status = co_await disk.read({lba}, data);
  value = std::to_integer<int>(data[0]);
}

sim::Task<> flush(storage::VirtualDisk& disk, DiskStatus& status) {
  status = co_await disk.flush();
}

TEST(SharedDiskHandle, OneHostAtATimeOwnsTheDisk) {
  Rig rig;
  EXPECT_TRUE(rig.first.open());
  EXPECT_FALSE(rig.second.open());
  rig.first.close();
  EXPECT_TRUE(rig.second.open());
}

TEST(SharedDiskHandle, ReadsWhatWasWritten) {
  Rig rig;
  ASSERT_TRUE(rig.first.open());
  DiskStatus status{};
  int value = 0;
  rig.run([&] { return write(rig.first, 3, 42, status); });
  EXPECT_EQ(status, DiskStatus::Ok);
  rig.run([&] { return read(rig.first, 3, value, status); });
  EXPECT_EQ(value, 42);
  EXPECT_EQ(rig.first.sectors(), 64u);
  EXPECT_EQ(rig.first.number(), 1u);
}

TEST(SharedDiskHandle, RefusesEverythingWhileClosed) {
  Rig rig;
  DiskStatus status{};
  int value = 0;
  rig.run([&] { return read(rig.first, 0, value, status); });
  EXPECT_EQ(status, DiskStatus::NotOwner);
  rig.run([&] { return write(rig.first, 0, 1, status); });
  EXPECT_EQ(status, DiskStatus::NotOwner);
  rig.run([&] { return flush(rig.first, status); });
  EXPECT_EQ(status, DiskStatus::NotOwner);
}

TEST(SharedDiskHandle, AWriterThatLostTheDiskIsFencedOff) {
  Rig rig;
  ASSERT_TRUE(rig.first.open());
  rig.disk.seize(rig.b);
  DiskStatus status{};
  rig.run([&] { return write(rig.first, 0, 1, status); });
  EXPECT_EQ(status, DiskStatus::NotOwner);
}

TEST(SharedDiskHandle, ThePlantedCacheReturnsWhatWasThereBefore) {
  Rig rig({"storage.stale-read"});
  ASSERT_TRUE(rig.first.open());
  DiskStatus status{};
  int value = -1;
  rig.run([&] { return read(rig.first, 3, value, status); });
  rig.run([&] { return write(rig.first, 3, 42, status); });
  rig.run([&] { return read(rig.first, 3, value, status); });
  EXPECT_EQ(value, 0);
}

TEST(SharedDiskHandle, ThePlantedFlushNeverReachesTheDisk) {
  for (const bool planted : {false, true}) {
    Rig rig(planted ? std::set<std::string, std::less<>>{"storage.flush-does-nothing"}
                    : std::set<std::string, std::less<>>{});
    ASSERT_TRUE(rig.first.open());
    DiskStatus status{};
    rig.run([&] { return write(rig.first, 3, 42, status); });
    rig.run([&] { return flush(rig.first, status); });
    EXPECT_EQ(status, DiskStatus::Ok);
    rig.world.kill(rig.array, "power");
    rig.world.run_until(rig.world.now() + sim::Duration{1'000});
    rig.world.restart(rig.array);
    rig.world.run_until(rig.world.now() + sim::Duration{1'000});
    int value = -1;
    rig.run([&] { return read(rig.first, 3, value, status); });
    if (status == DiskStatus::NotOwner || status == DiskStatus::Unavailable) {
      storage::SharedDiskHandle again(rig.b, rig.disk);
      ASSERT_TRUE(again.open());
      rig.run([&] { return read(again, 3, value, status); });
    }
    EXPECT_EQ(status, DiskStatus::Ok);
    EXPECT_EQ(value, planted ? 0 : 42);
  }
}

}  // namespace
