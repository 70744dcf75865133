#include <gtest/gtest.h>

#include "sim/disk/plants.hpp"
#include "tests/sim/disk/disk_world.hpp"

namespace sim {
namespace {

using test::DiskWorld;
using test::sectors_of;

const Chance kHalf{1, 2};

TEST(DiskFaults, ThatAreOffNeverFire) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  for (std::uint64_t lba = 0; lba < 50; ++lba) w.write(w.a, epoch, lba, sectors_of(1, 1));
  w.power_cycle();
  w.read(0, 50);
  EXPECT_TRUE(w.events.faults.empty());
}

TEST(LostWrite, IsAcknowledgedAndReachesNothing) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.write(w.a, epoch, 3, sectors_of(1, 1));
  w.disk->set_faults({.lost_write = Chance::always()});
  EXPECT_EQ(w.write(w.a, epoch, 3, sectors_of(1, 2)), DiskStatus::Ok);
  EXPECT_EQ(w.read(3), sectors_of(1, 1));
  EXPECT_EQ(w.events.writes.size(), 1u) << "the witness does not claim it";
  EXPECT_EQ(w.events.faults, std::vector<std::string>{"disk.lost-write"});
}

TEST(LostWrite, IsNotHealedByARetry) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.disk->set_faults({.lost_write = kHalf});
  int lost = 0;
  for (std::uint64_t lba = 0; lba < 64; ++lba) {
    const std::size_t before = w.events.faults.size();
    w.write(w.a, epoch, lba, sectors_of(1, 1));
    const bool first = w.events.faults.size() != before;
    w.write(w.a, epoch, lba, sectors_of(1, 1));
    EXPECT_EQ(w.events.faults.size() - before, first ? 2u : 0u);
    lost += first ? 1 : 0;
  }
  EXPECT_GT(lost, 10);
  EXPECT_LT(lost, 54);
}

TEST(MisdirectedWrite, LandsElsewhereAndSaysSo) {
  DiskWorld w({}, 1, 64);
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.write(w.a, epoch, 0, sectors_of(64, 1));
  w.disk->set_faults({.misdirected_write = Chance::always()});
  EXPECT_EQ(w.write(w.a, epoch, 10, sectors_of(1, 2)), DiskStatus::Ok);
  ASSERT_EQ(w.events.writes.size(), 2u);
  const std::uint64_t landed = w.events.writes[1].lba;
  EXPECT_NE(landed, 10u);
  EXPECT_EQ(w.read(10), sectors_of(1, 1));
  EXPECT_EQ(w.read(landed), sectors_of(1, 2));
  w.disk->set_faults({});
  w.write(w.a, epoch, landed, sectors_of(1, 3));
  EXPECT_EQ(w.read(landed), sectors_of(1, 3)) << "a good write covers it";
}

TEST(MisdirectedWrite, HasNowhereElseToGoOnADiskOfItsOwnSize) {
  DiskWorld w({}, 1, 4);
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.disk->set_faults({.misdirected_write = Chance::always()});
  w.write(w.a, epoch, 0, sectors_of(4, 1));
  EXPECT_EQ(w.read(0, 4), sectors_of(4, 1));
}

TEST(LatentError, HidesASectorUntilItIsWritten) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.write(w.a, epoch, 0, sectors_of(3, 1));
  w.disk->set_faults({.latent_error = Chance::always()});
  for (int retry = 0; retry < 3; ++retry) {
    w.start_read(w.b, 1, 1);
    w.run();
    EXPECT_EQ(w.results.back().status, DiskStatus::MediumError);
  }
  EXPECT_EQ(w.events.faults.size(), 1u) << "one decision, however often it is met";
  w.write(w.a, epoch, 1, sectors_of(1, 2));
  EXPECT_EQ(w.read(1), sectors_of(1, 2));
  w.start_read(w.b, 0, 3);
  w.run();
  EXPECT_EQ(w.results.back().status, DiskStatus::MediumError) << "its neighbours are still bad";
}

