// Spec B.9: synthetic timers.
#include <gtest/gtest.h>

#include "tests/hypervisor/core/lab.hpp"

namespace hv::test {
namespace {

constexpr std::uint8_t kTimerSint = 3;
constexpr std::uint64_t kOnSint = std::uint64_t{kTimerSint} << 16;
constexpr std::uint64_t kEnable = SyntheticTimer::kEnable;
constexpr std::uint64_t kPeriodic = SyntheticTimer::kPeriodic;
constexpr std::uint64_t kLazy = SyntheticTimer::kLazy;
constexpr std::uint64_t kAutoEnable = SyntheticTimer::kAutoEnable;
constexpr std::uint64_t kDirect = SyntheticTimer::kDirect;
constexpr std::uint64_t kMs = 10'000;  // reference time

struct TimerTest : ::testing::Test {
  TimerTest() : machine(lab.first, config()), expired(lab.recorder) {
    machine.add_vp(idle_script());
    machine.enable_synic(kTimerSint, 0x50 | 1 << 17);
    machine.partition().resume("test");
  }
  static PartitionConfig config() {
    PartitionConfig config = plain_config();
    config.privileges.features = privilege::kDirectTimers;
    return config;
  }
  void set(unsigned timer, std::uint64_t timer_config, std::uint64_t count) {
    EXPECT_TRUE(machine.vp().write_msr(msr::kStimer0Config + 2 * timer, timer_config));
    EXPECT_TRUE(machine.vp().write_msr(msr::kStimer0Count + 2 * timer, count));
  }
  std::uint64_t timer_config(unsigned timer = 0) {
    return *machine.vp().read_msr(msr::kStimer0Config + 2 * timer);
  }
  std::uint64_t slot_u64(std::uint32_t offset) {
    const auto frame = machine.vp().synic().message_page().frame();
    const std::uint32_t at = kTimerSint * kSlotBytes + 16 + offset;
    return machine.memory.read_u32(frame, at) |
           std::uint64_t{machine.memory.read_u32(frame, at + 4)} << 32;
  }
  /// The guest takes the message and says so.
  void consume() {
    machine.free_slot(kTimerSint);
    machine.vp().write_msr(msr::kEom, 0);
  }

