// Faults: which vector, which error code, which address, and that the instruction can be restarted.
#include <gtest/gtest.h>

#include "tests/sim/cpu/test_machine.hpp"

namespace cpu_test {

namespace {

using sim::StopReason;

constexpr std::uint64_t kPage = 0x80000;
constexpr unsigned kGeneralProtection = 13, kPageFaultVector = 14, kUndefinedOpcode = 6;

struct Report {
  std::uint64_t vector, error, rip, cs, rflags, rsp, ss, cr2, inner_rsp;
};

class Faults : public testing::Test {
 protected:
  Faults() {
    t.load(catcher, kCatcher);
    for (unsigned v = 0; v < 32; ++v) t.set_gate(v, kCatcher + 16 * v);
  }
  Report fault_of(std::initializer_list<int> code) {
    t.load(code);
    return run();
  }
  Report run() {
    const sim::RunResult result = t.cpu().run(10'000);
    EXPECT_EQ(result.reason, StopReason::Halt) << t.cpu().failure();
    Report r;
    std::memcpy(&r, t.at(kReport), sizeof r);
    return r;
  }
  void set_cr(int number, std::uint64_t set, std::uint64_t clear = 0) {
    sim::CpuRegisters r = t.cpu().registers();
    std::uint64_t& cr = number == 0 ? r.cr0 : r.cr4;
    cr = (cr | set) & ~clear;
    t.cpu().set_registers(r);
  }
  void enter_user() {
    sim::CpuRegisters r = t.cpu().registers();
    r.cs = {kUserCode, 0, 0xffffffff, 0x00affb00};
    r.ss = {kUserData, 0, 0xffffffff, 0x00cff300};
    r.gpr[4] = kUserStackTop;
    t.cpu().set_registers(r);
  }
  TestMachine t;
};

// mov rax, [kPage]; mov [kPage], rax; jmp kPage, each followed by hlt
#define LOAD 0x48, 0x8b, 0x04, 0x25, 0, 0, 8, 0, 0xf4
#define STORE 0x48, 0x89, 0x04, 0x25, 0, 0, 8, 0, 0xf4
#define JUMP 0x68, 0, 0, 8, 0, 0xc3

struct Case {
  const char* name;
  std::uint64_t entry;  ///< of kPage, without address
  std::uint64_t cr4;    ///< bits to set
  bool user;
  char access;  ///< l, s or j
  int error;    ///< of the page fault, -1: none
};

class PageRights : public Faults, public testing::WithParamInterface<Case> {};

TEST_P(PageRights, AreCheckedAsTheArchitectureSays) {
  const Case& c = GetParam();
  set_cr(4, c.cr4);
  if (c.user) enter_user();
  t.set_entry(kPage, kPage | c.entry);
  // Kernel code and stacks must not be user pages under SMEP and SMAP.
  if (!c.user) {
    for (std::uint64_t p = 0; p < kPage; p += 4096) t.set_entry(p, p | kPresent | kWritable);
  }
  t.write(kPage, 0xf4, 1);
  Report r{};
  switch (c.access) {
    case 'l':
      t.load({LOAD});
      break;
    case 's':
      t.load({STORE});
      break;
    default:
      t.load({JUMP});
  }
  r = run();
  if (c.error < 0) {
    // In ring 3 the HLT behind the access is what faults.
    EXPECT_EQ(r.vector, c.user ? kGeneralProtection : 0u);
    EXPECT_TRUE(t.entry_of(kPage) & kAccessed);
    EXPECT_EQ((t.entry_of(kPage) & kDirty) != 0, c.access == 's');
    return;
  }
  EXPECT_EQ(r.vector, kPageFaultVector);
  EXPECT_EQ(r.error, static_cast<std::uint64_t>(c.error));
  EXPECT_EQ(r.cr2, kPage);
  EXPECT_EQ(r.rip, c.access == 'j' ? kPage : kCode);
  EXPECT_FALSE(t.entry_of(kPage) & kDirty);
}

constexpr std::uint64_t kSmep = 1 << 20, kSmap = 1 << 21;
const Case kCases[] = {
    {"AbsentLoad", 0, 0, false, 'l', 0},
    {"AbsentStore", 0, 0, false, 's', 2},
    {"AbsentFetch", 0, 0, false, 'j', 16},
    {"AbsentUserLoad", 0, 0, true, 'l', 4},
    {"AbsentUserStore", 0, 0, true, 's', 6},
    {"SupervisorPageUserLoad", kPresent | kWritable, 0, true, 'l', 5},
    {"SupervisorPageUserFetch", kPresent, 0, true, 'j', 21},
    {"ReadOnlyUserStore", kPresent | kUser, 0, true, 's', 7},
    {"ReadOnlyKernelStore", kPresent, 0, false, 's', 3},
    {"ReadOnlyKernelLoad", kPresent, 0, false, 'l', -1},
    {"WritableStore", kPresent | kWritable, 0, false, 's', -1},
    {"UserPageUserStore", kPresent | kWritable | kUser, 0, true, 's', -1},
    {"ReservedBit", kPresent | 1ull << 50, 0, false, 'l', 9},
    {"NoExecute", kPresent | kNoExecute, 0, false, 'j', 17},
    {"NoExecuteLoad", kPresent | kNoExecute, 0, false, 'l', -1},
    {"SmepFetch", kPresent | kUser, kSmep, false, 'j', 17},
    {"SmepLoad", kPresent | kUser, kSmep, false, 'l', -1},
    {"NoSmepFetch", kPresent | kUser, 0, false, 'j', -1},
    {"SmapLoad", kPresent | kUser, kSmap, false, 'l', 1},
    {"SmapStore", kPresent | kUser | kWritable, kSmap, false, 's', 3},
    {"SmapKernelPage", kPresent | kWritable, kSmap, false, 's', -1},
};
INSTANTIATE_TEST_SUITE_P(All, PageRights, testing::ValuesIn(kCases),
                         [](const auto& param) { return param.param.name; });

TEST_F(Faults, SmapAllowsUserPagesWhileAcIsSet) {
  set_cr(4, kSmap);
  for (std::uint64_t p = 0; p < kPage; p += 4096) t.set_entry(p, p | kPresent | kWritable);
  // stac; mov rax, [kPage]; clac; mov rax, [kPage]
  const Report r =
      fault_of({0x0f, 0x01, 0xcb, 0x48, 0x8b, 0x04, 0x25, 0, 0, 8, 0, 0x0f, 0x01, 0xca, LOAD});
  EXPECT_EQ(r.vector, kPageFaultVector);
  EXPECT_EQ(r.error, 1u);
  EXPECT_EQ(r.rip, kCode + 14);
}

TEST_F(Faults, WithoutWriteProtectTheKernelStoresToReadOnlyPages) {
  set_cr(0, 0, 1 << 16);
  t.set_entry(kPage, kPage | kPresent);
  EXPECT_EQ(fault_of({STORE}).vector, 0u);
  EXPECT_TRUE(t.entry_of(kPage) & kDirty);
}

TEST_F(Faults, NonCanonicalAddressIsGeneralProtection) {
  // mov rax, 0x800000000000; mov rax, [rax]
  const Report r = fault_of({0x48, 0xb8, 0, 0, 0, 0, 0, 0x80, 0, 0, 0x48, 0x8b, 0x00, 0xf4});
  EXPECT_EQ(r.vector, kGeneralProtection);
  EXPECT_EQ(r.error, 0u);
  EXPECT_EQ(r.rip, kCode + 10);
}

TEST_F(Faults, LargePagesTranslate) {
  // 2 MiB at 1 GiB + 2 MiB, and 1 GiB at 2 GiB, both onto the low memory.
  t.write(kTables + 0x1000 + 8, (kTables + 0x1d000) | kPresent | kWritable);
  t.write(kTables + 0x1d000 + 8, 0x200000 | kPresent | kWritable | kLarge);
  t.write(kTables + 0x1000 + 16, 0 | kPresent | kWritable | kLarge);
  t.write(0x212348, 0xabcdef);
  // mov eax, 0x40212348; mov rbx, [rax]; mov eax, 0x80212348; mov rcx, [rax]; hlt
  t.load({0xb8, 0x48, 0x23, 0x21, 0x40, 0x48, 0x8b, 0x18, 0xb8, 0x48, 0x23, 0x21, 0x80, 0x48, 0x8b,
          0x08, 0xf4});
  run();
  EXPECT_EQ(t.cpu().registers().gpr[3], 0xabcdefu);
  EXPECT_EQ(t.cpu().registers().gpr[1], 0xabcdefu);
  EXPECT_EQ(t.cpu().translate(0x40212348), sim::Gpa{0x212348});
  EXPECT_EQ(t.cpu().translate(0x123456789000), std::nullopt);
}

TEST_F(Faults, LargePageWithReservedBitsFaults) {
  t.write(kTables + 0x1000 + 16, 0x2000 | kPresent | kWritable | kLarge);
  const Report r = fault_of({0xb8, 0, 0, 0, 0x80, 0x48, 0x8b, 0x08, 0xf4});
  EXPECT_EQ(r.vector, kPageFaultVector);
  EXPECT_EQ(r.error, 9u);
}

TEST_F(Faults, SecondPageFaultIsNotADoubleFault) {
  t.load(fixer, kCatcher + 0x1000);
  t.set_gate(kPageFaultVector, kCatcher + 0x1000);
  for (std::uint64_t p = 0; p < 4; ++p) t.set_entry(kPage + 4096 * p, kPage + 4096 * p);
  // inc rax; mov [kPage], rax; inc rax; mov [kPage + 0x1000], rax; mov rbx, [kPage + 0x2ffc]; hlt
  t.load({0x48, 0xff, 0xc0, 0x48, 0x89, 0x04, 0x25, 0, 0,    8, 0,
          0x48, 0xff, 0xc0, 0x48, 0x89, 0x04, 0x25, 0, 0x10, 8, 0,
          0x48, 0x8b, 0x1c, 0x25, 0xfc, 0x2f, 8,    0, 0xf4});
  run();
  EXPECT_EQ(t.read(kData), 4u);
  EXPECT_EQ(t.read(kPage), 1u);
  EXPECT_EQ(t.read(kPage + 0x1000), 2u);
}

TEST_F(Faults, FetchAcrossPagesFaultsAtTheSecondPage) {
  t.set_entry(kPage, kPage);
  // jmp to an instruction of 5 bytes, 2 of which lie in the absent page; three NOPs before it
  t.load({0x90, 0x90, 0x90, 0xb8, 0x01}, kPage - 5);
  t.load({0x68, 0xfb, 0xff, 0x07, 0x00, 0xc3});
  const std::uint64_t before = t.cpu().executed();
  const Report r = run();
  EXPECT_EQ(r.vector, kPageFaultVector);
  EXPECT_EQ(r.cr2, kPage);
  EXPECT_EQ(r.rip, kPage - 2);
  EXPECT_GE(t.cpu().executed() - before, 5u);
}

TEST_F(Faults, FaultWithoutHandlerIsDoubleFaultThenShutdown) {
  t.write(kIdt + 16 * kUndefinedOpcode, 0);
  t.write(kIdt + 16 * kUndefinedOpcode + 8, 0);
  const Report r = fault_of({0x0f, 0x0b});
  EXPECT_EQ(r.vector, kGeneralProtection) << "the gate is no gate";
  EXPECT_EQ(r.error, kUndefinedOpcode * 8u + 2);
  EXPECT_EQ(r.rip, kCode);
  TestMachine bare;
  bare.load({0x0f, 0x0b});
  EXPECT_EQ(bare.cpu().run(1000).reason, StopReason::Shutdown);
  EXPECT_EQ(bare.cpu().run(1000).reason, StopReason::Shutdown);
}

TEST_F(Faults, PageFaultOnTheStackIsADoubleFaultOnItsOwnStack) {
  t.set_gate(8, kCatcher + 16 * 8, 0, 1);
  for (std::uint64_t p = 0x28000; p < kStackTop; p += 4096) t.set_entry(p, p);
  t.set_entry(kPage, kPage);
  const Report r = fault_of({LOAD});
  EXPECT_EQ(r.vector, 8u);
  EXPECT_EQ(r.error, 0u);
  EXPECT_EQ(r.inner_rsp & ~0xfffull, kIstTop - 0x1000);
}

TEST_F(Faults, ARunawayFaultLoopUsesUpItsBudget) {
  t.set_gate(kPageFaultVector, kPage, 0, 1);  // the handler itself is absent
  t.set_entry(kPage, kPage);
  t.load({LOAD});
  const sim::RunResult r = t.cpu().run(1000);
  EXPECT_EQ(r.reason, StopReason::Limit);
  EXPECT_EQ(r.instructions, 1000u);
}

TEST_F(Faults, FromRing3TheStackComesFromTheTaskState) {
  enter_user();
  const Report r = fault_of({0x0f, 0x0b});
  EXPECT_EQ(r.vector, kUndefinedOpcode);
  EXPECT_EQ(r.cs, kUserCode);
  EXPECT_EQ(r.ss, kUserData);
  EXPECT_EQ(r.rsp, kUserStackTop);
  EXPECT_EQ(r.inner_rsp, kStackTop - 56);
}

TEST_F(Faults, AnInterruptStackTableEntryIsUsed) {
  t.set_gate(kUndefinedOpcode, kCatcher + 16 * kUndefinedOpcode, 0, 3);
  const Report r = fault_of({0x0f, 0x0b});
  EXPECT_EQ(r.inner_rsp, kIstTop - 56);
  EXPECT_EQ(r.rsp, kStackTop);
}

TEST_F(Faults, SoftwareInterruptNeedsThePrivilegeOfItsGate) {
  enter_user();
  const Report r = fault_of({0xcd, 0x05});
  EXPECT_EQ(r.vector, kGeneralProtection);
  EXPECT_EQ(r.error, 5u * 8 + 2);
  EXPECT_EQ(r.rip, kCode);
}

TEST_F(Faults, Ring3IsKeptFromPrivilegedInstructions) {
  const std::initializer_list<int> kInstructions[] = {
      {0xf4}, {0x0f, 0x32}, {0x0f, 0x30}, {0x0f, 0x20, 0xc0},
      {0xfa}, {0xec},       {0xe6, 0x10}, {0x0f, 0x01, 0x38}};
  for (const auto& code : kInstructions) {
    t.enter_long_mode();
    enter_user();
    const Report r = fault_of(code);
    EXPECT_EQ(r.vector, kGeneralProtection);
    EXPECT_EQ(r.rip, kCode);
    EXPECT_TRUE(t.events.empty());
  }
}

TEST_F(Faults, TheBitmapOfTheTaskStateOpensPorts) {
  // 32 ports in the bitmap behind the task state, of which 0x10 is open.
  sim::CpuRegisters r = t.cpu().registers();
  r.tr.limit = 0x70;
  t.cpu().set_registers(r);
  t.write(kTss + 0x68, ~(1ull << 0x10));
  enter_user();
  const Report report = fault_of({0xe6, 0x10, 0xe6, 0x11});
  EXPECT_EQ(report.vector, kGeneralProtection);
  EXPECT_EQ(report.rip, kCode + 2);
  ASSERT_EQ(t.events.size(), 1u);
  EXPECT_EQ(t.events[0].a, 0x10u);
}

TEST_F(Faults, SyscallSysretAndSoftwareInterruptChangeRings) {
  t.set_gate(0x80, kCatcher + 16 * 3, 3);
  t.load(rings);
  const Report r = run();
  EXPECT_EQ(r.vector, 3u);
  EXPECT_EQ(r.cs, kUserCode);
  EXPECT_EQ(r.ss, kUserData);
  EXPECT_EQ(t.read(kData, 4), kUserCode);
  EXPECT_EQ(t.read(kData + 4, 4), kKernelCode);
  EXPECT_EQ(t.read(kData + 8, 4), kKernelData);
  EXPECT_EQ(t.read(kData + 24, 4), kUserCode);
  EXPECT_EQ(t.read(kData + 32) & 0x201, 0x201u) << "RFLAGS came back from R11";
  EXPECT_EQ(t.read(kData + 40) & 0x201, 0x201u) << "R11 holds the user's flags";
  EXPECT_EQ(t.read(kData + 48) & 0x200, 0u) << "SFMASK cleared IF";
}

TEST_F(Faults, SyscallWithoutItsEnableBitIsUndefined) {
  sim::CpuRegisters r = t.cpu().registers();
  r.efer &= ~1ull;
  t.cpu().set_registers(r);
  EXPECT_EQ(fault_of({0x90, 0x0f, 0x05}).vector, kUndefinedOpcode);
}

TEST_F(Faults, ControlRegistersRefuseReservedBits) {
  const std::initializer_list<int> kWrites[] = {
      {0x48, 0xc7, 0xc0, 0, 0, 2, 0, 0x0f, 0x22, 0xe0},        // CR4.PCIDE, absent here
      {0x48, 0xc7, 0xc0, 0x00, 0x06, 0, 0, 0x0f, 0x22, 0xe0},  // CR4 without PAE
      {0x48, 0xc7, 0xc0, 0x33, 0, 0, 0, 0x0f, 0x22, 0xc0},     // CR0 without PG, CS is 64-bit
      {0x48, 0xc7, 0xc0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x22, 0xc0}};
  for (const auto& code : kWrites) {
    t.enter_long_mode();
    const Report r = fault_of(code);
    EXPECT_EQ(r.vector, kGeneralProtection);
    EXPECT_EQ(r.rip, kCode + 7);
  }
}

TEST_F(Faults, HostRandomnessIsNotOffered) {
  EXPECT_EQ(fault_of({0x48, 0x0f, 0xc7, 0xf0}).vector, kUndefinedOpcode);
  t.enter_long_mode();
  EXPECT_EQ(fault_of({0x48, 0x0f, 0xc7, 0xf8}).vector, kUndefinedOpcode);
}

}  // namespace

}  // namespace cpu_test
