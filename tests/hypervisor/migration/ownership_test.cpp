// The ownership record is the commit of a migration: it must be there after a power cut exactly if
// put() returned.
#include <gtest/gtest.h>

#include "hypervisor/migration/ownership.hpp"
#include "sim/kernel/sync.hpp"

namespace {

using migration::Claim;
using migration::Ownership;
using migration::OwnershipStore;
using sim::Duration;
using sim::Time;

struct Bench {
  traces::Recorder recorder;
  sim::World world{sim::WorldConfig{}, recorder};
  sim::Node& host = world.add_node("host", "host");
  sim::SharedDisk disk{host, config()};
  std::unique_ptr<OwnershipStore> store;
  bool loaded = false;
  bool durable = false;
  Time returned{};

  static sim::DiskConfig config() {
    sim::DiskConfig disk;
    disk.name = "system";
    disk.number = 1;
    disk.sectors = 16;
    return disk;
  }
};

sim::Task<> load(Bench* bench) {
  bench->store = std::make_unique<OwnershipStore>(bench->host, bench->disk);
  bench->loaded = co_await bench->store->load();
}

sim::Task<> put(Bench* bench, std::uint32_t vm, Ownership record) {
  bench->durable = co_await bench->store->put(vm, record);
  bench->returned = bench->world.now();
}

void boot(Bench& bench) {
  bench.loaded = false;
  bench.host.spawn("load", load(&bench));
  bench.world.run_until(bench.world.now() + Duration{50'000'000});
  ASSERT_TRUE(bench.loaded);
}

Ownership owned(std::uint64_t epoch) {
  Ownership record;
  record.claim = Claim::Owned;
  record.epoch = epoch;
  record.job = 4;
  return record;
}

void cut_power_and_boot(Bench& bench) {
  bench.world.kill(bench.host, "test");
  bench.world.restart(bench.host);
  bench.world.run_until(bench.world.now() + Duration{1'000'000});
  boot(bench);
}

TEST(Ownership, AnEmptyDiskSaysNone) {
  Bench bench;
  boot(bench);
  EXPECT_EQ(bench.store->get(3).claim, Claim::None);
  EXPECT_TRUE(bench.store->all().empty());
}

TEST(Ownership, ARecordIsThereAfterAPowerCutOncePutHasReturned) {
  Bench bench;
  boot(bench);
  const Ownership record = owned(5);
  bench.host.spawn("put", put(&bench, 3, record));
  bench.world.run_until(bench.world.now() + Duration{50'000'000});
  ASSERT_TRUE(bench.durable);
  cut_power_and_boot(bench);
  EXPECT_EQ(bench.store->get(3).claim, Claim::Owned);
  EXPECT_EQ(bench.store->get(3).epoch, 5U);
  EXPECT_EQ(bench.store->get(3).job, 4U);
}

TEST(Ownership, APutThatAPowerCutInterruptsIsOldOrNewAndNewOnceItReturned) {
  // From before the write reaches the cache to after the flush, in steps of 10 us.
  int old_records = 0;
  int new_records = 0;
  for (std::int64_t cut = 0; cut <= 800'000; cut += 10'000) {
    Bench bench;
    boot(bench);
    const Ownership first = owned(1);
    bench.host.spawn("put", put(&bench, 3, first));
    bench.world.run_until(bench.world.now() + Duration{50'000'000});
    bench.durable = false;
    const Ownership second = owned(2);
    bench.host.spawn("put", put(&bench, 3, second));
    bench.world.run_until(bench.world.now() + Duration{cut});
    const bool returned = bench.durable;
    cut_power_and_boot(bench);
    const std::uint64_t epoch = bench.store->get(3).epoch;
    EXPECT_TRUE(epoch == 1 || epoch == 2) << cut;
    if (returned) EXPECT_EQ(epoch, 2U) << cut;
    (epoch == 1 ? old_records : new_records) += 1;
  }
  EXPECT_GT(old_records, 0);
  EXPECT_GT(new_records, 0);
}

TEST(Ownership, ADamagedOrForeignSectorSaysNone) {
  Bench bench;
  std::vector<std::byte> noise(sim::kSectorSize, std::byte{0xA5});
  bench.disk.preload(sim::Lba{3}, noise);
  boot(bench);
  EXPECT_EQ(bench.store->get(3).claim, Claim::None);
}

}  // namespace
