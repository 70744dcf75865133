// The file of a saved VM: what was put in comes out, old files stay readable, and what was damaged
// or made up is refused in one line.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "hypervisor/migration/saved_state_file.hpp"
#include "hypervisor/migration/saved_state_layout.hpp"
#include "traces/bytes.hpp"
#include "traces/digest.hpp"

namespace {

using migration::SavedStateReader;
using migration::SavedVm;
using Bytes = std::vector<std::byte>;

constexpr traces::Digest kOrigin{0x0123, 0x4567};

/// A VM of 16 pages: two of them with bytes, one written and zero.
SavedVm example_state() {
  SavedVm vm;
  vm.config.number = 3;
  vm.config.name = "web";
  vm.config.guest = "worker";
  vm.config.memory_pages = 16;
  vm.config.disks = {"disk1"};
  vm.at = sim::Time{123'456'789};
  vm.devices = {std::byte{1}, std::byte{2}, std::byte{3}};
  vm.memory.versions = {0};
  vm.memory.runs = {{{3}, 1, 0}};
  vm.memory.byte_pages = {{{5}, 0}, {{7}, sim::kPageSize}};
  vm.memory.bytes.assign(2 * sim::kPageSize, std::byte{0x5A});
  vm.memory.bytes.back() = std::byte{0x11};
  vm.witness.memory = {7, 8};
  vm.witness.pages = 2;
  vm.witness.processors = {{1000, {9, 10}}};
  vm.witness.channels = 2;
  vm.witness.bus = {11, 12};
  migration::SavedDisk disk;
  disk.name = "disk1";
  disk.sectors = 2048;
  disk.layers.medium = {{{0}, Bytes(1024, std::byte{0xAA})}, {{9}, Bytes(512, std::byte{0xBB})}};
  disk.layers.cache = {{{1}, Bytes(512, std::byte{0xCC})}};
  disk.layers.unflushed_writes = 1;
  vm.disks.push_back(std::move(disk));
  return vm;
}

Bytes file_of(const SavedVm& vm) { return migration::saved_state_file(vm, kOrigin); }

/// What reading says about it; empty when all of it is read.
std::string problem_of(std::span<const std::byte> file) {
  SavedStateReader reader(file);
  const auto vm = reader.read();
  EXPECT_EQ(vm.has_value(), reader.problem().empty());
  EXPECT_EQ(reader.problem().find('\n'), std::string::npos);
  return reader.problem();
}

struct Section {
  std::uint32_t kind = 0, version = 1, flags = 1, coding = 0;
  Bytes raw;
  std::optional<std::uint64_t> claims{};  ///< another length than it has
};

Bytes zstd_of(const Bytes& raw) {
  Bytes packed(ZSTD_compressBound(raw.size()));
  packed.resize(ZSTD_compress(packed.data(), packed.size(), raw.data(), raw.size(), 3));
  return packed;
}

/// Puts a file together by the documented layout, sealed as a sound one is.
Bytes sealed(const std::vector<Section>& sections, std::uint32_t version = 1) {
  namespace layout = migration::layout;
  traces::ByteWriter table, body;
  traces::DigestStream content;
  std::uint64_t offset = layout::kHeaderBytes + sections.size() * layout::kTableEntryBytes;
  for (const Section& section : sections) {
    const Bytes stored = section.coding == layout::kZstd ? zstd_of(section.raw) : section.raw;
    for (const std::uint32_t word :
         {section.kind, section.version, section.flags, section.coding}) {
      table.put(word);
    }
    table.put(offset);
    table.put<std::uint64_t>(stored.size());
    table.put(section.claims.value_or(section.raw.size()));
    table.put(traces::hash64_of(stored));
    body.raw(stored);
    offset += stored.size();
    if (section.kind == 0 || section.kind > layout::kDisks) continue;
    content.add_u64(section.kind);
    content.add_u64(section.version);
    content.add_u64(section.raw.size());
    content.add(section.raw);
  }
  traces::ByteWriter file;
  file.raw(std::as_bytes(std::span(layout::kMagic)));
  file.put(version);
  file.put(static_cast<std::uint32_t>(sections.size()));
  file.put(offset);
  file.put(content.finish().high);
  file.put(content.finish().low);
  traces::DigestStream head;
  head.add(file.bytes());
  head.add(table.bytes());
  file.put(head.finish().low);
  file.raw(table.bytes());
  file.raw(body.bytes());
  return file.take();
}

/// The sections of a sound file, decompressed by the layout and not by the reader.
std::vector<Section> sections_of(const Bytes& file) {
  namespace layout = migration::layout;
  traces::ByteReader head(std::span<const std::byte>(file).subspan(12));
  const auto count = head.get<std::uint32_t>();
  traces::ByteReader in(std::span<const std::byte>(file).subspan(layout::kHeaderBytes));
  std::vector<Section> all(count);
  for (Section& section : all) {
    section.kind = in.get<std::uint32_t>();
    section.version = in.get<std::uint32_t>();
    section.flags = in.get<std::uint32_t>();
    section.coding = in.get<std::uint32_t>();
    const auto offset = in.get<std::uint64_t>();
    const auto stored = in.get<std::uint64_t>();
    section.raw.resize(in.get<std::uint64_t>());
    in.get<std::uint64_t>();
    const auto bytes = std::span(file).subspan(offset, stored);
    if (section.coding == layout::kZstd) {
      EXPECT_EQ(ZSTD_decompress(section.raw.data(), section.raw.size(), bytes.data(), stored),
                section.raw.size());
    } else {
      section.raw.assign(bytes.begin(), bytes.end());
    }
  }
  return all;
}

Bytes stored_bytes() {
  std::ifstream in(HVSIM_SAVED_STATE_V1, std::ios::binary);
  Bytes bytes;
  for (char byte = 0; in.get(byte);) bytes.push_back(static_cast<std::byte>(byte));
  return bytes;
}

void expect_example(const SavedVm& vm) {
  const SavedVm wanted = example_state();
  EXPECT_EQ(vm.config.number, 3U);
  EXPECT_EQ(vm.config.disks, wanted.config.disks);
  EXPECT_EQ(vm.at, wanted.at);
  EXPECT_EQ(vm.devices, wanted.devices);
  EXPECT_EQ(sim::GuestMemory::encode(vm.memory), sim::GuestMemory::encode(wanted.memory));
  EXPECT_EQ(vm.witness.memory, wanted.witness.memory);
  EXPECT_EQ(vm.witness.pages, 2U);
  ASSERT_EQ(vm.witness.processors.size(), 1U);
  EXPECT_EQ(vm.witness.processors[0].instructions, 1000U);
  EXPECT_EQ(vm.witness.bus, wanted.witness.bus);
  ASSERT_EQ(vm.disks.size(), 1U);
  EXPECT_EQ(vm.disks[0].name, "disk1");
  EXPECT_EQ(vm.disks[0].sectors, 2048U);
  EXPECT_EQ(vm.disks[0].layers, wanted.disks[0].layers);
}

TEST(SavedState, ComesBackAsItWas) {
  const Bytes file = file_of(example_state());
  SavedStateReader reader(file);
  ASSERT_EQ(reader.problem(), "");
  EXPECT_EQ(reader.origin(), kOrigin);
  EXPECT_EQ(reader.config().name, "web");
  const auto vm = reader.read();
  ASSERT_TRUE(vm.has_value()) << reader.problem();
  expect_example(*vm);
}

TEST(SavedState, HasADigestThatIsOfItsContentAlone) {
  const Bytes file = file_of(example_state());
  auto sections = sections_of(file);
  for (Section& section : sections) section.coding = migration::layout::kRaw;
  const Bytes uncompressed = sealed(sections);
  ASSERT_NE(uncompressed.size(), file.size());
  EXPECT_EQ(SavedStateReader(uncompressed).content(), SavedStateReader(file).content());
  EXPECT_EQ(problem_of(uncompressed), "");
  SavedVm other = example_state();
  other.disks[0].layers.cache[0].data[0] = std::byte{0};
  EXPECT_NE(SavedStateReader(file_of(other)).content(), SavedStateReader(file).content());
}

TEST(SavedState, OfVersionOneIsReadFromItsStoredBytes) {
  const Bytes file = stored_bytes();
  ASSERT_FALSE(file.empty()) << HVSIM_SAVED_STATE_V1;
  SavedStateReader reader(file);
  const auto vm = reader.read();
  ASSERT_TRUE(vm.has_value()) << reader.problem();
  expect_example(*vm);
}

TEST(SavedState, IsRefusedWhereverItIsTruncated) {
  const Bytes file = file_of(example_state());
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_NE(problem_of(std::span(file).first(size)), "") << size;
  }
}

