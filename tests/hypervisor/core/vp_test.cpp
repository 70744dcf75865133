// A VP's MSRs, APIC, CPUID, memory answers, clock and ends.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/hypervisor/core/lab.hpp"

namespace hv::test {
namespace {

struct Handler final : InterceptHandler {
  std::uint32_t port_in(VpIndex, std::uint16_t port, unsigned) override { return port; }
  void port_out(VpIndex, std::uint16_t port, unsigned, std::uint32_t value) override {
    outs.emplace_back(port, value);
  }
  bool owns_mmio(sim::Gpfn page) override { return page.value == 0x1000; }
  std::uint64_t mmio_read(VpIndex, sim::Gpa gpa, unsigned) override { return gpa.value; }
  void mmio_write(VpIndex, sim::Gpa, unsigned, std::uint64_t) override {}
  void vp_stopped(VpIndex, const char* reason) override { stops.emplace_back(reason); }
  std::vector<std::pair<std::uint16_t, std::uint32_t>> outs;
  std::vector<std::string> stops;
};

struct VpTest : ::testing::Test {
  VpTest() : machine(lab.first) { machine.partition().set_intercept_handler(&handler); }
  void start(Script script) {
    machine.add_vp(std::move(script));
    machine.partition().resume("test");
  }
  Lab lab;
  Machine machine;
  Handler handler;
};

// ---------------------------------------------------------------- MSRs

TEST_F(VpTest, TheHypercallPageNeedsAnIdentityAndGoesWithIt) {
  machine.add_vp(idle_script());
  VirtualProcessor& vp = machine.vp();
  const GpaMap& map = machine.partition().gpa_map();
  EXPECT_TRUE(vp.write_msr(msr::kHypercall, 4 << 12 | 1));
  EXPECT_EQ(*vp.read_msr(msr::kHypercall) & 1, 0u) << "enable is ignored without GUEST_OS_ID";
  EXPECT_FALSE(map.lookup({4})->overlay);
  vp.write_msr(msr::kGuestOsId, 0x8100ull << 48);
  EXPECT_TRUE(vp.write_msr(msr::kHypercall, 4 << 12 | 1));
  ASSERT_TRUE(map.lookup({4})->overlay);
  EXPECT_EQ(map.lookup({4})->rights, (sim::Rights{true, false, true}));
  EXPECT_EQ(machine.memory.read_u32(map.lookup({4})->frame, 0), 0xC3C1'010Fu) << "vmcall; ret";
  EXPECT_EQ(machine.memory.read_u32(map.lookup({4})->frame, 4092), 0xCCCC'CCCCu);
  vp.write_msr(msr::kGuestOsId, 0);
  EXPECT_FALSE(map.lookup({4})->overlay);
  EXPECT_EQ(*vp.read_msr(msr::kHypercall) & 1, 0u);
}

TEST_F(VpTest, ALockedHypercallPageStaysWhereItIs) {
  machine.add_vp(idle_script());
  VirtualProcessor& vp = machine.vp();
  vp.write_msr(msr::kGuestOsId, 1);
  vp.write_msr(msr::kHypercall, 4 << 12 | 3);
  vp.write_msr(msr::kHypercall, 5 << 12 | 1);
  EXPECT_TRUE(machine.partition().gpa_map().lookup({4})->overlay);
  EXPECT_FALSE(machine.partition().gpa_map().lookup({5})->overlay);
}

TEST_F(VpTest, PagesOutsideTheGuestAreRefused) {
  machine.add_vp(idle_script());
  machine.vp().write_msr(msr::kGuestOsId, 1);
  for (const std::uint32_t page_msr :
       {msr::kHypercall, msr::kReferenceTsc, msr::kAssistPage, msr::kSimp, msr::kSiefp}) {
    EXPECT_FALSE(machine.vp().write_msr(page_msr, Machine::kPages << 12 | 1)) << page_msr;
    EXPECT_TRUE(machine.vp().write_msr(page_msr, (Machine::kPages - 1) << 12 | 1)) << page_msr;
  }
}

TEST_F(VpTest, ReadOnlyAndUnknownRegistersFault) {
  machine.add_vp(idle_script());
  VirtualProcessor& vp = machine.vp();
  for (const std::uint32_t fixed :
       {msr::kVpIndex, msr::kVpRuntime, msr::kTimeRefCount, msr::kSversion, msr::kTscFrequency}) {
    EXPECT_FALSE(vp.write_msr(fixed, 1)) << fixed;
  }
  for (const std::uint32_t unknown : {0x4000'0004u, 0x4000'00F0u, 0x4000'0100u, 0x1234u}) {
    EXPECT_EQ(vp.read_msr(unknown), std::nullopt) << unknown;
    EXPECT_FALSE(vp.write_msr(unknown, 0)) << unknown;
  }
}

TEST_F(VpTest, EveryGroupOfRegistersNeedsItsPrivilege) {
  const std::pair<std::uint32_t, std::uint32_t> groups[] = {
      {msr::kVpRuntime, privilege::kVpRuntime},
      {msr::kTimeRefCount, privilege::kTimeRefCount},
      {msr::kScontrol, privilege::kSynic},
      {msr::kSint0 + 3, privilege::kSynic},
      {msr::kStimer0Count, privilege::kSyntheticTimers},
      {msr::kTpr, privilege::kApicMsrs},
      {msr::kGuestOsId, privilege::kHypercallMsrs},
      {msr::kVpIndex, privilege::kVpIndex},
      {msr::kReset, privilege::kReset},
      {msr::kReferenceTsc, privilege::kReferenceTsc},
      {msr::kTscFrequency, privilege::kFrequencyMsrs},
  };
  for (const auto& [number, needed] : groups) {
    for (const bool granted : {false, true}) {
      Lab own;
      PartitionConfig config = plain_config();
      config.privileges.msr = granted ? needed : ~needed;
      Machine subject(own.first, config);
      subject.add_vp(idle_script());
      EXPECT_EQ(subject.vp().read_msr(number).has_value(), granted) << std::hex << number;
    }
  }
}

TEST_F(VpTest, ResetStopsTheVpAndTellsTheParent) {
  start({{[](ScriptedCpu& cpu) { cpu.write_msr(msr::kReset, 1); },
          [](ScriptedCpu& cpu) { cpu.note(1); }},
         {}});
  lab.run_for(1_ms);
  EXPECT_EQ(machine.vp().state(), traces::VpState::Stopped);
  EXPECT_EQ(handler.stops, std::vector<std::string>{"reset"});
  EXPECT_TRUE(machine.cpu().marks.empty()) << "the next instruction is never executed";
}

// ---------------------------------------------------------------- time

TEST_F(VpTest, TheReferenceCounterIsStrictlyIncreasing) {
  PartitionConfig config = plain_config();
  config.time.msr_exit = 0_ns;
  config.time.instructions_per_us = 1'000'000;
  config.vm = 8;
  Machine fast(lab.second, config);
  fast.add_vp({{[](ScriptedCpu& cpu) {
                 cpu.note(*cpu.bus().rdmsr(msr::kTimeRefCount));
                 cpu.jump(0);
               }},
               {}});
  fast.partition().resume("test");
  lab.run_for(1_ns);
  const auto& marks = fast.cpu().marks;
  ASSERT_GT(marks.size(), 500u);
  for (std::size_t i = 1; i < marks.size(); ++i) EXPECT_GT(marks[i].what, marks[i - 1].what);
}

TEST_F(VpTest, TheReferencePageAgreesWithTheCounter) {
  machine.add_vp(idle_script());
  VirtualProcessor& vp = machine.vp();
  vp.write_msr(msr::kReferenceTsc, 8 << 12 | 1);
  machine.partition().resume("test");
  const auto entry = machine.partition().gpa_map().lookup({8});
  ASSERT_TRUE(entry->overlay);
  EXPECT_FALSE(entry->rights.write);
  const auto word = [&](std::uint32_t at) {
    return machine.memory.read_u32(entry->frame, at) |
           std::uint64_t{machine.memory.read_u32(entry->frame, at + 4)} << 32;
  };
  EXPECT_EQ(word(0) & 0xFFFF'FFFF, 1u);
  __extension__ using Wide = unsigned __int128;
  for (const auto duration : {1_ns, 99_ns, 12'345_us, 3_s, 86'400_s}) {
    lab.run_for(duration);
    // Not the VP's own clock: it is halted. The TSC at the same guest time by definition.
    const auto ns = static_cast<std::uint64_t>(machine.partition().guest_ns(lab.now()));
    const std::uint64_t tsc = ns * 2;
    const auto time = static_cast<std::uint64_t>(static_cast<Wide>(tsc) * word(8) >> 64) + word(16);
    const std::uint64_t counter = machine.partition().reference_time().ticks;
    EXPECT_LE(time > counter ? time - counter : counter - time, 1u);
  }
}

TEST_F(VpTest, AnIdleVpIsNotChargedRuntime) {
  start(idle_script());
  lab.run_for(1_s);
  EXPECT_EQ(machine.vp().runtime(), 0u) << "one instruction is less than 100 ns";
  Lab own;
  Machine busy(own.first);
  busy.add_vp(busy_script());
  busy.partition().resume("test");
  own.run_for(1_ms);
  EXPECT_EQ(busy.vp().runtime(), 10'000u);
}

RC_GTEST_PROP(VpClock, HasNoDriftAtAnyRateHoweverTheRunIsCutUp, ()) {
  const auto rate = *rc::gen::inRange<std::uint64_t>(1, 5'000);
  const auto cuts = *rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 3'000));
  Lab lab;
  PartitionConfig config = plain_config();
  config.time.instructions_per_us = rate;
  Machine machine(lab.first, config);
  machine.add_vp(busy_script());
  machine.partition().resume("test");
  std::int64_t total = 0;
  for (const int cut : cuts) {
    lab.run_for({cut});
    total += cut;
    // The least count at which the clock has reached the limit.
    const std::uint64_t executed = machine.cpu().executed();
    RC_ASSERT(executed == (static_cast<std::uint64_t>(total) * rate + 999) / 1'000);
  }
}

TEST_F(VpTest, ExitsCostWhatTheConfigurationSays) {
  start(
      {{[](ScriptedCpu& cpu) { cpu.note(cpu.bus().tsc()); },
        [](ScriptedCpu& cpu) { cpu.bus().port_in(0x60, 1); },
        [](ScriptedCpu& cpu) { cpu.note(cpu.bus().tsc()); },
        [](ScriptedCpu& cpu) { cpu.bus().mmio_read({0x100'0000}, 4); },
        [](ScriptedCpu& cpu) { cpu.note(cpu.bus().tsc()); },
        [](ScriptedCpu& cpu) { cpu.bus().cpuid(0, 0); },
        [](ScriptedCpu& cpu) { cpu.note(cpu.bus().tsc()); }, [](ScriptedCpu& cpu) { cpu.halt(); }},
       {}});
  lab.run_for(1_ms);
  const auto& marks = machine.cpu().marks;
  ASSERT_EQ(marks.size(), 4u);
  EXPECT_EQ(marks[1].what - marks[0].what, 2 * (1'500 + 2));
  EXPECT_EQ(marks[2].what - marks[1].what, 2 * (2'000 + 2));
  EXPECT_EQ(marks[3].what - marks[2].what, 2 * (1'000 + 2));
}

TEST_F(VpTest, APausedHostTakesTimeFromItsGuests) {
  start(busy_script());
  lab.run_for(1_ms);
  const std::uint64_t before = machine.cpu().executed();
  lab.world.pause(lab.first);
  lab.run_for(5_ms);
  EXPECT_EQ(machine.cpu().executed(), before);
  lab.world.resume(lab.first);
  lab.run_for(1_ms);
  EXPECT_EQ(machine.cpu().executed(), before + 1'000'000);
  EXPECT_EQ(machine.partition().guest_ns(lab.now()), 7'000'000) << "guest time went on";
}

// ---------------------------------------------------------------- interrupts

TEST_F(VpTest, AHaltedVpWakesAtTheTimeOfItsInterrupt) {
  Script script;
  script.steps = {[](ScriptedCpu& cpu) { cpu.enable_interrupts(true); },
                  [](ScriptedCpu& cpu) {
                    cpu.jump(1);
                    cpu.halt();
                  },
                  [](ScriptedCpu& cpu) {
                    cpu.note(cpu.bus().tsc());
                    cpu.write_msr(msr::kEoi, 0);
                    cpu.end_handler();
                  }};
  script.handlers[0x40] = 2;
  start(script);
  lab.run_for(5_ms);
  machine.partition().assert_interrupt({0}, 0x40);
  lab.run_for(5_ms);
  const auto& marks = machine.cpu().marks;
  ASSERT_EQ(marks.size(), 2u);
  EXPECT_EQ(marks[1].what, 2u * 5'000'000);
}

TEST_F(VpTest, AHaltWithInterruptsOffIsForEver) {
  start(idle_script());
  lab.run_for(1_ms);
  machine.partition().assert_interrupt({0}, 0x40);
  lab.run_for(1_ms);
  EXPECT_EQ(machine.cpu().executed(), 1u);
}

TEST(Apic, TakesTheHighestVectorAbovePriority) {
  Apic apic(0);
  EXPECT_TRUE(apic.request(0x41, false));
  EXPECT_TRUE(apic.request(0x93, false));
  EXPECT_EQ(apic.acknowledge(), 0x93);
  EXPECT_FALSE(apic.deliverable()) << "0x41 is below what is in service";
  EXPECT_EQ(apic.end_of_interrupt(), 0x93);
  apic.set_tpr(0x50);
  EXPECT_FALSE(apic.deliverable());
  apic.set_tpr(0x40);
  EXPECT_FALSE(apic.deliverable()) << "same class as the TPR";
  apic.set_tpr(0x30);
  EXPECT_EQ(apic.acknowledge(), 0x41);
  EXPECT_EQ(apic.end_of_interrupt(), 0x41);
  EXPECT_EQ(apic.end_of_interrupt(), std::nullopt);
  EXPECT_FALSE(apic.request(15, false)) << "vectors below 16 are exceptions";
}

TEST_F(VpTest, TheApicAnswersByMmioOrByX2ApicMsrsButNotByBoth) {
  machine.add_vp(idle_script());
  VirtualProcessor& vp = machine.vp();
  const sim::Gpfn page{Apic::kBaseAddress >> 12};
  EXPECT_EQ(vp.page(page, sim::Access::Read).kind, sim::PhysicalPage::Kind::Mmio);
  EXPECT_EQ(vp.read_msr(msr::kX2Apic + Apic::kTpr), std::nullopt);
  vp.mmio_write({Apic::kBaseAddress + 0x80}, 4, 0x70);
  EXPECT_EQ(vp.read_cr8(), 7u);
  EXPECT_TRUE(vp.write_msr(msr::kApicBase, *vp.read_msr(msr::kApicBase) | 1 << 10));
  EXPECT_EQ(vp.read_msr(msr::kX2Apic + Apic::kTpr), 0x70u);
  EXPECT_EQ(vp.page(page, sim::Access::Read).kind, sim::PhysicalPage::Kind::Unmapped);
}

TEST(Smp, InitAndStartUpBringUpAnotherProcessor) {
  Lab lab;
  Machine machine(lab.first, plain_config(2));
  machine.add_vp({{[](ScriptedCpu& cpu) { cpu.write_msr(msr::kIcr, 1ull << 56 | 0x4500); },
                   [](ScriptedCpu& cpu) { cpu.write_msr(msr::kIcr, 1ull << 56 | 0x4608); },
                   [](ScriptedCpu& cpu) { cpu.halt(); }},
                  {}},
                 0);
  machine.add_vp(
      {{[](ScriptedCpu& cpu) { cpu.note(cpu.r()[0]); }, [](ScriptedCpu& cpu) { cpu.halt(); }}, {}},
      1);
  machine.partition().resume("test");
  lab.run_for(1_ms);
  ASSERT_EQ(machine.cpu(1).marks.size(), 1u);
  EXPECT_EQ(machine.cpu(1).marks[0].what, 0x8000u) << "real mode at vector << 12";
}

TEST(Smp, AnIpiIsNotSeenBeforeItWasSent) {
  Lab lab;
  Machine machine(lab.first, plain_config(2));
  // VP 0 sends at its microsecond 5; VP 1 spins and is interrupted.
  Script sender;
  for (int i = 0; i < 5'000; ++i) sender.steps.push_back([](ScriptedCpu&) {});
  sender.steps.push_back([](ScriptedCpu& cpu) {
    cpu.note(cpu.bus().tsc());
    cpu.write_msr(msr::kIcr, 1ull << 56 | 0x4040);
  });
  sender.steps.push_back([](ScriptedCpu& cpu) { cpu.halt(); });
  Script receiver;
  receiver.steps = {[](ScriptedCpu& cpu) { cpu.enable_interrupts(true); },
                    [](ScriptedCpu& cpu) { cpu.jump(1); },
                    [](ScriptedCpu& cpu) {
                      cpu.note(cpu.bus().tsc());
                      cpu.halt();
                    }};
  receiver.handlers[0x40] = 2;
  machine.add_vp(sender, 0);
  machine.add_vp(receiver, 1);
  machine.vp(1).mark_started();
  machine.partition().resume("test");
  lab.run_for(1_ms);
  ASSERT_EQ(machine.cpu(1).marks.size(), 2u);
  const std::uint64_t sent = machine.cpu(0).marks.at(0).what;
  EXPECT_GE(machine.cpu(1).marks[1].what, sent);
  EXPECT_LE(machine.cpu(1).marks[1].what, sent + 2 * 10'000) << "within the processors' window";
}

// ---------------------------------------------------------------- memory

TEST_F(VpTest, AStoreToAReadOnlyPageStopsTheVpWithTheInstruction) {
  machine.partition().map_gpa_pages({9}, 1, {9}, {true, false, false});
  Kept<traces::ev::VpIntercept> intercepts(lab.recorder);
  start({{[](ScriptedCpu& cpu) { cpu.note(cpu.load(0x9000)); },
          [](ScriptedCpu& cpu) { cpu.store(0x9008, 1); }, [](ScriptedCpu& cpu) { cpu.note(99); }},
         {}});
  lab.run_for(1_ms);
  ASSERT_EQ(intercepts.size(), 1u);
  EXPECT_EQ(intercepts.back().gpa, 0x9008u);
  EXPECT_EQ(intercepts.back().access, traces::AccessKind::Write);
  EXPECT_EQ(intercepts.back().rip, 1u);
  EXPECT_EQ(machine.cpu().marks.size(), 1u);
  EXPECT_EQ(handler.stops.size(), 1u);
}

TEST_F(VpTest, UnmappedPagesAreInterceptsUnlessTheParentOwnsThem) {
  machine.add_vp(idle_script());
  using Kind = sim::PhysicalPage::Kind;
  EXPECT_EQ(machine.vp().page({0x1000}, sim::Access::Read).kind, Kind::Mmio);
  EXPECT_EQ(machine.vp().page({0x2000}, sim::Access::Read).kind, Kind::Unmapped);
  machine.partition().set_intercept_handler(nullptr);
  EXPECT_EQ(machine.vp().page({0x1000}, sim::Access::Read).kind, Kind::Unmapped);
  EXPECT_EQ(machine.vp().port_in(0x60, 1), 0xFFu) << "nobody there: the bus floats";
}

TEST_F(VpTest, TheEngineIsToldWhenItsTranslationsAreStale) {
  machine.add_vp(idle_script());
  std::uint64_t last = machine.vp().map_generation();
  const auto moved = [&] {
    const std::uint64_t before = std::exchange(last, machine.vp().map_generation());
    return before != last;
  };
  machine.vp().write_msr(msr::kSimp, 2 << 12 | 1);
  EXPECT_TRUE(moved());
  machine.memory.start_log();
  EXPECT_TRUE(moved());
  machine.partition().unmap_gpa_pages({3}, 1);
  EXPECT_TRUE(moved());
  EXPECT_FALSE(moved());
}

TEST_F(VpTest, StackWritesReachRamBelowOverlaysAndAreAllOrNothing) {
  machine.add_vp(idle_script());
  Partition& partition = machine.partition();
  machine.vp().write_msr(msr::kSimp, 2 << 12 | 1);
  std::vector<std::byte> data(0x1800, std::byte{7});
  EXPECT_TRUE(partition.write({0x1C00}, data));
  EXPECT_EQ(machine.memory.read_u32({2}, 0), 0x0707'0707u);
  EXPECT_EQ(machine.memory.read_u32(machine.vp().synic().message_page().frame(), 0), 0u);
  std::vector<std::byte> back(data.size());
  EXPECT_TRUE(partition.read({0x1C00}, back));
  EXPECT_EQ(back, data);
  EXPECT_FALSE(partition.write({(Machine::kPages << 12) - 16}, data));
  EXPECT_EQ(machine.memory.read_u32({Machine::kPages - 1}, 4080), 0u);
  EXPECT_FALSE(partition.read({~0ull - 3}, std::span(back).first(8)));
}

// ---------------------------------------------------------------- CPUID

TEST_F(VpTest, CpuidShowsThePlainProcessorAndTheHypervisorLeaves) {
  machine.add_vp(idle_script());
  VirtualProcessor& vp = machine.vp();
  EXPECT_NE(vp.cpuid(1, 0).ecx & 1u << 31, 0u);
  const auto range = vp.cpuid(0x4000'0000, 0);
  EXPECT_EQ(range, (sim::CpuidResult{0x4000'0006, 0x7263'694D, 0x666F'736F, 0x7648'2074}));
  EXPECT_EQ(vp.cpuid(0x4000'0001, 0).eax, 0x3123'7648u);
  EXPECT_EQ(vp.cpuid(0x4000'0002, 0).eax, 0u) << "no version before the guest has a name";
  vp.write_msr(msr::kGuestOsId, 1);
  EXPECT_NE(vp.cpuid(0x4000'0002, 0).eax, 0u);
  EXPECT_EQ(vp.cpuid(0x4000'0003, 0).ebx, 0x30u);
  EXPECT_EQ(vp.cpuid(0x4000'0004, 0).eax, 0x20u);
  EXPECT_EQ(vp.cpuid(0x4000'0006, 0).eax & 8, 8u) << "SLAT";
}

TEST(Cpuid, TheMinimalProfileIsTheDefaultAndBit12IsNeverShown) {
  Lab lab;
  PartitionConfig config;
  config.privileges.hypercall = ~0u;
  Machine machine(lab.first, config);
  machine.add_vp(idle_script());
  EXPECT_EQ(machine.vp().cpuid(0x4000'0003, 0).eax, 0x26Eu);
  EXPECT_EQ(machine.vp().cpuid(0x4000'0003, 0).edx, 0u);
  EXPECT_EQ(machine.vp().cpuid(0x4000'0003, 0).ebx & 1u << 12, 0u);
}

TEST(Cpuid, EveryGenerationNamesItselfItsLimitsAndWhetherItHasSlat) {
  const struct {
    Generation generation;
    std::uint32_t major, minor, vps, lps;
    bool slat;
  } each[] = {{Generation::Ws2008, 6, 0, 4, 16, false},
              {Generation::Ws2008R2, 6, 1, 4, 64, true},
              {Generation::Ws2012, 6, 2, 64, 320, true},
              {Generation::Current, 10, 0, 64, 320, true}};
  for (const auto& expected : each) {
    Lab lab;
    PartitionConfig config;
    config.generation = expected.generation;
    Machine machine(lab.first, config);
    machine.add_vp(idle_script());
    VirtualProcessor& vp = machine.vp();
    vp.write_msr(msr::kGuestOsId, 1);
    EXPECT_EQ(vp.cpuid(0x4000'0002, 0).ebx, expected.major << 16 | expected.minor);
    EXPECT_EQ(vp.cpuid(0x4000'0005, 0).eax, expected.vps);
    EXPECT_EQ(vp.cpuid(0x4000'0005, 0).ebx, expected.lps);
    EXPECT_EQ((vp.cpuid(0x4000'0006, 0).eax & 8) != 0, expected.slat);
  }
}

// ---------------------------------------------------------------- model guests

struct CountingModel final : ModelGuest {
  void interrupt(std::uint8_t vector) override { vectors.push_back(vector); }
  void run() override { ++runs; }
  void suspend() override { ++suspends; }
  std::vector<std::byte> save() const override { return bytes_of({42}); }
  bool restore(std::span<const std::byte> state) override { return state.size() == 1; }
  std::vector<std::uint8_t> vectors;
  int runs = 0;
  int suspends = 0;
};

TEST(ModelVp, GetsItsInterruptsAsEventsWhileItRuns) {
  Lab lab;
  Machine machine(lab.first);
  CountingModel model;
  ASSERT_EQ(machine.partition().create_model_vp({0}, model), Status::Success);
  machine.enable_synic(2, 0x40 | 1 << 17);
  machine.partition().resume("test");
  EXPECT_EQ(model.runs, 1);
  machine.partition().post_message(1, {0}, {2}, 1, {});
  EXPECT_TRUE(model.vectors.empty()) << "never from inside the poster";
  lab.run_for(0_ns);
  EXPECT_EQ(model.vectors, std::vector<std::uint8_t>{0x40});
  machine.partition().suspend("test");
  EXPECT_EQ(model.suspends, 1);
  machine.partition().assert_interrupt({0}, 0x55);
  lab.run_for(1_ms);
  EXPECT_EQ(model.vectors.size(), 1u);
  machine.partition().resume("test");
  lab.run_for(0_ns);
  EXPECT_EQ(model.vectors.size(), 2u);
}

}  // namespace
}  // namespace hv::test
