#include "traces/pcapng.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "traces/bytes.hpp"

namespace traces {
namespace {

/// A block as a reader sees it, taken apart by the format's description and not by our writer.
struct SeenBlock {
  std::uint32_t type = 0;
  std::vector<std::byte> body;
};

std::vector<SeenBlock> seen_blocks(std::span<const std::byte> file) {
  std::vector<SeenBlock> blocks;
  while (!file.empty()) {
    ByteReader head(file);
    SeenBlock block;
    block.type = head.get<std::uint32_t>();
    const auto length = head.get<std::uint32_t>();
    if (length % 4 != 0 || length < 12 || length > file.size()) {
      ADD_FAILURE() << "a block of " << length << " bytes";
      return blocks;
    }
    const auto body = file.subspan(8, length - 12);
    block.body.assign(body.begin(), body.end());
    ByteReader tail(file.subspan(length - 4));
    EXPECT_EQ(tail.get<std::uint32_t>(), length)
        << "the length at a block's end is the one in front";
    blocks.push_back(std::move(block));
    file = file.subspan(length);
  }
  return blocks;
}

/// Options by code, which must be closed by the one that says so.
std::map<unsigned, std::string> seen_options(std::span<const std::byte> bytes) {
  std::map<unsigned, std::string> options;
  while (bytes.size() >= 4) {
    ByteReader head(bytes);
    const auto code = head.get<std::uint16_t>();
    const auto length = head.get<std::uint16_t>();
    if (code == 0) {
      EXPECT_EQ(bytes.size(), 4u) << "nothing follows the last option";
      return options;
    }
    const std::size_t padded = (length + 3u) / 4 * 4;
    if (padded + 4 > bytes.size()) break;
    options[code] = {reinterpret_cast<const char*>(bytes.data() + 4), length};
    bytes = bytes.subspan(4 + padded);
  }
  ADD_FAILURE() << "options without an end";
  return options;
}

class Pcapng : public ::testing::Test {
 protected:
  std::span<const std::byte> body(std::size_t block) {
    blocks_ = seen_blocks(file_);
    return blocks_.at(block).body;
  }

  std::vector<std::byte> file_;
  PcapngWriter writer_{[this](std::span<const std::byte> bytes) {
                         file_.insert(file_.end(), bytes.begin(), bytes.end());
                       },
                       "hvsim"};

 private:
  std::vector<SeenBlock> blocks_;
};

TEST_F(Pcapng, SectionSaysItsByteOrderVersionAndWriter) {
  ByteReader section(body(0));
  EXPECT_EQ(section.get<std::uint32_t>(), 0x1A2B3C4Du);
  EXPECT_EQ(section.get<std::uint16_t>(), 1);
  EXPECT_EQ(section.get<std::uint16_t>(), 0);
  EXPECT_EQ(section.get<std::uint64_t>(), UINT64_MAX) << "a section of unknown length";
  EXPECT_EQ(seen_options(body(0).subspan(16)), (std::map<unsigned, std::string>{{4, "hvsim"}}));
}

TEST_F(Pcapng, InterfaceIsEthernetWithItsNameAddressAndNanoseconds) {
  EXPECT_EQ(writer_.add({"web.0", "what it is", "", 0x00155D000102}), 0u);
  EXPECT_EQ(writer_.add({"web.1", "", "", 0}), 1u);
  ByteReader interface(body(1));
  EXPECT_EQ(interface.get<std::uint16_t>(), 1) << "Ethernet";
  const auto options = seen_options(body(1).subspan(8));
  EXPECT_EQ(options.at(2), "web.0");
  EXPECT_EQ(options.at(3), "what it is");
  EXPECT_EQ(options.at(6), std::string("\x00\x15\x5D\x00\x01\x02", 6));
  EXPECT_EQ(options.at(9), "\x09");
  EXPECT_EQ(seen_options(body(2).subspan(8)).count(3), 0u) << "what is empty is left out";
}

TEST_F(Pcapng, PacketHasItsInterfaceTimeDirectionAndEveryByte) {
  writer_.add({"a", "", "", 0});
  writer_.add({"b", "", "", 0});
  const std::vector<std::byte> data(61, std::byte{0xAB});  // not a multiple of four
  const Time late{(std::int64_t{7} << 32) + 9};
  writer_.add({1, late, PacketDirection::Outbound, data, "from here"});
  writer_.add({0, late, PacketDirection::Inbound, data, ""});
  ByteReader packet(body(3));
  EXPECT_EQ(packet.get<std::uint32_t>(), 1u);
  EXPECT_EQ(packet.get<std::uint32_t>(), 7u);
  EXPECT_EQ(packet.get<std::uint32_t>(), 9u);
  EXPECT_EQ(packet.get<std::uint32_t>(), 61u);
  EXPECT_EQ(packet.get<std::uint32_t>(), 61u);
  const auto stored = body(3).subspan(20, 61);
  EXPECT_TRUE(std::equal(stored.begin(), stored.end(), data.begin(), data.end()));
  const auto options = seen_options(body(3).subspan(20 + 64));
  EXPECT_EQ(options.at(1), "from here");
  EXPECT_EQ(options.at(2), std::string("\x02\x00\x00\x00", 4));
  EXPECT_EQ(seen_options(body(4).subspan(20 + 64)).at(2), std::string("\x01\x00\x00\x00", 4));
}

}  // namespace
}  // namespace traces
