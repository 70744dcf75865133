// The life of a processor: entering long mode, running, halting, stopping exactly.
#include <gtest/gtest.h>

#include "tests/sim/cpu/test_machine.hpp"

namespace cpu_test {

GUEST_PROGRAM(to_long_mode);
GUEST_PROGRAM(busy);

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

}  // namespace

}  // namespace cpu_test
