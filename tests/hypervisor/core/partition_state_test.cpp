// Spec B.6: every call in every state, and the bookkeeping around it.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <string>

#include "hypervisor/core/calls.hpp"
#include "tests/hypervisor/core/lab.hpp"

namespace hv::test {
namespace {

using traces::PartitionState;

/// A partition that was taken to a state by legal calls only.
struct InState {
  explicit InState(Lab& lab, PartitionState wanted)
      : hypervisor(lab.first), memory(lab.first, {sim::Backing::Bytes, 16, 64, 1, 2}) {
    PartitionConfig config;
    config.vm = 1;
    id = hypervisor.create_partition(hypervisor.root(), config, memory).id;
    if (wanted == PartitionState::Uninitialized) return;
    hypervisor.deposit_memory(hypervisor.root(), id, 20);
    hypervisor.initialize_partition(hypervisor.root(), id);
    if (wanted == PartitionState::Active) return;
    hypervisor.finalize_partition(hypervisor.root(), id);
  }
  Partition& partition() { return *hypervisor.find(id); }
  Hypervisor hypervisor;
  sim::GuestMemory memory;
  PartitionId id;
};

struct Call {
  std::string name;
  std::function<Status(InState&)> make;
  std::set<PartitionState> allowed;
};

struct NoPort final : MessagePort, EventPort {
  void message(std::uint32_t, std::span<const std::byte>) override {}
  void signalled(std::uint16_t) override {}
};

const std::vector<Call>& calls() {
  static const NoPort kPort;
  constexpr auto kUninitialized = PartitionState::Uninitialized;
  constexpr auto kActive = PartitionState::Active;
  constexpr auto kFinalized = PartitionState::Finalized;
  const auto root = [](InState& s) { return s.hypervisor.root(); };
  static const std::vector<Call> kCalls = {
      {"deposit",
       [=](InState& s) { return s.hypervisor.deposit_memory(root(s), s.id, 1); },
       {kUninitialized, kActive}},
      {"withdraw",
       [=](InState& s) { return s.hypervisor.withdraw_memory(root(s), s.id, 1); },
       {kActive, kFinalized}},
      {"balance",
       [=](InState& s) { return s.hypervisor.get_memory_balance(root(s), s.id).status; },
       {kUninitialized, kActive, kFinalized}},
      {"next child",
       [=](InState& s) { return s.hypervisor.get_next_child(root(s), s.id, {}).status; },
       {kUninitialized, kActive, kFinalized}},
      {"initialize",
       [=](InState& s) {
         if (s.partition().state() == kUninitialized) {
           s.hypervisor.deposit_memory(root(s), s.id, 20);
         }
         return s.hypervisor.initialize_partition(root(s), s.id);
       },
       {kUninitialized}},
      {"finalize",
       [=](InState& s) { return s.hypervisor.finalize_partition(root(s), s.id); },
       {kActive}},
      {"delete",
       [=](InState& s) {
         if (s.partition().state() == kFinalized) s.hypervisor.withdraw_memory(root(s), s.id, 20);
         return s.hypervisor.delete_partition(root(s), s.id);
       },
       {kUninitialized, kFinalized}},
      {"map",
       [](InState& s) {
         return s.partition().map_gpa_pages({0}, 1, {0}, {true, true, true});
       },
       {kActive}},
      {"unmap", [](InState& s) { return s.partition().unmap_gpa_pages({0}, 1); }, {kActive}},
      {"create VP",
       [](InState& s) {
         const CpuFactory factory = [&s](sim::CpuBus& bus, VpIndex) -> std::unique_ptr<sim::Cpu> {
           return std::make_unique<ScriptedCpu>(std::make_shared<Script>(), bus, s.memory);
         };
         return s.partition().create_vp({0}, factory);
       },
       {kActive}},
      {"connect messages",
       [](InState& s) { return s.partition().connect_messages({1}, const_cast<NoPort&>(kPort)); },
       {kActive}},
      {"connect events",
       [](InState& s) { return s.partition().connect_events({1}, const_cast<NoPort&>(kPort), 1); },
       {kActive}},
      {"assert interrupt",
       [](InState& s) {
         const Status status = s.partition().assert_interrupt({0}, 40);
         return status == Status::InvalidVpIndex ? Status::Success : status;  // no VP here
       },
       {kActive}},
      {"save",
       [](InState& s) {
         traces::ByteWriter out;
         return s.partition().save(out);
       },
       {kActive}},
      {"restore",
       [](InState& s) {
         traces::ByteReader in({});
         const Status status = s.partition().restore(in);
         return status == Status::InvalidSaveRestoreState ? Status::Success : status;
       },
       {kActive}},
  };
  return kCalls;
}

TEST(PartitionStates, EveryCallSucceedsInExactlyTheStatesOfTheTable) {
  for (const PartitionState state :
       {PartitionState::Uninitialized, PartitionState::Active, PartitionState::Finalized}) {
    for (const Call& call : calls()) {
      Lab lab;
      InState subject(lab, state);
      ASSERT_EQ(subject.partition().state(), state);
      const Status status = call.make(subject);
      const bool allowed = call.allowed.contains(state);
      EXPECT_EQ(status, allowed ? Status::Success : Status::InvalidPartitionState)
          << call.name << " in " << name_of(state);
      if (!allowed) {
        EXPECT_EQ(subject.partition().state(), state) << call.name;
      }
    }
  }
}

TEST(PartitionStates, APostToAFinalizedPartitionNamesAPortThatIsGone) {
  Lab lab;
  InState subject(lab, PartitionState::Finalized);
  EXPECT_EQ(subject.partition().post_message(1, {0}, {2}, 1, {}), Status::InvalidPortId);
  EXPECT_EQ(subject.partition().signal_event({0}, {2}, 1), Status::InvalidPortId);
}

TEST(PartitionStates, AWholeLifePassesThroughEveryStateInOrder) {
  Lab lab;
  Kept<traces::ev::PartitionState> states(lab.recorder);
  InState subject(lab, PartitionState::Active);
  const PartitionId id = subject.id;
  EXPECT_EQ(subject.hypervisor.destroy_partition(subject.hypervisor.root(), id), Status::Success);
  std::vector<PartitionState> path;
  for (const auto& each : states.all) {
    if (each.partition != id.value) continue;
    EXPECT_EQ(each.from, path.empty() ? PartitionState::None : path.back());
    path.push_back(each.to);
  }
  EXPECT_EQ(path, (std::vector{PartitionState::Uninitialized, PartitionState::Active,
                               PartitionState::Finalizing, PartitionState::Finalized,
                               PartitionState::Deleted}));
  EXPECT_EQ(subject.hypervisor.find(id), nullptr);
}

TEST(PartitionStates, DestroyWorksFromEveryState) {
  for (const std::uint64_t deposited : {0, 3, 20}) {
    Lab lab;
    InState subject(lab, PartitionState::Uninitialized);
    const PartitionId root = subject.hypervisor.root();
    if (deposited > 0) subject.hypervisor.deposit_memory(root, subject.id, deposited);
    EXPECT_EQ(subject.hypervisor.destroy_partition(root, subject.id), Status::Success);
    EXPECT_EQ(subject.hypervisor.destroy_partition(root, subject.id), Status::InvalidPartitionId);
  }
}

TEST(PartitionStates, AStrangerIsDeniedBeforeTheStateIsLookedAt) {
  Lab lab;
  InState subject(lab, PartitionState::Finalized);
  EXPECT_EQ(subject.hypervisor.initialize_partition(subject.id, subject.id), Status::AccessDenied);
  EXPECT_EQ(subject.hypervisor.finalize_partition({99}, subject.id), Status::AccessDenied);
  EXPECT_EQ(subject.hypervisor.initialize_partition(subject.hypervisor.root(), {99}),
            Status::InvalidPartitionId);
}

TEST(PartitionStates, IdsAreNeverUsedAgain) {
  Lab lab;
  Hypervisor hypervisor(lab.first);
  sim::GuestMemory memory(lab.first, {sim::Backing::Bytes, 16, 64, 1, 2});
  std::set<std::uint64_t> seen{hypervisor.root().value};
  for (int i = 0; i < 5; ++i) {
    const PartitionId announced = hypervisor.next_partition_id();
    const auto created = hypervisor.create_partition(hypervisor.root(), {}, memory);
    EXPECT_EQ(created.id, announced);
    EXPECT_TRUE(seen.insert(created.id.value).second);
    EXPECT_EQ(hypervisor.delete_partition(hypervisor.root(), created.id), Status::Success);
  }
}

TEST(PartitionStates, ChildrenAreListedInTheOrderOfTheirCreation) {
  Lab lab;
  Hypervisor hypervisor(lab.first);
  sim::GuestMemory memory(lab.first, {sim::Backing::Bytes, 16, 64, 1, 2});
  const PartitionId root = hypervisor.root();
  const auto a = hypervisor.create_partition(root, {}, memory).id;
  const auto b = hypervisor.create_partition(root, {}, memory).id;
  EXPECT_EQ(hypervisor.get_next_child(root, root, {}).id, a);
  EXPECT_EQ(hypervisor.get_next_child(root, root, a).id, b);
  EXPECT_EQ(hypervisor.get_next_child(root, root, b).id, PartitionId{});
}

TEST(MemoryPool, ConservesPagesThroughTheWholeLife) {
  Lab lab;
  InState subject(lab, PartitionState::Uninitialized);
  Hypervisor& hv = subject.hypervisor;
  const PartitionId root = hv.root();
  EXPECT_EQ(hv.initialize_partition(root, subject.id), Status::InsufficientMemory);
  hv.deposit_memory(root, subject.id, 20);
  auto balance = hv.get_memory_balance(root, subject.id);
  EXPECT_EQ(balance.available + balance.in_use, 20u);
  hv.initialize_partition(root, subject.id);
  balance = hv.get_memory_balance(root, subject.id);
  EXPECT_EQ(balance.in_use, Hypervisor::kPagesToInitialize);
  EXPECT_EQ(balance.available, 20 - Hypervisor::kPagesToInitialize);
  EXPECT_EQ(hv.withdraw_memory(root, subject.id, 13), Status::InsufficientMemory);
  EXPECT_EQ(hv.withdraw_memory(root, subject.id, 12), Status::Success);
  hv.finalize_partition(root, subject.id);
  balance = hv.get_memory_balance(root, subject.id);
  EXPECT_EQ(balance.available, 8u);
  EXPECT_EQ(balance.in_use, 0u);
  EXPECT_EQ(hv.delete_partition(root, subject.id), Status::OperationDenied) << "pool not empty";
  EXPECT_EQ(hv.withdraw_memory(root, subject.id, 8), Status::Success);
  EXPECT_EQ(hv.delete_partition(root, subject.id), Status::Success);
}

TEST(Mapping, PagesThatTheVmDoesNotOwnAreDenied) {
  Lab lab;
  InState subject(lab, PartitionState::Active);
  EXPECT_EQ(subject.partition().map_gpa_pages({0}, 17, {0}, {true, true, true}),
            Status::AccessDenied);
  EXPECT_EQ(subject.partition().map_gpa_pages({0}, 1, {16}, {true, true, true}),
            Status::AccessDenied)
      << "overlay frames are the hypervisor's";
  EXPECT_EQ(subject.partition().map_gpa_pages({0}, 1, {0}, {false, true, false}),
            Status::InvalidParameter);
}

TEST(Vps, IndicesAreUniqueAndBelowTheMaximum) {
  Lab lab;
  Machine machine(lab.first, plain_config(2));
  EXPECT_EQ(machine.add_vp(idle_script(), 0), Status::Success);
  EXPECT_EQ(machine.add_vp(idle_script(), 0), Status::InvalidVpIndex);
  EXPECT_EQ(machine.add_vp(idle_script(), 2), Status::InvalidVpIndex);
  EXPECT_EQ(machine.add_vp(idle_script(), 1), Status::Success);
}

TEST(PartitionStates, EveryCallThatNamesAPartitionIsReportedWithTheStateItFound) {
  Lab lab;
  InState subject(lab, PartitionState::Finalized);
  Kept<traces::ev::PartitionCall> reported(lab.recorder);
  subject.partition().map_gpa_pages({0}, 1, {0}, {true, true, true});
  ASSERT_EQ(reported.size(), 1u);
  EXPECT_EQ(reported.back().code, call::kMapGpaPages);
  EXPECT_EQ(reported.back().status, 7);
  EXPECT_EQ(reported.back().state, PartitionState::Finalized);
  subject.hypervisor.finalize_partition({99}, subject.id);
  EXPECT_FALSE(reported.back().caller_is_parent);
  EXPECT_EQ(reported.back().status, 6);
}

}  // namespace
}  // namespace hv::test
