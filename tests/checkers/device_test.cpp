// HV-11 and SV-6: what becomes of a guest's requests to its disk.
#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/event_stream.hpp"

namespace checkers {
namespace {

namespace ev = traces::ev;
using testing::EventStream;

constexpr std::uint8_t kRead = 0x28;
constexpr std::uint8_t kWrite = 0x2A;
constexpr std::int64_t kSecond = 1'000;  // of at_ms

class RequestStream : public EventStream {
 public:
  using EventStream::EventStream;
  std::uint64_t accept(std::uint64_t transaction, std::uint8_t opcode, std::uint64_t lba,
                       std::uint32_t blocks) {
    return add(ev::ScsiRequest{2, 3, transaction, 1, kDisk, opcode, lba, blocks, blocks * 512});
  }
  std::uint64_t complete(std::uint64_t transaction, std::uint8_t opcode, bool good = true) {
    return add(ev::ScsiCompletion{2, 3, transaction, 1, kDisk, opcode,
                                  static_cast<std::uint8_t>(good ? 1 : 4),
                                  static_cast<std::uint8_t>(good ? 0 : 2), 0});
  }
  static constexpr std::uint32_t kDisk = 5;
};

class Devices : public ::testing::Test {
 protected:
  Devices() { stream.add(ev::VmDisk{1, RequestStream::kDisk}); }
  std::uint64_t enters(std::uint64_t lba, std::uint32_t sectors,
                       std::uint32_t disk = RequestStream::kDisk) {
    return stream.add(ev::DiskWrite{disk, 1, lba, sectors, 0});
  }
  RequestStream stream{make_hv11()};
};

TEST_F(Devices, ThatAreWrittenAsAskedHold) {
  stream.accept(1, kWrite, 8, 8);
  stream.accept(2, kWrite, 32, 8);
  enters(32, 8);
  enters(8, 3);
  enters(11, 5);
  stream.complete(1, kWrite);
  enters(7, 1, 6);  // a host's own disk
  EXPECT_EQ(stream.verdict(false), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "3 writes");
}

TEST_F(Devices, ThatAreWrittenElsewhereAreBlamed) {
  stream.accept(1, kWrite, 8, 8);
  EXPECT_TRUE(stream.blames(enters(9, 8)));
}

TEST_F(Devices, ThatAreWrittenForAReadAreBlamed) {
  stream.accept(1, kRead, 8, 8);
  EXPECT_TRUE(stream.blames(enters(8, 8)));
}

TEST_F(Devices, ThatAreWrittenAfterTheCompletionAreBlamed) {
  stream.accept(1, kWrite, 8, 8);
  stream.complete(1, kWrite);
  EXPECT_TRUE(stream.blames(enters(8, 8)));
}

TEST_F(Devices, MayStillBeWrittenAfterAFailure) {
  stream.accept(1, kWrite, 8, 8);
  stream.complete(1, kWrite, false);
  stream.accept(1, kWrite, 64, 8);
  enters(8, 8);
  enters(64, 8);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

class SlowRequests : public ::testing::Test {
 protected:
  SlowRequests() { stream.vp(2, traces::VpState::Running); }
  RequestStream stream{make_sv6()};
};

TEST_F(SlowRequests, ThatEndInTimeHold) {
  stream.accept(1, kRead, 0, 8);
  stream.at_ms(179 * kSecond);
  stream.complete(1, kRead);
  EXPECT_EQ(stream.verdict(false), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "1 completed, the slowest in 179000.000 ms");
}

TEST_F(SlowRequests, ThatEndTooLateAreBlamed) {
  stream.accept(1, kRead, 0, 8);
  stream.at_ms(181 * kSecond);
  EXPECT_TRUE(stream.blames(stream.complete(1, kRead)));
}

TEST_F(SlowRequests, ThatNeverEndAreBlamedAtTheEnd) {
  stream.accept(1, kRead, 0, 8);
  stream.at_ms(181 * kSecond);
  EXPECT_TRUE(stream.explains("transaction 1 of channel 3"));
}

TEST_F(SlowRequests, OfAChannelThatWasClosedAreNobodys) {
  stream.accept(1, kRead, 0, 8);
  stream.add(ev::VmbusChannel{2, 3, traces::ChannelState::Open, traces::ChannelState::Closed});
  stream.at_ms(181 * kSecond);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(SlowRequests, OfAVmThatStandsStillHaveTime) {
  stream.accept(1, kRead, 0, 8);
  stream.at_ms(100 * kSecond);
  stream.vp(2, traces::VpState::Suspended);
  stream.at_ms(300 * kSecond);
  stream.vp(2, traces::VpState::Running);
  stream.at_ms(400 * kSecond);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
