// Saved state, several processors in one process, and results that depend on no host.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cmath>

#include "sim/cpu/disassembler.hpp"
#include "sim/cpu/unicorn/x87_math.hpp"
#include "tests/sim/cpu/test_machine.hpp"

namespace cpu_test {

namespace {

using sim::StopReason;

std::uint64_t digest(const std::vector<std::byte>& bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::byte b : bytes) hash = (hash ^ std::to_integer<std::uint64_t>(b)) * 0x100000001b3;
  return hash;
}

std::uint64_t outcome(TestMachine& t) { return digest(t.cpu().save()) ^ t.ram_hash(); }

std::uint64_t outcome_of_busy() {
  TestMachine t;
  t.load(busy);
  EXPECT_EQ(t.cpu().run(10'000'000).reason, StopReason::Halt);
  return outcome(t);
}

TEST(SavedState, IsTheSameBytesWhateverTheEngineDidBefore) {
  TestMachine fresh;
  fresh.load(floating);
  fresh.cpu().run(333);
  const auto state = fresh.cpu().save();
  TestMachine used;
  used.load(busy);
  used.cpu().run(5000);
  ASSERT_TRUE(used.cpu().restore(state));
  EXPECT_EQ(used.cpu().save(), state);
  // And it goes on the same way on the same memory.
  std::memcpy(used.storage(), fresh.storage(), (kPages + kFrameShift) * 4096);
  EXPECT_EQ(fresh.cpu().run(777).instructions, used.cpu().run(777).instructions);
  EXPECT_EQ(outcome(fresh), outcome(used));
}

TEST(SavedState, RefusesWhatIsNone) {
  TestMachine t;
  t.load(busy);
  t.cpu().run(1000);
  const auto good = t.cpu().save();
  const auto refuses = [&](std::vector<std::byte> bad) {
    const bool refused = !t.cpu().restore(bad);
    return refused && t.cpu().save() == good;
  };
  EXPECT_TRUE(refuses({}));
  auto bad = good;
  bad.pop_back();
  EXPECT_TRUE(refuses(bad));
  bad = good;
  bad.push_back(std::byte{0});
  EXPECT_TRUE(refuses(bad));
  for (const std::size_t place : {0u, 8u, 12u}) {  // magic, version, size
    bad = good;
    bad[place] ^= std::byte{0x40};
    EXPECT_TRUE(refuses(bad)) << place;
  }
  for (const std::size_t place : {32u, 36u, 37u, 38u, 40u}) {  // shadow, halted, ..., event kind
    bad = good;
    bad[place] = std::byte{0xff};
    EXPECT_TRUE(refuses(bad)) << place;
  }
  EXPECT_TRUE(t.cpu().restore(good));
}

TEST(SavedState, ArbitraryBytesNeverCrashTheEngine) {
  TestMachine t;
  t.load(busy);
  t.cpu().run(1000);
  const auto good = t.cpu().save();
  std::uint64_t random = 88172645463325252;
  for (int i = 0; i < 3000; ++i) {
    auto bad = good;
    for (int change = 0; change < 4; ++change) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      bad[16 + random % (bad.size() - 16)] = static_cast<std::byte>(random >> 56);
    }
    if (t.cpu().restore(bad)) t.cpu().run(50);
  }
  ASSERT_TRUE(t.cpu().restore(good));
}

TEST(SavedState, CarriesHaltLineAndShadow) {
  TestMachine t;
  t.load({0xfb, 0xf4});
  t.cpu().run(1);
  EXPECT_FALSE(t.cpu().interruptible());
  t.replace_cpu();
  EXPECT_FALSE(t.cpu().interruptible());
  EXPECT_EQ(t.cpu().run(10).reason, StopReason::Halt);
  t.replace_cpu();
  EXPECT_TRUE(t.cpu().halted());
  EXPECT_EQ(t.cpu().executed(), 2u);
}

TEST(Machines, InterleavedDoNotDisturbEachOther) {
  TestMachine alone;
  alone.load(busy);
  alone.cpu().run(1'000'000);
  std::array<TestMachine, 3> machines;
  for (auto& m : machines) m.load(busy);
  bool running = true;
  for (std::uint64_t piece = 1; running; piece = piece % 50 + 1) {
    running = false;
    for (auto& m : machines) {
      if (!m.cpu().halted()) m.cpu().run(piece);
      running |= !m.cpu().halted();
    }
  }
  for (auto& m : machines) EXPECT_EQ(outcome(m), outcome(alone));
}

