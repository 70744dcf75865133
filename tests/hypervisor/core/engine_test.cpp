// The microkernel under real machine code on the Unicorn engine.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstring>

#include "hypervisor/core/plants.hpp"
#include "sim/cpu/engine.hpp"
#include "tests/hypervisor/core/lab.hpp"

#define GUEST_PROGRAM(name) extern "C" const std::byte name##_begin[], name##_end[]
GUEST_PROGRAM(talkative);
GUEST_PROGRAM(lister);
GUEST_PROGRAM(storer);
GUEST_PROGRAM(coverer);

namespace hv::test {
namespace {

// Guest physical places of what the test sets up; the program's own are in engine_guest.S.
constexpr std::uint64_t kTables = 0x10000;
constexpr std::uint64_t kGdt = 0x14000;
constexpr std::uint64_t kIdt = 0x15000;
constexpr std::uint64_t kStackTop = 0x18000;
constexpr std::uint64_t kCode = 0x20000;
constexpr std::uint64_t kResult = 0x38000;
constexpr std::uint64_t kLog = 0x28000;
constexpr std::uint64_t kEntry = kCode + 16;

using Program = std::span<const std::byte>;
#define PROGRAM(name) Program(name##_begin, name##_end)

struct EngineGuest {
  EngineGuest(sim::Node& node, Program program, PartitionConfig config = plain_config())
      : machine(node, config) {
    const CpuFactory factory = [this](sim::CpuBus& bus, VpIndex) {
      return sim::make_unicorn_cpu({machine.memory.storage(), machine.memory.frames(), 0}, bus);
    };
    EXPECT_EQ(machine.partition().create_vp({0}, factory), Status::Success);
    lay_out(program);
    enter_long_mode();
  }
  void put(std::uint64_t gpa, std::uint64_t value) {
    traces::ByteWriter bytes;
    bytes.put(value);
    machine.partition().write({gpa}, bytes.bytes());
  }
  std::uint64_t get(std::uint64_t gpa) {
    std::array<std::byte, 8> bytes;
    EXPECT_TRUE(machine.partition().read({gpa}, bytes));
    return traces::ByteReader(bytes).get<std::uint64_t>();
  }
  void gate(unsigned vector, std::uint64_t handler) {
    put(kIdt + 16 * vector,
        (handler & 0xFFFF) | 0x08 << 16 | 0x8E00ull << 32 | (handler >> 16 & 0xFFFF) << 48);
    put(kIdt + 16 * vector + 8, handler >> 32);
  }
  sim::Cpu& cpu() { return *machine.vp().cpu(); }
  void run_for(Lab& lab, sim::Duration duration) {
    machine.partition().resume("test");
    lab.run_for(duration);
  }

  Machine machine;

