#include "hypervisor/vmbus/guid.hpp"

#include <algorithm>

namespace vmbus {
namespace {

void put_hex(std::string& out, std::uint64_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    out += "0123456789abcdef"[(value >> shift) & 0xF];
  }
}

}  // namespace

std::array<std::byte, 16> Guid::bytes() const {
  std::array<std::byte, 16> out{};
  for (int i = 0; i < 4; ++i) out[i] = static_cast<std::byte>(data1 >> (8 * i));
  for (int i = 0; i < 2; ++i) out[4 + i] = static_cast<std::byte>(data2 >> (8 * i));
  for (int i = 0; i < 2; ++i) out[6 + i] = static_cast<std::byte>(data3 >> (8 * i));
  for (int i = 0; i < 8; ++i) out[8 + i] = static_cast<std::byte>(data4[i]);
  return out;
}

Guid Guid::from_bytes(const std::array<std::byte, 16>& bytes) {
  auto at = [&](int i) { return std::to_integer<std::uint32_t>(bytes[i]); };
  Guid guid;
  guid.data1 = at(0) | at(1) << 8 | at(2) << 16 | at(3) << 24;
  guid.data2 = static_cast<std::uint16_t>(at(4) | at(5) << 8);
  guid.data3 = static_cast<std::uint16_t>(at(6) | at(7) << 8);
  for (int i = 0; i < 8; ++i) guid.data4[i] = static_cast<std::uint8_t>(at(8 + i));
  return guid;
}

std::string Guid::text() const {
  std::string out;
  put_hex(out, data1, 8);
  out += '-';
  put_hex(out, data2, 4);
  out += '-';
  put_hex(out, data3, 4);
  for (int i = 0; i < 8; ++i) {
    if (i == 0 || i == 2) out += '-';
    put_hex(out, data4[i], 2);
  }
  return out;
}

}  // namespace vmbus
