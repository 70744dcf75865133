#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/event_stream.hpp"

namespace checkers {
namespace {

class UnpluggedDisks : public ::testing::Test {
 protected:
  std::uint64_t change(std::uint32_t disk, bool present) {
    return stream.add(traces::ev::LunChanged{1, 2, 3, disk, 1, present});
  }
  std::uint64_t complete(std::uint32_t disk, std::uint8_t srb_status, std::uint32_t bytes) {
    traces::ev::ScsiCompletion event;
    event.vm = 1;
    event.disk = disk;
    event.srb_status = srb_status;
    event.bytes = bytes;
    return stream.add(event);
  }
  testing::EventStream stream{make_sv5()};
};

TEST_F(UnpluggedDisks, ThatEndEverythingFirstHold) {
  change(5, true);
  complete(5, 1, 512);
  change(5, false);
  complete(4, 1, 512);
  complete(0, 0x20, 0);
  EXPECT_EQ(stream.conclude().measured, "2 changes");
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(UnpluggedDisks, ThatGoOnAreBlamed) {
  change(5, false);
  EXPECT_TRUE(stream.blames(complete(5, 1, 512)));
}

TEST_F(UnpluggedDisks, MayAbortWhatIsLeft) {
  change(5, false);
  complete(5, 2, 0);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(UnpluggedDisks, MayComeBack) {
  change(5, false);
  change(5, true);
  complete(5, 1, 512);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
