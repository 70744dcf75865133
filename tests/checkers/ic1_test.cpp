#include <gtest/gtest.h>

#include "checkers/makers.hpp"
#include "tests/checkers/ic_stream.hpp"

namespace checkers {
namespace {

using testing::IcStream;

TEST(IcVersions, RequestsOfTheAgreedVersionHold) {
  IcStream stream(make_ic1());
  stream.agree();
  stream.host(2, {.number = 2, .body = {1}});
  stream.guest(2, {.number = 2, .flags = 5, .body = {2}});
  const Finding finding = stream.conclude();
  EXPECT_EQ(finding.verdict, Verdict::Holds);
  EXPECT_EQ(finding.measured, "1 negotiations, 1 requests");
}

TEST(IcVersions, WithoutDetailNothingIsKnown) {
  IcStream stream(make_ic1());
  stream.agree();
  EXPECT_EQ(stream.verdict(false), Verdict::Unknown);
}

TEST(IcVersions, ARequestBeforeTheAnswerIsBlamed) {
  IcStream stream(make_ic1());
  stream.host(1, {.type = 0, .version = 1, .number = 1, .body = {0}});
  EXPECT_TRUE(stream.blames(stream.host(2, {.number = 2, .body = {1}})));
}

TEST(IcVersions, ARequestAfterARefusalIsBlamed) {
  IcStream stream(make_ic1());
  stream.host(1, {.type = 0, .version = 1, .number = 1, .body = {0}});
  stream.guest(1, {.type = 0, .version = 1, .number = 1, .flags = 5, .body = {0, 0}});
  EXPECT_TRUE(stream.blames(stream.host(2, {.number = 2, .body = {1}})));
}

TEST(IcVersions, AnotherVersionIsBlamed) {
  IcStream stream(make_ic1());
  stream.agree();
  EXPECT_TRUE(stream.blames(stream.host(2, {.version = 1, .number = 2, .body = {1}})));
}

TEST(IcVersions, WrongFlagsAreBlamed) {
  IcStream stream(make_ic1());
  stream.agree();
  EXPECT_TRUE(stream.blames(stream.host(2, {.number = 2, .flags = 5, .body = {1}})));
}

TEST(IcVersions, AnAnswerWithAnotherNumberIsBlamed) {
  IcStream stream(make_ic1());
  stream.agree();
  stream.host(2, {.number = 2, .body = {1}});
  EXPECT_TRUE(stream.blames(stream.guest(2, {.number = 3, .flags = 5, .body = {2}})));
}

TEST(IcVersions, AnAnswerToNothingIsPassedOver) {
  IcStream stream(make_ic1());
  stream.agree();
  stream.guest(99, {.number = 3, .flags = 5, .body = {2}});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST(IcVersions, WhatWasAgreedMovesWithTheVm) {
  IcStream stream(make_ic1());
  stream.agree();
  stream.on(2);
  stream.open(7);
  stream.host(2, {.number = 2, .body = {1}});
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_TRUE(stream.blames(stream.host(3, {.version = 1, .number = 3, .body = {1}})));
}

}  // namespace
}  // namespace checkers