TEST(SavedState, IsRefusedWhicheverByteIsDamaged) {
  const Bytes file = file_of(example_state());
  for (std::size_t at = 0; at < file.size(); ++at) {
    Bytes damaged = file;
    damaged[at] ^= std::byte{1};
    EXPECT_NE(problem_of(damaged), "") << at;
    damaged[at] ^= std::byte{0xFF};
    EXPECT_NE(problem_of(damaged), "") << at;
  }
}

TEST(SavedState, WithBytesBehindItIsRefused) {
  Bytes file = file_of(example_state());
  file.push_back(std::byte{0});
  EXPECT_EQ(problem_of(file), "has " + std::to_string(file.size()) + " bytes, " +
                                  std::to_string(file.size() - 1) + " would be right");
}

RC_GTEST_PROP(SavedState, ThatIsMadeUpAndSealedNeverCrashes, ()) {
  auto sections = sections_of(file_of(example_state()));
  const int changes = *rc::gen::inRange(1, 6);
  for (int i = 0; i < changes; ++i) {
    Bytes& raw = sections[*rc::gen::inRange<std::size_t>(0, sections.size())].raw;
    const auto at = *rc::gen::inRange<std::size_t>(0, raw.size());
    // Lengths and counts are what readers stumble over: small numbers, huge ones, and their ends.
    raw[at] = std::byte{*rc::gen::element<std::uint8_t>(0, 1, 2, 0x7F, 0x80, 0xFF)};
    if (*rc::gen::inRange(0, 4) == 0) raw.resize(at);
    if (raw.empty()) raw.resize(1);
  }
  const std::string problem = problem_of(sealed(sections));
  RC_ASSERT(problem.find('\n') == std::string::npos);
}

