// Suspended in place, moved while suspended, or never stopped at all: a guest must not be able to
// tell (spec B.8, B.11, MI-1). Every guest here notes at which instruction it saw what.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "hypervisor/core/calls.hpp"
#include "tests/hypervisor/core/lab.hpp"

namespace hv::test {
namespace {

constexpr std::uint64_t kMessageVector = 0x40;
constexpr std::uint64_t kTimerVector = 0x50;
constexpr std::uint64_t kIpiVector = 0x60;
constexpr std::uint64_t kSimp = 0x2000;
constexpr std::uint64_t kTwinInput = 0x5000;

/// Answers each message of the guest with one of the same type.
struct Echo final : MessagePort, EventPort {
  explicit Echo(Partition& of) : partition(of) {
    partition.connect_messages({1}, *this);
    partition.connect_events({2}, *this, 16);
  }
  void message(std::uint32_t type, std::span<const std::byte> payload) override {
    partition.post_message(1, {0}, {2}, type, payload);
  }
  void signalled(std::uint16_t flag) override { partition.signal_event({0}, {2}, flag); }
  Partition& partition;
};

void take_message(ScriptedCpu& cpu, std::uint64_t sint) {
  const std::uint64_t slot = kSimp + sint * kSlotBytes;
  const std::uint64_t head = cpu.load(slot);
  if ((head & 0xFFFF'FFFF) == 0) return;
  cpu.note(cpu.load(slot + 16));
  cpu.store(slot, head & ~0xFFFF'FFFFull);
  if ((cpu.load(slot) >> 40 & 1) != 0) cpu.write_msr(msr::kEom, 0);
}

/// Sets everything up, then counts; posts a message every 700 rounds and signals every 1100.
Script talkative_guest() {
  Script script;
  auto& steps = script.steps;
  const auto msr_step = [&steps](std::uint32_t number, std::uint64_t value) {
    steps.push_back([=](ScriptedCpu& cpu) { cpu.write_msr(number, value); });
  };
  msr_step(msr::kGuestOsId, 0x8100ull << 48);
  msr_step(msr::kReferenceTsc, 8 << 12 | 1);
  msr_step(msr::kSimp, kSimp | 1);
  msr_step(msr::kSiefp, 0x3000 | 1);
  msr_step(msr::kSint0 + 2, kMessageVector | Synic::kAutoEoi);
  msr_step(msr::kSint0 + 3, kTimerVector);
  msr_step(msr::kScontrol, 1);
  msr_step(msr::kStimer0Config, 3 << 16 | SyntheticTimer::kPeriodic | SyntheticTimer::kEnable);
  msr_step(msr::kStimer0Count, 130);
  msr_step(msr::kStimer0Config + 2, 3 << 16 | SyntheticTimer::kAutoEnable);
  msr_step(msr::kStimer0Count + 2, 777);
  steps.push_back([](ScriptedCpu& cpu) { cpu.enable_interrupts(true); });
  const std::size_t loop = steps.size();
  steps.push_back([](ScriptedCpu& cpu) { ++cpu.r()[0]; });
  steps.push_back([](ScriptedCpu& cpu) {
    if (cpu.r()[0] % 700 != 0) return;
    cpu.store(kTwinInput, 1);
    cpu.store(kTwinInput + 8, 1 | 8ull << 32);
    cpu.store(kTwinInput + 16, cpu.r()[0]);
    cpu.note(cpu.vmcall(call::kPostMessage, kTwinInput, 0));
  });
  steps.push_back([](ScriptedCpu& cpu) {
    if (cpu.r()[0] % 1'100 == 0) {
      cpu.vmcall(call::kSignalEvent | 1 << 16, 2 | (cpu.r()[0] / 1'100 % 16) << 32, 0);
    }
  });
  steps.push_back([loop](ScriptedCpu& cpu) {
    cpu.jump(loop);
    if (cpu.r()[0] % 5'000 == 0) cpu.halt();  // until some interrupt
  });
  script.handlers[kMessageVector] = steps.size();
  steps.push_back([](ScriptedCpu& cpu) { cpu.note(cpu.bus().tsc()); });
  steps.push_back([](ScriptedCpu& cpu) { take_message(cpu, 2); });
  steps.push_back([](ScriptedCpu& cpu) {
    cpu.note(cpu.load(0x3000 + 2 * kSlotBytes));
    cpu.store(0x3000 + 2 * kSlotBytes, 0);
    cpu.end_handler();
  });
  script.handlers[kTimerVector] = steps.size();
  steps.push_back([](ScriptedCpu& cpu) { cpu.note(*cpu.bus().rdmsr(msr::kTimeRefCount)); });
  steps.push_back([](ScriptedCpu& cpu) { take_message(cpu, 3); });
  steps.push_back([](ScriptedCpu& cpu) {
    cpu.write_msr(msr::kEoi, 0);
    cpu.end_handler();
  });
  return script;
}

/// Two processors that interrupt each other.
Script pinging_guest(std::uint64_t other) {
  Script script;
  script.steps = {[](ScriptedCpu& cpu) { cpu.enable_interrupts(true); },
                  [](ScriptedCpu& cpu) { ++cpu.r()[0]; },
                  [other](ScriptedCpu& cpu) {
                    cpu.jump(1);
                    if (cpu.r()[0] % (900 + 37 * other) == 0) {
                      cpu.write_msr(msr::kIcr, other << 56 | 0x4000 | kIpiVector);
                    }
                  },
                  [](ScriptedCpu& cpu) { cpu.note(cpu.bus().tsc()); },
                  [](ScriptedCpu& cpu) {
                    cpu.write_msr(msr::kEoi, 0);
                    cpu.end_handler();
                  }};
  script.handlers[kIpiVector] = 3;
  return script;
}

using Build = void (*)(Machine&);

void build_talkative(Machine& machine) { machine.add_vp(talkative_guest()); }
void build_pinging(Machine& machine) {
  machine.add_vp(pinging_guest(1), 0);
  machine.add_vp(pinging_guest(0), 1);
  machine.vp(1).mark_started();
}

struct Outcome {
  std::vector<std::vector<Mark>> marks;
  std::vector<std::uint64_t> executed;
  traces::Digest memory;
  std::vector<traces::Digest> vps;
  friend bool operator==(const Outcome& a, const Outcome& b) {
    return a.marks == b.marks && a.executed == b.executed && a.memory == b.memory && a.vps == b.vps;
  }
};

Outcome outcome_of(Lab& lab, Machine& machine, const std::vector<std::vector<Mark>>& earlier) {
  Outcome outcome;
  Kept<traces::ev::VpDigest> digests(lab.recorder);
  machine.partition().emit_digests(traces::DigestPoint::End);
  for (std::uint32_t i = 0; i < machine.partition().vps().size(); ++i) {
    auto marks = i < earlier.size() ? earlier[i] : std::vector<Mark>{};
    const auto& own = machine.cpu(i).marks;
    marks.insert(marks.end(), own.begin(), own.end());
    outcome.marks.push_back(std::move(marks));
    outcome.executed.push_back(machine.cpu(i).executed());
    outcome.vps.push_back(digests[i].digest);
  }
  outcome.memory = machine.memory.digest();
  return outcome;
}

constexpr sim::Duration kGuestTime{90'000};

PartitionConfig config_for(std::uint64_t rate, std::uint32_t vps) {
  PartitionConfig config = plain_config(vps);
  config.time.instructions_per_us = rate;
  return config;
}

Outcome run_through(Build build, PartitionConfig config) {
  Lab lab;
  Machine machine(lab.first, config);
  build(machine);
  Echo echo(machine.partition());
  machine.partition().resume("start");
  lab.run_for(kGuestTime);
  return outcome_of(lab, machine, {});
}

Outcome run_paused(Build build, PartitionConfig config, sim::Duration before, sim::Duration pause) {
  Lab lab;
  Machine machine(lab.first, config);
  build(machine);
  Echo echo(machine.partition());
  machine.partition().resume("start");
  lab.run_for(before);
  machine.partition().suspend("pause");
  lab.run_for(pause);
  machine.partition().resume("go on");
  lab.run_for(kGuestTime - before);
  return outcome_of(lab, machine, {});
}

Outcome run_moved(Build build, PartitionConfig config, sim::Duration before, sim::Duration pause) {
  Lab lab;
  Machine source(lab.first, config);
  build(source);
  Echo echo(source.partition());
  Machine target(lab.second, config);
  build(target);
  Echo target_echo(target.partition());
  Kept<traces::ev::VpDigest> digests(lab.recorder);
  source.partition().resume("start");
  lab.run_for(before);
  source.partition().suspend("move");
  source.partition().emit_digests(traces::DigestPoint::Suspended);
  traces::ByteWriter state;
  EXPECT_EQ(source.partition().save(state), Status::Success);
  target.memory.import_pages(source.memory.export_pages(source.memory.populated()));
  traces::ByteReader reader(state.bytes());
  EXPECT_EQ(target.partition().restore(reader), Status::Success);
  lab.run_for(pause);
  target.partition().emit_digests(traces::DigestPoint::Resumed);
  const std::size_t vps = digests.size() / 2;
  for (std::size_t i = 0; i < vps; ++i) EXPECT_EQ(digests[i].digest, digests[vps + i].digest);
  target.partition().resume("go on");
  lab.run_for(kGuestTime - before);
  std::vector<std::vector<Mark>> earlier;
  for (std::uint32_t i = 0; i < vps; ++i) earlier.push_back(source.cpu(i).marks);
  return outcome_of(lab, target, earlier);
}

TEST(Twins, TheGuestOfTheseTestsIsBusyEnoughToShowADifference) {
  const Outcome outcome = run_through(build_talkative, config_for(1'000, 1));
  EXPECT_GT(outcome.marks[0].size(), 40u);
  std::uint64_t timers = 0;
  std::uint64_t messages = 0;
  for (const Mark& mark : outcome.marks[0]) {
    timers += mark.what == 0x1000 + kTimerVector ? 1 : 0;
    messages += mark.what == 0x1000 + kMessageVector ? 1 : 0;
  }
  EXPECT_GT(timers, 5u);
  EXPECT_GT(messages, 10u);
}

RC_GTEST_PROP(Twins, AGuestCannotTellThatItWasSuspendedOrMoved, ()) {
  const auto rate = *rc::gen::element<std::uint64_t>(1'000, 317, 2'750);
  const auto before = *rc::gen::inRange<std::int64_t>(0, kGuestTime.ns);
  const auto pause = *rc::gen::inRange<std::int64_t>(0, 1'000'000);
  const PartitionConfig config = config_for(rate, 1);
  const Outcome never = run_through(build_talkative, config);
  const Outcome paused = run_paused(build_talkative, config, {before}, {pause});
  const Outcome moved = run_moved(build_talkative, config, {before}, {pause});
  RC_ASSERT(never.marks == paused.marks);
  RC_ASSERT(never == paused);
  RC_ASSERT(paused.marks == moved.marks);
  RC_ASSERT(paused == moved);
}

RC_GTEST_PROP(Twins, ProcessorsThatInterruptEachOtherMoveUnnoticed, ()) {
  const auto before = *rc::gen::inRange<std::int64_t>(0, kGuestTime.ns);
  const auto pause = *rc::gen::inRange<std::int64_t>(0, 1'000'000);
  const PartitionConfig config = config_for(1'000, 2);
  const Outcome paused = run_paused(build_pinging, config, {before}, {pause});
  const Outcome moved = run_moved(build_pinging, config, {before}, {pause});
  RC_ASSERT(!paused.marks[0].empty() && !paused.marks[1].empty());
  RC_ASSERT(paused == moved);
}

TEST(Twins, SuspendingManyTimesAddsNothing) {
  const PartitionConfig config = config_for(317, 1);
  const Outcome never = run_through(build_talkative, config);
  Lab lab;
  Machine machine(lab.first, config);
  build_talkative(machine);
  Echo echo(machine.partition());
  for (std::int64_t done = 0; done < kGuestTime.ns; done += 500) {
    machine.partition().resume("slice");
    lab.run_for({500});
    machine.partition().suspend("slice");
    lab.run_for({done % 777});
  }
  EXPECT_EQ(outcome_of(lab, machine, {}).marks, never.marks);
  EXPECT_EQ(machine.partition().guest_ns(lab.now()), kGuestTime.ns);
}

}  // namespace
}  // namespace hv::test