TEST(LatentError, LeavesThePristineContentAlone) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.write(w.a, epoch, 0, sectors_of(1, 1));
  const traces::Digest before = w.disk->digest();
  w.disk->set_faults({.latent_error = Chance::always()});
  EXPECT_EQ(w.read(0), std::vector<std::byte>());
  EXPECT_EQ(w.disk->digest(), before);
  w.disk->set_faults({});
  EXPECT_EQ(w.read(0), sectors_of(1, 1));
}

TEST(TornWrite, KeepsEachCachedSectorByItsOwnChance) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.disk->set_faults({.torn_on_power_loss = kHalf});
  w.write(w.a, epoch, 0, sectors_of(200, 1));
  w.power_cycle();
  ASSERT_EQ(w.events.power_lost.size(), 1u);
  const auto& event = w.events.power_lost[0];
  EXPECT_EQ(event.kept + event.lost, 200u);
  EXPECT_GT(event.kept, 60u);
  EXPECT_GT(event.lost, 60u);
  std::uint64_t kept = 0;
  const auto data = w.read(0, 200);
  for (std::size_t i = 0; i < 200; ++i) kept += data[i * kSectorSize] == std::byte{1} ? 1 : 0;
  EXPECT_EQ(kept, event.kept);
  EXPECT_EQ(w.events.faults, std::vector<std::string>{"disk.torn-write"});
}

TEST(TornWrite, DecidesAnewAtEveryLossOfPower) {
  DiskWorld w;
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.disk->set_faults({.torn_on_power_loss = kHalf});
  std::set<std::uint64_t> kept;
  for (unsigned value = 1; value <= 4; ++value) {
    w.write(w.a, epoch, 0, sectors_of(200, value));
    w.power_cycle();
    kept.insert(w.events.power_lost.back().kept);
  }
  EXPECT_GT(kept.size(), 1u);
}

TEST(DiskFaults, HitTheSameSectorsForTheSameSeedAndOthersForAnother) {
  const auto lost = [](std::uint64_t seed) {
    DiskWorld w({}, seed);
    const std::uint64_t epoch = w.disk->open(w.a).value();
    w.disk->set_faults({.lost_write = kHalf});
    for (std::uint64_t lba = 0; lba < 64; ++lba) w.write(w.a, epoch, lba, sectors_of(1, 1));
    std::vector<std::uint64_t> landed;
    for (const auto& write : w.events.writes) landed.push_back(write.lba);
    return landed;
  };
  EXPECT_EQ(lost(5), lost(5));
  EXPECT_NE(lost(5), lost(6));
}

/// Every fault at once, and again after the rules were taken back for a while.
void live_through(DiskWorld& w, Chance chance) {
  const DiskFaults rules{chance, chance, chance, chance};
  const std::uint64_t epoch = w.disk->open(w.a).value();
  for (unsigned round = 1; round <= 2; ++round) {
    w.disk->set_faults(rules);
    for (std::uint64_t lba = 0; lba < 64; lba += 2) w.write(w.a, epoch, lba, sectors_of(2, round));
    w.power_cycle();
    for (std::uint64_t lba = 0; lba < 96; ++lba) w.read(lba);
    w.disk->set_faults({});
    for (std::uint64_t lba = 0; lba < 96; ++lba) w.read(lba);
    w.write(w.a, epoch, round, sectors_of(1, 9));
    EXPECT_EQ(w.read(round), sectors_of(1, 9)) << "no rule, no fault";
  }
  w.disk->emit_digest(traces::DigestPoint::End);
}