TEST(SavedState, WithAnUnknownSectionIsReadWithoutIt) {
  auto sections = sections_of(file_of(example_state()));
  sections.insert(sections.begin(), Section{77, 4, 0, 9, Bytes(5)});
  const Bytes file = sealed(sections);
  SavedStateReader reader(file);
  const auto vm = reader.read();
  ASSERT_TRUE(vm.has_value()) << reader.problem();
  expect_example(*vm);
}

TEST(SavedState, WithAnUnknownSectionThatMattersIsRefused) {
  auto sections = sections_of(file_of(example_state()));
  sections.push_back({77, 4, migration::layout::kMustUnderstand, 0, Bytes(5)});
  EXPECT_EQ(problem_of(sealed(sections)),
            "has section 77 of version 4, which this build does not know and must understand");
}

TEST(SavedState, OfANewerVersionIsRefused) {
  auto sections = sections_of(file_of(example_state()));
  EXPECT_EQ(problem_of(sealed(sections, 2)), "has version 2; this build reads versions 1 to 1");
  sections[2].version = 2;
  EXPECT_EQ(problem_of(sealed(sections)),
            "has section 3 of version 2, which this build cannot read");
}

TEST(SavedState, WithASectionTooFewOrTwiceIsRefused) {
  const auto sections = sections_of(file_of(example_state()));
  for (std::size_t i = 0; i < sections.size(); ++i) {
    auto fewer = sections;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_EQ(problem_of(sealed(fewer)), "has no section " + std::to_string(i + 1));
    auto twice = sections;
    twice.push_back(sections[i]);
    EXPECT_NE(problem_of(sealed(twice)).find("twice"), std::string::npos);
  }
}

TEST(SavedState, IsNotBelievedTheLengthsThatItClaims) {
  for (std::size_t i = 0; i < 5; ++i) {
    constexpr std::uint64_t kClaims[] = {0, 100'000, 1ULL << 36, 1ULL << 62, UINT64_MAX};
    for (const std::uint64_t claim : kClaims) {
      auto sections = sections_of(file_of(example_state()));
      sections[i].claims = claim;
      EXPECT_NE(problem_of(sealed(sections)), "") << i << " claims " << claim;
    }
  }
}

TEST(SavedState, WithMemoryThatItsVmCannotHaveIsRefused) {
  SavedVm vm = example_state();
  vm.memory.byte_pages[1].frame = {16 + 64};
  EXPECT_EQ(problem_of(file_of(vm)), "has memory that this VM cannot have");
}

TEST(SavedState, WithADiskBeyondItsEndOrOfAnotherNameIsRefused) {
  SavedVm vm = example_state();
  vm.disks[0].layers.medium[1].first = {2048};
  EXPECT_EQ(problem_of(file_of(vm)), "has a disk that cannot be");
  vm = example_state();
  vm.disks[0].name = "disk2";
  EXPECT_EQ(problem_of(file_of(vm)), "has other disks than its VM");
}

}  // namespace
