// What a guest asks of the hypervisor is told as it happened: properties are judged by it.
#include <gtest/gtest.h>

#include "hypervisor/core/calls.hpp"
#include "tests/hypervisor/core/lab.hpp"

namespace hv::test {
namespace {

namespace ev = traces::ev;

struct Told : ::testing::Test {
  Told() : machine(lab.first) { machine.add_vp(idle_script()); }
  sim::HypercallRegisters call(std::uint64_t control, std::uint64_t input, std::uint64_t output) {
    sim::HypercallRegisters registers;
    registers.rcx = control;
    registers.rdx = input;
    registers.r8 = output;
    machine.vp().hypercall(registers);
    return registers;
  }
  Lab lab;
  Machine machine;
};

TEST_F(Told, AccessesToSyntheticMsrsAndTheirAnswers) {
  Kept<ev::MsrAccessed> told(lab.recorder);
  machine.vp().wrmsr(msr::kGuestOsId, 5);
  EXPECT_TRUE(machine.vp().rdmsr(msr::kGuestOsId).has_value());
  machine.vp().wrmsr(msr::kVpIndex, 1);
  machine.vp().rdmsr(msr::kTsc);  // not synthetic
  ASSERT_EQ(told.size(), 3u);
  EXPECT_TRUE(told[0].write && told[0].accepted && told[0].value == 5);
  EXPECT_TRUE(!told[1].write && told[1].accepted && told[1].value == 5);
  EXPECT_TRUE(told[2].write && !told[2].accepted && told[2].msr == msr::kVpIndex);
}

TEST_F(Told, AccessesUnderTheNameOfARegister) {
  Kept<ev::MsrAccessed> told(lab.recorder);
  machine.memory.write_u32({5}, 0, ~0u, traces::Writer::Guest);
  machine.memory.write_u32({5}, 4, ~0u, traces::Writer::Guest);
  machine.memory.write_u32({5}, 8, 0xFFFF'FFFE, traces::Writer::Guest);
  machine.memory.write_u32({5}, 16, 0x0009'0003, traces::Writer::Guest);
  call(call::kGetVpRegisters | std::uint64_t{1} << 32, 0x5000, 0x6000);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].msr, msr::kVpIndex);
}

TEST_F(Told, HypercallsAsTheRegistersShowThem) {
  Kept<ev::HypercallReturned> told(lab.recorder);
  Kept<ev::HypercallElement> elements(lab.recorder);
  constexpr std::uint64_t kReps = 150;  // half a microsecond each: more than 50 us
  const std::uint64_t control = call::kFlushVirtualAddressList | kReps << 32;
  sim::HypercallRegisters registers = call(control, 0x5000, 0);
  ASSERT_TRUE(registers.repeat);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(told[0].continued);
  EXPECT_EQ(told[0].control, control);
  EXPECT_EQ(told[0].next, registers.rcx);
  EXPECT_EQ(told[0].next >> 48, elements.size());
  registers = call(registers.rcx, 0x5000, 0);
  EXPECT_FALSE(told[1].continued);
  EXPECT_EQ(told[1].result, registers.rax);
  EXPECT_EQ(told[1].result, kReps << 32);
  EXPECT_EQ(elements.size(), kReps);
  EXPECT_EQ(elements.back().element, kReps - 1);
}

TEST_F(Told, PrivilegesOfANewPartition) {
  Kept<ev::PartitionPrivileges> told(lab.recorder);
  PartitionConfig config = plain_config();
  config.vm = 8;
  Machine other(lab.second, config);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].msr, config.privileges.msr);
  EXPECT_EQ(told[0].hypercall, config.privileges.hypercall);
}

TEST_F(Told, PagesOfAPoolFromTheDepositToTheWithdrawal) {
  Kept<ev::PoolChanged> told(lab.recorder);
  const PartitionId root = machine.hypervisor.root();
  machine.hypervisor.deposit_memory(root, machine.id, 3);
  machine.hypervisor.destroy_partition(root, machine.id);
  ASSERT_EQ(told.size(), 3u);
  constexpr std::uint64_t kUsed = Hypervisor::kPagesToInitialize;
  EXPECT_TRUE(told[0].deposited == 3 && told[0].available == 3 && told[0].in_use == kUsed);
  EXPECT_TRUE(told[1].available == 3 + kUsed && told[1].in_use == 0);
  EXPECT_TRUE(told[2].withdrawn == 3 + kUsed && told[2].available == 0);
}

TEST_F(Told, InterruptsFromTheRequestToTheEnd) {
  Kept<ev::InterruptRequested> requested(lab.recorder);
  Kept<ev::InterruptInService> service(lab.recorder);
  Kept<ev::ApicEoi> ends(lab.recorder);
  machine.vp().request_interrupt(0x60, false);
  machine.vp().request_interrupt(0x70, true, 3);
  machine.vp().acknowledge_interrupt();
  machine.vp().acknowledge_interrupt();
  machine.vp().write_msr(msr::kEoi, 0);
  ASSERT_EQ(requested.size(), 2u);
  EXPECT_EQ(requested[0].sint, VirtualProcessor::kNoSint);
  EXPECT_TRUE(requested[1].sint == 3 && requested[1].accepted);
  ASSERT_EQ(service.size(), 2u);
  EXPECT_TRUE(service[0].vector == 0x70 && !service[0].in_service);
  EXPECT_TRUE(service[1].vector == 0x60 && service[1].in_service);
  EXPECT_EQ(ends.size(), 1u);
}

TEST_F(Told, TheReferencePageAsItLiesThere) {
  Kept<ev::ReferencePageShown> told(lab.recorder);
  machine.vp().write_msr(msr::kReferenceTsc, 8 << 12 | 1);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].sequence, 1u);
  EXPECT_EQ(told[0].scale, (std::uint64_t{1} << 63) / 100);  // of a TSC of 2 GHz
  EXPECT_EQ(told[0].offset, 0);
}

TEST_F(Told, TheTscOnceInAMillisecond) {
  Kept<ev::TscRead> told(lab.recorder);
  for (int i = 0; i < 1000; ++i) machine.vp().tsc();
  EXPECT_EQ(told.size(), 1u);
  machine.vp().charge(1_ms);
  machine.vp().tsc();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[1].tsc, 2'000'000u);
}

TEST_F(Told, NothingOfItWithoutDetail) {
  lab.recorder.set_detail(false);
  Kept<ev::MsrAccessed> accesses(lab.recorder);
  Kept<ev::TscRead> reads(lab.recorder);
  machine.vp().wrmsr(msr::kGuestOsId, 5);
  machine.vp().tsc();
  EXPECT_TRUE(accesses.empty() && reads.empty());
}

}  // namespace
}  // namespace hv::test
