// The SCSI command set of disks: bytes in, bytes out.
#include "hypervisor/storage/scsi.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

namespace {

namespace scsi = storage::scsi;
using Bytes = std::vector<std::uint8_t>;

constexpr scsi::Unit kUnit{2048, 7};

Bytes plain(const scsi::Answer& answer) {
  Bytes out;
  for (const std::byte byte : answer.data) out.push_back(std::to_integer<std::uint8_t>(byte));
  return out;
}

TEST(Scsi, TransfersNameTheirBlocks) {
  const Bytes read10 = {0x28, 0x08, 0x00, 0x01, 0x02, 0x03, 0, 0x00, 0x10, 0};
  auto command = scsi::parse(read10);
  ASSERT_TRUE(command);
  EXPECT_EQ(command->kind, scsi::Kind::Read);
  EXPECT_EQ(command->lba, 0x010203u);
  EXPECT_EQ(command->blocks, 0x10u);
  EXPECT_TRUE(command->force_unit_access);
  const Bytes write16 = {0x8A, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0};
  command = scsi::parse(write16);
  ASSERT_TRUE(command);
  EXPECT_EQ(command->kind, scsi::Kind::Write);
  EXPECT_EQ(command->lba, 0x1'0000'0002u);
  EXPECT_EQ(command->blocks, 0x100u);
  EXPECT_FALSE(command->force_unit_access);
  EXPECT_EQ(scsi::parse(Bytes{0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0})->kind, scsi::Kind::Flush);
}

TEST(Scsi, ShortCommandBlocksAreNone) {
  EXPECT_FALSE(scsi::parse(Bytes{}));
  EXPECT_FALSE(scsi::parse(Bytes{0x28, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_FALSE(scsi::parse(Bytes{0x88, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_TRUE(scsi::parse(Bytes{0x00, 0, 0, 0, 0, 0}));
}

TEST(Scsi, InquiryDescribesADisk) {
  const auto data = plain(scsi::answer_control(Bytes{0x12, 0, 0, 0, 36, 0}, kUnit));
  ASSERT_EQ(data.size(), 36u);
  EXPECT_EQ(data[0], 0) << "direct access, connected";
  EXPECT_EQ(data[2], 5) << "SPC-3";
  EXPECT_EQ(data[4], 31) << "bytes that follow";
  EXPECT_EQ(std::string(data.begin() + 8, data.begin() + 12), "Msft");
}

TEST(Scsi, VitalProductDataNamesTheUnit) {
  const auto pages = plain(scsi::answer_control(Bytes{0x12, 1, 0x00, 0, 255, 0}, kUnit));
  EXPECT_EQ(pages, (Bytes{0, 0, 0, 6, 0x00, 0x80, 0x83, 0xB0, 0xB1, 0xB2}));
  const auto serial = plain(scsi::answer_control(Bytes{0x12, 1, 0x80, 0, 255, 0}, kUnit));
  EXPECT_EQ(std::string(serial.begin() + 4, serial.end()), "00000007");
  const auto identity = plain(scsi::answer_control(Bytes{0x12, 1, 0x83, 0, 255, 0}, kUnit));
  ASSERT_EQ(identity.size(), 4u + identity[3]);
  EXPECT_EQ(identity[4 + 1], 0x03) << "NAA designator first";
  EXPECT_EQ(identity[4 + 4] >> 4, 6);
  EXPECT_EQ(identity[4 + 19], 7);
  EXPECT_EQ(scsi::answer_control(Bytes{0x12, 1, 0xB9, 0, 255, 0}, kUnit).sense,
            scsi::kInvalidField);
}

TEST(Scsi, CapacityIsTheLastBlockAndItsSize) {
  EXPECT_EQ(plain(scsi::answer_control(Bytes{0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0}, kUnit)),
            (Bytes{0, 0, 0x07, 0xFF, 0, 0, 2, 0}));
  Bytes cdb(16);
  cdb[0] = 0x9E;
  cdb[1] = 0x10;
  cdb[13] = 32;
  const auto data = plain(scsi::answer_control(cdb, kUnit));
  ASSERT_EQ(data.size(), 32u);
  EXPECT_EQ(data[6], 0x07);
  EXPECT_EQ(data[7], 0xFF);
  EXPECT_EQ(data[10], 2);
  const scsi::Unit huge{std::uint64_t{1} << 40, 1};
  EXPECT_EQ(plain(scsi::answer_control(Bytes{0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0}, huge))[0], 0xFF)
      << "too large for 32 bits: ask READ CAPACITY 16";
}

TEST(Scsi, ModeSenseTellsOfTheWriteCache) {
  const auto data = plain(scsi::answer_control(Bytes{0x1A, 8, 0x08, 0, 255, 0}, kUnit));
  ASSERT_EQ(data.size(), 24u);
  EXPECT_EQ(data[0], 23);
  EXPECT_EQ(data[2] & 0x10, 0x10) << "FUA works";
  EXPECT_EQ(data[4], 0x08);
  EXPECT_EQ(data[6] & 0x04, 0x04) << "write cache on";
}

TEST(Scsi, ReportLunsListsWhatIsThere) {
  const Bytes luns = {0, 3};
  const auto data = plain(scsi::report_luns(Bytes{0xA0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}, luns));
  ASSERT_EQ(data.size(), 24u);
  EXPECT_EQ(data[3], 16);
  EXPECT_EQ(data[8 + 1], 0);
  EXPECT_EQ(data[16 + 1], 3);
}

TEST(Scsi, TransfersOfSixAndTwelveBytesNameTheirBlocksToo) {
  auto command = scsi::parse(Bytes{0x08, 0x21, 0x02, 0x03, 0, 0});
  ASSERT_TRUE(command);
  EXPECT_EQ(command->kind, scsi::Kind::Read);
  EXPECT_EQ(command->lba, 0x010203u) << "21 bits of it";
  EXPECT_EQ(command->blocks, 256u) << "what 0 means in six bytes";
  EXPECT_FALSE(command->force_unit_access);
  EXPECT_EQ(scsi::parse(Bytes{0x0A, 0x08, 0, 0, 7, 0})->blocks, 7u);
  EXPECT_EQ(scsi::parse(Bytes{0x0A, 0x08, 0, 0, 7, 0})->kind, scsi::Kind::Write);
  command = scsi::parse(Bytes{0xA8, 0x08, 0, 0, 0, 9, 0, 1, 0, 0, 0, 0});
  ASSERT_TRUE(command);
  EXPECT_EQ(command->kind, scsi::Kind::Read);
  EXPECT_EQ(command->lba, 9u);
  EXPECT_EQ(command->blocks, 0x10000u);
  EXPECT_TRUE(command->force_unit_access);
  EXPECT_EQ(scsi::parse(Bytes{0xAA, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0})->kind, scsi::Kind::Write);
  EXPECT_FALSE(scsi::parse(Bytes{0xAA, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0}));
  command = scsi::parse(Bytes{0x2F, 0, 0, 0, 0, 5, 0, 0, 2, 0});
  EXPECT_EQ(command->kind, scsi::Kind::Verify);
  EXPECT_EQ(command->blocks, 2u);
  const Bytes compare = {0x2F, 0x02, 0, 0, 0, 5, 0, 0, 2, 0};
  EXPECT_EQ(scsi::parse(compare)->kind, scsi::Kind::Control);
  EXPECT_EQ(scsi::answer_control(compare, kUnit).sense, scsi::kInvalidField);
}

TEST(Scsi, VitalProductDataOfBlocksStatesWhatTheDiskCanDo) {
  const scsi::Unit unit{2048, 7, 512};
  const auto page = [&](std::uint8_t which) {
    const auto data = plain(scsi::answer_control(Bytes{0x12, 1, which, 0, 255, 0}, unit));
    EXPECT_EQ(data.size(), 4u + (data.at(2) << 8) + data.at(3)) << "its own length";
    EXPECT_EQ(data.at(1), which);
    return data;
  };
  const auto limits = page(0xB0);
  ASSERT_EQ(limits.size(), 64u);
  EXPECT_EQ(limits[10], 2) << "512 blocks in one command";
  EXPECT_EQ(Bytes(limits.begin() + 20, limits.end()), Bytes(44)) << "no UNMAP, no WRITE SAME";
  const auto characteristics = page(0xB1);
  EXPECT_EQ(characteristics.size(), 64u);
  EXPECT_EQ(characteristics[5], 1) << "nothing rotates";
  EXPECT_EQ(page(0xB2).size(), 8u);
}

TEST(Scsi, TellsWhichCommandsItHas) {
  const auto ask = [](Bytes cdb) {
    cdb.resize(12);
    cdb[9] = 255;
    return scsi::answer_control(cdb, kUnit);
  };
  const auto supported = [&](std::uint8_t opcode) {
    return plain(ask({0xA3, 0x0C, 1, opcode})).at(1) & 7;
  };
  EXPECT_EQ(supported(0x12), 3);
  EXPECT_EQ(supported(0x28), 3);
  EXPECT_EQ(supported(0x93), 1) << "WRITE SAME(16)";
  EXPECT_EQ(supported(0x42), 1) << "UNMAP";
  EXPECT_EQ(supported(0x85), 1) << "ATA PASS THROUGH";
  const auto read = plain(ask({0xA3, 0x0C, 1, 0x28}));
  EXPECT_EQ(read.at(3), 10) << "bytes of its command block";
  EXPECT_EQ(read.size(), 14u);
  EXPECT_EQ(ask({0xA3, 0x0C, 1, 0x9E}).sense, scsi::kInvalidField) << "which service action?";
  EXPECT_EQ(plain(ask({0xA3, 0x0C, 2, 0x9E, 0, 0x10})).at(1), 3);
  EXPECT_EQ(plain(ask({0xA3, 0x0C, 2, 0x9E, 0, 0x12})).at(1), 1);
  EXPECT_EQ(ask({0xA3, 0x0C, 7}).sense, scsi::kInvalidField);
  EXPECT_EQ(ask({0xA3, 0x0A}).sense, scsi::kInvalidField) << "REPORT TARGET PORT GROUPS";
  const auto all = plain(ask({0xA3, 0x0C, 0}));
  EXPECT_EQ(all.at(3) % 8, 0);
  // Whatever is listed is no unknown command, and whatever is not listed is one.
  std::set<std::uint8_t> listed;
  for (std::size_t at = 4; at + 8 <= all.size(); at += 8) listed.insert(all[at]);
  EXPECT_EQ(listed.size(), 22u);
  for (unsigned opcode = 0; opcode < 256; ++opcode) {
    Bytes cdb(16);
    cdb[0] = static_cast<std::uint8_t>(opcode);
    const auto command = scsi::parse(cdb);
    ASSERT_TRUE(command);
    const bool known = command->kind != scsi::Kind::Control || opcode == 0xA0 ||
                       scsi::answer_control(cdb, kUnit).sense != scsi::kInvalidOpcode;
    EXPECT_EQ(known, listed.contains(cdb[0])) << opcode;
  }
}

TEST(Scsi, StartsAndStopsButEjectsNothing) {
  EXPECT_FALSE(scsi::answer_control(Bytes{0x1B, 0, 0, 0, 1, 0}, kUnit).sense);
  EXPECT_FALSE(scsi::answer_control(Bytes{0x1B, 1, 0, 0, 0, 0}, kUnit).sense);
  EXPECT_EQ(scsi::answer_control(Bytes{0x1B, 0, 0, 0, 2, 0}, kUnit).sense, scsi::kInvalidField);
  EXPECT_EQ(scsi::answer_control(Bytes{0x1B, 0, 0, 0, 0x30, 0}, kUnit).sense, scsi::kInvalidField);
}

TEST(Scsi, AnAbsentUnitSaysThatNothingIsThere) {
  const auto data = plain(scsi::absent_inquiry(Bytes{0x12, 0, 0, 0, 36, 0}));
  ASSERT_EQ(data.size(), 36u);
  EXPECT_EQ(data[0], 0x7F);
  EXPECT_EQ(scsi::absent_inquiry(Bytes{0x12, 1, 0x80, 0, 255, 0}).sense, scsi::kInvalidField);
}

TEST(Scsi, UnknownCommandsAreIllegalRequests) {
  EXPECT_EQ(scsi::answer_control(Bytes(16, 0x7F), kUnit).sense, scsi::kInvalidOpcode);
  const auto sense = scsi::kInvalidOpcode.bytes();
  EXPECT_EQ(sense[0], 0x70);
  EXPECT_EQ(sense[2], 0x05);
  EXPECT_EQ(sense[7], 10);
  EXPECT_EQ(sense[12], 0x20);
}

RC_GTEST_PROP(ScsiProperty, NoCommandBlockBreaksTheUnit, ()) {
  const auto cdb = *rc::gen::container<Bytes>(rc::gen::arbitrary<std::uint8_t>());
  const auto command = scsi::parse(cdb);
  if (!command || command->kind != scsi::Kind::Control) return;
  const auto answer = command->opcode == scsi::Opcode::ReportLuns
                          ? scsi::report_luns(cdb, Bytes{0})
                          : scsi::answer_control(cdb, kUnit);
  RC_ASSERT(!answer.sense || answer.data.empty());
  RC_ASSERT(answer.data.size() <= 64u);
}

RC_GTEST_PROP(ScsiProperty, AnswersAreCutToTheAllocation, ()) {
  const auto length = *rc::gen::inRange<std::uint8_t>(0, 255);
  const auto answer = scsi::answer_control(Bytes{0x12, 0, 0, 0, length, 0}, kUnit);
  RC_ASSERT(answer.data.size() == std::min<std::size_t>(length, 36));
}

}  // namespace
