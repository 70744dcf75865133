// The board of a PC as a distribution's kernel expects it: I/O APIC, one serial port, ACPI power
// management, a clock. It answers the accesses that leave the microkernel as intercepts (spec A12,
// B.10).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "hypervisor/core/partition.hpp"
#include "hypervisor/vsp/chipset/io_apic.hpp"
#include "hypervisor/vsp/chipset/power_management.hpp"
#include "hypervisor/vsp/chipset/real_time_clock.hpp"
#include "hypervisor/vsp/chipset/serial_port.hpp"
#include "traces/bytes.hpp"

namespace vsp {

/// Where ACPI tables say that the serial port is: COM1, interrupt 4.
inline constexpr std::uint16_t kSerialBase = 0x3F8;
inline constexpr unsigned kSerialPin = 4;

class Chipset {
 public:
  explicit Chipset(hv::Partition& partition) : partition_(partition) {}

  void on_serial(std::function<void(std::uint8_t)> call) { serial_out_ = std::move(call); }
  void on_power_off(std::function<void()> call) { power_off_ = std::move(call); }
  /// A byte from whoever sits at the other end of the serial line.
  void type(std::uint8_t byte);

  /// nullopt: no such port.
  std::optional<std::uint32_t> port_in(std::uint16_t port, unsigned bytes);
  bool port_out(std::uint16_t port, unsigned bytes, std::uint32_t value);
  bool owns(sim::Gpfn page) const;
  std::uint64_t mmio_read(sim::Gpa gpa, unsigned bytes) const;
  void mmio_write(sim::Gpa gpa, unsigned bytes, std::uint64_t value);

  /// Of all but the clock, whose only state is the chosen register.
  void save(traces::ByteWriter& out) const;
  bool restore(traces::ByteReader& in);  ///< untrusted bytes
  RealTimeClock& clock() { return clock_; }

 private:
  void drive_serial_pin();

  hv::Partition& partition_;
  IoApic io_apic_;
  SerialPort serial_;
  PowerManagement power_;
  RealTimeClock clock_;
  std::function<void(std::uint8_t)> serial_out_;
  std::function<void()> power_off_;
};

}  // namespace vsp
