// The real guests on the real stack: Unicorn, the hypervisor, VMBus, storage and heartbeat.
#include <cstring>

#include <gtest/gtest.h>

#include "scenarios/guests/pattern.h"
#include "tests/scenarios/guests/guest_machine.hpp"

namespace guests_test {
namespace {

constexpr sim::Duration kMillisecond{1'000'000};

MachineConfig worker() {
  MachineConfig config;
  config.program = "worker";
  config.parameters.memory_pages = 2048;
  config.parameters.dirty_pages_per_ms = 16;
  config.parameters.disk_interval_us = 1000;
  config.parameters.blocks_per_write = 8;
  config.parameters.flush_every = 4;
  config.parameters.disk_blocks = 1024;
  config.parameters.seed = 42;
  config.parameters.stop_after_us = 300'000;
  return config;
}

TEST(HelloGuest, FindsTheHypervisorAndCallsIt) {
  GuestMachine machine({});
  machine.run_for(kMillisecond * 100);
  ASSERT_EQ(machine.exit_code(), 0u) << machine.transcript();
  EXPECT_TRUE(machine.said("hello: the hypervisor calls itself Microsoft Hv"))
      << machine.transcript();
  EXPECT_EQ(machine.number_after("hello: a hint was taken"), 0u);
  EXPECT_EQ(machine.number_after("hello: a signal to nowhere"), 0x12u);
  EXPECT_TRUE(machine.said("hello: done"));
}

TEST(RightsGuest, IsRefusedEverythingThatTheSpecificationForbids) {
  MachineConfig config;
  config.program = "rights";
  GuestMachine machine(config);
  machine.run_for(kMillisecond * 100);
  EXPECT_EQ(machine.number_after("rights: failures so far"), 0u) << machine.transcript();
  EXPECT_TRUE(machine.said("rights: writing to the hypercall page now"));
  EXPECT_FALSE(machine.said("rights: NOT REFUSED")) << machine.transcript();
  // The last store ends in #GP, or in an intercept that stops the processor.
  EXPECT_TRUE(machine.exit_code() == 0u || !machine.stopped().empty()) << machine.transcript();
}

TEST(CallsGuest, GetsTheAnswersThatTheSpecificationStates) {
  MachineConfig config;
  config.program = "calls";
  config.parameters.stop_after_us = 100'000;
  GuestMachine machine(config);
  machine.run_for(kMillisecond * 200);
  ASSERT_EQ(machine.exit_code(), 0u) << machine.transcript();
  EXPECT_EQ(machine.number_after("calls: answers that were wrong so far:"), 0u);
  EXPECT_GT(machine.number_after("calls: rings of the last timer").value_or(0), 50u);
  EXPECT_FALSE(machine.said("calls: WRONG")) << machine.transcript();
}

TEST(CallsGuest, NoticesAPrivilegeThatItShouldNotHave) {
  MachineConfig config;
  config.program = "calls";
  config.privileges.hypercall |= 1u << 1;  // AccessPartitionId
  GuestMachine machine(config);
  machine.run_for(kMillisecond * 200);
  EXPECT_EQ(machine.exit_code(), 1u);
  EXPECT_TRUE(machine.said("calls: WRONG: a privilege is asked for")) << machine.transcript();
}

TEST(WorkerGuest, DoesItsDayWithoutAComplaint) {
  GuestMachine machine(worker());
  machine.run_for(kMillisecond * 2000);
  ASSERT_EQ(machine.exit_code(), 0u) << machine.transcript();
  EXPECT_FALSE(machine.said("PANIC")) << machine.transcript();
  EXPECT_TRUE(machine.said("worker: connected, VMBus 2.4"));
  EXPECT_EQ(machine.number_after("worker: disk found, blocks"), 32768u);
  EXPECT_TRUE(machine.said("worker: heartbeat open"));
  // 16 pages per ms of 300 ms, give or take the last tick.
  EXPECT_NEAR(static_cast<double>(machine.number_after("worker: pages written").value_or(0)),
              4800.0, 64.0)
      << machine.transcript();
  // One write per ms, less the time for a flush and a read after every fourth.
  EXPECT_GT(machine.number_after("worker: disk writes").value_or(0), 150u);
  EXPECT_GT(machine.number_after("worker: read back").value_or(0), 30u);
}

TEST(WorkerGuest, LeavesItsPatternOnTheDisk) {
  MachineConfig config = worker();
  GuestMachine machine(config);
  machine.run_for(kMillisecond * 2000);
  ASSERT_EQ(machine.exit_code(), 0u) << machine.transcript();
  const std::uint64_t last = machine.number_after("worker: disk writes").value_or(0);
  const std::uint64_t slots = 1024 / 8;
  ASSERT_GT(last, slots);
  const std::vector<std::byte> disk = machine.read_disk(0, 1024);
  for (std::uint64_t slot = 0; slot < slots; ++slot) {
    const std::uint64_t sequence = pattern_newest(slot + 1, last, slots);
    for (std::uint64_t block = slot * 8; block < slot * 8 + 8; ++block) {
      std::uint64_t words[PATTERN_BLOCK_WORDS];
      std::memcpy(words, disk.data() + block * sim::kSectorSize, sizeof words);
      ASSERT_TRUE(pattern_block_holds(words, sequence, block)) << "block " << block;
    }
  }
  EXPECT_GT(machine.flushes(), 30u);
}

TEST(WorkerGuest, AnswersEveryHeartbeat) {
  MachineConfig config = worker();
  config.parameters.stop_after_us = 0;
  GuestMachine machine(config);
  machine.run_for(kMillisecond * 405);
  EXPECT_EQ(machine.transcript().find("PANIC"), std::string::npos) << machine.transcript();
  EXPECT_GE(machine.heartbeats_sent(), 18u);
  EXPECT_EQ(machine.heartbeats_answered(), machine.heartbeats_sent());
  EXPECT_EQ(machine.heartbeat().status(), vsp::HeartbeatStatus::Ok);
}

TEST(WorkerGuest, NegotiatesTheHighestVersionThatTheHostHas) {
  const struct {
    vmbus::Version version;
    const char* said;
  } cases[] = {{vmbus::Version::V0_13, "worker: connected, VMBus 0.13"},
               {vmbus::Version::V1_1, "worker: connected, VMBus 1.1"},
               {vmbus::Version::V3_0, "worker: connected, VMBus 3.0"},
               {vmbus::Version::V4_1, "worker: connected, VMBus 4.1"},
               {vmbus::Version::V5_0, "worker: connected, VMBus 5.0"},
               {vmbus::Version::V5_3, "worker: connected, VMBus 5.3"}};
  for (const auto& each : cases) {
    MachineConfig config = worker();
    config.vmbus_version = each.version;
    config.parameters.stop_after_us = 20'000;
    GuestMachine machine(config);
    machine.run_for(kMillisecond * 500);
    EXPECT_EQ(machine.exit_code(), 0u) << machine.transcript();
    EXPECT_TRUE(machine.said(each.said)) << machine.transcript();
  }
}

TEST(WorkerGuest, WorksWithTheCounterWhenThereIsNoTscPage) {
  MachineConfig config = worker();
  config.privileges.msr &= ~0x200u;
  config.parameters.stop_after_us = 50'000;
  GuestMachine machine(config);
  machine.run_for(kMillisecond * 500);
  EXPECT_EQ(machine.exit_code(), 0u) << machine.transcript();
}

TEST(WorkerGuest, WorksWithoutADisk) {
  MachineConfig config = worker();
  config.with_disk = false;
  config.parameters.stop_after_us = 50'000;
  GuestMachine machine(config);
  machine.run_for(kMillisecond * 500);
  EXPECT_EQ(machine.exit_code(), 0u) << machine.transcript();
  EXPECT_FALSE(machine.said("worker: disk found"));
  EXPECT_EQ(machine.number_after("worker: disk writes"), 0u);
}

TEST(WorkerGuest, SleepsWhenNothingIsDue) {
  MachineConfig config = worker();
  config.parameters.stop_after_us = 0;
  GuestMachine machine(config);
  machine.run_for(kMillisecond * 300);
  const std::uint64_t executed = machine.partition().vp({0})->cpu()->executed();
  // At 1000 instructions per microsecond a processor that never sleeps executes 300 million.
  EXPECT_LT(executed, 30'000'000u);
  EXPECT_TRUE(machine.said("worker: flushed and read back")) << machine.transcript();
}

TEST(WorkerGuest, NoticesNothingOfBeingHeldAndGoesOnAtItsGuestTime) {
  GuestMachine machine(worker());
  for (int i = 0; i < 20; ++i) {
    machine.run_for(kMillisecond * 7);
    machine.suspend();
    machine.world().run_until(machine.world().now() + kMillisecond * 50);
    machine.resume();
  }
  machine.run_for(kMillisecond * 2000);
  ASSERT_EQ(machine.exit_code(), 0u) << machine.transcript();
  EXPECT_FALSE(machine.said("PANIC")) << machine.transcript();
  EXPECT_NEAR(static_cast<double>(machine.number_after("worker: pages written").value_or(0)),
              4800.0, 64.0);
}

TEST(WorkerGuest, PanicsWhenAPageOfItsPatternComesBackOld) {
  MachineConfig config = worker();
  config.parameters.memory_pages = 64;
  config.parameters.stop_after_us = 0;
  GuestMachine machine(config);
  machine.run_for(kMillisecond * 50);
  // A page as it was 50 ms ago: what a migration that lost it from the dirty log would bring.
  const sim::Gpa page{(GUEST_IMAGE_END_PAGE + 7) * sim::kPageSize};
  std::vector<std::byte> old(sim::kPageSize);
  ASSERT_TRUE(machine.partition().read(page, old));
  machine.run_for(kMillisecond * 50);
  std::vector<std::byte> now(sim::kPageSize);
  ASSERT_TRUE(machine.partition().read(page, now));
  ASSERT_NE(old, now);
  ASSERT_TRUE(machine.partition().write(page, old));
  machine.run_for(kMillisecond * 200);
  EXPECT_EQ(machine.exit_code(), 1u);
  EXPECT_TRUE(machine.said("PANIC: memory corruption")) << machine.transcript();
}

TEST(WorkerGuest, SaysWhatIsWrongWithItsParameters) {
  MachineConfig config = worker();
  config.parameters.memory_pages = config.ram_pages;
  GuestMachine machine(config);
  machine.run_for(kMillisecond * 100);
  EXPECT_EQ(machine.exit_code(), 1u);
  EXPECT_EQ(machine.number_after("PANIC: memory pages must end before"), config.ram_pages)
      << machine.transcript();
}

TEST(HungryGuest, DirtiesFasterThanAnyLinkCarries) {
  MachineConfig config;
  config.program = "hungry";
  config.parameters.memory_pages = 4096;
  config.parameters.stop_after_us = 100'000;
  GuestMachine machine(config);
  machine.run_for(kMillisecond * 1000);
  ASSERT_EQ(machine.exit_code(), 0u) << machine.transcript();
  // 10 Gbit/s carry 305 pages per ms.
  EXPECT_GT(machine.number_after("hungry: pages written").value_or(0), 100u * 305 * 10);
  EXPECT_GT(machine.number_after("hungry: disk writes").value_or(0), 2u);
}

TEST(GuestWorlds, OfOneSeedAreEqualEventByEvent) {
  GuestMachine first(worker()), second(worker());
  first.run_for(kMillisecond * 2000);
  second.run_for(kMillisecond * 2000);
  EXPECT_EQ(first.hash(), second.hash());
  EXPECT_EQ(first.lines(), second.lines());
  MachineConfig other = worker();
  other.parameters.seed = 43;
  GuestMachine third(other);
  third.run_for(kMillisecond * 2000);
  EXPECT_NE(first.hash(), third.hash());
}

}  // namespace
}  // namespace guests_test
