// SY-8 and SY-9: synthetic timers.
#include <gtest/gtest.h>

#include <cstring>

#include "checkers/makers.hpp"
#include "tests/checkers/event_stream.hpp"

namespace checkers {
namespace {

namespace ev = traces::ev;

constexpr std::uint64_t kMs = 10'000;  // reference time
constexpr std::uint64_t kConfig = 3 << 16;
constexpr std::uint64_t kEnable = 1;
constexpr std::uint64_t kPeriodic = 2;
constexpr std::uint32_t kTimerType = 0x8000'0010;

/// Timer 0 of VP 0 of partition 2, on SINT 3. The partition runs from time 0.
class TimerStream : public testing::EventStream {
 public:
  explicit TimerStream(std::unique_ptr<Checker> checker) : EventStream(std::move(checker)) {
    vp(2, traces::VpState::Running);
    add(ev::MemoryWatch{2, 1, traces::WatchPurpose::MessagePage, 900, 1, 0});
  }
  std::uint64_t write_count(std::uint64_t count) { return write(0x4000'00B1, count); }
  std::uint64_t write_config(std::uint64_t config) { return write(0x4000'00B0, config); }
  void armed(std::uint64_t expiration, std::uint64_t period = 0) {
    add(ev::TimerArmed{2, 0, 0, expiration, period});
  }
  void one_shot(std::uint64_t when) {
    write_count(when);
    armed(when);
    write_config(kConfig | kEnable);
  }
  std::uint64_t expires(std::uint64_t expiration, std::uint64_t now) {
    return add(ev::TimerExpired{2, 0, 0, expiration, now});
  }
  std::uint64_t rings(std::uint64_t expiration, std::uint64_t now, std::uint32_t timer = 0) {
    const std::uint64_t words[3] = {timer, expiration, now};
    std::array<std::byte, 24> payload;
    std::memcpy(payload.data(), words, payload.size());
    add(ev::MemoryWatchedWrite{2, 1, traces::Writer::Host, 3 * 256 + 16, payload});
    return add(ev::MessageDelivered{2, true, 0, 0, 3, 0, kTimerType, 24, 0});
  }
  std::uint64_t reads_config(std::uint64_t value) {
    return add(ev::MsrAccessed{2, 0, 0x4000'00B0, false, value, true});
  }

 private:
  std::uint64_t write(std::uint64_t msr, std::uint64_t value) {
    return add(ev::MsrAccessed{2, 0, msr, true, value, true});
  }
};

class Timers : public ::testing::Test {
 protected:
  TimerStream stream{make_sy8()};
};

TEST_F(Timers, OfOneShotHold) {
  stream.at_ms(1);
  stream.one_shot(3 * kMs);
  stream.at_ms(3);
  stream.expires(3 * kMs, 3 * kMs);
  stream.reads_config(kConfig);
  stream.at_ms(4);
  stream.rings(3 * kMs, 4 * kMs);
  stream.one_shot(2 * kMs);  // past: at once
  stream.expires(2 * kMs, 4 * kMs);
  stream.rings(2 * kMs, 4 * kMs);
  EXPECT_EQ(stream.conclude().explanation, "");
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(Timers, ThatArePeriodicHold) {
  stream.at_ms(1);
  stream.write_count(2 * kMs);
  stream.armed(3 * kMs, 2 * kMs);
  stream.write_config(kConfig | kEnable | kPeriodic);
  for (const int ms : {3, 5, 9}) {  // one tick was dropped
    stream.at_ms(ms);
    const auto now = static_cast<std::uint64_t>(ms) * kMs;
    stream.expires(now, now);
    stream.rings(now, now);
  }
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.at_ms(10);
  EXPECT_TRUE(stream.blames(stream.expires(10 * kMs, 10 * kMs)));
}

TEST_F(Timers, ThatAreEarlyAreBlamed) {
  stream.one_shot(3 * kMs);
  stream.at_ms(2);
  EXPECT_TRUE(stream.blames(stream.expires(3 * kMs, 2 * kMs)));
}

TEST_F(Timers, ThatAreEarlyByTheTimeOfTheWorldAreBlamed) {
  stream.one_shot(3 * kMs);
  stream.at_ms(2);
  EXPECT_TRUE(stream.blames(stream.expires(3 * kMs, 3 * kMs)));
}

TEST_F(Timers, ThatExpireTwiceAreBlamed) {
  stream.one_shot(3 * kMs);
  stream.at_ms(3);
  stream.expires(3 * kMs, 3 * kMs);
  stream.rings(3 * kMs, 3 * kMs);
  EXPECT_TRUE(stream.blames(stream.expires(3 * kMs, 3 * kMs)));
}

TEST_F(Timers, ThatWereStoppedMustNotExpire) {
  stream.one_shot(3 * kMs);
  stream.write_count(0);
  stream.at_ms(3);
  EXPECT_TRUE(stream.blames(stream.expires(3 * kMs, 3 * kMs)));
}

TEST_F(Timers, ThatStayEnabledAreBlamed) {
  stream.one_shot(3 * kMs);
  stream.at_ms(3);
  stream.expires(3 * kMs, 3 * kMs);
  EXPECT_TRUE(stream.blames(stream.reads_config(kConfig | kEnable)));
}

TEST_F(Timers, WithTwoMessagesAreBlamed) {
  stream.one_shot(3 * kMs);
  stream.at_ms(3);
  stream.expires(3 * kMs, 3 * kMs);
  stream.rings(3 * kMs, 3 * kMs);
  EXPECT_TRUE(stream.blames(stream.rings(3 * kMs, 3 * kMs)));
}

TEST_F(Timers, ThatExpireBeforeTheirLastMessageHasASlotAreBlamed) {
  stream.one_shot(3 * kMs);
  stream.at_ms(3);
  stream.expires(3 * kMs, 3 * kMs);
  stream.one_shot(2 * kMs);
  EXPECT_TRUE(stream.blames(stream.expires(2 * kMs, 3 * kMs)));
}

TEST_F(Timers, WhoseMessageNamesAnotherTimeAreBlamed) {
  stream.one_shot(3 * kMs);
  stream.at_ms(3);
  stream.expires(3 * kMs, 3 * kMs);
  EXPECT_TRUE(stream.blames(stream.rings(2 * kMs, 3 * kMs)));
}

TEST_F(Timers, WhoseMessageNamesAnotherDeliveryAreBlamed) {
  stream.one_shot(3 * kMs);
  stream.at_ms(3);
  stream.expires(3 * kMs, 3 * kMs);
  stream.at_ms(5);
  EXPECT_TRUE(stream.blames(stream.rings(3 * kMs, 3 * kMs)));
}

TEST_F(Timers, ThatAreArmedForAnotherTimeAreBlamed) {
  stream.write_count(3 * kMs);
  stream.armed(4 * kMs);
  EXPECT_TRUE(stream.blames(stream.write_config(kConfig | kEnable)));
}

TEST_F(Timers, ThatAreNotArmedAreBlamed) {
  stream.write_count(3 * kMs);
  EXPECT_TRUE(stream.blames(stream.write_config(kConfig | kEnable)));
}

TEST_F(Timers, WithoutASourceAreNotArmed) {
  stream.write_count(3 * kMs);
  stream.write_config(kEnable);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Timers, ThatCountIsWrittenAndThatEnableByThemselvesHold) {
  stream.write_config(kConfig | 8);
  stream.armed(3 * kMs);
  stream.write_count(3 * kMs);
  stream.at_ms(3);
  stream.expires(3 * kMs, 3 * kMs);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(Timers, OfATraceThatBeginsAmidAreJudgedOnceTheyAreProgrammed) {
  stream.on(2);
  stream.vp(2, traces::VpState::Suspended);
  stream.call(2, testing::kRestoreCall, 0);
  stream.vp(2, traces::VpState::Running);
  stream.armed(200);
  stream.write_count(200);
  stream.expires(77, 300);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.write_config(kConfig);
  stream.expires(200, 300);
  EXPECT_TRUE(stream.explains("not armed") || stream.explains("not found its slot"));
}

/// A Linux VM that begins with a saved state programmed its direct timer before the trace.
TEST_F(Timers, OfATraceThatBeginsAmidMayRingByInterrupt) {
  stream.on(2);
  stream.vp(2, traces::VpState::Suspended);
  stream.call(2, testing::kRestoreCall, 0);
  stream.vp(2, traces::VpState::Running);
  for (const std::uint64_t when : {200, 300}) {
    stream.armed(when);
    stream.write_count(when);
    stream.expires(when, when + 100);
  }
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

class LateTimers : public ::testing::Test {
 protected:
  TimerStream stream{make_sy9()};
};

TEST_F(LateTimers, ThatExpireHold) {
  stream.one_shot(3 * kMs);
  stream.at_ms(4);
  stream.expires(3 * kMs, 4 * kMs);
  stream.at_ms(900);
  stream.rings(3 * kMs, 900 * kMs);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(LateTimers, ThatNeverExpireAreBlamed) {
  stream.one_shot(3 * kMs);
  stream.at_ms(12);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.at_ms(14);
  EXPECT_TRUE(stream.explains("timer 0 of VP 0 was due at 3.000 ms"));
}

TEST_F(LateTimers, ThatExpireTooLateAreBlamed) {
  stream.one_shot(3 * kMs);
  stream.at_ms(14);
  EXPECT_TRUE(stream.blames(stream.expires(3 * kMs, 14 * kMs)));
}

TEST_F(LateTimers, ASuspendedPartitionHasTime) {
  stream.one_shot(3 * kMs);
  stream.at_ms(2);
  stream.vp(2, traces::VpState::Suspended);
  stream.at_ms(500);
  stream.vp(2, traces::VpState::Running);
  stream.at_ms(505);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.at_ms(520);
  EXPECT_EQ(stream.verdict(), Verdict::Violated);
}

TEST_F(LateTimers, APausedHostHasTime) {
  stream.one_shot(3 * kMs);
  stream.at_ms(2);
  stream.add(ev::NodePaused{});
  stream.at_ms(500);
  stream.add(ev::NodeResumed{});
  stream.at_ms(505);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(LateTimers, WhoseMessageWaitsForItsSlotHaveTime) {
  stream.one_shot(3 * kMs);
  stream.at_ms(3);
  stream.expires(3 * kMs, 3 * kMs);
  stream.one_shot(4 * kMs);
  stream.at_ms(500);
  stream.rings(3 * kMs, 500 * kMs);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  stream.at_ms(511);
  EXPECT_EQ(stream.verdict(), Verdict::Violated);
}

}  // namespace
}  // namespace checkers
