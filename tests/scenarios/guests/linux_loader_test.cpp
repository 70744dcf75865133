// The Linux loader: what it puts where, and every image that it must refuse. The tables of firmware
// add up.
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "scenarios/guests/firmware/acpi_tables.hpp"
#include "scenarios/guests/kernel_image.hpp"

namespace {

using Bytes = std::vector<std::byte>;

constexpr std::uint64_t kVmPages = 16384;  // 64 MiB
constexpr std::uint64_t kLoad = 0x100'0000;

struct VmRam {
  std::map<std::uint64_t, Bytes> writes;
  guests::WriteMemory writer() {
    return [this](sim::Gpa gpa, std::span<const std::byte> bytes) {
      writes[gpa.value] = Bytes(bytes.begin(), bytes.end());
      return gpa.value + bytes.size() <= kVmPages * sim::kPageSize;
    };
  }
};

template <class T>
void store(Bytes& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}
template <class T>
T get(const Bytes& bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

/// Two set-up sectors and a protected-mode part of 4 KiB.
Bytes small_kernel() {
  Bytes file(3 * 512 + 4096);
  store<std::uint8_t>(file, 0x1F1, 2);
  store<std::uint16_t>(file, 0x1FE, 0xAA55);
  store<std::uint8_t>(file, 0x201, 0x66);
  store<std::uint32_t>(file, 0x202, 0x53726448);
  store<std::uint16_t>(file, 0x206, 0x20F);
  store<std::uint16_t>(file, 0x236, 1);
  store<std::uint32_t>(file, 0x238, 2047);
  store<std::uint64_t>(file, 0x258, kLoad);
  store<std::uint32_t>(file, 0x260, 0x10'0000);
  for (std::size_t i = 0; i < 4096; ++i) file[3 * 512 + i] = static_cast<std::byte>(i * 7);
  return file;
}

guests::Loaded load(const Bytes& kernel, VmRam& memory, const Bytes& initrd = {},
                    std::string_view line = "quiet") {
  return guests::load_kernel({kernel, initrd, line, {}, {}, {}}, kVmPages, 1, memory.writer());
}

TEST(LinuxLoader, PutsKernelRamDiskAndCommandLineWhereTheZeroPageSays) {
  VmRam memory;
  const Bytes kernel = small_kernel();
  const Bytes initrd(5000, std::byte{0xAB});
  const auto loaded = load(kernel, memory, initrd, "console=ttyS0");
  ASSERT_TRUE(loaded.registers) << loaded.error;
  EXPECT_EQ(memory.writes.at(kLoad), Bytes(kernel.begin() + 3 * 512, kernel.end()));
  const Bytes& zero = memory.writes.at(loaded.registers->gpr[6]);
  EXPECT_EQ(memory.writes.at(get<std::uint32_t>(zero, 0x218)), initrd);
  EXPECT_EQ(get<std::uint32_t>(zero, 0x21C), initrd.size());
  const Bytes& line = memory.writes.at(get<std::uint32_t>(zero, 0x228));
  EXPECT_STREQ(reinterpret_cast<const char*>(line.data()), "console=ttyS0");
  EXPECT_EQ(get<std::uint64_t>(zero, 0x70), guests::kAcpiBase);
  EXPECT_EQ(get<std::uint8_t>(zero, 0x210), 0xFF);
  EXPECT_EQ(Bytes(zero.begin() + 0x1F1, zero.begin() + 0x210),
            Bytes(kernel.begin() + 0x1F1, kernel.begin() + 0x210));
}

TEST(LinuxLoader, GivesTheKernelASeedInItsListOfSetUpData) {
  VmRam memory;
  guests::KernelImage image;
  const Bytes kernel = small_kernel();
  image.kernel = kernel;
  for (std::size_t i = 0; i < image.seed.size(); ++i) image.seed[i] = static_cast<std::byte>(i + 1);
  const auto loaded = guests::load_kernel(image, kVmPages, 1, memory.writer());
  ASSERT_TRUE(loaded.registers) << loaded.error;
  const Bytes& zero = memory.writes.at(loaded.registers->gpr[6]);
  const Bytes& entry = memory.writes.at(get<std::uint64_t>(zero, 0x250));
  EXPECT_EQ(get<std::uint64_t>(entry, 0), 0u);  // the only one
  EXPECT_EQ(get<std::uint32_t>(entry, 8), 9u);  // SETUP_RNG_SEED
  EXPECT_EQ(get<std::uint32_t>(entry, 12), 32u);
  EXPECT_EQ(Bytes(entry.begin() + 16, entry.end()), Bytes(image.seed.begin(), image.seed.end()));
}

TEST(LinuxLoader, MemoryMapCoversAllRamAndNoTable) {
  VmRam memory;
  const auto loaded = load(small_kernel(), memory);
  const Bytes& zero = memory.writes.at(loaded.registers->gpr[6]);
  ASSERT_EQ(get<std::uint8_t>(zero, 0x1E8), 3);
  std::uint64_t usable = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto from = get<std::uint64_t>(zero, 0x2D0 + 20 * i);
    const auto bytes = get<std::uint64_t>(zero, 0x2D8 + 20 * i);
    if (get<std::uint32_t>(zero, 0x2E0 + 20 * i) != 1) continue;
    usable += bytes;
    EXPECT_TRUE(from + bytes <= guests::kAcpiBase || from >= guests::kAcpiEnd);
  }
  EXPECT_EQ(usable, kVmPages * sim::kPageSize - (0x10'0000 - 0x9'F000));
}

TEST(LinuxLoader, EntersIn64BitModeWithTablesThatMapTheFirst4GibToThemselves) {
  VmRam memory;
  const auto loaded = load(small_kernel(), memory);
  const sim::CpuRegisters& r = *loaded.registers;
  EXPECT_EQ(r.rip, kLoad + 0x200);
  EXPECT_EQ(r.cr0 >> 31 & 1, 1u);
  EXPECT_EQ(r.cr4 >> 5 & 1, 1u);
  EXPECT_EQ(r.efer & 0x500, 0x500u);
  const Bytes& tables = memory.writes.at(r.cr3);
  for (const std::uint64_t linear :
       {std::uint64_t{0}, kLoad + 0x1234, std::uint64_t{0xFEE0'0000}, std::uint64_t{0xFFFF'F000}}) {
    const auto at = [&](std::uint64_t table, std::uint64_t index) {
      return get<std::uint64_t>(tables, (table & ~0xFFFull) - r.cr3 + 8 * index);
    };
    const auto directory = at(at(r.cr3, linear >> 39 & 511), linear >> 30 & 511);
    const auto page = at(directory, linear >> 21 & 511);
    EXPECT_EQ(page & 0x83, 0x83u);
    EXPECT_EQ((page & ~0x1F'FFFFull) + (linear & 0x1F'FFFF), linear);
  }
}

TEST(LinuxLoader, RefusesWhatIsNoKernelOrDoesNotFit) {
  const auto refused = [](auto change, const char* why) {
    Bytes kernel = small_kernel();
    change(kernel);
    VmRam memory;
    const auto loaded = load(kernel, memory);
    EXPECT_FALSE(loaded.registers);
    EXPECT_NE(loaded.error.find(why), std::string::npos) << loaded.error;
    EXPECT_TRUE(memory.writes.empty());
  };
  refused([](Bytes& k) { k.clear(); }, "not a Linux kernel");
  refused([](Bytes& k) { store<std::uint32_t>(k, 0x202, 0); }, "not a Linux kernel");
  refused([](Bytes& k) { store<std::uint16_t>(k, 0x206, 0x20B); }, "not a Linux kernel");
  refused([](Bytes& k) { store<std::uint16_t>(k, 0x236, 0); }, "64-bit");
  refused([](Bytes& k) { store<std::uint8_t>(k, 0x1F1, 60); }, "ends in its set-up");
  refused([](Bytes& k) { store<std::uint64_t>(k, 0x258, 0); }, "impossible address");
  refused([](Bytes& k) { store<std::uint64_t>(k, 0x258, ~0xFFFull); }, "more memory");
  refused([](Bytes& k) { store<std::uint32_t>(k, 0x260, 0xFFFF'FFFF); }, "more memory");
  refused([](Bytes& k) { store<std::uint32_t>(k, 0x238, 2); }, "command line");
}

TEST(LinuxLoader, RefusesARamDiskThatWouldLieInTheKernel) {
  VmRam memory;
  const Bytes initrd(kVmPages * sim::kPageSize - kLoad - 0x10'0000 + 1);
  EXPECT_NE(load(small_kernel(), memory, initrd).error.find("RAM disk"), std::string::npos);
}

RC_GTEST_PROP(LinuxLoader, AnyHeaderIsTakenOrRefusedAndNothingIsWrittenOutsideRam, ()) {
  Bytes kernel = small_kernel();
  for (int i = *rc::gen::inRange(1, 12); i > 0; --i) {
    kernel[static_cast<std::size_t>(*rc::gen::inRange(0x1F1, 0x268))] =
        static_cast<std::byte>(*rc::gen::arbitrary<std::uint8_t>());
  }
  kernel.resize(static_cast<std::size_t>(*rc::gen::inRange<int>(0, 6000)));
  VmRam memory;
  const auto loaded = load(kernel, memory);
  RC_ASSERT(loaded.registers.has_value() == loaded.error.empty());
  for (const auto& [at, bytes] : memory.writes) {
    RC_ASSERT(at + bytes.size() <= kVmPages * sim::kPageSize);
  }
}

unsigned sum_of(const Bytes& all, std::size_t at, std::size_t size) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < size; ++i) sum += std::to_integer<unsigned>(all[at + i]);
  return sum & 0xFF;
}

TEST(AcpiTables, EveryTableIsReachedAndAddsUpToZero) {
  const Bytes all = guests::acpi_tables(3);
  const auto place = [](std::uint64_t address) {
    return static_cast<std::size_t>(address - guests::kAcpiBase);
  };
  const auto signature = [&](std::size_t at) {
    return std::string(reinterpret_cast<const char*>(all.data()) + at, 4);
  };
  EXPECT_EQ(signature(0), "RSD ");
  EXPECT_EQ(sum_of(all, 0, 20), 0u);
  EXPECT_EQ(sum_of(all, 0, 36), 0u);
  const auto checked = [&](std::uint64_t address, const std::string& name) {
    const std::size_t at = place(address);
    EXPECT_EQ(signature(at), name);
    EXPECT_EQ(sum_of(all, at, get<std::uint32_t>(all, at + 4)), 0u) << name;
    return at;
  };
  const std::size_t xsdt = checked(get<std::uint64_t>(all, 24), "XSDT");
  const std::size_t fadt = checked(get<std::uint64_t>(all, xsdt + 36), "FACP");
  const std::size_t madt = checked(get<std::uint64_t>(all, xsdt + 44), "APIC");
  checked(get<std::uint64_t>(all, fadt + 140), "DSDT");
  EXPECT_EQ(signature(place(get<std::uint64_t>(all, fadt + 132))), "FACS");
  unsigned processors = 0;
  const std::size_t end = madt + get<std::uint32_t>(all, madt + 4);
  for (std::size_t at = madt + 44; at < end; at += get<std::uint8_t>(all, at + 1)) {
    if (get<std::uint8_t>(all, at) == 0) EXPECT_EQ(get<std::uint8_t>(all, at + 3), processors++);
  }
  EXPECT_EQ(processors, 3u);
}

}  // namespace
