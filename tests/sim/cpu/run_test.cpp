// The life of a processor: entering long mode, running, halting, stopping exactly.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/sim/cpu/test_machine.hpp"

namespace cpu_test {

namespace {

using sim::StopReason;

TEST(Cpu, EntersLongModeByTheGuestsOwnCode) {
  TestMachine t;
  t.load(to_long_mode);
  sim::CpuRegisters r = t.cpu().registers();
  r.cr0 = 0x33;
  r.cr4 = 0x600;
  r.cr3 = 0;
  r.efer = 0;
  r.cs = {0x38, 0, 0xffffffff, 0x00cf9b00};
  t.cpu().set_registers(r);
  EXPECT_EQ(t.cpu().run(1000).reason, StopReason::Halt) << t.cpu().failure();
  EXPECT_EQ(t.read(kData), 0x1122334455667788);
  EXPECT_EQ(t.read(kData + 8, 4), 0xd01);
  EXPECT_EQ(t.cpu().registers().cs.selector, kKernelCode);
}

struct Outcome {
  std::vector<std::byte> state;
  std::uint64_t ram = 0;
  std::vector<Event> events;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

template <class NextPiece>
Outcome run_in_pieces(NextPiece next, unsigned replace_every = 0) {
  TestMachine t;
  t.load(busy);
  t.answer = [](const Event& e) { return e.executed * 7; };
  unsigned pieces = 0;
  while (!t.cpu().halted()) {
    const std::uint64_t piece = next();
    const sim::RunResult r = t.cpu().run(piece);
    EXPECT_LE(r.instructions, piece);
    if (r.reason == StopReason::Limit) {
      EXPECT_EQ(r.instructions, piece);
    }
    if (replace_every && ++pieces % replace_every == 0) t.replace_cpu();
    if (testing::Test::HasFailure()) break;
  }
  return {t.cpu().save(), t.ram_hash(), t.events};
}

/// More blocks than there is room for, each chained to the one before it, many times over.
TEST(Cpu, RunsOnWhenItsRoomForTranslatedCodeIsFullAgainAndAgain) {
  constexpr std::uint64_t kTimes = 10'000;
  TestMachine t(128 << 10);
  for (std::uint64_t i = 0; i < kTimes; ++i) {
    t.write(kCode + 5 * i, 0x00EBC0FF48, 5);  // inc rax; jmp to the next
  }
  t.write(kCode + 5 * kTimes, 0xF4, 1);  // hlt
  const std::uint64_t before = t.rax();
  EXPECT_EQ(t.cpu().run(1'000'000).reason, StopReason::Halt) << t.cpu().failure();
  EXPECT_EQ(t.rax() - before, kTimes);
  EXPECT_EQ(t.cpu().executed(), 2 * kTimes + 1);
}

TEST(Cpu, RunsTheSameInPiecesOfAnySize) {
  const Outcome whole = run_in_pieces([] { return 1'000'000; });
  EXPECT_EQ(run_in_pieces([] { return 1; }), whole);
  EXPECT_EQ(run_in_pieces([] { return 7; }), whole);
  EXPECT_EQ(run_in_pieces([] { return 20; }), whole);
  EXPECT_EQ(run_in_pieces([] { return 513; }), whole);
}

TEST(Cpu, IsTheSameAfterMovesIntoFreshEngines) {
  const Outcome whole = run_in_pieces([] { return 1'000'000; });
  EXPECT_EQ(run_in_pieces([] { return 97; }, 3), whole);
}

// Runs `everything` with an interrupt from outside every 211 instructions, in pieces; after each
// piece `between` may do what must not matter.
template <class NextPiece, class Between>
Outcome run_everything(NextPiece next, Between between) {
  constexpr std::uint64_t kHandlers = 0x20000, kPeriod = 211, kFaulty = 0x80000;
  TestMachine t;
  t.load(everything);
  t.load(counter, kHandlers);
  t.load(fixer, kHandlers + 0x1000);
  t.set_gate(14, kHandlers + 0x1000);
  for (const unsigned vector : {0x30u, 0x40u, 0x41u}) t.set_gate(vector, kHandlers);
  for (std::uint64_t i = 0; i < 64; ++i) t.set_entry(kFaulty + 4096 * i, kFaulty + 4096 * i);
  t.answer = [](const Event& e) { return e.executed * 5 + e.a; };
  t.on_event = [&t](const Event& e) {
    if (e.what != "out" || e.a != 0x22) return;
    t.interrupts.push_back(0x41);
    t.cpu().set_interrupt_line(true);
  };
  std::uint64_t next_interrupt = kPeriod;
  constexpr std::uint64_t kEnd = 20'000;
  while (t.cpu().executed() < kEnd) {
    const std::uint64_t room = next_interrupt - t.cpu().executed();
    const sim::RunResult r = t.cpu().run(std::min<std::uint64_t>(next(), room));
    EXPECT_TRUE(r.reason == StopReason::Limit || r.reason == StopReason::Halt);
    if (r.reason == StopReason::Halt && !(t.cpu().registers().rflags & 0x200)) break;
    if (r.reason == StopReason::Halt || t.cpu().executed() == next_interrupt) {
      next_interrupt = t.cpu().executed() + kPeriod;
      t.interrupts.push_back(0x40);
      t.cpu().set_interrupt_line(true);
    }
    between(t);
    if (testing::Test::HasFailure()) break;
  }
  EXPECT_GT(t.read(kData), 60u);
  return {t.cpu().save(), t.ram_hash(), t.events};
}

const Outcome& whole_everything() {
  static const Outcome whole = run_everything([] { return 1'000'000; }, [](TestMachine&) {});
  return whole;
}

TEST(Cpu, DoesEverythingTheSameOneByOne) {
  EXPECT_EQ(run_everything([] { return 1; }, [](TestMachine&) {}), whole_everything());
}

TEST(Cpu, DoesEverythingTheSameInFreshEnginesAfterEveryInstruction) {
  EXPECT_EQ(run_everything([] { return 9; }, [](TestMachine& t) { t.replace_cpu(); }),
            whole_everything());
}

TEST(Cpu, IsNotChangedByItsDirtyLog) {
  std::uint64_t turn = 0;
  const auto logged = run_everything([] { return 23; },
                                     [&turn](TestMachine& t) {
                                       t.report_stores = true;
                                       if (++turn % 5 == 0) t.forget_reports();
                                     });
  EXPECT_EQ(logged, whole_everything());
}

RC_GTEST_PROP(CpuProperty, WhatHappensBetweenPiecesDoesNotMatter, ()) {
  const auto outcome =
      run_everything([] { return static_cast<std::uint64_t>(*rc::gen::inRange(1, 400)); },
                     [](TestMachine& t) {
                       switch (*rc::gen::inRange(0, 6)) {
                         case 0:
                           t.replace_cpu();
                           break;
                         case 1:
                           t.report_stores = true;
                           break;
                         case 2:
                           t.forget_reports();
                           break;
                         case 3:
                           t.cpu().forget_code(sim::Frame{kCode / 4096 + kFrameShift});
                           break;
                         default:
                           break;
                       }
                     });
  RC_ASSERT(outcome == whole_everything());
}

}  // namespace

}  // namespace cpu_test
