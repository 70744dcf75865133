// Every deliberate bug shows in the events that its checker reads (law 5), and only when it is on.
#include <gtest/gtest.h>

#include <set>

#include "hypervisor/core/plants.hpp"
#include "tests/hypervisor/core/lab.hpp"
#include "traces/digest.hpp"

namespace hv::test {
namespace {

constexpr std::uint8_t kSint = 2;

/// Runs a story in a healthy and in a planted world; the story answers whether the bug showed.
template <class Story>
void expect_shown(const char* plant, Story story) {
  {
    Lab healthy;
    EXPECT_FALSE(story(healthy)) << plant << " shows in a healthy world";
  }
  Lab planted(plant);
  Kept<traces::ev::PlantFired> fired(planted.recorder);
  EXPECT_TRUE(story(planted)) << plant << " does not show";
  EXPECT_EQ(fired.size(), 1u) << plant;
}

struct Ready {
  explicit Ready(Lab& lab, Script script = idle_script()) : machine(lab.first) {
    machine.add_vp(std::move(script));
    machine.enable_synic(kSint, 0x40);
  }
  Machine machine;
};

TEST(Plants, NamesAreUniqueAndBelongToThisLibrary) {
  std::set<std::string> names;
  for (const PlantInfo& each : plants::kPlants) {
    EXPECT_TRUE(names.insert(each.name).second);
    EXPECT_EQ(std::string(each.name).rfind("core.", 0), 0u);
    EXPECT_FALSE(std::string(each.what).empty() || std::string(each.checker).empty());
  }
}

TEST(Plants, SkipFinalizing) {
  expect_shown(plants::kSkipFinalizing, [](Lab& lab) {
    Kept<traces::ev::PartitionState> states(lab.recorder);
    Machine machine(lab.first);
    machine.hypervisor.destroy_partition(machine.hypervisor.root(), machine.id);
    for (const auto& each : states.all) {
      if (each.from == traces::PartitionState::Active &&
          each.to == traces::PartitionState::Finalized) {
        return true;
      }
    }
    return false;
  });
}

TEST(Plants, OverlayWritesThrough) {
  expect_shown(plants::kOverlayWritesThrough, [](Lab& lab) {
    Ready ready(lab, {{[](ScriptedCpu& cpu) { cpu.store(0x2010, 77); },
                       [](ScriptedCpu& cpu) { cpu.halt(); }},
                      {}});
    Kept<traces::ev::OverlayChanged> overlays(lab.recorder);
    const std::uint64_t before = ready.machine.memory.hash_of({2});
    ready.machine.partition().resume("test");
    lab.run_for(1_us);
    ready.machine.vp().write_msr(msr::kSimp, 0);
    return overlays.back().covered_hash != before;
  });
}

TEST(Plants, RightsIgnored) {
  expect_shown(plants::kRightsIgnored, [](Lab& lab) {
    Ready ready(lab, {{[](ScriptedCpu& cpu) { cpu.store(0x9000, 1); },
                       [](ScriptedCpu& cpu) { cpu.halt(); }},
                      {}});
    ready.machine.partition().map_gpa_pages({9}, 1, {9}, {true, false, false});
    Kept<traces::ev::VpMapped> mapped(lab.recorder);
    ready.machine.partition().resume("test");
    lab.run_for(1_us);
    return mapped.back().gpfn == 9 && mapped.back().write;
  });
}

TEST(Plants, SlotOverwritten) {
  expect_shown(plants::kSlotOverwritten, [](Lab& lab) {
    Ready ready(lab);
    Kept<traces::ev::MessageDelivered> delivered(lab.recorder);
    for (int i = 0; i < 2; ++i) ready.machine.partition().post_message(1, {0}, {kSint}, 1, {});
    return delivered.size() == 2;  // although the guest has freed nothing
  });
}

TEST(Plants, MessagesReordered) {
  expect_shown(plants::kMessagesReordered, [](Lab& lab) {
    Ready ready(lab);
    Kept<traces::ev::MessageDelivered> delivered(lab.recorder);
    for (int i = 0; i < 3; ++i) ready.machine.partition().post_message(1, {0}, {kSint}, 1, {});
    ready.machine.free_slot(kSint);
    ready.machine.vp().write_msr(msr::kEom, 0);
    return delivered.back().sequence == 3;
  });
}

TEST(Plants, PendingFlagForgotten) {
  expect_shown(plants::kPendingFlagForgotten, [](Lab& lab) {
    Ready ready(lab);
    Machine& machine = ready.machine;
    machine.partition().resume("test");
    Kept<traces::ev::MessageDelivered> delivered(lab.recorder);
    for (int i = 0; i < 2; ++i) machine.partition().post_message(1, {0}, {kSint}, 1, {});
    const bool asked = machine.pending_flag(kSint);
    machine.free_slot(kSint);
    if (asked) machine.vp().write_msr(msr::kEom, 0);  // a correct receiver
    lab.run_for(1_s);
    return delivered.size() == 1;
  });
}

TEST(Plants, TimerEarly) {
  expect_shown(plants::kTimerEarly, [](Lab& lab) {
    Ready ready(lab);
    Kept<traces::ev::TimerExpired> expired(lab.recorder);
    ready.machine.vp().write_msr(msr::kStimer0Config, kSint << 16 | 1);
    ready.machine.vp().write_msr(msr::kStimer0Count, 1'000);
    ready.machine.partition().resume("test");
    lab.run_for(1_ms);
    return expired.back().delivery < expired.back().expiration;
  });
}

/// True when the digests before and after a move differ.
bool move_changes_something(Lab& lab) {
  Ready ready(lab);
  ready.machine.vp().write_msr(msr::kStimer0Config, kSint << 16 | 1);
  ready.machine.vp().write_msr(msr::kStimer0Count, 1'000);
  Machine target(lab.second);
  target.add_vp(idle_script());
  Kept<traces::ev::VpDigest> digests(lab.recorder);
  ready.machine.partition().emit_digests(traces::DigestPoint::Suspended);
  traces::ByteWriter state;
  ready.machine.partition().save(state);
  traces::ByteReader in(state.bytes());
  EXPECT_EQ(target.partition().restore(in), Status::Success);
  target.partition().emit_digests(traces::DigestPoint::Resumed);
  return digests[0].digest != digests[1].digest;
}

TEST(Plants, SaveForgetsSint) { expect_shown(plants::kSaveForgetsSint, move_changes_something); }

TEST(Plants, CaptureForgetsExpiration) {
  expect_shown(plants::kCaptureForgetsExpiration, move_changes_something);
}

TEST(Plants, EventPageForgotten) {
  expect_shown(plants::kEventPageForgotten, move_changes_something);
}

TEST(Plants, SaveForgetsTimer) { expect_shown(plants::kSaveForgetsTimer, move_changes_something); }

}  // namespace
}  // namespace hv::test
