#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/event_stream.hpp"

namespace checkers {
namespace {

namespace ev = traces::ev;

constexpr std::uint8_t kNoSource = 255;

class EndsOfInterrupts : public ::testing::Test {
 protected:
  EndsOfInterrupts() {
    stream.add(ev::SynicControl{2, 0, true, 2, 0x2'0050});  // auto-EOI
    stream.add(ev::SynicControl{2, 0, true, 3, 0x0'0060});
  }
  void request(std::uint8_t vector, std::uint8_t sint) {
    stream.add(ev::InterruptRequested{2, 0, vector, sint, true});
  }
  std::uint64_t deliver(std::uint8_t vector, bool in_service) {
    const auto index = stream.add(ev::InterruptDelivered{2, 0, vector});
    stream.add(ev::InterruptInService{2, 0, vector, in_service});
    return index;
  }
  void eoi() { stream.add(ev::ApicEoi{2, 0}); }
  testing::EventStream stream{make_sy7()};
};

TEST_F(EndsOfInterrupts, InTheirOrderHold) {
  request(0x60, 3);
  deliver(0x60, true);
  request(0x71, kNoSource);
  deliver(0x71, true);  // of a higher class
  eoi();
  eoi();
  request(0x60, 3);
  deliver(0x60, true);
  eoi();
  for (int i = 0; i < 2; ++i) {
    request(0x50, 2);
    deliver(0x50, false);
  }
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "5 interrupts, 2 ended by themselves");
}

TEST_F(EndsOfInterrupts, WithoutDetailAreUnknown) {
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST_F(EndsOfInterrupts, OfAnAutoEoiSourceThatStaysInServiceAreBlamed) {
  request(0x50, 2);
  const auto index = deliver(0x50, true);
  EXPECT_TRUE(stream.blames(index + 1));
}

TEST_F(EndsOfInterrupts, OfAnotherSourceThatDoNotStayInServiceAreBlamed) {
  request(0x60, 3);
  const auto index = deliver(0x60, false);
  EXPECT_TRUE(stream.blames(index + 1));
}

TEST_F(EndsOfInterrupts, ASecondOneBeforeTheEndIsBlamed) {
  request(0x60, 3);
  deliver(0x60, true);
  request(0x60, 3);
  EXPECT_TRUE(stream.blames(deliver(0x60, true)));
}

TEST_F(EndsOfInterrupts, OneOfALowerClassBeforeTheEndIsBlamed) {
  request(0x60, 3);
  deliver(0x60, true);
  request(0x50, 2);
  EXPECT_TRUE(stream.blames(deliver(0x50, false)));
}

TEST_F(EndsOfInterrupts, AResetEndsThemAll) {
  request(0x60, 3);
  deliver(0x60, true);
  stream.add(ev::ApicReset{2, 0});
  request(0x60, 3);
  deliver(0x60, true);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(EndsOfInterrupts, StayInServiceOverAMigration) {
  stream.vp(2, traces::VpState::Running);
  request(0x60, 3);
  deliver(0x60, true);
  stream.vp(2, traces::VpState::Suspended);
  stream.call(2, testing::kSaveCall, 0);
  stream.on(2);
  stream.vp(2, traces::VpState::Suspended);
  stream.call(2, testing::kRestoreCall, 0);
  EXPECT_TRUE(stream.blames(deliver(0x60, true)));
}

}  // namespace
}  // namespace checkers
