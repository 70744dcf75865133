// The dirtying guest: its rate, its pattern, and that what it has done depends on guest time alone.
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/scenarios/guests/model_world.hpp"

namespace guests_test {
namespace {

constexpr sim::Duration kMillisecond{1'000'000};

guests::DirtyingConfig small() {
  guests::DirtyingConfig config;
  config.first_page = {256};
  config.pages = 1000;
  config.pages_per_second = 100'000;
  config.run_pages = 4;
  config.tick = sim::Duration{2'000'000};
  return config;
}

TEST(DirtyingGuest, TouchesAtItsRateAndInsideItsWorkingSetOnly) {
  ModelWorld world(4096, small());
  world.partition->resume("test");
  world.run_for(kMillisecond * 50);
  EXPECT_EQ(world.guest->touched(), 5000u);
  traces::Digest digest = world.memory->digest();
  EXPECT_NE(digest, traces::Digest{});
  std::uint64_t pages = 0;
  world.memory->digest(&pages);
  EXPECT_GT(pages, 900u);
  EXPECT_LE(pages, 1000u);
  for (std::uint64_t frame : {0, 255, 1256, 4095}) {
    std::byte byte{};
    world.memory->read(sim::Frame{frame}, 0, {&byte, 1});
    EXPECT_EQ(byte, std::byte{0}) << frame;
  }
}

TEST(DirtyingGuest, RatesThatDoNotDivideLoseNothingOverTime) {
  guests::DirtyingConfig config = small();
  config.pages_per_second = 333;
  ModelWorld world(4096, config);
  world.partition->resume("test");
  world.run_for(kMillisecond * 10'000);
  EXPECT_EQ(world.guest->touched(), 3330u);
}

TEST(DirtyingGuest, TouchesNothingWhileSuspended) {
  ModelWorld world(4096, small());
  world.partition->resume("test");
  world.run_for(kMillisecond * 11);
  world.partition->suspend("test");
  const traces::Digest before = world.memory->digest();
  world.run_for(kMillisecond * 500);
  EXPECT_EQ(world.memory->digest(), before);
}

TEST(DirtyingGuest, FeedsTheDirtyLog) {
  ModelWorld world(4096, small());
  world.partition->resume("test");
  world.run_for(kMillisecond * 10);
  world.memory->start_log();
  EXPECT_EQ(world.memory->dirty_pages(), 0u);
  world.run_for(kMillisecond * 2);
  EXPECT_GT(world.memory->dirty_pages(), 150u);
  EXPECT_LE(world.memory->dirty_pages(), 200u);
}

/// The twin law: holding the guest at arbitrary instants changes nothing that it does.
RC_GTEST_PROP(DirtyingGuest, HasDoneTheSameAtAGuestTimeHoweverOftenItWasHeld, ()) {
  ModelWorld held(4096, small());
  ModelWorld free(4096, small());
  held.partition->resume("test");
  free.partition->resume("test");
  const auto slices = *rc::gen::container<std::vector<std::int64_t>>(
      *rc::gen::inRange<std::size_t>(1, 10), rc::gen::inRange<std::int64_t>(0, 9'000'000));
  std::int64_t guest_time = 0;
  for (std::int64_t slice : slices) {
    // Ends of ticks as well: there the order of two things at one instant would show.
    if (slice % 3 == 0) slice -= (guest_time + slice) % 2'000'000;
    if (slice < 0) slice = 0;
    held.run_for(sim::Duration{slice});
    guest_time += slice;
    held.partition->suspend("test");
    held.run_for(sim::Duration{slice / 2 + 1});
    held.partition->resume("test");
  }
  held.run_for(kMillisecond);
  free.run_for(sim::Duration{guest_time} + kMillisecond);
  RC_ASSERT(held.guest->ticks() == free.guest->ticks());
  RC_ASSERT(held.memory->digest() == free.memory->digest());
}

TEST(DirtyingGuest, GoesOnFromItsSavedStateAsIfNothingHadHappened) {
  ModelWorld source(4096, small());
  source.partition->resume("test");
  source.run_for(kMillisecond * 33);
  source.partition->suspend("test");
  traces::ByteWriter state;
  ASSERT_EQ(source.partition->save(state), hv::Status::Success);

  ModelWorld target(4096, small());
  traces::ByteReader in(state.bytes());
  ASSERT_EQ(target.partition->restore(in), hv::Status::Success);
  target.memory->import_pages(source.memory->export_pages(source.memory->populated()));
  target.run_for(kMillisecond * 100);
  target.partition->resume("test");
  source.partition->resume("test");
  source.run_for(kMillisecond * 40);
  target.run_for(kMillisecond * 40);
  EXPECT_EQ(source.guest->ticks(), 36u);
  EXPECT_EQ(target.guest->ticks(), source.guest->ticks());
  EXPECT_EQ(target.memory->digest(), source.memory->digest());
}

TEST(DirtyingGuest, RefusesAStateThatIsNotItsOwn) {
  ModelWorld world(4096, small());
  std::vector<std::byte> state = world.guest->save();
  EXPECT_TRUE(world.guest->restore(state));
  std::vector<std::byte> longer = state;
  longer.push_back({});
  EXPECT_FALSE(world.guest->restore(longer));
  std::vector<std::byte> shorter(state.begin(), state.end() - 1);
  EXPECT_FALSE(world.guest->restore(shorter));
  state[0] = std::byte{99};
  EXPECT_FALSE(world.guest->restore(state));
  std::vector<std::byte> far = world.guest->save();
  far.back() = std::byte{0xFF};
  EXPECT_FALSE(world.guest->restore(far));
}

TEST(DirtyingGuest, ChoosesByTheSeedAndTheVm) {
  ModelWorld first(4096, small(), 1, 1), second(4096, small(), 2, 1), third(4096, small(), 1, 2);
  std::set<traces::Digest> digests;
  for (ModelWorld* world : {&first, &second, &third}) {
    world->partition->resume("test");
    world->run_for(kMillisecond * 5);
    digests.insert(world->memory->digest());
  }
  EXPECT_EQ(digests.size(), 3u);
}

}  // namespace
}  // namespace guests_test
