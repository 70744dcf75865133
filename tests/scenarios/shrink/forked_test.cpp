#include "scenarios/shrink/forked.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace scenarios {
namespace {

using namespace std::chrono_literals;

TEST(Forked, TheAnswerComesBackWhole) {
  const std::string long_text(3'000'000, 'x');
  const Forked result = run_forked([&] { return long_text; }, 60s);
  EXPECT_EQ(result.end, Forked::End::Answered);
  EXPECT_EQ(result.text, long_text);
}

TEST(Forked, ACrashIsAnAnswerWithItsLastWords) {
  const Forked result = run_forked(
      []() -> std::string {
        std::fputs("first\nit broke here\n", stderr);
        std::fflush(stderr);
        std::abort();
      },
      60s);
  EXPECT_EQ(result.end, Forked::End::Crashed);
  EXPECT_EQ(result.text, "signal Aborted: it broke here");
}

TEST(Forked, AnExceptionIsACrash) {
  const Forked result =
      run_forked([]() -> std::string { throw std::runtime_error("no such engine"); }, 60s);
  EXPECT_EQ(result.end, Forked::End::Crashed);
  EXPECT_EQ(result.text, "an exception: no such engine");
}

TEST(Forked, AnEndlessLoopIsCutOff) {
  const Forked result = run_forked(
      []() -> std::string {
        for (volatile int turns = 0;;) turns = turns + 1;
      },
      100ms);
  EXPECT_EQ(result.end, Forked::End::TimedOut);
}

TEST(Forked, TheChildChangesNothingHere) {
  int value = 1;
  run_forked(
      [&] {
        value = 2;
        return std::string();
      },
      60s);
  EXPECT_EQ(value, 1);
}

}  // namespace
}  // namespace scenarios
