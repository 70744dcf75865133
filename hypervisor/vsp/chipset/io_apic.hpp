// The I/O APIC (82093AA): 24 pins, each with an entry that says which vector goes to which
// processor. Pure state; what an edge on a pin asks for is returned, not done.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "traces/bytes.hpp"

namespace vsp {

class IoApic {
 public:
  static constexpr std::uint64_t kAddress = 0xFEC0'0000;
  static constexpr unsigned kPins = 24;

  struct Request {
    std::uint8_t vector = 0;
    std::uint8_t destination = 0;  ///< APIC id, or a set of logical ids
    bool logical = false;
  };

  std::uint32_t read(std::uint32_t offset) const;
  void write(std::uint32_t offset, std::uint32_t value);
  /// The level of a pin. A rising edge on an unmasked pin asks for an interrupt; masked, it is
  /// lost, as the architecture says for edges.
  std::optional<Request> set_level(unsigned pin, bool high);

  void save(traces::ByteWriter& out) const;
  bool restore(traces::ByteReader& in);

 private:
  std::uint8_t select_ = 0;
  std::uint8_t id_ = 0;
  std::uint32_t levels_ = 0;
  std::array<std::uint64_t, kPins> entries_ = masked();
  static constexpr std::array<std::uint64_t, kPins> masked() {
    std::array<std::uint64_t, kPins> all{};
    for (std::uint64_t& entry : all) entry = 1u << 16;
    return all;
  }
};

}  // namespace vsp