TEST(Machines, GoOnInAForkedProcess) {
  TestMachine t;
  t.load(busy);
  t.cpu().run(2000);
  int pipes[2];
  ASSERT_EQ(pipe(pipes), 0);
  const pid_t child = fork();
  if (child == 0) {
    t.cpu().run(1'000'000);
    const std::uint64_t result = outcome(t);
    const bool written = write(pipes[1], &result, sizeof result) == sizeof result;
    _exit(written ? 0 : 1);
  }
  t.cpu().run(1'000'000);
  std::uint64_t theirs = 0;
  ASSERT_EQ(read(pipes[0], &theirs, sizeof theirs), static_cast<ssize_t>(sizeof theirs));
  int status = 0;
  waitpid(child, &status, 0);
  close(pipes[0]);
  close(pipes[1]);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(theirs, outcome(t));
}

TEST(Machines, GiveTheSameResultInEveryProcessAndOnEveryHost) {
  // The value is what this program gives; a change means that saved machines behave differently.
  EXPECT_EQ(outcome_of_busy(), 11685155612470222572u);
}

double as_double(TestMachine& t, std::uint64_t at) {
  long double value = 0;
  std::memcpy(&value, t.at(at), 10);
  return static_cast<double>(value);
}

TEST(Floating, X87InstructionsUseTheSteadyFunctions) {
  TestMachine t;
  t.load(floating);
  EXPECT_EQ(t.cpu().run(100'000).reason, StopReason::Halt);
  // The program divides pi by 1, 2, ... 19.
  EXPECT_EQ(as_double(t, kData), 1.2246467991473532e-16);
  EXPECT_EQ(as_double(t, kData + 16), -1);
  for (std::uint64_t i = 0; i < 19; ++i) {
    const std::uint64_t at = kData + 96 * i;
    const double divisor = static_cast<double>(i + 1), x = 3.141592653589793 / divisor;
    EXPECT_NEAR(as_double(t, at), sim::unicorn::steady_sin(x), 1e-15);
    EXPECT_NEAR(as_double(t, at + 16), sim::unicorn::steady_cos(x), 1e-15);
    if (i != 1) {
      EXPECT_NEAR(as_double(t, at + 32), sim::unicorn::steady_tan(x), 1e-14);
    }
    EXPECT_NEAR(as_double(t, at + 48), sim::unicorn::steady_atan2(x, 1), 1e-15);
    EXPECT_NEAR(as_double(t, at + 64), sim::unicorn::steady_log(x), 1e-15);
    EXPECT_NEAR(as_double(t, at + 80), sim::unicorn::steady_exp2(1 / divisor) - 1, 1e-15);
  }
}

TEST(Floating, FunctionsMeetKnownValues) {
  using namespace sim::unicorn;
  EXPECT_EQ(steady_sin(1e22), -0.8522008497671888);
  EXPECT_EQ(steady_cos(1e22), 0.52321478539513899);
  EXPECT_EQ(steady_tan(1e22), -1.6287782256068988);
  EXPECT_EQ(steady_sin(0x1.921fb54442d18p+1), 1.2246467991473532e-16);
  EXPECT_EQ(steady_atan2(1, -1), 2.356194490192345);
  EXPECT_EQ(steady_atan2(-0.0, -1), -3.141592653589793);
  EXPECT_EQ(steady_atan2(5e-324, 1e300), 0);
  EXPECT_EQ(steady_log(10), 2.302585092994046);
  EXPECT_EQ(steady_log(5e-324), -744.4400719213812);
  EXPECT_EQ(steady_exp2(0.5), 1.4142135623730951);
  EXPECT_EQ(steady_exp2(-1074), 5e-324);
  EXPECT_TRUE(std::isnan(steady_log(-1)));
}

TEST(Disassembler, WritesIntelSyntax) {
  const std::byte code[] = {std::byte{0x48}, std::byte{0x89}, std::byte{0xd8}, std::byte{0x0f},
                            std::byte{0x01}, std::byte{0xc1}, std::byte{0x06}};
  EXPECT_EQ(sim::disassemble_one(code, 0x1000, 64), "mov rax, rbx");
  EXPECT_EQ(sim::disassemble(code, 0x1000, 64),
            "0000000000001000  4889d8                    mov rax, rbx\n"
            "0000000000001003  0f01c1                    vmcall\n"
            "0000000000001006  06  (bad)\n");
  EXPECT_EQ(sim::disassemble_one({}, 0, 64), "(bad)");
}

TEST(SelfCheck, AcceptsTheLinkedLibrary) { EXPECT_EQ(sim::unicorn_self_check(), ""); }

}  // namespace

}  // namespace cpu_test
