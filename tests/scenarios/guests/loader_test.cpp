// The guest loader: what it puts where, and every image that it must refuse.
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "scenarios/guests/images.hpp"
#include "scenarios/guests/loader.hpp"

namespace {

using Bytes = std::vector<std::byte>;

constexpr std::uint64_t kRamPages = 4096;

/// Memory that remembers what was written.
struct Memory {
  std::map<std::uint64_t, Bytes> writes;
  bool refuse = false;
  guests::WriteMemory writer() {
    return [this](sim::Gpa gpa, std::span<const std::byte> bytes) {
      writes[gpa.value] = Bytes(bytes.begin(), bytes.end());
      return !refuse;
    };
  }
};

template <class T>
void put(Bytes& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

/// A small valid ELF64: one executable segment of 64 bytes at 2 MiB, 4096 in memory.
Bytes small_elf64() {
  Bytes elf(64 + 56 + 64);
  const unsigned char identity[] = {0x7F, 'E', 'L', 'F', 2, 1, 1};
  std::memcpy(elf.data(), identity, sizeof identity);
  put<std::uint16_t>(elf, 16, 2);
  put<std::uint16_t>(elf, 18, 62);
  put<std::uint32_t>(elf, 20, 1);
  put<std::uint64_t>(elf, 24, 0x200010);  // entry
  put<std::uint64_t>(elf, 32, 64);        // program headers
  put<std::uint16_t>(elf, 54, 56);
  put<std::uint16_t>(elf, 56, 1);
  put<std::uint32_t>(elf, 64, 1);    // PT_LOAD
  put<std::uint32_t>(elf, 68, 5);    // R X
  put<std::uint64_t>(elf, 72, 120);  // offset
  put<std::uint64_t>(elf, 80, 0x200000);
  put<std::uint64_t>(elf, 88, 0x200000);
  put<std::uint64_t>(elf, 96, 64);
  put<std::uint64_t>(elf, 104, 4096);
  for (std::size_t i = 0; i < 64; ++i) elf[120 + i] = static_cast<std::byte>(i);
  return elf;
}

/// The same as ELF32.
Bytes small_elf32() {
  Bytes elf(52 + 32 + 64);
  const unsigned char identity[] = {0x7F, 'E', 'L', 'F', 1, 1, 1};
  std::memcpy(elf.data(), identity, sizeof identity);
  put<std::uint16_t>(elf, 16, 2);
  put<std::uint16_t>(elf, 18, 3);
  put<std::uint32_t>(elf, 24, 0x200010);
  put<std::uint32_t>(elf, 28, 52);
  put<std::uint16_t>(elf, 42, 32);
  put<std::uint16_t>(elf, 44, 1);
  put<std::uint32_t>(elf, 52, 1);
  put<std::uint32_t>(elf, 56, 84);
  put<std::uint32_t>(elf, 60, 0x200000);
  put<std::uint32_t>(elf, 64, 0x200000);
  put<std::uint32_t>(elf, 68, 64);
  put<std::uint32_t>(elf, 72, 4096);
  put<std::uint32_t>(elf, 76, 5);
  return elf;
}

TEST(GuestLoader, PutsSegmentsAndBootPageWhereTheyBelong) {
  Memory memory;
  guest_boot_info info{};
  info.memory_pages = 77;
  const auto loaded = guests::load_guest(small_elf64(), info, kRamPages, memory.writer());
  ASSERT_TRUE(loaded.registers) << loaded.error;
  ASSERT_EQ(memory.writes.size(), 2u);
  ASSERT_EQ(memory.writes.at(0x200000).size(), 64u);
  EXPECT_EQ(memory.writes.at(0x200000)[63], std::byte{63});
  guest_boot_info seen{};
  ASSERT_EQ(memory.writes.at(GUEST_BOOT_PAGE).size(), sizeof seen);
  std::memcpy(&seen, memory.writes.at(GUEST_BOOT_PAGE).data(), sizeof seen);
  EXPECT_EQ(seen.magic, GUEST_BOOT_MAGIC);
  EXPECT_EQ(seen.ram_pages, kRamPages);
  EXPECT_EQ(seen.memory_pages, 77u);
}

TEST(GuestLoader, StartsInFlatProtectedModeWithoutPagingAndInterrupts) {
  Memory memory;
  const auto loaded = guests::load_guest(small_elf32(), {}, kRamPages, memory.writer());
  ASSERT_TRUE(loaded.registers) << loaded.error;
  const sim::CpuRegisters& r = *loaded.registers;
  EXPECT_EQ(r.rip, 0x200010u);
  EXPECT_EQ(r.gpr[0], GUEST_BOOT_EAX);
  EXPECT_EQ(r.gpr[3], GUEST_BOOT_PAGE);
  EXPECT_EQ(r.cr0 & 0x8000'0001u, 1u);
  EXPECT_EQ(r.rflags, 2u);
  EXPECT_EQ(r.efer, 0u);
  EXPECT_EQ(r.cs.limit, 0xFFFF'FFFFu);
}

TEST(GuestLoader, LoadsEveryGuestOfTheProject) {
  for (const guests::ImageInfo& info : guests::images()) {
    Memory memory;
    const auto loaded =
        guests::load_guest(guests::image(info.name), {}, info.ram_pages, memory.writer());
    EXPECT_TRUE(loaded.registers) << info.name << " " << loaded.error;
    // The pattern's pages begin where the image has certainly ended.
    for (const auto& [gpa, bytes] : memory.writes) {
      EXPECT_LE(gpa + bytes.size(), GUEST_IMAGE_END_PAGE * sim::kPageSize) << info.name;
    }
  }
}

struct Refusal {
  const char* name;
  std::size_t at;
  std::uint64_t value;
  std::size_t size;
  const char* error;
};

class RefusedGuestImage : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedGuestImage, IsRefusedWithAReasonAndNothingIsWritten) {
  const Refusal& refusal = GetParam();
  Bytes elf = small_elf64();
  std::memcpy(elf.data() + refusal.at, &refusal.value, refusal.size);
  Memory memory;
  const auto loaded = guests::load_guest(elf, {}, kRamPages, memory.writer());
  EXPECT_FALSE(loaded.registers);
  EXPECT_EQ(loaded.error, refusal.error);
  EXPECT_TRUE(memory.writes.empty());
}

INSTANTIATE_TEST_SUITE_P(
    , RefusedGuestImage,
    testing::Values(
        Refusal{"Magic", 0, 0, 4, "is not an ELF file"},
        Refusal{"Class", 4, 3, 1, "has an unknown ELF class"},
        Refusal{"BigEndian", 5, 2, 1, "is big-endian"},
        Refusal{"Arm", 18, 183, 2, "is not for an x86 processor"},
        Refusal{"SharedObject", 16, 3, 2, "is not an executable linked to fixed addresses"},
        Refusal{"TooManyHeaders", 56, 65, 2, "has an impossible program header table"},
        Refusal{"HeaderSize", 54, 32, 2, "has an impossible program header table"},
        Refusal{"TableBeyondEnd", 32, 1 << 20, 8, "ends in its program headers"},
        Refusal{"TableOverflow", 32, ~0ull - 8, 8, "ends in its program headers"},
        Refusal{"Interpreter", 64, 3, 4, "is linked dynamically"},
        Refusal{"Truncated", 96, 65, 8, "ends inside a segment"},
        Refusal{"OffsetOverflow", 72, ~0ull, 8, "ends inside a segment"},
        Refusal{"LargerInFile", 104, 63, 8, "has a segment larger in the file than in memory"},
        Refusal{"BelowOneMegabyte", 88, 0x8000, 8, "has a segment below 1 MiB"},
        Refusal{"BeyondMemory", 88, 0x1000000, 8, "needs more memory than the VM has"},
        Refusal{"MemoryOverflow", 104, ~0ull, 8, "needs more memory than the VM has"},
        Refusal{"EntryOutside", 24, 0x200040, 8, "starts outside its executable segments"},
        Refusal{"EntryNotExecutable", 68, 6, 4, "starts outside its executable segments"}),
    [](const testing::TestParamInfo<Refusal>& info) { return std::string(info.param.name); });

TEST(GuestLoader, RefusesSegmentsThatOverlap) {
  Bytes elf = small_elf64();
  Bytes second(elf.begin() + 64, elf.begin() + 120);
  elf.insert(elf.begin() + 120, second.begin(), second.end());
  put<std::uint16_t>(elf, 56, 2);
  put<std::uint64_t>(elf, 72, 176);
  put<std::uint64_t>(elf, 120 + 8, 176);
  Memory memory;
  EXPECT_EQ(guests::load_guest(elf, {}, kRamPages, memory.writer()).error,
            "has segments that overlap");
}

TEST(GuestLoader, SaysWhenTheVmsMemoryDoesNotTakeTheProgram) {
  Memory memory;
  memory.refuse = true;
  const auto loaded = guests::load_guest(small_elf64(), {}, kRamPages, memory.writer());
  EXPECT_FALSE(loaded.registers);
  EXPECT_FALSE(loaded.error.empty());
}

RC_GTEST_PROP(GuestLoader, NeverReadsOrWritesOutsideWhateverTheBytesSay, ()) {
  Bytes elf = *rc::gen::arbitrary<bool>() ? small_elf64() : small_elf32();
  auto changes = *rc::gen::inRange(1, 8);
  for (int i = 0; i < changes; ++i) {
    auto at = *rc::gen::inRange<std::size_t>(4, 120);
    elf[at % elf.size()] = static_cast<std::byte>(*rc::gen::arbitrary<std::uint8_t>());
  }
  elf.resize(*rc::gen::inRange<std::size_t>(0, elf.size() + 1));
  Memory memory;
  const auto loaded = guests::load_guest(elf, {}, kRamPages, memory.writer());
  RC_ASSERT(loaded.registers.has_value() == loaded.error.empty());
  for (const auto& [gpa, bytes] : memory.writes) {
    RC_ASSERT(gpa == GUEST_BOOT_PAGE || gpa >= 0x100000u);
    RC_ASSERT(gpa + bytes.size() <= kRamPages * sim::kPageSize);
  }
}

}  // namespace
