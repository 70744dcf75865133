// Spec B.3 to B.5: the calling convention, and what a child may call.
#include <gtest/gtest.h>

#include "hypervisor/core/calls.hpp"
#include "tests/hypervisor/core/lab.hpp"

namespace hv::test {
namespace {

constexpr std::uint64_t kInput = 0x5000;
constexpr std::uint64_t kOutput = 0x6000;
constexpr std::uint64_t kFastCall = 1 << 16;
constexpr std::uint64_t reps(std::uint64_t count, std::uint64_t start = 0) {
  return count << 32 | start << 48;
}
constexpr std::uint32_t kSint0Name = 0x000A'0000;
constexpr std::uint32_t kVpIndexName = 0x0009'0003;

struct NullPort final : MessagePort, EventPort {
  void message(std::uint32_t, std::span<const std::byte> payload) override {
    sizes.push_back(payload.size());
  }
  void signalled(std::uint16_t flag) override { flags.push_back(flag); }
  std::vector<std::size_t> sizes;
  std::vector<std::uint16_t> flags;
};

struct HypercallTest : ::testing::Test {
  HypercallTest() : machine(lab.first) {
    machine.add_vp(idle_script());
    machine.partition().connect_messages({1}, port);
    machine.partition().connect_events({2}, port, 8);
    machine.partition().resume("test");
  }
  sim::HypercallRegisters call_registers(std::uint64_t control, std::uint64_t input = kInput,
                                         std::uint64_t output = kOutput) {
    sim::HypercallRegisters registers;
    registers.rcx = control;
    registers.rdx = input;
    registers.r8 = output;
    machine.vp().hypercall(registers);
    return registers;
  }
  Status status(std::uint64_t control, std::uint64_t input = kInput,
                std::uint64_t output = kOutput) {
    return static_cast<Status>(call_registers(control, input, output).rax & 0xFFFF);
  }
  void put_u32(std::uint64_t gpa, std::uint32_t value) {
    machine.memory.write_u32(sim::Frame{gpa >> 12}, gpa & 0xFFF, value, traces::Writer::Guest);
  }
  void put_u64(std::uint64_t gpa, std::uint64_t value) {
    put_u32(gpa, static_cast<std::uint32_t>(value));
    put_u32(gpa + 4, static_cast<std::uint32_t>(value >> 32));
  }
  std::uint64_t get_u64(std::uint64_t gpa) {
    const sim::Frame frame{gpa >> 12};
    return machine.memory.read_u32(frame, gpa & 0xFFF) |
           std::uint64_t{machine.memory.read_u32(frame, (gpa & 0xFFF) + 4)} << 32;
  }
  void put_message(std::uint32_t connection, std::uint32_t bytes, std::uint64_t at = kInput) {
    put_u32(at, connection);
    put_u32(at + 4, 0);
    put_u32(at + 8, 1);
    put_u32(at + 12, bytes);
  }
  /// Header of Get and SetVpRegisters for the calling VP.
  void put_self(std::uint64_t at = kInput) {
    put_u64(at, ~0ull);
    put_u64(at + 8, 0xFFFF'FFFE);
  }
  void grant(std::uint32_t hypercalls) {
    PartitionConfig config = plain_config();
    config.vm = 8;
    config.privileges.hypercall = hypercalls;
    privileged = std::make_unique<Machine>(lab.second, config);
    privileged->add_vp(idle_script());
  }
  Status privileged_status(std::uint64_t control, std::uint64_t rdx, std::uint64_t r8 = 0) {
    sim::HypercallRegisters registers;
    registers.rcx = control;
    registers.rdx = rdx;
    registers.r8 = r8;
    privileged->vp().hypercall(registers);
    return static_cast<Status>(registers.rax & 0xFFFF);
  }

  Lab lab;
  Machine machine;
  NullPort port;
  std::unique_ptr<Machine> privileged;
};

TEST_F(HypercallTest, UnknownCodesAreRefusedBeforeAnythingElse) {
  EXPECT_EQ(status(0x0FFF), Status::InvalidHypercallCode);
  EXPECT_EQ(status(0x0FFF | kFastCall | reps(5) | 1ull << 63, 3), Status::InvalidHypercallCode);
  EXPECT_EQ(status(0), Status::InvalidHypercallCode);
}

TEST_F(HypercallTest, AMessageIsPostedFromMemory) {
  put_message(1, 24);
  EXPECT_EQ(call_registers(call::kPostMessage).rax, 0u);
  lab.run_for(1_ms);
  EXPECT_EQ(port.sizes, std::vector<std::size_t>{24});
}

TEST_F(HypercallTest, APayloadBeyondTheMessageIsAnInvalidParameter) {
  put_message(1, 241);
  EXPECT_EQ(status(call::kPostMessage), Status::InvalidParameter);
  put_message(1, 240);
  EXPECT_EQ(status(call::kPostMessage), Status::Success);
}

TEST_F(HypercallTest, AnEventIsSignalledFromRegistersAndFromMemory) {
  EXPECT_EQ(status(call::kSignalEvent | kFastCall, 2 | 3ull << 32), Status::Success);
  put_u32(kInput, 2);
  put_u32(kInput + 4, 5);
  EXPECT_EQ(status(call::kSignalEvent), Status::Success);
  lab.run_for(1_ms);
  EXPECT_EQ(port.flags, (std::vector<std::uint16_t>{3, 5}));
}

TEST_F(HypercallTest, AFastCallOfASlowCodeIsInvalidInput) {
  EXPECT_EQ(status(call::kPostMessage | kFastCall), Status::InvalidHypercallInput);
  EXPECT_EQ(status(call::kGetVpRegisters | kFastCall | reps(1)), Status::InvalidHypercallInput);
}

TEST_F(HypercallTest, RepFieldsMustFitTheForm) {
  EXPECT_EQ(status(call::kSignalEvent | kFastCall | reps(1), 2), Status::InvalidHypercallInput);
  EXPECT_EQ(status(call::kSignalEvent | kFastCall | reps(0, 1), 2), Status::InvalidHypercallInput);
  put_self();
  EXPECT_EQ(status(call::kGetVpRegisters), Status::InvalidHypercallInput) << "count 0";
  EXPECT_EQ(status(call::kGetVpRegisters | reps(2, 2)), Status::InvalidHypercallInput);
  EXPECT_EQ(status(call::kGetVpRegisters | reps(2, 3)), Status::InvalidHypercallInput);
}

TEST_F(HypercallTest, ReservedBitsAndHeaderSizesAreInvalidInput) {
  for (const int bit : {17, 26, 27, 31, 44, 47, 60, 63}) {
    EXPECT_EQ(status(call::kSignalEvent | kFastCall | 1ull << bit, 2),
              Status::InvalidHypercallInput)
        << bit;
  }
}

TEST_F(HypercallTest, InputIsAlignedAndInsideOnePage) {
  put_message(1, 8);
  EXPECT_EQ(status(call::kPostMessage, kInput + 4), Status::InvalidAlignment);
  EXPECT_EQ(status(call::kPostMessage, 0x6000 - 248), Status::InvalidAlignment);
  put_message(1, 8, 0x6000 - 256);
  EXPECT_EQ(status(call::kPostMessage, 0x6000 - 256), Status::Success);
  put_self();
  EXPECT_EQ(status(call::kGetVpRegisters | reps(1), kInput, kOutput + 1), Status::InvalidAlignment);
  EXPECT_EQ(status(call::kGetVpRegisters | reps(257), kInput, kOutput), Status::InvalidAlignment)
      << "257 values of 16 bytes do not fit into a page";
}

TEST_F(HypercallTest, InputThatIsNotThereIsAnInvalidParameter) {
  EXPECT_EQ(status(call::kPostMessage, Machine::kPages << 12), Status::InvalidParameter);
  machine.partition().map_gpa_pages({6}, 1, {6}, {true, false, false});
  put_self();
  put_u32(kInput + 16, kVpIndexName);
  EXPECT_EQ(status(call::kGetVpRegisters | reps(1)), Status::InvalidParameter)
      << "the output page is read-only";
}

TEST_F(HypercallTest, FormComesBeforeAlignmentAndAlignmentBeforePrivilege) {
  EXPECT_EQ(status(call::kCreatePartition | kFastCall, 1), Status::InvalidHypercallInput);
  EXPECT_EQ(status(call::kCreatePartition, kInput + 1), Status::InvalidAlignment);
  EXPECT_EQ(status(call::kCreatePartition), Status::AccessDenied);
}

TEST_F(HypercallTest, AChildWithoutPrivilegesManagesNothing) {
  for (const std::uint16_t code :
       {call::kCreatePartition, call::kInitializePartition, call::kFinalizePartition,
        call::kDeletePartition, call::kGetPartitionProperty, call::kSetPartitionProperty,
        call::kGetPartitionId, call::kGetNextChildPartition, call::kGetMemoryBalance,
        call::kInstallIntercept, call::kCreateVp, call::kDeleteVp, call::kCreatePort,
        call::kDeletePort, call::kConnectPort, call::kDisconnectPort, call::kSavePartitionState,
        call::kRestorePartitionState, call::kAssertVirtualInterrupt}) {
    EXPECT_EQ(status(code), Status::AccessDenied) << code;
  }
  for (const std::uint16_t code :
       {call::kDepositMemory, call::kWithdrawMemory, call::kMapGpaPages, call::kUnmapGpaPages}) {
    EXPECT_EQ(status(code | reps(1)), Status::AccessDenied) << code;
  }
}

TEST_F(HypercallTest, APrivilegedChildIsStillNobodysParent) {
  grant(~0u);
  EXPECT_EQ(privileged_status(call::kCreatePartition, kInput, kOutput), Status::PartitionTooDeep);
  EXPECT_EQ(privileged_status(call::kFinalizePartition | kFastCall, privileged->id.value),
            Status::AccessDenied);
  EXPECT_EQ(privileged_status(call::kFinalizePartition | kFastCall, 77),
            Status::InvalidPartitionId);
  EXPECT_EQ(privileged->partition().state(), traces::PartitionState::Active);
}

TEST_F(HypercallTest, APrivilegedChildLearnsItsIdAndItsPool) {
  grant(privilege::kAccessPartitionId | privilege::kAccessMemoryPool);
  EXPECT_EQ(privileged_status(call::kGetPartitionId, 0, kOutput), Status::Success);
  EXPECT_EQ(privileged->memory.read_u32({6}, 0), privileged->id.value);
  privileged->memory.write_u32({5}, 0, static_cast<std::uint32_t>(privileged->id.value),
                               traces::Writer::Guest);
  EXPECT_EQ(privileged_status(call::kGetMemoryBalance, kInput, kOutput), Status::Success);
  EXPECT_EQ(privileged->memory.read_u32({6}, 8), Hypervisor::kPagesToInitialize);
}

TEST_F(HypercallTest, HintsAndFlushesAreAccepted) {
  const std::uint64_t before = machine.vp().map_generation();
  EXPECT_EQ(status(call::kNotifyLongSpinWait | kFastCall, 100), Status::Success);
  EXPECT_EQ(status(call::kFlushVirtualAddressSpace), Status::Success);
  EXPECT_NE(machine.vp().map_generation(), before) << "cached translations are gone";
  EXPECT_EQ(call_registers(call::kFlushVirtualAddressList | reps(3)).rax, 3ull << 32);
  put_u64(kInput + 8, 1 << 4);
  EXPECT_EQ(status(call::kFlushVirtualAddressSpace), Status::InvalidParameter);
}

TEST_F(HypercallTest, RegistersAreReadElementByElement) {
  put_self();
  put_u32(kInput + 16, kSint0Name + 5);
  put_u32(kInput + 20, kVpIndexName);
  const auto registers = call_registers(call::kGetVpRegisters | reps(2));
  EXPECT_EQ(registers.rax, 2ull << 32);
  EXPECT_EQ(get_u64(kOutput), 0x1'0000u);
  EXPECT_EQ(get_u64(kOutput + 16), 0u);
}

TEST_F(HypercallTest, AFailingElementStopsTheListAndCountsWhatWasDone) {
  put_self();
  const std::uint32_t names[] = {kSint0Name + 1, kSint0Name + 2, 0xFFFF, kSint0Name + 3};
  for (std::uint32_t i = 0; i < 4; ++i) {
    const std::uint64_t element = kInput + 16 + 32 * i;
    put_u32(element, names[i]);
    put_u64(element + 16, 0x1'0040);
  }
  const auto registers = call_registers(call::kSetVpRegisters | reps(4));
  EXPECT_EQ(registers.rax, 5 | 2ull << 32);
  EXPECT_EQ(machine.vp().read_msr(msr::kSint0 + 2), 0x1'0040u);
  EXPECT_EQ(machine.vp().read_msr(msr::kSint0 + 3), 0x1'0000u) << "nothing after the failure";
}

TEST_F(HypercallTest, OtherPartitionsRegistersAreDenied) {
  put_u64(kInput, 1);
  put_u64(kInput + 8, 0);
  put_u32(kInput + 16, kVpIndexName);
  EXPECT_EQ(status(call::kGetVpRegisters | reps(1)), Status::AccessDenied);
  put_u64(kInput, ~0ull);
  put_u64(kInput + 8, 9);
  EXPECT_EQ(status(call::kGetVpRegisters | reps(1)), Status::InvalidVpIndex);
}

TEST_F(HypercallTest, ALongListIsContinuedAndNoElementIsDoneTwice) {
  put_self();
  for (std::uint64_t i = 0; i < 250; ++i) {
    put_u32(kInput + 16 + 4 * i, kSint0Name + static_cast<std::uint32_t>(i % 16));
  }
  std::uint64_t control = call::kGetVpRegisters | reps(250);
  std::vector<std::uint64_t> starts;
  sim::HypercallRegisters registers;
  do {
    starts.push_back(control >> 48);
    const std::uint64_t done = starts.back();
    if (done > 0) put_u64(kOutput, 0xDEAD);  // would be overwritten if element 0 ran again
    registers = call_registers(control);
    control = registers.rcx;
  } while (registers.repeat);
  EXPECT_EQ(starts, (std::vector<std::uint64_t>{0, 100, 200}));
  EXPECT_EQ(registers.rax, 250ull << 32) << "completed elements are counted from element 0";
  EXPECT_EQ(get_u64(kOutput), 0xDEADu);
  EXPECT_EQ(get_u64(kOutput + 16 * 249), 0x1'0000u);
}

TEST_F(HypercallTest, TheThirtyTwoBitFormUsesPairsOfRegisters) {
  sim::HypercallRegisters registers;
  registers.long_mode = false;
  registers.rax = call::kSignalEvent | kFastCall;
  registers.rcx = 2;
  registers.rbx = 6;
  registers.rdx = 0;
  machine.vp().hypercall(registers);
  EXPECT_EQ(registers.rax, 0u);
  EXPECT_EQ(registers.rdx, 0u);
  lab.run_for(1_ms);
  EXPECT_EQ(port.flags, std::vector<std::uint16_t>{6});

  put_self();
  put_u32(kInput + 16, kVpIndexName);
  put_u32(kInput + 20, 0xFFFF);
  registers = {};
  registers.long_mode = false;
  registers.rax = call::kGetVpRegisters;
  registers.rdx = 2;
  registers.rcx = kInput;
  registers.rsi = kOutput;
  machine.vp().hypercall(registers);
  EXPECT_EQ(registers.rax, 5u);
  EXPECT_EQ(registers.rdx, 1u) << "one element was completed";
}

TEST_F(HypercallTest, AGuestThatLoopsOverAContinuedCallPaysForEveryElement) {
  Lab own;
  Machine guest(own.first);
  Script script;
  script.steps = {
      [](ScriptedCpu& cpu) { cpu.r()[0] = cpu.bus().tsc(); },
      [](ScriptedCpu& cpu) {
        cpu.r()[1] = cpu.vmcall(call::kGetVpRegisters | reps(250), kInput, kOutput);
      },
      [](ScriptedCpu& cpu) { cpu.r()[2] = cpu.bus().tsc(); },
      [](ScriptedCpu& cpu) { cpu.halt(); },
  };
  guest.add_vp(script);
  guest.memory.write_u32({5}, 0, ~0u, traces::Writer::Guest);
  guest.memory.write_u32({5}, 4, ~0u, traces::Writer::Guest);
  guest.memory.write_u32({5}, 8, 0xFFFF'FFFE, traces::Writer::Guest);
  for (std::uint32_t i = 0; i < 250; ++i) {
    guest.memory.write_u32({5}, 16 + 4 * i, kSint0Name, traces::Writer::Guest);
  }
  guest.partition().resume("test");
  own.run_for(1_ms);
  EXPECT_EQ(guest.cpu().r()[1], 250ull << 32);
  EXPECT_EQ(guest.cpu().repeats, 2u);
  // Three entries of 1 us and 250 elements of 0.5 us, at 2 ticks per ns; and two instructions.
  const std::uint64_t ns = 3 * 1'000 + 250 * 500 + 2;
  EXPECT_EQ(guest.cpu().r()[2] - guest.cpu().r()[0], 2 * ns);
}

}  // namespace
}  // namespace hv::test
