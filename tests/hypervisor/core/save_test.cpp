// Spec B.11: the saved state, whole and damaged.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "hypervisor/core/saved_state.hpp"
#include "tests/hypervisor/core/lab.hpp"

namespace hv::test {
namespace {

struct Sink final : MessagePort, EventPort {
  void message(std::uint32_t, std::span<const std::byte> payload) override {
    got.emplace_back(payload.begin(), payload.end());
  }
  void signalled(std::uint16_t flag) override { flags.push_back(flag); }
  std::vector<std::vector<std::byte>> got;
  std::vector<std::uint16_t> flags;
};

/// A suspended partition with something in every part of its state.
struct SaveTest : ::testing::Test {
  SaveTest() : machine(lab.first, config()) {
    machine.add_vp(busy_script(), 0);
    machine.add_vp(idle_script(), 1);
    VirtualProcessor& vp = machine.vp();
    vp.write_msr(msr::kGuestOsId, 0x8100ull << 48);
    vp.write_msr(msr::kHypercall, 4 << 12 | 1);
    vp.write_msr(msr::kReferenceTsc, 8 << 12 | 1);
    vp.write_msr(msr::kAssistPage, 9 << 12 | 1);
    machine.enable_synic(2, 0x40);
    vp.write_msr(msr::kSint0 + 3, 0x50);
    Partition& partition = machine.partition();
    partition.connect_messages({1}, sink);
    partition.connect_events({2}, sink, 8);
    partition.resume("test");
    lab.run_for(100_us);
    for (int i = 0; i < 4; ++i) partition.post_message(5, {0}, {2}, 1, bytes_of({i}));
    vp.write_msr(msr::kStimer0Config, 3 << 16 | 9);
    vp.write_msr(msr::kStimer0Count, 20'000);
    vp.write_msr(msr::kStimer0Config + 2, 2 << 16 | 3);
    vp.write_msr(msr::kStimer0Count + 2, 100);
    lab.run_for(100_us);  // the second timer's message waits for the slot
    partition.guest_post_message({1}, 1, bytes_of({77}));
    partition.guest_signal_event({2}, 5);
    vp.write_msr(msr::kTpr, 0x20);
    partition.suspend("test");
  }
  static PartitionConfig config() { return plain_config(2); }
  std::vector<std::byte> saved() {
    traces::ByteWriter out;
    EXPECT_EQ(machine.partition().save(out), Status::Success);
    return out.take();
  }
  std::unique_ptr<Machine> make_target(PartitionConfig config = plain_config(2)) {
    auto target = std::make_unique<Machine>(lab.second, config);
    target->add_vp(busy_script(), 0);
    if (config.vp_count > 1) target->add_vp(idle_script(), 1);
    return target;
  }
  Status restore_into(Machine& target, std::span<const std::byte> bytes) {
    target.memory.import_pages(machine.memory.export_pages(machine.memory.populated()));
    traces::ByteReader in(bytes);
    return target.partition().restore(in);
  }
  static std::vector<std::byte> state_of(Machine& subject) {
    traces::ByteWriter out;
    EXPECT_EQ(subject.partition().save(out), Status::Success);
    return out.take();
  }

  Sink sink;
  Lab lab;
  Machine machine;
};

TEST_F(SaveTest, RestoringAndSavingAgainGivesTheSameBytes) {
  const auto bytes = saved();
  const auto target = make_target();
  EXPECT_EQ(restore_into(*target, bytes), Status::Success);
  EXPECT_EQ(state_of(*target), bytes);
  EXPECT_EQ(target->partition().reference_time(), machine.partition().reference_time());
  for (const std::uint64_t page : {2, 3, 4, 8, 9}) {
    EXPECT_EQ(target->partition().gpa_map().lookup({page})->frame,
              machine.partition().gpa_map().lookup({page})->frame)
        << page;
  }
  EXPECT_EQ(target->memory.digest(), machine.memory.digest());
}

TEST_F(SaveTest, WaitingMessagesArriveOnTheTargetInTheirOrder) {
  const auto target = make_target();
  ASSERT_EQ(restore_into(*target, saved()), Status::Success);
  Sink other;
  target->partition().connect_messages({1}, other);
  target->partition().connect_events({2}, other, 8);
  Kept<traces::ev::MessageDelivered> delivered(lab.recorder);
  target->partition().resume("test");
  target->vp().write_msr(msr::kStimer0Count + 2, 0);  // only what waits already
  for (int i = 0; i < 4; ++i) {
    target->free_slot(2);
    target->vp().write_msr(msr::kEom, 0);
  }
  lab.run_for(3_us);
  std::vector<std::uint64_t> sequences;
  for (const auto& each : delivered.all) {
    if (each.port == 5) sequences.push_back(each.sequence);
  }
  EXPECT_EQ(sequences, (std::vector<std::uint64_t>{2, 3, 4}));
  ASSERT_EQ(other.got.size(), 1u);
  EXPECT_EQ(other.got[0], bytes_of({77}));
  EXPECT_EQ(other.flags, std::vector<std::uint16_t>{5});
  EXPECT_TRUE(sink.got.empty()) << "exactly once, and not on the source";
}

TEST_F(SaveTest, TheTargetReportsWhatItsGuestSees) {
  const auto target = make_target();
  Kept<traces::ev::OverlayChanged> overlays(lab.recorder);
  Kept<traces::ev::SynicControl> controls(lab.recorder);
  ASSERT_EQ(restore_into(*target, saved()), Status::Success);
  EXPECT_EQ(overlays.size(), 5u);
  EXPECT_EQ(controls.size(), 3u) << "SCONTROL and two SINTs";
}

TEST_F(SaveTest, ARunningPartitionIsNotSavedAndNotRestoredInto) {
  const auto bytes = saved();
  machine.partition().resume("test");
  traces::ByteWriter out;
  EXPECT_EQ(machine.partition().save(out), Status::InvalidSaveRestoreState);
  EXPECT_TRUE(out.bytes().empty());
  const auto target = make_target();
  target->partition().resume("test");
  EXPECT_EQ(restore_into(*target, bytes), Status::InvalidSaveRestoreState);
}

TEST_F(SaveTest, AnotherShapeIsRefused) {
  const auto bytes = saved();
  PartitionConfig fewer = plain_config(1);
  PartitionConfig slower = plain_config(2);
  slower.time.instructions_per_us = 999;
  PartitionConfig other_tsc = plain_config(2);
  other_tsc.time.tsc_hz = 1'000'000'000;
  for (const PartitionConfig& config : {fewer, slower, other_tsc}) {
    Lab own;
    Machine target(own.second, config);
    target.add_vp(busy_script(), 0);
    if (config.vp_count > 1) target.add_vp(idle_script(), 1);
    traces::ByteReader in(bytes);
    EXPECT_EQ(target.partition().restore(in), Status::InvalidSaveRestoreState);
  }
}

TEST_F(SaveTest, PagesThatTheTargetDoesNotHaveAreRefused) {
  const auto bytes = saved();
  Hypervisor hypervisor(lab.second);
  sim::GuestMemory memory(lab.second, {sim::Backing::Bytes, 4, 64, 7, 2});
  PartitionConfig config = plain_config(2);
  const auto id = hypervisor.create_partition(hypervisor.root(), config, memory).id;
  hypervisor.deposit_memory(hypervisor.root(), id, 8);
  hypervisor.initialize_partition(hypervisor.root(), id);
  Partition& small = *hypervisor.find(id);
  small.map_gpa_pages({0}, 4, {0}, {true, true, true});
  const CpuFactory factory = [&](sim::CpuBus& bus, VpIndex) -> std::unique_ptr<sim::Cpu> {
    return std::make_unique<ScriptedCpu>(std::make_shared<Script>(busy_script()), bus, memory);
  };
  small.create_vp({0}, factory);
  small.create_vp({1}, factory);
  traces::ByteReader in(bytes);
  EXPECT_EQ(small.restore(in), Status::InvalidSaveRestoreState);
}

TEST_F(SaveTest, EveryTruncationIsRefusedAndChangesNothing) {
  const auto bytes = saved();
  const auto target = make_target();
  const auto before = state_of(*target);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    traces::ByteReader in(std::span<const std::byte>(bytes.data(), length));
    ASSERT_EQ(target->partition().restore(in), Status::InvalidSaveRestoreState) << length;
  }
  EXPECT_EQ(state_of(*target), before);
  auto longer = bytes;
  longer.push_back(std::byte{0});
  traces::ByteReader in(longer);
  EXPECT_EQ(target->partition().restore(in), Status::InvalidSaveRestoreState);
}

TEST_F(SaveTest, AnyDamagedByteIsRefusedWholeOrAcceptedWhole) {
  const auto bytes = saved();
  std::size_t refused = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int flip : {0x01, 0x80}) {
      auto damaged = bytes;
      damaged[at] ^= static_cast<std::byte>(flip);
      Lab own;
      Machine target(own.second, plain_config(2));
      target.add_vp(busy_script(), 0);
      target.add_vp(idle_script(), 1);
      const auto before = state_of(target);
      traces::ByteReader in(damaged);
      if (target.partition().restore(in) == Status::Success) {
        ASSERT_EQ(state_of(target), damaged) << at;
        target.partition().resume("damaged");
        own.run_for(1_us);
      } else {
        ++refused;
        ASSERT_EQ(state_of(target), before) << at;
      }
    }
  }
  EXPECT_GT(refused, 100u);
}

/// An engine that refuses its bytes after another has taken its own.
TEST_F(SaveTest, WhenOneEngineRefusesTheOthersAreTakenBack) {
  const auto target = make_target();
  const auto before = state_of(*target);
  const auto bytes = saved();
  traces::ByteReader in(bytes);
  auto state = SavedPartition::decode(in);
  ASSERT_TRUE(state);
  state->vps[1].engine.pop_back();
  traces::ByteWriter out;
  state->encode(out);
  traces::ByteReader again(out.bytes());
  EXPECT_EQ(target->partition().restore(again), Status::InvalidSaveRestoreState);
  EXPECT_EQ(state_of(*target), before);
}

TEST_F(SaveTest, MoreMessagesThanBuffersAreRefused) {
  const auto bytes = saved();
  traces::ByteReader in(bytes);
  auto state = SavedPartition::decode(in);
  ASSERT_TRUE(state);
  auto& queue = state->vps[0].synic.queues[2];
  const QueuedMessage message = queue.front();
  while (queue.size() < 20) queue.push_back(message);
  traces::ByteWriter out;
  state->encode(out);
  traces::ByteReader again(out.bytes());
  EXPECT_FALSE(SavedPartition::decode(again));
}

}  // namespace
}  // namespace hv::test
