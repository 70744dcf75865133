// Kernels by their kinds: vmlinux and multiboot images, what is put where, and every file that must
// be refused.
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "scenarios/guests/kernel_image.hpp"
#include "scenarios/guests/multiboot.hpp"

namespace {

using Bytes = std::vector<std::byte>;

constexpr std::uint64_t kKernelPages = 16384;  // 64 MiB
constexpr std::uint64_t kKernelAt = 0x100'0000;

struct KernelRam {
  std::map<std::uint64_t, Bytes> writes;
  guests::WriteMemory writer() {
    return [this](sim::Gpa gpa, std::span<const std::byte> bytes) {
      writes[gpa.value] = Bytes(bytes.begin(), bytes.end());
      return gpa.value + bytes.size() <= kKernelPages * sim::kPageSize;
    };
  }
  /// The bytes at an address inside something that was written.
  const std::byte* at(std::uint64_t address) const {
    const auto next = writes.upper_bound(address);
    if (next == writes.begin()) return nullptr;
    const auto& [from, bytes] = *std::prev(next);
    return address - from < bytes.size() ? bytes.data() + (address - from) : nullptr;
  }
  template <class T = std::uint32_t>
  T number(std::uint64_t address) const {
    T value{};
    const std::byte* from = at(address);
    EXPECT_NE(from, nullptr) << address;
    if (from != nullptr) std::memcpy(&value, from, sizeof value);
    return value;
  }
  std::string text(std::uint64_t address) const {
    return reinterpret_cast<const char*>(at(address));
  }
};

template <class T>
void lay(Bytes& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

constexpr std::size_t kCode = 0x200;  // of a file: its segment's bytes
constexpr std::size_t kSegmentBytes = 256;

/// An ELF64 file with two segments: code at 16 MiB, and memory of zeros behind it.
Bytes small_vmlinux() {
  Bytes file(kCode + kSegmentBytes);
  const unsigned char identity[] = {0x7F, 'E', 'L', 'F', 2, 1, 1};
  std::memcpy(file.data(), identity, sizeof identity);
  lay<std::uint16_t>(file, 16, 2);
  lay<std::uint16_t>(file, 18, 62);
  lay<std::uint64_t>(file, 24, kKernelAt + 0x10);
  lay<std::uint64_t>(file, 32, 64);
  lay<std::uint16_t>(file, 54, 56);
  lay<std::uint16_t>(file, 56, 2);
  lay<std::uint32_t>(file, 64, 1);
  lay<std::uint32_t>(file, 68, 5);
  lay<std::uint64_t>(file, 72, kCode);
  lay<std::uint64_t>(file, 80, 0xFFFF'FFFF'8100'0000);
  lay<std::uint64_t>(file, 88, kKernelAt);
  lay<std::uint64_t>(file, 96, kSegmentBytes);
  lay<std::uint64_t>(file, 104, kSegmentBytes);
  lay<std::uint32_t>(file, 120, 1);
  lay<std::uint32_t>(file, 124, 6);
  lay<std::uint64_t>(file, 128, kCode);
  lay<std::uint64_t>(file, 144, kKernelAt + 0x10'0000);
  lay<std::uint64_t>(file, 160, 0x20'0000);
  for (std::size_t i = 0; i < kSegmentBytes; ++i) file[kCode + i] = static_cast<std::byte>(i);
  return file;
}

/// An ELF32 file with a multiboot header at the beginning of its code.
Bytes small_multiboot(std::uint32_t flags = 3) {
  Bytes file(kCode + kSegmentBytes);
  const unsigned char identity[] = {0x7F, 'E', 'L', 'F', 1, 1, 1};
  std::memcpy(file.data(), identity, sizeof identity);
  lay<std::uint16_t>(file, 16, 2);
  lay<std::uint16_t>(file, 18, 3);
  lay<std::uint32_t>(file, 24, 0x10'0020);
  lay<std::uint32_t>(file, 28, 52);
  lay<std::uint16_t>(file, 42, 32);
  lay<std::uint16_t>(file, 44, 1);
  lay<std::uint32_t>(file, 52, 1);
  lay<std::uint32_t>(file, 56, kCode);
  lay<std::uint32_t>(file, 64, 0x10'0000);
  lay<std::uint32_t>(file, 68, kSegmentBytes);
  lay<std::uint32_t>(file, 72, 0x1234);
  lay<std::uint32_t>(file, 76, 5);
  lay<std::uint32_t>(file, kCode, 0x1BADB002);
  lay<std::uint32_t>(file, kCode + 4, flags);
  lay<std::uint32_t>(file, kCode + 8, 0u - 0x1BADB002 - flags);
  return file;
}

/// The same program as a flat file whose header says where it goes.
Bytes small_flat() {
  Bytes file = small_multiboot(0x1'0000);
  file.erase(file.begin(), file.begin() + kCode);
  lay<std::uint32_t>(file, 12, 0x10'0000);                  // where the header goes
  lay<std::uint32_t>(file, 16, 0x10'0000);                  // from there
  lay<std::uint32_t>(file, 20, 0x10'0000 + kSegmentBytes);  // to there
  lay<std::uint32_t>(file, 24, 0x10'1234);                  // zeros up to there
  lay<std::uint32_t>(file, 28, 0x10'0020);                  // entry
  return file;
}

guests::KernelImage image_of(const Bytes& kernel) {
  guests::KernelImage image;
  image.kernel = kernel;
  image.command_line = "quiet";
  image.name = "kernel";
  image.initrd_name = "ramdisk";
  return image;
}

TEST(KernelImage, KindIsWhatTheFileSays) {
  EXPECT_EQ(guests::kernel_kind(small_vmlinux()), guests::KernelKind::Vmlinux);
  EXPECT_EQ(guests::kernel_kind(small_multiboot()), guests::KernelKind::Multiboot);
  EXPECT_EQ(guests::kernel_kind(small_flat()), guests::KernelKind::Multiboot);
  EXPECT_EQ(guests::kernel_kind({}), guests::KernelKind::Unknown);
  Bytes wrong_sum = small_multiboot();
  lay<std::uint32_t>(wrong_sum, kCode + 8, 0);
  EXPECT_EQ(guests::kernel_kind(wrong_sum), guests::KernelKind::Vmlinux);  // an ELF file still
}

TEST(KernelImage, VmlinuxIsEnteredIn64BitModeAtItsOwnEntryWithAZeroPage) {
  KernelRam memory;
  const Bytes kernel = small_vmlinux();
  const Bytes initrd(5000, std::byte{0xAB});
  guests::KernelImage image = image_of(kernel);
  image.initrd = initrd;
  const auto loaded = guests::load_kernel(image, kKernelPages, 1, memory.writer());
  ASSERT_TRUE(loaded.registers) << loaded.error;
  const sim::CpuRegisters& r = *loaded.registers;
  EXPECT_EQ(r.rip, kKernelAt + 0x10);
  EXPECT_EQ(r.efer & 0x500, 0x500u);
  EXPECT_EQ(memory.writes.at(kKernelAt), Bytes(kernel.begin() + kCode, kernel.end()));
  EXPECT_EQ(memory.writes.count(kKernelAt + 0x10'0000), 0u);
  const std::uint64_t zero = r.gpr[6];
  EXPECT_EQ(memory.number<std::uint16_t>(zero + 0x1FE), 0xAA55);
  EXPECT_EQ(memory.number(zero + 0x202), 0x53726448u);
  EXPECT_GE(memory.number<std::uint16_t>(zero + 0x206), 0x20C);
  EXPECT_EQ(memory.number<std::uint8_t>(zero + 0x210), 0xFF);
  EXPECT_EQ(memory.text(memory.number(zero + 0x228)), "quiet");
  EXPECT_EQ(memory.writes.at(memory.number(zero + 0x218)), initrd);
  EXPECT_EQ(memory.number(zero + 0x21C), initrd.size());
}

TEST(KernelImage, MultibootKernelGetsItsLineItsModuleAndTheMap) {
  for (const Bytes& kernel : {small_multiboot(), small_flat()}) {
    KernelRam memory;
    const Bytes module(5000, std::byte{0xAB});
    guests::KernelImage image = image_of(kernel);
    image.initrd = module;
    const auto loaded = guests::load_kernel(image, kKernelPages, 1, memory.writer());
    ASSERT_TRUE(loaded.registers) << loaded.error;
    const sim::CpuRegisters& r = *loaded.registers;
    EXPECT_EQ(r.rip, 0x10'0020u);
    EXPECT_EQ(r.gpr[0], 0x2BADB002u);
    EXPECT_EQ(r.cr0 & 0x8000'0001, 1u);
    EXPECT_EQ(r.rflags & 0x2'0200, 0u);  // neither interrupts nor virtual-8086 mode
    EXPECT_EQ(memory.number(0x10'0000), 0x1BADB002u);
    const std::uint64_t info = r.gpr[3];
    EXPECT_EQ(memory.number(info), 1u | 4u | 8u | 64u | 512u);
    EXPECT_EQ(memory.number(info + 8), (kKernelPages * 4096 - 0x10'0000) / 1024);
    EXPECT_EQ(memory.text(memory.number(info + 16)), "kernel quiet");
    ASSERT_EQ(memory.number(info + 20), 1u);
    const std::uint64_t entry = memory.number(info + 24);
    const std::uint64_t begin = memory.number(entry);
    EXPECT_EQ(begin % 4096, 0u);
    EXPECT_GE(begin, 0x10'1234u);  // behind what the kernel wants zero
    EXPECT_EQ(memory.writes.at(begin), module);
    EXPECT_EQ(memory.number(entry + 4), begin + module.size());
    EXPECT_EQ(memory.text(memory.number(entry + 8)), "ramdisk");
    EXPECT_EQ(memory.text(memory.number(info + 64)), "hvsim");
    std::uint64_t usable = 0;
    const std::uint64_t map = memory.number(info + 48), end = map + memory.number(info + 44);
    for (std::uint64_t at = map; at < end; at += memory.number(at) + 4) {
      if (memory.number(at + 20) == 1) usable += memory.number<std::uint64_t>(at + 12);
    }
    EXPECT_EQ(usable, kKernelPages * 4096 - (0x10'0000 - 0x9'F000));
  }
}

TEST(KernelImage, WithoutAModuleNoneIsTold) {
  KernelRam memory;
  const Bytes kernel = small_multiboot();
  const auto loaded = guests::load_kernel(image_of(kernel), kKernelPages, 1, memory.writer());
  ASSERT_TRUE(loaded.registers) << loaded.error;
  EXPECT_EQ(memory.number(loaded.registers->gpr[3] + 20), 0u);
}

/// Refused with this reason, and nothing is written before.
void refused(const Bytes& kernel, const char* why) {
  KernelRam memory;
  const auto loaded = guests::load_kernel(image_of(kernel), kKernelPages, 1, memory.writer());
  EXPECT_FALSE(loaded.registers) << why;
  EXPECT_NE(loaded.error.find(why), std::string::npos) << loaded.error;
  EXPECT_EQ(loaded.error, guests::check_kernel(image_of(kernel), kKernelPages));
  EXPECT_TRUE(memory.writes.empty());
}

template <class Change>
Bytes with(Bytes file, Change change) {
  change(file);
  return file;
}

TEST(KernelImage, RefusesAVmlinuxThatIsCutWrongOrTooLarge) {
  const auto bad = [](auto change, const char* why) {
    refused(with(small_vmlinux(), change), why);
  };
  bad([](Bytes& k) { k.clear(); }, "no multiboot header");
  bad([](Bytes& k) { k.resize(5); }, "not an ELF file");
  bad([](Bytes& k) { k.resize(60); }, "ends in its header");
  bad([](Bytes& k) { k.resize(100); }, "ends in its program headers");
  bad([](Bytes& k) { k.resize(kCode + 10); }, "ends inside a segment");
  bad([](Bytes& k) { lay<std::uint64_t>(k, 32, ~0ull - 8); }, "ends in its program headers");
  bad([](Bytes& k) { lay<std::uint64_t>(k, 72, ~0ull - 8); }, "ends inside a segment");
  bad([](Bytes& k) { lay<std::uint64_t>(k, 160, ~0ull - 8); }, "more memory");
  bad([](Bytes& k) { lay<std::uint64_t>(k, 144, ~0ull << 12); }, "more memory");
  bad([](Bytes& k) { lay<std::uint64_t>(k, 144, kKernelAt + 16); }, "overlap");
  bad([](Bytes& k) { lay<std::uint64_t>(k, 88, 0x1000); }, "below 1 MiB");
  bad([](Bytes& k) { lay<std::uint64_t>(k, 24, kKernelAt + 0x10'0000); }, "starts outside");
  bad([](Bytes& k) { lay<std::uint16_t>(k, 16, 3); }, "not an executable");
  bad([](Bytes& k) { lay<std::uint16_t>(k, 18, 183); }, "x86");
  const Bytes narrow = with(small_multiboot(), [](Bytes& k) { lay<std::uint32_t>(k, kCode, 0); });
  refused(narrow, "32-bit kernel");
}

TEST(KernelImage, RefusesAMultibootKernelThatWantsWhatIsNotThere) {
  refused(small_multiboot(4), "display");
  refused(small_multiboot(16), "multiboot does not know");
  const auto bad = [](auto change, const char* why) {
    refused(with(small_multiboot(), change), why);
  };
  bad([](Bytes& k) { k.resize(kCode + 20); }, "ends inside a segment");
  bad([](Bytes& k) { lay<std::uint32_t>(k, 72, 0xFFFF'FFFF); }, "more memory");
  bad([](Bytes& k) { lay<std::uint32_t>(k, 64, 0x8000); }, "below 1 MiB");
  bad([](Bytes& k) { lay<std::uint32_t>(k, 24, 0); }, "starts outside");
}

TEST(KernelImage, RefusesAFlatKernelWhoseAddressesDoNotAddUp) {
  const auto bad = [](auto change, const char* why) { refused(with(small_flat(), change), why); };
  bad([](Bytes& k) { k.resize(20); }, "ends in its multiboot header");
  bad([](Bytes& k) { lay<std::uint32_t>(k, 12, 0x20'0000); }, "in front of what it loads");
  bad([](Bytes& k) { lay<std::uint32_t>(k, 12, 0x1000); }, "in front of what it loads");
  bad([](Bytes& k) { lay<std::uint32_t>(k, 20, 0x1000); }, "before its beginning");
  bad([](Bytes& k) { lay<std::uint32_t>(k, 20, 0xFFFF'FFFF); }, "ends inside");
  bad(
      [](Bytes& k) {  // 16 bytes in front that are not loaded: 8 are missing at the end
        k.insert(k.begin(), 16, std::byte{});
        lay<std::uint32_t>(k, 16 + 20, 0x10'0000 + kSegmentBytes + 8);
      },
      "ends inside");
  bad([](Bytes& k) { lay<std::uint32_t>(k, 24, 0x10'0001); }, "clears memory");
  bad([](Bytes& k) { lay<std::uint32_t>(k, 24, 0xFFFF'FFFF); }, "more memory");
  bad([](Bytes& k) { lay<std::uint32_t>(k, 28, 0x10'1000); }, "starts outside");
  bad(
      [](Bytes& k) {
        for (const std::size_t at : {12, 16, 20, 24, 28}) lay<std::uint32_t>(k, at, 0);
      },
      "below 1 MiB");
}

TEST(KernelImage, RefusesARamDiskOrModuleThatHasNoRoom) {
  for (const Bytes& kernel : {small_vmlinux(), small_multiboot()}) {
    guests::KernelImage image = image_of(kernel);
    const Bytes whole(kKernelPages * sim::kPageSize - 0x10'0000);
    image.initrd = whole;
    EXPECT_NE(guests::check_kernel(image, kKernelPages).find("no room for its"), std::string::npos);
    const std::string line(70'000, 'x');
    image = image_of(kernel);
    image.command_line = line;
    EXPECT_NE(guests::check_kernel(image, kKernelPages).find("so long a command"),
              std::string::npos);
    EXPECT_NE(guests::check_kernel(image_of(kernel), 1 << 20).find("3 GiB"), std::string::npos);
  }
}

RC_GTEST_PROP(KernelImage, AnyFileIsTakenOrRefusedAndNothingIsWrittenOutsideRam, ()) {
  Bytes kernel = *rc::gen::element(small_vmlinux(), small_multiboot(), small_flat());
  const std::size_t size = kernel.size();
  for (int i = *rc::gen::inRange(1, 12); i > 0; --i) {
    kernel[*rc::gen::inRange<std::size_t>(0, size)] =
        static_cast<std::byte>(*rc::gen::arbitrary<std::uint8_t>());
  }
  kernel.resize(*rc::gen::inRange<std::size_t>(0, size + 100));
  KernelRam memory;
  const auto loaded = guests::load_kernel(image_of(kernel), kKernelPages, 1, memory.writer());
  RC_ASSERT(loaded.registers.has_value() == loaded.error.empty());
  RC_ASSERT(loaded.registers.has_value() || memory.writes.empty());
  for (const auto& [at, bytes] : memory.writes) {
    RC_ASSERT(at + bytes.size() <= kKernelPages * sim::kPageSize);
  }
}

}  // namespace