  Lab lab;
  Machine machine;
  Kept<traces::ev::TimerExpired> expired;
};

TEST_F(TimerTest, OneShotFiresAtItsTimeOnceAndDisablesItself) {
  set(0, kOnSint | kAutoEnable, 5 * kMs);
  EXPECT_EQ(timer_config() & kEnable, kEnable) << "a count with auto-enable enables";
  lab.run_for(4'999'999_ns);
  EXPECT_TRUE(expired.empty());
  lab.run_for(1_ns);
  ASSERT_EQ(expired.size(), 1u);
  EXPECT_EQ(expired.back().expiration, 5 * kMs);
  EXPECT_EQ(timer_config() & kEnable, 0u);
  lab.run_for(1_s);
  EXPECT_EQ(expired.size(), 1u);
}

TEST_F(TimerTest, TheMessageCarriesTimerExpirationAndDelivery) {
  set(2, kOnSint | kEnable, 3 * kMs);
  lab.run_for(4_ms);
  EXPECT_EQ(machine.slot_type(kTimerSint), kTimerExpired);
  EXPECT_EQ(slot_u64(0), 2u);
  EXPECT_EQ(slot_u64(8), 3 * kMs);
  EXPECT_EQ(slot_u64(16), 3 * kMs);
}

TEST_F(TimerTest, ADelayedDeliverySaysWhenItReallyHappened) {
  machine.partition().post_message(1, {0}, {kTimerSint}, 1, {});  // occupies the slot
  set(0, kOnSint | kEnable, 3 * kMs);
  lab.run_for(10_ms);
  consume();
  EXPECT_EQ(slot_u64(8), 3 * kMs);
  EXPECT_EQ(slot_u64(16), 10 * kMs);
}

TEST_F(TimerTest, ATimeThatIsPastFiresAtOnce) {
  lab.run_for(10_ms);
  set(0, kOnSint | kEnable, 1);
  lab.run_for(0_ns);
  EXPECT_EQ(expired.size(), 1u);
}

TEST_F(TimerTest, EnableWithoutASintIsClearedUnlessTheTimerIsDirect) {
  set(0, kEnable, 0);
  EXPECT_EQ(timer_config() & kEnable, 0u);
  set(1, kEnable | kDirect | 0x60 << 4, 0);
  EXPECT_EQ(timer_config(1) & kEnable, 0u) << "COUNT = 0 stops it";
  set(1, kEnable | kDirect | 0x60 << 4, 10);
  EXPECT_EQ(timer_config(1) & kEnable, kEnable);
}

TEST_F(TimerTest, CountZeroStopsWhateverAutoEnableSays) {
  set(0, kOnSint | kAutoEnable, 5 * kMs);
  machine.vp().write_msr(msr::kStimer0Count, 0);
  EXPECT_EQ(timer_config() & kEnable, 0u);
  lab.run_for(1_s);
  EXPECT_TRUE(expired.empty());
}

TEST_F(TimerTest, EnableBeforeTheCountArmsWithTheCount) {
  machine.vp().write_msr(msr::kStimer0Config, kOnSint | kEnable | kAutoEnable);
  lab.run_for(1_ms);
  EXPECT_TRUE(expired.empty()) << "there is no count yet";
  machine.vp().write_msr(msr::kStimer0Count, 3 * kMs);
  lab.run_for(5_ms);
  EXPECT_EQ(expired.size(), 1u);
}

TEST_F(TimerTest, APeriodicTimerTicksFromItsEnableOn) {
  lab.run_for(500_us);
  set(0, kOnSint | kEnable | kPeriodic, kMs);
  for (int i = 0; i < 5; ++i) {
    lab.run_for(1_ms);
    consume();
  }
  ASSERT_EQ(expired.size(), 5u);
  for (std::uint64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(expired[i].expiration, 5'000 + (i + 1) * kMs);
    EXPECT_EQ(expired[i].delivery, expired[i].expiration);
  }
}

TEST_F(TimerTest, ATimerNeverHasTwoMessagesOutstanding) {
  machine.partition().post_message(1, {0}, {kTimerSint}, 1, {});
  set(0, kOnSint | kEnable | kPeriodic, kMs);
  lab.run_for(20_ms);
  EXPECT_EQ(expired.size(), 1u);
  unsigned waiting = 0;
  for (const auto& each : machine.vp().synic().state().queues[kTimerSint]) {
    waiting += each.timer == 0 ? 1 : 0;
  }
  EXPECT_EQ(waiting, 1u);
}

TEST_F(TimerTest, MissedTicksAreMadeGoodByShorterPeriods) {
  machine.partition().post_message(1, {0}, {kTimerSint}, 1, {});
  set(0, kOnSint | kEnable | kPeriodic, kMs);
  lab.run_for(4_ms + 100_us);
  for (int i = 0; i < 200; ++i) {
    consume();
    lab.run_for(100_us);
  }
  // 24.1 ms after enable: every tick was delivered, the late ones at half the period.
  EXPECT_EQ(expired.size(), 24u);
  for (std::size_t i = 0; i < expired.size(); ++i) {
    EXPECT_EQ(expired[i].expiration, (i + 1) * kMs);
    EXPECT_GE(expired[i].delivery, expired[i].expiration);
  }
}

TEST_F(TimerTest, TooManyMissedTicksAreDropped) {
  machine.partition().post_message(1, {0}, {kTimerSint}, 1, {});
  set(0, kOnSint | kEnable | kPeriodic, kMs);
  lab.run_for(100_ms + 100_us);
  for (int i = 0; i < 200; ++i) {
    consume();
    lab.run_for(100_us);
  }
  EXPECT_LT(expired.size(), 40u);
  EXPECT_GT(expired.size(), 20u);
  const std::uint64_t elapsed = 120;
  EXPECT_LE(expired.size(), elapsed) << "never more ticks than periods (SY-8)";
}

TEST_F(TimerTest, ALazyTimerLeavesMissedTicksOut) {
  machine.partition().post_message(1, {0}, {kTimerSint}, 1, {});
  set(0, kOnSint | kEnable | kPeriodic | kLazy, kMs);
  lab.run_for(10_ms + 100_us);
  for (int i = 0; i < 50; ++i) {
    consume();
    lab.run_for(100_us);
  }
  // Ticks 1 (queued while the slot was full) and 11 to 15; 2 to 10 never come.
  ASSERT_EQ(expired.size(), 6u);
  EXPECT_EQ(expired[1].expiration, 11 * kMs);
}

TEST_F(TimerTest, ADirectTimerRaisesItsVectorAndSendsNoMessage) {
  set(0, kEnable | kDirect | 0x60 << 4, 2 * kMs);
  lab.run_for(3_ms);
  EXPECT_EQ(machine.vp().acknowledge_interrupt(), 0x60);
  EXPECT_EQ(machine.slot_type(kTimerSint), 0u);
  EXPECT_FALSE(machine.vp().write_msr(msr::kStimer0Config, kEnable | kDirect | 0x0F << 4));
}

TEST_F(TimerTest, DirectModeNeedsItsFeature) {
  PartitionConfig without = plain_config();
  without.vm = 9;
  Machine other(lab.second, without);
  other.add_vp(idle_script());
  other.vp().write_msr(msr::kStimer0Config, kEnable | kDirect | 0x60 << 4);
  EXPECT_EQ(other.vp().read_msr(msr::kStimer0Config), 0u);
}

TEST_F(TimerTest, TimersStandStillWhileThePartitionIsSuspended) {
  set(0, kOnSint | kEnable, 5 * kMs);
  lab.run_for(3_ms);
  machine.partition().suspend("test");
  lab.run_for(1_s);
  EXPECT_TRUE(expired.empty());
  machine.partition().resume("test");
  lab.run_for(1'999'999_ns);
  EXPECT_TRUE(expired.empty());
  lab.run_for(1_ns);
  ASSERT_EQ(expired.size(), 1u);
  EXPECT_EQ(expired.back().delivery, 5 * kMs);
}

TEST_F(TimerTest, ReprogrammingForgetsTheOldTime) {
  set(0, kOnSint | kEnable | kAutoEnable, 5 * kMs);
  machine.vp().write_msr(msr::kStimer0Count, 9 * kMs);
  lab.run_for(6_ms);
  EXPECT_TRUE(expired.empty());
  lab.run_for(3_ms);
  EXPECT_EQ(expired.size(), 1u);
}

TEST_F(TimerTest, ATimeBeyondTheEndOfTheWorldNeverComes) {
  set(0, kOnSint | kEnable, ~std::uint64_t{0});
  set(1, kOnSint | kEnable | kPeriodic, ~std::uint64_t{0});
  lab.run_for(1_s);
  EXPECT_TRUE(expired.empty());
}

TEST_F(TimerTest, AWaitingMessageOutlivesASwitchedOffMessagePage) {
  machine.vp().write_msr(msr::kSimp, 0);
  set(0, kOnSint | kEnable, kMs);
  lab.run_for(2_ms);
  EXPECT_EQ(expired.size(), 1u);
  machine.vp().write_msr(msr::kSimp, 2 << 12 | 1);
  EXPECT_EQ(machine.slot_type(kTimerSint), kTimerExpired);
}

}  // namespace
}  // namespace hv::test
