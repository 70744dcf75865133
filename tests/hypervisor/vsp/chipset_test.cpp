// The board's devices as their drivers use them.
#include <gtest/gtest.h>

#include "hypervisor/vsp/chipset/io_apic.hpp"
#include "hypervisor/vsp/chipset/power_management.hpp"
#include "hypervisor/vsp/chipset/real_time_clock.hpp"
#include "hypervisor/vsp/chipset/serial_port.hpp"

namespace {

using vsp::IoApic;
using vsp::PowerManagement;
using vsp::SerialPort;

constexpr std::uint16_t kIer = 1, kIir = 2, kLcr = 3, kMcr = 4, kLsr = 5, kScr = 7;

template <class Device>
Device copy_of(const Device& device) {
  traces::ByteWriter out;
  device.save(out);
  traces::ByteReader in(out.bytes());
  Device copy;
  EXPECT_TRUE(copy.restore(in));
  EXPECT_TRUE(in.at_end());
  return copy;
}

TEST(RealTimeClock, TellsDateAndTimeInBcd) {
  vsp::RealTimeClock clock;
  const auto at = [&clock](std::uint64_t seconds) {
    std::vector<int> all;
    for (const std::uint8_t index : {0x32, 9, 8, 7, 6, 4, 2, 0}) {
      clock.select(index);
      all.push_back(clock.read(seconds));
    }
    return all;
  };
  using Registers = std::vector<int>;
  EXPECT_EQ(at(0), (Registers{0x19, 0x70, 0x01, 0x01, 5, 0, 0, 0}));
  EXPECT_EQ(at(951'782'399), (Registers{0x20, 0x00, 0x02, 0x28, 2, 0x23, 0x59, 0x59}));
  EXPECT_EQ(at(951'782'400), (Registers{0x20, 0x00, 0x02, 0x29, 3, 0, 0, 0}));
  EXPECT_EQ(at(1'346'716'800), (Registers{0x20, 0x12, 0x09, 0x04, 3, 0, 0, 0}));
  EXPECT_EQ(at(4'107'542'400), (Registers{0x21, 0x00, 0x03, 0x01, 2, 0, 0, 0}));  // no leap day
  EXPECT_EQ(at(~std::uint64_t{0}).size(), 8u);  // and no end of the walk is missed
}

TEST(RealTimeClock, IsNeverInTheMiddleOfAnUpdate) {
  vsp::RealTimeClock clock;
  clock.select(0x80 | 10);  // bit 7 masks the NMI
  EXPECT_EQ(clock.selected(), 10);
  EXPECT_EQ(clock.read(1) & 0x80, 0);
  clock.select(13);
  EXPECT_EQ(clock.read(1), 0x80);
}

TEST(SerialPort, SendsWhatIsWrittenAndIsEmptyAtOnce) {
  SerialPort port;
  EXPECT_EQ(port.write(0, 'x'), 'x');
  EXPECT_EQ(port.read(kLsr) & 0x60, 0x60);
}

TEST(SerialPort, DivisorLatchDoesNotSend) {
  SerialPort port;
  port.write(kLcr, 0x83);
  EXPECT_EQ(port.write(0, 12), std::nullopt);
  EXPECT_EQ(port.read(0), 12);
  port.write(kLcr, 3);
  EXPECT_EQ(port.read(kIer), 0);
}

TEST(SerialPort, TransmitterInterruptEndsWhenItsIdentityIsRead) {
  SerialPort port;
  port.write(kMcr, 8);
  EXPECT_FALSE(port.interrupt());
  port.write(kIer, 2);
  EXPECT_TRUE(port.interrupt());
  EXPECT_EQ(port.read(kIir) & 0xF, 2);
  EXPECT_FALSE(port.interrupt());
  port.write(0, 'x');
  EXPECT_TRUE(port.interrupt());
}

TEST(SerialPort, InterruptPinIsGatedByOut2) {
  SerialPort port;
  port.write(kIer, 2);
  EXPECT_FALSE(port.interrupt());
}

TEST(SerialPort, ReceivedBytesComeInOrderAndRaiseTheirInterrupt) {
  SerialPort port;
  port.write(kMcr, 8);
  port.write(kIer, 1);
  port.receive('a');
  port.receive('b');
  EXPECT_TRUE(port.interrupt());
  EXPECT_EQ(port.read(kIir) & 0xF, 4);
  EXPECT_EQ(port.read(kLsr) & 1, 1);
  EXPECT_EQ(port.read(0), 'a');
  EXPECT_EQ(port.read(0), 'b');
  EXPECT_FALSE(port.interrupt());
  EXPECT_EQ(port.read(kLsr) & 1, 0);
}

TEST(SerialPort, LoopbackWiresOutputsToInputs) {
  SerialPort port;
  port.write(kMcr, 0x1A);
  EXPECT_EQ(port.read(6), 0x90);
  EXPECT_EQ(port.write(0, 'x'), std::nullopt);
  EXPECT_EQ(port.read(0), 'x');
}

TEST(SerialPort, LosesWhatItsBufferCannotHold) {
  SerialPort port;
  int taken = 0;
  while (port.receive('x')) ++taken;
  EXPECT_EQ(taken, 4096);
}

TEST(SerialPort, GoesOnAfterSaveAndRestore) {
  SerialPort port;
  port.write(kMcr, 8);
  port.write(kIer, 3);
  port.write(kScr, 0x5A);
  port.receive('a');
  SerialPort copy = copy_of(port);
  EXPECT_EQ(copy.interrupt(), port.interrupt());
  EXPECT_EQ(copy.read(kScr), 0x5A);
  EXPECT_EQ(copy.read(0), 'a');
}

TEST(IoApic, EdgeOnAnUnmaskedPinAsksForItsVectorOnce) {
  IoApic apic;
  EXPECT_FALSE(apic.set_level(4, true)) << "masked after reset";
  apic.set_level(4, false);
  apic.write(0x00, 0x10 + 2 * 4);
  apic.write(0x10, 0x31);
  apic.write(0x00, 0x11 + 2 * 4);
  apic.write(0x10, 0x0200'0000);
  const auto request = apic.set_level(4, true);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->vector, 0x31);
  EXPECT_EQ(request->destination, 2);
  EXPECT_FALSE(request->logical);
  EXPECT_FALSE(apic.set_level(4, true)) << "no second edge";
}

TEST(IoApic, RegistersReadAsWrittenExceptWhatIsReadOnly) {
  IoApic apic;
  apic.write(0x00, 1);
  EXPECT_EQ(apic.read(0x10), 0x0017'0011u);
  apic.write(0x00, 0x10);
  apic.write(0x10, 0xFFFF'FFFF);
  EXPECT_EQ(apic.read(0x10), 0xFFFF'FFFFu & ~(1u << 12 | 1u << 14));
  apic.write(0x00, 0xFF);
  apic.write(0x10, 7);
  EXPECT_EQ(apic.read(0x10), 0u);
  EXPECT_FALSE(apic.set_level(24, true));
}

TEST(IoApic, GoesOnAfterSaveAndRestore) {
  IoApic apic;
  apic.write(0x00, 0x18);
  apic.write(0x10, 0x31);
  apic.set_level(4, true);
  IoApic copy = copy_of(apic);
  EXPECT_EQ(copy.read(0x10), apic.read(0x10));
  EXPECT_FALSE(copy.set_level(4, true));
}

TEST(IoApic, RefusesSavedBytesThatNoApicHas) {
  traces::ByteWriter out;
  IoApic().save(out);
  auto bytes = out.take();
  bytes[1] = std::byte{0x20};
  traces::ByteReader in(bytes);
  IoApic apic;
  EXPECT_FALSE(apic.restore(in));
}

TEST(PowerManagement, TimerCountsAtItsRateOfGuestTime) {
  PowerManagement power;
  EXPECT_EQ(power.read(0x408, 4, 1'000'000'000), 3'579'545u);
  EXPECT_EQ(power.read(0x408, 4, 0), 0u);
}

TEST(PowerManagement, OnlySleepTypeFiveWithSleepEnableSwitchesOff) {
  PowerManagement power;
  EXPECT_FALSE(power.write(0x404, 2, 5u << 10));
  EXPECT_FALSE(power.write(0x404, 2, 1u << 13));
  EXPECT_FALSE(power.write(0x400, 2, 5u << 10 | 1u << 13));
  EXPECT_TRUE(power.write(0x404, 2, 5u << 10 | 1u << 13));
  EXPECT_EQ(power.read(0x404, 2, 0) & 1, 1u) << "stays in ACPI mode";
}

TEST(PowerManagement, KeepsItsEnableHalf) {
  PowerManagement power;
  power.write(0x402, 2, 0x120);
  EXPECT_EQ(copy_of(power).read(0x402, 2, 0), 0x120u);
  EXPECT_EQ(power.read(0x400, 2, 0), 0u);
}

}  // namespace
