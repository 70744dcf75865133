// Memory as the processor sees it: rights, dirty reports, changed code, changed page tables.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/sim/cpu/test_machine.hpp"

namespace cpu_test {

namespace {

using sim::StopReason;

constexpr std::uint64_t kFirst = 0x80000, kList = 0x200000, kTargets = 0x400000;

sim::PhysicalPage ram(std::uint64_t frame, sim::Rights rights) {
  sim::PhysicalPage page;
  page.kind = sim::PhysicalPage::Kind::Ram;
  page.frame = sim::Frame{frame};
  page.rights = rights;
  return page;
}

std::uint64_t frame_of(std::uint64_t gpa) { return gpa / 4096 + kFrameShift; }

void set_gpr(TestMachine& t, std::size_t index, std::uint64_t value) {
  sim::CpuRegisters r = t.cpu().registers();
  r.gpr[index] = value;
  t.cpu().set_registers(r);
}

// ---- rights ----

struct RightsCase {
  sim::Rights rights;
  sim::Access access;
  bool allowed;
};

TEST(Rights, AnAccessOutsideOfThemIsAnInterceptWithoutEffect) {
  for (int bits = 0; bits < 8; ++bits) {
    for (const sim::Access access : {sim::Access::Read, sim::Access::Write, sim::Access::Execute}) {
      TestMachine t;
      const sim::Rights rights{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0};
      t.pages[kFirst / 4096] = ram(frame_of(kFirst), rights);
      t.write(kFirst, 0xf4, 1);
      std::uint64_t at = kCode + 1;
      t.load({0x90}, kCode);
      if (access == sim::Access::Read) t.load({0xa0, 0, 0, 8, 0, 0, 0, 0, 0, 0xf4}, at);
      if (access == sim::Access::Write) t.load({0xa2, 0, 0, 8, 0, 0, 0, 0, 0, 0xf4}, at);
      if (access == sim::Access::Execute) t.load({0xe9, 0xfa, 0xff, 0x06, 0x00}, at);
      const sim::RunResult r = t.cpu().run(100);
      const bool allowed = access == sim::Access::Read    ? rights.read
                           : access == sim::Access::Write ? rights.write
                                                          : rights.execute;
      EXPECT_EQ(r.reason, allowed ? StopReason::Halt : StopReason::Intercept);
      if (allowed) continue;
      ASSERT_EQ(t.events.size(), 1u);
      EXPECT_EQ(t.events[0].what, "intercept");
      EXPECT_EQ(t.events[0].a, kFirst);
      EXPECT_EQ(t.events[0].b, kFirst);
      EXPECT_EQ(t.events[0].c, static_cast<std::uint64_t>(access));
      const bool fetch = access == sim::Access::Execute;
      EXPECT_EQ(t.cpu().registers().rip, fetch ? kFirst : at);
      EXPECT_EQ(r.instructions, fetch ? 2u : 1u);
      EXPECT_EQ(t.events[0].executed, r.instructions);
      // Once the right is there, the instruction happens.
      t.pages[kFirst / 4096].rights = {true, true, true};
      ++t.generation;
      EXPECT_EQ(t.cpu().run(100).reason, StopReason::Halt);
    }
  }
}

TEST(Rights, UnmappedMemoryIsAnIntercept) {
  TestMachine t;
  t.pages[kFirst / 4096] = {};
  t.load({0xa0, 8, 0, 8, 0, 0, 0, 0, 0, 0xf4});
  EXPECT_EQ(t.cpu().run(100).reason, StopReason::Intercept);
  EXPECT_EQ(t.events.at(0).a, kFirst + 8);
}

TEST(Rights, PageTablesOutsideOfThemAreAnIntercept) {
  TestMachine t;
  t.pages[kTables / 4096 + 4] = {};
  t.load({0x90, 0xf4});
  EXPECT_EQ(t.cpu().run(100).reason, StopReason::Intercept);
  EXPECT_EQ(t.events.at(0).a, kTables + 0x4000 + 8 * (kCode / 4096));
  EXPECT_EQ(t.events.at(0).b, kCode);
}

TEST(Rights, AnInterruptWhoseDeliveryIsInterceptedIsNotLost) {
  TestMachine t;
  t.load(counter, kFirst);
  t.set_gate(0x40, kFirst);
  t.pages[kStackTop / 4096 - 1] = ram(frame_of(kStackTop) - 1, {true, false, true});
  t.load({0xfb, 0x90, 0x90, 0xf4});
  t.interrupts = {0x40};
  t.cpu().set_interrupt_line(true);
  EXPECT_EQ(t.cpu().run(100).reason, StopReason::Intercept);
  EXPECT_EQ(t.cpu().registers().rip, kCode + 2);
  t.replace_cpu();
  EXPECT_EQ(t.cpu().run(100).reason, StopReason::Intercept);
  t.pages.clear();
  ++t.generation;
  EXPECT_EQ(t.cpu().run(100).reason, StopReason::Halt);
  EXPECT_EQ(t.read(kData), 1u);
  EXPECT_EQ(t.cpu().registers().gpr[15], kCode + 2);
}

// ---- dirty reports ----

TEST(DirtyReports, EachStoredPageIsReportedOncePerGeneration) {
  TestMachine t;
  t.report_stores = true;
  t.load(store_list);
  for (std::uint64_t i = 0; i < 8; ++i) {
    t.write(kList + 16 * i, kTargets + 4096 * (i % 3) + 8 * i);
    t.write(kList + 16 * i + 8, i);
  }
  for (int round = 0; round < 3; ++round) {
    t.enter_long_mode();
    set_gpr(t, 6, kList);
    set_gpr(t, 3, 8);
    t.forget_reports();
    EXPECT_EQ(t.cpu().run(1000).reason, StopReason::Halt);
    for (std::uint64_t i = 0; i < 3; ++i) {
      EXPECT_TRUE(t.stored.contains(frame_of(kTargets + 4096 * i))) << i;
    }
    // In the first round the page tables get their accessed and dirty bits: the three upper levels
    // and the leaves of code, list and targets.
    EXPECT_EQ(t.stored.size(), round == 0 ? 3u + 3 + 3 : 3u) << round;
  }
}

RC_GTEST_PROP(DirtyReports, AreExactlyThePagesWhoseBytesWereStored, ()) {
  struct Store {
    std::uint64_t address, value;
  };
  TestMachine t;
  t.report_stores = true;
  t.load(store_list);
  const auto rounds = *rc::gen::inRange(1, 5);
  for (int round = 0; round < rounds; ++round) {
    const auto count = static_cast<std::uint64_t>(*rc::gen::inRange(1, 60));
    std::set<std::uint64_t> expected;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t offset = *rc::gen::inRange<std::uint64_t>(0, 40 * 4096);
      const std::uint64_t address = kTargets + offset;
      t.write(kList + 16 * i, address);
      t.write(kList + 16 * i + 8, *rc::gen::arbitrary<std::uint64_t>());
      expected.insert(frame_of(address));
      expected.insert(frame_of(address + 7));
    }
    t.enter_long_mode();
    set_gpr(t, 6, kList);
    set_gpr(t, 3, count);
    t.forget_reports();
    // Runs of random length, and a new generation in the middle of them sometimes.
    std::set<std::uint64_t> reported;
    while (!t.cpu().halted()) {
      t.cpu().run(static_cast<std::uint64_t>(*rc::gen::inRange(1, 50)));
      if (*rc::gen::inRange(0, 4) == 0) {
        reported.insert(t.stored.begin(), t.stored.end());
        t.forget_reports();
      }
    }
    reported.insert(t.stored.begin(), t.stored.end());
    std::set<std::uint64_t> data;
    for (const std::uint64_t frame : reported) {
      if (frame >= frame_of(kTargets)) data.insert(frame);
    }
    RC_ASSERT(data == expected);
  }
}

// ---- code that changes ----

std::uint64_t count_of_self_modifying(std::uint64_t piece) {
  TestMachine t;
  t.load(self_modifying);
  // The changed ModRM byte would make another instruction; the DECB behind it undoes it, and the
  // one in front adds to what the program does in its next round.
  while (!t.cpu().halted()) {
    if (t.cpu().run(piece).reason == StopReason::Failure) break;
    if (t.cpu().executed() > 100'000) break;
  }
  const sim::CpuRegisters r = t.cpu().registers();
  return r.gpr[3] * 31 + r.gpr[4] + t.ram_hash();
}

TEST(ChangingCode, IsSeenByTheVeryNextInstructionHoweverBlocksAreCut) {
  const std::uint64_t alone = count_of_self_modifying(1);
  EXPECT_EQ(count_of_self_modifying(1'000'000), alone);
  EXPECT_EQ(count_of_self_modifying(7), alone);
}

TEST(ChangingCode, OfAnotherPageIsSeen) {
  TestMachine t;
  // call kFirst; mov byte [kFirst+1], 7; call kFirst; hlt   at kFirst: mov al, 5; add ebx, eax; ret
  t.load({0xe8, 0xfb, 0xff, 0x06, 0, 0xc6, 0x04, 0x25, 1, 0, 8, 0, 7, 0xe8, 0xee, 0xff, 0x06, 0,
          0xf4});
  t.load({0xb0, 5, 0x01, 0xc3, 0xc3}, kFirst);
  EXPECT_EQ(t.cpu().run(100).reason, StopReason::Halt);
  EXPECT_EQ(t.cpu().registers().gpr[3], 12u);
}

TEST(ChangingCode, ThatSomebodyElseWroteIsForgottenOnRequest) {
  TestMachine t;
  t.load({0xb0, 5, 0xf4});
  t.cpu().run(100);
  t.write(kCode + 1, 9, 1);
  t.cpu().forget_code(sim::Frame{frame_of(kCode)});
  t.cpu().forget_code(sim::Frame{frame_of(kData)});
  t.cpu().forget_code(sim::Frame{1u << 30});
  t.enter_long_mode();
  t.cpu().run(100);
  EXPECT_EQ(t.rax(), 9u);
}

TEST(ChangingCode, DataBesideCodeMayBeStored) {
  TestMachine t;
  // mov ecx,50; l: inc dword [kCode+0x800]; dec ecx; jnz l; hlt
  t.load({0xb9, 50, 0, 0, 0, 0xff, 0x04, 0x25, 0, 8, 1, 0, 0xff, 0xc9, 0x75, 0xf5, 0xf4});
  EXPECT_EQ(t.cpu().run(1000).reason, StopReason::Halt);
  EXPECT_EQ(t.read(kCode + 0x800, 4), 50u);
}

// ---- page tables that change ----

TEST(PageTables, AChangedEntryCountsWithoutAnyInvalidation) {
  for (const std::uint64_t piece : {1u, 3u, 1000u}) {
    TestMachine t;
    t.write(kFirst, 1);
    t.write(kFirst + 0x1000, 2);
    // mov ebx,[kFirst]; mov dword [entry], kFirst+0x1003; mov ecx,[kFirst]; hlt
    t.load({0x8b, 0x1c, 0x25, 0, 0, 8,    0,    0xc7, 0x04, 0x25, 0x00, 0x84, 0,
            0,    0x03, 0x10, 8, 0, 0x8b, 0x0c, 0x25, 0,    0,    8,    0,    0xf4});
    while (!t.cpu().halted()) ASSERT_EQ(t.cpu().run(piece).reason == StopReason::Failure, false);
    EXPECT_EQ(t.cpu().registers().gpr[3], 1u);
    EXPECT_EQ(t.cpu().registers().gpr[1], 2u);
    EXPECT_EQ(t.cpu().executed(), 4u);
  }
}

TEST(PageTables, AccessedBitsClearedByTheGuestComeBackAtTheNextAccess) {
  for (const bool interrupted : {false, true}) {
    TestMachine t;
    // mov ebx,[kFirst]; mov dword [entry], kFirst+3; nop; mov ecx,[kFirst]; hlt
    t.load({0x8b, 0x1c, 0x25, 0, 0,    8,    0,    0xc7, 0x04, 0x25, 0x00, 0x84, 0,   0,
            0x03, 0x00, 8,    0, 0x90, 0x8b, 0x0c, 0x25, 0,    0,    8,    0,    0xf4});
    if (interrupted) {
      t.cpu().run(3);
      EXPECT_FALSE(t.entry_of(kFirst) & kAccessed);
      t.replace_cpu();
    }
    t.cpu().run(1000);
    EXPECT_TRUE(t.entry_of(kFirst) & kAccessed);
  }
}

TEST(PageTables, APageThatBecomesATableIsWatchedFromThenOn) {
  // The page at kTable is stored to as data first. Then it becomes the table of 3 GiB on, where a
  // load goes through it; then its entry is changed.
  constexpr std::uint64_t kTable = 0x500000;
  TestMachine t;
  t.write(kTables + 0x1000 + 8 * 3, kTable | kPresent | kWritable);
  t.write(0x200000, 1);
  t.write(0x400000, 2);
  // mov qword [kTable], 0x200083; mov eax,0xc0000000; mov rbx,[rax];
  // mov dword [kTable], 0x400083; mov rcx,[rax]; hlt
  t.load({0x48, 0xc7, 0x04, 0x25, 0,    0,    0x50, 0,    0x83, 0,    0x20, 0,
          0xb8, 0,    0,    0,    0xc0, 0x48, 0x8b, 0x18, 0xc7, 0x04, 0x25, 0,
          0,    0x50, 0,    0x83, 0,    0x40, 0,    0x48, 0x8b, 0x08, 0xf4});
  EXPECT_EQ(t.cpu().run(100).reason, StopReason::Halt);
  EXPECT_EQ(t.cpu().registers().gpr[3], 1u);
  EXPECT_EQ(t.cpu().registers().gpr[1], 2u);
}

TEST(PageTables, AreNotWalkedForAnInstructionBeyondTheLimit) {
  TestMachine t;
  t.load({0x68, 0, 0, 8, 0, 0xc3});  // push kFirst; ret
  t.write(kFirst, 0xf4, 1);
  t.cpu().run(2);
  EXPECT_EQ(t.cpu().registers().rip, kFirst);
  EXPECT_FALSE(t.entry_of(kFirst) & kAccessed);
  t.cpu().run(1);
  EXPECT_TRUE(t.entry_of(kFirst) & kAccessed);
}

TEST(PageTables, Of32BitAndPaePagingTranslate) {
  for (const bool pae : {false, true}) {
    TestMachine t;
    constexpr std::uint64_t kRoot = 0x300000;
    if (pae) {
      t.write(kRoot, (kRoot + 0x1000) | kPresent);
      t.write(kRoot + 0x1000, kLarge | kPresent | kWritable);
      t.write(kRoot + 0x1008, (kRoot + 0x2000) | kPresent | kWritable);
      t.write(kRoot + 0x2000, kData | kPresent | kWritable);
    } else {
      t.write(kRoot, kLarge | kPresent | kWritable, 4);
      t.write(kRoot + 4, (kRoot + 0x2000) | kPresent | kWritable, 4);
      t.write(kRoot + 0x2000, kData | kPresent | kWritable, 4);
    }
    const std::uint32_t linear = pae ? 0x200010 : 0x400010;
    t.load({0xc7, 0x05, 0x10, 0, static_cast<int>(linear >> 16), 0, 0x78, 0x56, 0x34, 0x12, 0xf4});
    sim::CpuRegisters r = t.cpu().registers();
    r.cr3 = kRoot;
    r.cr4 = pae ? 0x630 : 0x610;
    r.efer = 0;
    r.cs = {0x38, 0, 0xffffffff, 0x00cf9b00};
    t.cpu().set_registers(r);
    EXPECT_EQ(t.cpu().run(100).reason, StopReason::Halt);
    EXPECT_EQ(t.read(kData + 0x10, 4), 0x12345678u);
    EXPECT_EQ(t.cpu().translate(linear), sim::Gpa{kData + 0x10});
  }
}

}  // namespace

}  // namespace cpu_test
