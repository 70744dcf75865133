#include "hypervisor/vsp/chipset/chipset.hpp"

#include "hypervisor/core/virtual_processor.hpp"
#include "hypervisor/vsp/time_sync.hpp"

namespace vsp {

namespace {

bool of_serial(std::uint16_t port) {
  return port >= kSerialBase && port < kSerialBase + SerialPort::kPorts;
}
bool of_power(std::uint16_t port) {
  return port >= PowerManagement::kEventBlock && port < PowerManagement::kEnd;
}

/// The host's clock, as the time synchronization component has it.
std::uint64_t unix_seconds(sim::Time now) {
  constexpr std::uint64_t kTicks = 10'000'000;
  constexpr std::int64_t kSecond = 1'000'000'000;
  return (TimeSyncConfig{}.epoch - kUnixEpoch) / kTicks +
         static_cast<std::uint64_t>(now.ns / kSecond);
}

}  // namespace

/// An edge of the serial port's pin becomes an interrupt of the processor that its entry names.
void Chipset::drive_serial_pin() {
  const auto request = io_apic_.set_level(kSerialPin, serial_.interrupt());
  if (!request) return;
  for (hv::VirtualProcessor* vp : partition_.vps()) {
    const std::uint32_t id = vp->apic().id();
    const bool chosen =
        request->logical
            ? (vp->apic().addressed_by(std::uint64_t{request->destination} << 56 | 0x800, false))
            : request->destination == id;
    if (!chosen) continue;
    partition_.assert_interrupt(vp->index(), request->vector);
    return;
  }
}

void Chipset::type(std::uint8_t byte) {
  serial_.receive(byte);
  drive_serial_pin();
}

std::optional<std::uint32_t> Chipset::port_in(std::uint16_t port, unsigned bytes) {
  if (of_serial(port) && bytes == 1) {
    const std::uint8_t value = serial_.read(port - kSerialBase);
    drive_serial_pin();
    return value;
  }
  if (of_power(port)) {
    return power_.read(port, bytes, partition_.guest_ns(partition_.node().now()));
  }
  if (port == RealTimeClock::kDataPort && bytes == 1) {
    return clock_.read(unix_seconds(partition_.node().now()));
  }
  return std::nullopt;
}

bool Chipset::port_out(std::uint16_t port, unsigned bytes, std::uint32_t value) {
  if (of_serial(port) && bytes == 1) {
    const auto sent = serial_.write(port - kSerialBase, static_cast<std::uint8_t>(value));
    if (sent && serial_out_) serial_out_(*sent);
    // Each byte that leaves makes the transmitter empty again: an edge of its own.
    if (sent) io_apic_.set_level(kSerialPin, false);
    drive_serial_pin();
    return true;
  }
  if (port == RealTimeClock::kIndexPort && bytes == 1) {
    clock_.select(static_cast<std::uint8_t>(value));
    return true;
  }
  if (!of_power(port)) return false;
  if (power_.write(port, bytes, value) && power_off_) power_off_();
  return true;
}

bool Chipset::owns(sim::Gpfn page) const {
  return page.value == IoApic::kAddress >> sim::kPageShift;
}

std::uint64_t Chipset::mmio_read(sim::Gpa gpa, unsigned) const {
  return io_apic_.read(static_cast<std::uint32_t>(sim::offset_in_page(gpa)));
}

void Chipset::mmio_write(sim::Gpa gpa, unsigned, std::uint64_t value) {
  io_apic_.write(static_cast<std::uint32_t>(sim::offset_in_page(gpa)),
                 static_cast<std::uint32_t>(value));
}

void Chipset::save(traces::ByteWriter& out) const {
  io_apic_.save(out);
  serial_.save(out);
  power_.save(out);
}

bool Chipset::restore(traces::ByteReader& in) {
  return io_apic_.restore(in) && serial_.restore(in) && power_.restore(in);
}

}  // namespace vsp
