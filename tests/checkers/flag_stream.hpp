// Events about flag 7 of SINT 2 of VP 0 of partition 2, which interrupts with vector 0x50.
#pragma once

#include <array>

#include "tests/checkers/event_stream.hpp"

namespace checkers::testing {

inline constexpr std::uint8_t kFlagVector = 0x50;

class FlagStream : public EventStream {
 public:
  using EventStream::EventStream;

  void switch_on() {
    vp(2, traces::VpState::Running);
    source(0x2'0000 | kFlagVector);
    add(traces::ev::SynicControl{2, 0, true, 255, 0});
    add(traces::ev::MemoryWatch{2, 1, traces::WatchPurpose::EventPage, 900, 1, 0});
  }
  void source(std::uint64_t config) { add(traces::ev::SynicControl{2, 0, true, 2, config}); }
  void set() { write(traces::Writer::Host, 0x80); }
  void clear() { write(traces::Writer::Guest, 0); }
  std::uint64_t signal(bool was_set, bool interrupt, std::uint16_t status = 0) {
    return add(traces::ev::EventFlag{2, 0, 2, 7, was_set, interrupt, status});
  }
  std::uint64_t interrupt(std::uint8_t vector = kFlagVector) {
    return add(traces::ev::InterruptRequested{2, 0, vector, 2, true});
  }

 private:
  void write(traces::Writer writer, unsigned char value) {
    const std::array bytes{static_cast<std::byte>(value)};
    add(traces::ev::MemoryWatchedWrite{2, 1, writer, 2 * 256, bytes});
  }
};

}  // namespace checkers::testing