 private:
  /// Identity map of the first 4 MiB and of the APIC's 2 MiB.
  void lay_out(Program program) {
    put(kTables, (kTables + 0x1000) | 3);
    put(kTables + 0x1000, (kTables + 0x2000) | 3);
    put(kTables + 0x1000 + 8 * 3, (kTables + 0x3000) | 3);
    put(kTables + 0x2000, 0x83);
    put(kTables + 0x2008, 0x20'0083);
    put(kTables + 0x3000 + 8 * 0x1F7, 0xFEE0'0083);
    put(kGdt + 8, 0x00AF'9B00'0000'FFFF);
    put(kGdt + 16, 0x00CF'9300'0000'FFFF);
    machine.partition().write({kCode}, program);
    for (unsigned i = 0; i < 2; ++i) gate(0x40 + 0x10 * i, kCode + get(kCode + 8 * i));
  }
  void enter_long_mode() {
    sim::CpuRegisters r;
    r.rip = kEntry;
    r.gpr[4] = kStackTop;
    r.cr0 = 0x8001'0033;
    r.cr3 = kTables;
    r.cr4 = 0x620;
    r.efer = 0xD00;
    r.cs = {0x08, 0, 0xFFFF'FFFF, 0x00A0'9B00};
    for (sim::Segment* data : {&r.es, &r.ss, &r.ds, &r.fs, &r.gs}) {
      *data = {0x10, 0, 0xFFFF'FFFF, 0x00C0'9300};
    }
    r.ldtr = {0, 0, 0, 0x8200};
    r.tr = {0, 0, 0xFFFF, 0x8B00};
    r.gdt_base = kGdt;
    r.gdt_limit = 23;
    r.idt_base = kIdt;
    r.idt_limit = 0xFFF;
    cpu().set_registers(r);
  }
};

struct Echo final : MessagePort, EventPort {
  explicit Echo(Partition& of) : partition(of) {
    partition.connect_messages({1}, *this);
    partition.connect_events({2}, *this, 16);
  }
  void message(std::uint32_t type, std::span<const std::byte> payload) override {
    ++messages;
    partition.post_message(1, {0}, {2}, type, payload);
  }
  void signalled(std::uint16_t flag) override { partition.signal_event({0}, {2}, flag); }
  Partition& partition;
  int messages = 0;
};

TEST(Engine, AGuestTalksToItsParentThroughTheHypercallPage) {
  Lab lab;
  EngineGuest guest(lab.first, PROGRAM(talkative));
  Echo echo(guest.machine.partition());
  Kept<traces::ev::InterruptDelivered> interrupts(lab.recorder);
  guest.put(kResult, 0xFFFF);
  guest.run_for(lab, 200_us);
  ASSERT_EQ(guest.machine.vp().state(), traces::VpState::Running);
  EXPECT_GT(echo.messages, 5);
  EXPECT_EQ(guest.get(kResult), 0u) << "status of both hypercalls";
  std::map<std::uint8_t, int> taken;
  for (const auto& each : interrupts.all) ++taken[each.vector];
  EXPECT_GT(taken[0x40], 5);
  EXPECT_GE(taken[0x50], 7) << "200 us in periods of 23 us";
  EXPECT_GT(guest.get(kLog), 0u);
}

TEST(Engine, ARepHypercallIsContinuedAtTheInstruction) {
  Lab lab;
  EngineGuest guest(lab.first, PROGRAM(lister));
  guest.put(0x5000, ~0ull);
  guest.put(0x5008, 0xFFFF'FFFE);
  for (std::uint64_t i = 0; i < 125; ++i) guest.put(0x5010 + 8 * i, 0x000A'0004'000A'0003);
  guest.run_for(lab, 1_ms);
  EXPECT_EQ(guest.get(kResult), 250ull << 32);
  EXPECT_EQ(guest.get(0x6000), 0x50u);
  EXPECT_EQ(guest.get(0x6000 + 16 * 249), 0x1'0000u);
}

struct TextOfIntercept final : traces::Observer {
  explicit TextOfIntercept(traces::Recorder& recorder) {
    traces::EventSet types;
    types.set(static_cast<std::size_t>(traces::EventType::VpIntercept));
    recorder.attach(*this, types);
  }
  void on_event(const traces::Event& event) override {
    text = event.as<traces::ev::VpIntercept>()->instruction;
    rip = event.as<traces::ev::VpIntercept>()->rip;
  }
  std::string text;
  std::uint64_t rip = 0;
};

TEST(Engine, AStoreOutsideTheRightsNamesItsInstruction) {
  Lab lab;
  TextOfIntercept intercept(lab.recorder);
  EngineGuest guest(lab.first, PROGRAM(storer));
  guest.machine.partition().map_gpa_pages({9}, 1, {9}, {true, false, false});
  auto registers = guest.cpu().registers();
  registers.gpr[3] = 0x9000;
  guest.cpu().set_registers(registers);
  guest.run_for(lab, 1_us);
  EXPECT_EQ(guest.machine.vp().state(), traces::VpState::Stopped);
  EXPECT_EQ(intercept.text, "mov qword ptr [rbx + 8], rax");
  EXPECT_EQ(guest.cpu().executed(), 2u);
  EXPECT_EQ(guest.get(0x9008), 0u);
}

TEST(Engine, PlantedRightsAreGranted) {
  Lab lab(plants::kRightsIgnored);
  EngineGuest guest(lab.first, PROGRAM(storer));
  guest.machine.partition().map_gpa_pages({9}, 1, {9}, {true, false, false});
  auto registers = guest.cpu().registers();
  registers.gpr[3] = 0x9000;
  guest.cpu().set_registers(registers);
  guest.run_for(lab, 1_us);
  EXPECT_EQ(guest.get(0x9008), 1u);
}

/// Whether the page below the message page changed while it was covered.
bool overlay_leaks(Lab& lab) {
  EngineGuest guest(lab.first, PROGRAM(coverer));
  Kept<traces::ev::OverlayChanged> overlays(lab.recorder);
  guest.run_for(lab, 1_ms);
  EXPECT_EQ(overlays.size(), 2u);
  return overlays[0].covered_hash != overlays[1].covered_hash;
}

TEST(Engine, AStoreToAnOverlayNeverReachesTheCoveredPageUnlessPlanted) {
  Lab healthy;
  EXPECT_FALSE(overlay_leaks(healthy));
  Lab planted(plants::kOverlayWritesThrough);
  EXPECT_TRUE(overlay_leaks(planted));
}

// ---------------------------------------------------------------- twins

struct Outcome {
  std::uint64_t executed = 0;
  traces::Digest memory;
  traces::Digest vp;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

constexpr sim::Duration kGuestTime{150'000};

Outcome outcome_of(Lab& lab, EngineGuest& guest) {
  Kept<traces::ev::VpDigest> digests(lab.recorder);
  guest.machine.partition().emit_digests(traces::DigestPoint::End);
  return {guest.cpu().executed(), guest.machine.memory.digest(), digests.back().digest};
}

Outcome run_through() {
  Lab lab;
  EngineGuest guest(lab.first, PROGRAM(talkative));
  Echo echo(guest.machine.partition());
  guest.run_for(lab, kGuestTime);
  return outcome_of(lab, guest);
}

Outcome run_paused(sim::Duration before, sim::Duration pause) {
  Lab lab;
  EngineGuest guest(lab.first, PROGRAM(talkative));
  Echo echo(guest.machine.partition());
  guest.run_for(lab, before);
  guest.machine.partition().suspend("pause");
  lab.run_for(pause);
  guest.run_for(lab, kGuestTime - before);
  return outcome_of(lab, guest);
}

Outcome run_moved(sim::Duration before, sim::Duration pause, sim::WorldConfig config = {}) {
  Lab lab(std::move(config));
  EngineGuest source(lab.first, PROGRAM(talkative));
  EngineGuest target(lab.second, PROGRAM(talkative));
  Echo echo(source.machine.partition());
  Echo target_echo(target.machine.partition());
  source.run_for(lab, before);
  source.machine.partition().suspend("move");
  traces::ByteWriter state;
  EXPECT_EQ(source.machine.partition().save(state), Status::Success);
  target.machine.memory.import_pages(
      source.machine.memory.export_pages(source.machine.memory.populated()));
  traces::ByteReader reader(state.bytes());
  EXPECT_EQ(target.machine.partition().restore(reader), Status::Success);
  lab.run_for(pause);
  target.run_for(lab, kGuestTime - before);
  return outcome_of(lab, target);
}

TEST(EngineTwins, AGuestCannotTellThatItWasSuspendedOrMoved) {
  const Outcome never = run_through();
  EXPECT_GT(never.executed, 50'000u);
  for (const std::int64_t before : {0, 1, 7'919, 23'001, 64'000, 100'003, 149'999}) {
    EXPECT_EQ(run_paused({before}, {before * 7}), never) << before;
    EXPECT_EQ(run_moved({before}, {before * 7}), never) << before;
  }
}

TEST(EngineTwins, WhatASavedStateForgetsMakesADifference) {
  const Outcome paused = run_paused(64_us, 5_us);
  for (const char* plant : {plants::kSaveForgetsSint, plants::kSaveForgetsTimer}) {
    EXPECT_NE(run_moved(64_us, 5_us, Lab::with_plant(plant)), paused) << plant;
  }
}

}  // namespace
}  // namespace hv::test
