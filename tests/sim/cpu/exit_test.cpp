// What leaves the processor: ports, MMIO, MSRs, CPUID, hypercalls; and that limits and interrupts
// asked for inside such a call take effect right behind the instruction.
#include <gtest/gtest.h>

#include "tests/sim/cpu/test_machine.hpp"

namespace cpu_test {

namespace {

using sim::StopReason;

constexpr std::uint64_t kHandler = 0x21000;

class Exits : public testing::Test {
 protected:
  Exits() {
    t.load(catcher, kCatcher);
    for (unsigned v = 0; v < 32; ++v) t.set_gate(v, kCatcher + 16 * v);
    t.load(counter, kHandler);
    t.set_gate(0x40, kHandler);
  }
  sim::RunResult run(std::initializer_list<int> code, std::uint64_t limit = 10'000) {
    t.load(code);
    return t.cpu().run(limit);
  }
  std::uint64_t gpr(std::size_t index) { return t.cpu().registers().gpr[index]; }
  void set_gpr(std::size_t index, std::uint64_t value) {
    sim::CpuRegisters r = t.cpu().registers();
    r.gpr[index] = value;
    t.cpu().set_registers(r);
  }
  void set_flags(std::uint64_t flags) {
    sim::CpuRegisters r = t.cpu().registers();
    r.rflags = flags;
    t.cpu().set_registers(r);
  }
  TestMachine t;
};

TEST_F(Exits, PortsCarryTheirWidth) {
  t.answer = [](const Event& e) { return e.what == "in" ? 0xfffffff1u + e.b : 0; };
  set_gpr(0, 0x1122334455667788);
  // out 0x10,al; out 0x10,ax; out 0x10,eax; mov dx,0x3f8; in al,dx; in ax,dx; in eax,dx; hlt
  run({0xe6, 0x10, 0x66, 0xe7, 0x10, 0xe7, 0x10, 0x66, 0xba, 0xf8, 0x03, 0xec, 0x66, 0xed, 0xf4});
  const std::vector<Event> expected = {{"out", 0x10, 1, 0x88, 0},
                                       {"out", 0x10, 2, 0x7788, 1},
                                       {"out", 0x10, 4, 0x55667788, 2},
                                       {"in", 0x3f8, 1, 0, 4},
                                       {"in", 0x3f8, 2, 0, 5}};
  EXPECT_EQ(t.events, expected);
  EXPECT_EQ(gpr(0), 0x112233445566fff3u);
}

TEST_F(Exits, RepeatedStringsExitOncePerElement) {
  std::memcpy(t.at(kData), "hello", 5);
  t.answer = [n = 0](const Event& e) mutable { return e.what == "in" ? 0x100 + 'a' + n++ : 0; };
  // mov esi,kData; mov ecx,5; mov edx,0xe9; rep outsb; mov edi,kData+16; mov ecx,4; rep insb; hlt
  run({0xbe, 0,    0,    4,    0, 0xb9, 5, 0,    0, 0, 0xba, 0xe9, 0,    0,    0,
       0xf3, 0x6e, 0xbf, 0x10, 0, 4,    0, 0xb9, 4, 0, 0,    0,    0xf3, 0x6c, 0xf4});
  ASSERT_EQ(t.events.size(), 9u);
  std::string text;
  for (std::size_t i = 0; i < 5; ++i) text += static_cast<char>(t.events[i].c);
  EXPECT_EQ(text, "hello");
  EXPECT_EQ(t.read(kData + 16, 4), 0x64636261u);
  EXPECT_EQ(gpr(1), 0u);
  for (std::size_t i = 1; i < 5; ++i) {
    EXPECT_EQ(t.events[i].executed, t.events[i - 1].executed + 1);
  }
}

TEST_F(Exits, RepeatedStringsStopBetweenElements) {
  set_flags(0x202);
  std::uint64_t outs = 0;
  t.on_event = [&](const Event& e) {
    if (e.what != "out" || ++outs < 4) return;
    if (outs == 4) t.cpu().limit_to(0);
    if (outs == 6) {
      t.interrupts = {0x40};
      t.cpu().set_interrupt_line(true);
    }
  };
  // mov esi,kData; mov ecx,9; mov edx,0xe9; rep outsb; hlt
  const sim::RunResult r =
      run({0xbe, 0, 0, 4, 0, 0xb9, 9, 0, 0, 0, 0xba, 0xe9, 0, 0, 0, 0xf3, 0x6e, 0xf4});
  EXPECT_EQ(r.reason, StopReason::Limit);
  EXPECT_EQ(r.instructions, 3u + 4);
  EXPECT_EQ(gpr(1), 5u);
  EXPECT_EQ(t.cpu().registers().rip, kCode + 15);
  EXPECT_EQ(t.cpu().run(10'000).reason, StopReason::Halt);
  EXPECT_EQ(gpr(15), kCode + 15) << "the interrupt came between two elements";
  ASSERT_EQ(t.events.size(), 10u);
  EXPECT_EQ(t.events[6].what, "acknowledge");
}

TEST_F(Exits, MmioCarriesEveryWidthAndTheGuestPhysicalAddress) {
  t.answer = [](const Event& e) { return e.what == "load" ? 0x8877665544332211u : 0; };
  set_gpr(3, kMmio + 0x20);
  // mov al,[rbx]; mov ax,[rbx+2]; mov eax,[rbx+4]; mov rcx,[rbx+8]; movzx edx,byte [rbx+1];
  // mov [rbx],al; mov [rbx+2],ax; mov [rbx+4],eax; mov [rbx+8],rcx; hlt
  run({0x8a, 0x03, 0x66, 0x8b, 0x43, 0x02, 0x8b, 0x43, 0x04, 0x48, 0x8b,
       0x4b, 0x08, 0x0f, 0xb6, 0x53, 0x01, 0x88, 0x03, 0x66, 0x89, 0x43,
       0x02, 0x89, 0x43, 0x04, 0x48, 0x89, 0x4b, 0x08, 0xf4});
  const std::uint64_t at = kMmio + 0x20;
  const std::vector<Event> expected = {{"load", at, 1, 0, 0},
                                       {"load", at + 2, 2, 0, 1},
                                       {"load", at + 4, 4, 0, 2},
                                       {"load", at + 8, 8, 0, 3},
                                       {"load", at + 1, 1, 0, 4},
                                       {"store", at, 1, 0x11, 5},
                                       {"store", at + 2, 2, 0x2211, 6},
                                       {"store", at + 4, 4, 0x44332211, 7},
                                       {"store", at + 8, 8, 0x8877665544332211, 8}};
  EXPECT_EQ(t.events, expected);
  EXPECT_EQ(gpr(1), 0x8877665544332211u);
  EXPECT_EQ(gpr(2), 0x11u);
}

TEST_F(Exits, ReadModifyWriteOfMmioHappensOnce) {
  t.answer = [](const Event&) { return 41; };
  set_gpr(3, kMmio);
  // nop; add dword [rbx], 1; xchg [rbx], eax; hlt
  run({0x90, 0x83, 0x03, 0x01, 0x87, 0x03, 0xf4});
  const std::vector<Event> expected = {{"load", kMmio, 4, 0, 1},
                                       {"store", kMmio, 4, 42, 1},
                                       {"load", kMmio, 4, 0, 2},
                                       {"store", kMmio, 4, 0, 2}};
  EXPECT_EQ(t.events, expected);
  EXPECT_EQ(gpr(0), 41u);
}

TEST_F(Exits, MsrsReachTheBusAndItsRefusalIsGeneralProtection) {
  t.answer = [](const Event&) { return 0x123456789abcdef0; };
  // mov ecx,0x40000010; rdmsr; wrmsr; mov ecx,0x10; nop; rdmsr
  run({0xb9, 0x10, 0, 0, 0x40, 0x0f, 0x32, 0x0f, 0x30, 0xb9, 0x10, 0, 0, 0, 0x90, 0x0f, 0x32});
  const std::vector<Event> expected = {{"rdmsr", 0x40000010, 0, 0, 1},
                                       {"wrmsr", 0x40000010, 0x123456789abcdef0, 0, 2},
                                       {"rdmsr", 0x10, 0, 0, 5}};
  EXPECT_EQ(t.events, expected);
  EXPECT_EQ(t.read(kReport), 13u);
  EXPECT_EQ(t.read(kReport + 16), kCode + 15);
}

TEST_F(Exits, MsrsOfTheProcessorStayInside) {
  for (const std::uint32_t msr :
       {0x174u, 0x175u, 0x176u, 0x277u, 0xc0000080u, 0xc0000081u, 0xc0000082u, 0xc0000083u,
        0xc0000084u, 0xc0000100u, 0xc0000101u, 0xc0000102u}) {
    t.enter_long_mode();
    set_gpr(1, msr);
    run({0x0f, 0x32, 0x0f, 0x30, 0xf4});
    EXPECT_EQ(t.read(kReport), 0u) << std::hex << msr;
  }
  EXPECT_TRUE(t.events.empty());
}

TEST_F(Exits, NonCanonicalBasesAreRefused) {
  set_gpr(1, 0xc0000101);
  set_gpr(2, 0x00008000);
  run({0x0f, 0x30, 0xf4});
  EXPECT_EQ(t.read(kReport), 13u);
}

TEST_F(Exits, CpuidComesFromTheBus) {
  set_gpr(0, 0x40000003);
  set_gpr(1, 7);
  run({0x0f, 0xa2, 0xf4});
  EXPECT_EQ(gpr(0), 0x40000004u);
  EXPECT_EQ(gpr(3), 0x40000005u);
  EXPECT_EQ(gpr(1), 10u);
  EXPECT_EQ(gpr(2), 11u);
}

TEST_F(Exits, TheTimeStampComesFromTheBus) {
  // nop; nop; rdtsc; hlt
  run({0x90, 0x90, 0x0f, 0x31, 0xf4});
  EXPECT_EQ(gpr(0), 1006u);
}

TEST_F(Exits, Cr8GoesToTheBus) {
  // mov eax,5; mov cr8,rax; mov rbx,cr8; mov eax,16; mov cr8,rax
  run({0xb8, 5,    0,    0,    0, 0x44, 0x0f, 0x22, 0xc0, 0x44, 0x0f,
       0x20, 0xc3, 0xb8, 0x10, 0, 0,    0,    0x44, 0x0f, 0x22, 0xc0});
  EXPECT_EQ(t.cr8, 5u);
  EXPECT_EQ(gpr(3), 5u);
  EXPECT_EQ(t.read(kReport), 13u);
  EXPECT_EQ(t.cpu().registers().cr8, 5u);
}

class Hypercalls : public Exits {
 protected:
  Hypercalls() {
    // The hypercall page is an overlay: a frame that hides the RAM below.
    sim::PhysicalPage overlay;
    overlay.kind = sim::PhysicalPage::Kind::Ram;
    overlay.frame = sim::Frame{kOverlayFrame};
    overlay.rights = {true, false, true};
    t.pages[kPage / 4096] = overlay;
    const unsigned char code[] = {0x0f, 0x01, 0xc1, 0xc3};
    std::memcpy(t.storage() + kOverlayFrame * 4096, code, sizeof code);
    t.write(kPage, 0xf4, 1);
  }
  static constexpr std::uint64_t kPage = 0x90000;
};

TEST_F(Hypercalls, PassAndReturnRegisters) {
  set_gpr(1, 0x10005c);
  set_gpr(2, 0x22);
  set_gpr(8, 0x88);
  t.on_hypercall = [](sim::HypercallRegisters& r) {
    EXPECT_TRUE(r.long_mode);
    r.rax = 0x77;
    r.rdx = 0x99;
  };
  // mov eax,kPage; call rax; hlt
  EXPECT_EQ(run({0xb8, 0, 0, 9, 0, 0xff, 0xd0, 0xf4}).reason, StopReason::Halt);
  const std::vector<Event> expected = {{"hypercall", 0x10005c, 0x22, 0x88, 2}};
  EXPECT_EQ(t.events, expected);
  EXPECT_EQ(gpr(0), 0x77u);
  EXPECT_EQ(gpr(2), 0x99u);
  EXPECT_EQ(t.cpu().registers().rip, kCode + 8);
  EXPECT_EQ(t.cpu().executed(), 5u);
}

TEST_F(Hypercalls, RepeatLeavesTheInstructionPointer) {
  t.on_hypercall = [](sim::HypercallRegisters& r) { r.repeat = ++r.rcx < 3; };
  run({0x0f, 0x01, 0xd9, 0xf4});
  EXPECT_EQ(t.events.size(), 3u);
  EXPECT_EQ(t.events[2].executed, 2u);
  EXPECT_EQ(gpr(1), 3u);
}

TEST_F(Hypercalls, AreUndefinedInRing3) {
  sim::CpuRegisters r = t.cpu().registers();
  r.cs = {kUserCode, 0, 0xffffffff, 0x00affb00};
  r.ss = {kUserData, 0, 0xffffffff, 0x00cff300};
  t.cpu().set_registers(r);
  run({0x0f, 0x01, 0xc1});
  EXPECT_TRUE(t.events.empty());
  EXPECT_EQ(t.read(kReport), 6u);
}

TEST_F(Hypercalls, OtherUndefinedInstructionsAreNone) {
  run({0x0f, 0x01, 0xc2});
  EXPECT_TRUE(t.events.empty());
  EXPECT_EQ(t.read(kReport), 6u);
}

// Instructions that ask the bus, with kMmio in RBX, each in the middle of straight code.
const std::vector<std::vector<int>> kAsking = {
    {0xe6, 0x10},              // out
    {0xe4, 0x10},              // in
    {0x0f, 0xa2},              // cpuid
    {0x0f, 0x32},              // rdmsr
    {0x0f, 0x30},              // wrmsr
    {0x8b, 0x03},              // mmio load
    {0x89, 0x03},              // mmio store
    {0x0f, 0x01, 0xc1},        // vmcall
    {0x44, 0x0f, 0x22, 0xc2},  // mov cr8, rdx
};

class Asking : public Exits, public testing::WithParamInterface<std::size_t> {
 protected:
  Asking() {
    const std::vector<int>& instruction = kAsking[GetParam()];
    std::uint64_t where = kCode;
    const auto put = [&](int byte) { t.load({byte}, where++); };
    for (int i = 0; i < 3; ++i) put(0x90);
    for (const int byte : instruction) put(byte);
    after = where;
    for (int i = 0; i < 20; ++i) put(0x90);
    put(0xf4);
    set_gpr(1, 0x40000001);
    set_gpr(2, 1);
    set_gpr(3, kMmio);
  }
  std::uint64_t after = 0;
};

TEST_P(Asking, ALoweredLimitEndsTheRunRightBehindTheInstruction) {
  t.on_event = [this](const Event& e) {
    EXPECT_EQ(e.executed, 3u);
    t.cpu().limit_to(0);
  };
  const sim::RunResult r = t.cpu().run(10'000);
  EXPECT_EQ(r.reason, StopReason::Limit);
  EXPECT_EQ(r.instructions, 4u);
  EXPECT_EQ(t.cpu().registers().rip, after);
  EXPECT_EQ(t.events.size(), 1u);
  t.on_event = nullptr;
  EXPECT_EQ(t.cpu().run(10'000).reason, StopReason::Halt);
  EXPECT_EQ(t.cpu().executed(), 25u);
}

TEST_P(Asking, ALimitFurtherOnIsMetExactly) {
  t.on_event = [this](const Event&) { t.cpu().limit_to(11); };
  EXPECT_EQ(t.cpu().run(10'000).instructions, 11u);
  EXPECT_EQ(t.cpu().registers().rip, after + 7);
}

TEST_P(Asking, AnInterruptRaisedByItIsTakenRightBehindTheInstruction) {
  set_flags(0x202);
  t.on_event = [this](const Event& e) {
    if (e.what == "acknowledge") return;
    t.interrupts = {0x40};
    t.cpu().set_interrupt_line(true);
  };
  EXPECT_EQ(t.cpu().run(10'000).reason, StopReason::Halt);
  EXPECT_EQ(t.read(kData), 1u);
  EXPECT_EQ(t.cpu().registers().gpr[15], after);
}

TEST_P(Asking, ANewMapCountsFromTheNextInstructionOn) {
  // mov eax,[kData] behind it reads another frame.
  t.load({0x8b, 0x04, 0x25, 0, 0, 4, 0, 0xf4}, after);
  t.on_event = [this](const Event&) {
    sim::PhysicalPage other;
    other.kind = sim::PhysicalPage::Kind::Ram;
    other.frame = sim::Frame{kOverlayFrame};
    other.rights = {true, true, true};
    t.pages[kData / 4096] = other;
    ++t.generation;
  };
  t.write(kData, 1);
  std::memset(t.storage() + kOverlayFrame * 4096, 2, 1);
  EXPECT_EQ(t.cpu().run(10'000).reason, StopReason::Halt);
  EXPECT_EQ(gpr(0), 2u);
}

INSTANTIATE_TEST_SUITE_P(All, Asking, testing::Range<std::size_t>(0, 9));

class Interrupts : public Exits {
 protected:
  void raise() {
    t.interrupts = {0x40};
    t.cpu().set_interrupt_line(true);
  }
};

TEST_F(Interrupts, WaitForTheFlagAndTheShadowOfSti) {
  raise();
  // nop; sti; nop; nop; hlt
  run({0x90, 0xfb, 0x90, 0x90, 0xf4}, 2);
  EXPECT_EQ(t.read(kData), 0u);
  EXPECT_FALSE(t.cpu().interruptible());
  t.cpu().run(1000);
  EXPECT_EQ(t.read(kData), 1u);
  EXPECT_EQ(gpr(15), kCode + 3);
}

TEST_F(Interrupts, AreTakenBehindTheReturnThatFollowsSti) {
  raise();
  // push kCode+0x10; sti; ret ... hlt at kCode+0x10
  t.load({0xf4}, kCode + 0x10);
  run({0x68, 0x10, 0, 1, 0, 0xfb, 0xc3});
  EXPECT_EQ(gpr(15), kCode + 0x10);
  EXPECT_TRUE(t.cpu().halted());
}

TEST_F(Interrupts, AreTakenBehindThatReturnEvenWhereItsTargetIsKnown) {
  // l: push kCode+0x10; sti; ret     kCode+0x10: cli; inc ebx; inc ecx; jmp l
  t.load({0xfa, 0xff, 0xc3, 0xff, 0xc1, 0xeb, 0xe9}, kCode + 0x10);
  run({0x68, 0x10, 0, 1, 0, 0xfb, 0xc3}, 7 * 100);
  EXPECT_EQ(t.cpu().registers().rip, kCode);
  raise();
  t.cpu().run(100);
  EXPECT_EQ(t.read(kData), 1u);
  EXPECT_EQ(gpr(15), kCode + 0x10);
}

TEST_F(Interrupts, WakeAHaltedProcessor) {
  EXPECT_EQ(run({0xfb, 0xf4, 0x90, 0xf4}).reason, StopReason::Halt);
  EXPECT_TRUE(t.cpu().halted());
  EXPECT_EQ(t.cpu().registers().rip, kCode + 2);
  sim::RunResult r = t.cpu().run(1000);
  EXPECT_EQ(r.reason, StopReason::Halt);
  EXPECT_EQ(r.instructions, 0u);
  raise();
  r = t.cpu().run(1000);
  EXPECT_EQ(r.reason, StopReason::Halt);
  EXPECT_EQ(t.cpu().registers().rip, kCode + 4);
  EXPECT_EQ(gpr(15), kCode + 2);
  EXPECT_EQ(r.instructions, 5u);
}

TEST_F(Interrupts, StiHltWithAPendingOneWakesAtOnce) {
  raise();
  const sim::RunResult r = run({0xfb, 0xf4, 0xfa, 0xf4});
  EXPECT_EQ(r.reason, StopReason::Halt);
  EXPECT_EQ(gpr(15), kCode + 2);
  EXPECT_EQ(t.cpu().registers().rip, kCode + 4);
}

TEST_F(Interrupts, DoNotWakeAProcessorThatDisabledThem) {
  raise();
  EXPECT_EQ(run({0xf4}).reason, StopReason::Halt);
  EXPECT_EQ(t.cpu().run(100).instructions, 0u);
  EXPECT_EQ(t.interrupts.size(), 1u);
}

TEST_F(Interrupts, AnEmptyAcknowledgementIsNoInterrupt) {
  set_flags(0x202);
  t.cpu().set_interrupt_line(true);
  EXPECT_EQ(run({0x90, 0x90, 0xf4}).reason, StopReason::Halt);
  EXPECT_EQ(t.cpu().executed(), 3u);
}

TEST_F(Interrupts, ArriveBetweenAnyTwoInstructionsOfALoop) {
  // mov eax,1000; l: inc rbx; dec eax; jnz l; hlt
  for (std::uint64_t at = 1; at < 40; ++at) {
    TestMachine m;
    m.load(counter, kHandler);
    m.set_gate(0x40, kHandler);
    m.load({0xb8, 0xe8, 3, 0, 0, 0x48, 0xff, 0xc3, 0xff, 0xc8, 0x75, 0xf9, 0xf4});
    sim::CpuRegisters r = m.cpu().registers();
    r.rflags = 0x202;
    m.cpu().set_registers(r);
    EXPECT_EQ(m.cpu().run(at).instructions, at);
    const std::uint64_t rip = m.cpu().registers().rip;
    m.interrupts = {0x40};
    m.cpu().set_interrupt_line(true);
    EXPECT_EQ(m.cpu().run(100'000).reason, StopReason::Halt);
    EXPECT_EQ(m.cpu().registers().gpr[15], rip);
    EXPECT_EQ(m.cpu().registers().gpr[3], 1000u);
    EXPECT_EQ(m.cpu().executed(), 1u + 3000 + 1 + 3);
  }
}

TEST_F(Exits, ErrorsOfTheBusComeOutOfRun) {
  t.on_event = [](const Event&) { throw std::runtime_error("no such port"); };
  t.load({0x90, 0xe6, 0x10, 0xf4});
  EXPECT_THROW(t.cpu().run(100), std::runtime_error);
}

}  // namespace

}  // namespace cpu_test
