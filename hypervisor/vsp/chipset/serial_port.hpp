// A 16550A serial port whose line is infinitely fast: what the guest sends has left at once, and
// what is sent to it waits until it reads. Pure state; its owner carries bytes and interrupts.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "traces/bytes.hpp"

namespace vsp {

class SerialPort {
 public:
  static constexpr std::uint16_t kPorts = 8;

  std::uint8_t read(std::uint16_t offset);
  /// The byte that leaves on the line, if this write sends one.
  std::optional<std::uint8_t> write(std::uint16_t offset, std::uint8_t value);
  /// From the line. False when the port's buffer is full: the byte is lost, as on a real line.
  bool receive(std::uint8_t byte);
  /// Level of the interrupt pin.
  bool interrupt() const;

  void save(traces::ByteWriter& out) const;
  bool restore(traces::ByteReader& in);

 private:
  std::uint8_t identify();
  std::uint8_t line_status() const;

  std::deque<std::uint8_t> received_;
  bool transmitter_reported_ = true;  ///< "transmitter empty" has been read, or nothing was sent
  std::uint8_t interrupt_enable_ = 0;
  std::uint8_t fifo_control_ = 0;
  std::uint8_t line_control_ = 3;
  std::uint8_t modem_control_ = 0;
  std::uint8_t scratch_ = 0;
  std::uint16_t divisor_ = 1;
};

}  // namespace vsp
