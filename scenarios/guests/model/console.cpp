#include "scenarios/guests/model/console.hpp"

#include <string>

#include "hypervisor/core/virtual_processor.hpp"
#include "scenarios/guests/boot_info.h"

namespace guests {

void Console::put(std::string_view text) {
  hv::VirtualProcessor& vp = *partition_.vp({0});
  for (const char c : text) vp.port_out(GUEST_PORT_CONSOLE, 1, static_cast<std::uint8_t>(c));
}

void Console::line(std::string_view text) {
  put(text);
  put("\n");
}

void Console::value(std::string_view text, std::uint64_t value) {
  put(text);
  put(" ");
  line(std::to_string(value));
}

void Console::panic(std::string_view text) {
  if (ended_) return;
  put("PANIC: ");
  line(text);
  exit(1);
}

void Console::panic(std::string_view text, std::uint64_t value) {
  if (ended_) return;
  put("PANIC: ");
  this->value(text, value);
  exit(1);
}

void Console::exit(std::uint32_t code) {
  ended_ = true;
  partition_.vp({0})->port_out(GUEST_PORT_EXIT, 4, code);
}

}  // namespace guests