TEST(DiskFaults, GivenAsAScriptHappenAgainAndNoOther) {
  DiskWorld drawn({}, 3, 128);
  live_through(drawn, kHalf);
  std::set<std::string> kinds;
  for (const Decision& each : drawn.events.decisions) kinds.insert(each.stream);
  EXPECT_EQ(kinds.size(), 4u);
  for (const Chance chance : {kHalf, Chance::always()}) {
    DiskWorld scripted(128, WorldConfig{.seed = 3, .decisions = drawn.events.decisions});
    live_through(scripted, chance);
    EXPECT_EQ(scripted.recorder.hash(), drawn.recorder.hash());
  }
  DiskWorld quiet(128, WorldConfig{.seed = 3, .decisions = DecisionSet{}});
  live_through(quiet, Chance::always());
  EXPECT_TRUE(quiet.events.faults.empty());
}

TEST(DiskFaults, FromAScriptNeedNoRule) {
  DecisionSet script;
  script.insert({"disk.lost-write", {1, 7}});
  script.insert({"disk.latent-error", {1, 9}});
  DiskWorld w(4096, WorldConfig{.decisions = script});
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.write(w.a, epoch, 7, sectors_of(1, 1));
  EXPECT_EQ(w.read(7), sectors_of(1, 0));
  EXPECT_EQ(w.read(8), sectors_of(1, 0));
  EXPECT_EQ(w.read(9), std::vector<std::byte>());
  w.write(w.a, epoch, 9, sectors_of(1, 2));
  EXPECT_EQ(w.read(9), sectors_of(1, 2)) << "a write makes it good";
  EXPECT_EQ(w.events.decisions, script);
}

// -- planted bugs: each does what it says, and says so once --

TEST(DiskPlants, FlushLiesAndMovesNothing) {
  DiskWorld w({std::string(disk::kPlantFlushLies)});
  const std::uint64_t epoch = w.disk->open(w.a).value();
  w.write(w.a, epoch, 0, sectors_of(1, 1));
  EXPECT_EQ(w.flush(w.a, epoch), DiskStatus::Ok);
  EXPECT_EQ(w.flush(w.a, epoch), DiskStatus::Ok);
  EXPECT_TRUE(w.events.flushed.empty()) << "the witness does not lie";
  w.power_cycle();
  EXPECT_EQ(w.read(0), sectors_of(1, 0));
  EXPECT_EQ(w.events.plants, std::vector<std::string>{"disk.flush-lies"});
}

TEST(DiskPlants, WriteIgnoresEpochAcceptsAStranger) {
  DiskWorld w({std::string(disk::kPlantWriteIgnoresEpoch)});
  const std::uint64_t old = w.disk->open(w.a).value();
  w.write(w.a, old, 0, sectors_of(1, 1));
  EXPECT_TRUE(w.events.plants.empty()) << "the owner may write";
  w.disk->seize(w.b);
  EXPECT_EQ(w.write(w.a, old, 0, sectors_of(1, 2)), DiskStatus::Ok);
  EXPECT_EQ(w.read(0), sectors_of(1, 2));
  EXPECT_EQ(w.events.writes.back().epoch, old);
  EXPECT_EQ(w.events.plants, std::vector<std::string>{"disk.write-ignores-epoch"});
}

TEST(DiskPlants, TornSectorLeavesOutTheLastOne) {
  DiskWorld w({std::string(disk::kPlantTornSector)});
  const std::uint64_t epoch = w.disk->open(w.a).value();
  EXPECT_EQ(w.write(w.a, epoch, 0, sectors_of(1, 1)), DiskStatus::Ok);
  EXPECT_TRUE(w.events.plants.empty());
  EXPECT_EQ(w.write(w.a, epoch, 10, sectors_of(3, 1)), DiskStatus::Ok);
  EXPECT_EQ(w.read(11), sectors_of(1, 1));
  EXPECT_EQ(w.read(12), sectors_of(1, 0));
  EXPECT_EQ(w.events.writes.back().sectors, 2u);
  EXPECT_EQ(w.events.plants, std::vector<std::string>{"disk.torn-sector"});
}

}  // namespace
}  // namespace sim
