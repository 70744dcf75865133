#include "hypervisor/vsp/chipset/serial_port.hpp"

namespace vsp {

namespace {

enum Offset : std::uint16_t {
  kData = 0,
  kInterruptEnable = 1,
  kInterruptIdentity = 2,  // reads; writes go to the FIFO control register
  kLineControl = 3,
  kModemControl = 4,
  kLineStatus = 5,
  kModemStatus = 6,
  kScratch = 7,
};

constexpr std::size_t kBuffer = 4096;  // what a real FIFO and its sender's patience come to
constexpr std::uint8_t kWantsReceived = 1, kWantsEmpty = 2;
constexpr std::uint8_t kNothingPending = 1, kEmptyPending = 2, kReceivedPending = 4;
constexpr std::uint8_t kFifoEnabled = 1, kFifosOn = 0xC0;
constexpr std::uint8_t kDivisorAccess = 0x80;
constexpr std::uint8_t kLoop = 0x10, kOut2 = 8;
constexpr std::uint8_t kHasData = 1, kTransmitterEmpty = 0x60;
constexpr std::uint8_t kCarrierReadyClear = 0xB0;  // DCD, DSR, CTS

}  // namespace

std::uint8_t SerialPort::identify() {
  const std::uint8_t fifos = (fifo_control_ & kFifoEnabled) != 0 ? kFifosOn : 0;
  if ((interrupt_enable_ & kWantsReceived) != 0 && !received_.empty()) {
    return fifos | kReceivedPending;
  }
  if ((interrupt_enable_ & kWantsEmpty) != 0 && !transmitter_reported_) {
    transmitter_reported_ = true;  // reading its identity is what ends this interrupt
    return fifos | kEmptyPending;
  }
  return fifos | kNothingPending;
}

std::uint8_t SerialPort::line_status() const {
  return static_cast<std::uint8_t>(kTransmitterEmpty | (received_.empty() ? 0 : kHasData));
}

std::uint8_t SerialPort::read(std::uint16_t offset) {
  const bool divisor = (line_control_ & kDivisorAccess) != 0;
  switch (offset) {
    case kData: {
      if (divisor) return static_cast<std::uint8_t>(divisor_);
      if (received_.empty()) return 0;
      const std::uint8_t byte = received_.front();
      received_.pop_front();
      return byte;
    }
    case kInterruptEnable:
      return divisor ? static_cast<std::uint8_t>(divisor_ >> 8) : interrupt_enable_;
    case kInterruptIdentity:
      return identify();
    case kLineControl:
      return line_control_;
    case kModemControl:
      return modem_control_;
    case kLineStatus:
      return line_status();
    case kModemStatus:
      // In loop-back the outputs are wired to the inputs: that is how drivers find the port.
      if ((modem_control_ & kLoop) == 0) return kCarrierReadyClear;
      return static_cast<std::uint8_t>((modem_control_ & 2) << 3 | (modem_control_ & 1) << 5 |
                                       (modem_control_ & 0xC) << 4);
    case kScratch:
      return scratch_;
    default:
      return 0xFF;
  }
}

std::optional<std::uint8_t> SerialPort::write(std::uint16_t offset, std::uint8_t value) {
  const bool divisor = (line_control_ & kDivisorAccess) != 0;
  switch (offset) {
    case kData:
      if (divisor) {
        divisor_ = static_cast<std::uint16_t>((divisor_ & 0xFF00) | value);
        return std::nullopt;
      }
      transmitter_reported_ = false;
      if ((modem_control_ & kLoop) == 0) return value;
      receive(value);
      return std::nullopt;
    case kInterruptEnable:
      if (divisor) {
        divisor_ = static_cast<std::uint16_t>((divisor_ & 0xFF) | value << 8);
        return std::nullopt;
      }
      // Switching the interrupt on while the transmitter is empty raises it.
      if ((value & ~interrupt_enable_ & kWantsEmpty) != 0) transmitter_reported_ = false;
      interrupt_enable_ = value & 0xF;
      return std::nullopt;
    case kInterruptIdentity:
      if ((value & 2) != 0) received_.clear();
      fifo_control_ = value & 0xC9;
      return std::nullopt;
    case kLineControl:
      line_control_ = value;
      return std::nullopt;
    case kModemControl:
      modem_control_ = value & 0x1F;
      return std::nullopt;
    case kScratch:
      scratch_ = value;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

bool SerialPort::receive(std::uint8_t byte) {
  if (received_.size() >= kBuffer) return false;
  received_.push_back(byte);
  return true;
}

bool SerialPort::interrupt() const {
  // OUT2 gates the interrupt line of a PC's serial port.
  if ((modem_control_ & kOut2) == 0 || (modem_control_ & kLoop) != 0) return false;
  const bool received = (interrupt_enable_ & kWantsReceived) != 0 && !received_.empty();
  const bool empty = (interrupt_enable_ & kWantsEmpty) != 0 && !transmitter_reported_;
  return received || empty;
}

void SerialPort::save(traces::ByteWriter& out) const {
  out.put<std::uint64_t>(received_.size());
  for (std::uint8_t byte : received_) out.put(byte);
  out.put<std::uint8_t>(transmitter_reported_);
  for (std::uint8_t reg :
       {interrupt_enable_, fifo_control_, line_control_, modem_control_, scratch_}) {
    out.put(reg);
  }
  out.put(divisor_);
}

bool SerialPort::restore(traces::ByteReader& in) {
  received_.clear();
  const std::uint64_t waiting = in.count(1);
  if (waiting > kBuffer) return false;
  for (std::uint64_t n = waiting; n > 0; --n) received_.push_back(in.get<std::uint8_t>());
  transmitter_reported_ = in.get<std::uint8_t>() != 0;
  for (std::uint8_t* reg :
       {&interrupt_enable_, &fifo_control_, &line_control_, &modem_control_, &scratch_}) {
    *reg = in.get<std::uint8_t>();
  }
  divisor_ = in.get<std::uint16_t>();
  return in.ok();
}

}  // namespace vsp
