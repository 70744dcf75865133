// Events about messages from port 1 to SINT 2 of VP 0 of partition 2.
#pragma once

#include <array>
#include <cstring>
#include <string_view>

#include "tests/checkers/event_stream.hpp"
#include "traces/digest.hpp"

namespace checkers::testing {

inline constexpr std::uint32_t kSlotAt = 2 * 256;

class SynicStream : public EventStream {
 public:
  using EventStream::EventStream;

  void switch_on(std::uint64_t partition = 2) {
    vp(partition, traces::VpState::Running);
    add(traces::ev::SynicControl{partition, 0, true, 255, 0});
    add(traces::ev::MemoryWatch{partition, 1, traces::WatchPurpose::MessagePage, 900, 1, 0});
  }
  std::uint64_t post(std::uint64_t sequence, std::string_view payload, std::uint16_t status = 0,
                     std::uint64_t partition = 2) {
    return add(traces::ev::MessagePosted{partition, true, 1, 0, 2, sequence, 1,
                                         static_cast<std::uint32_t>(payload.size()),
                                         traces::hash64_of(payload), status});
  }
  std::uint64_t delivered(std::uint64_t sequence, std::string_view payload,
                          std::uint64_t partition = 2) {
    return add(traces::ev::MessageDelivered{partition, true, 1, 0, 2, sequence, 1,
                                            static_cast<std::uint32_t>(payload.size()),
                                            traces::hash64_of(payload)});
  }
  std::uint64_t write(traces::Writer writer, std::uint32_t offset, std::string_view bytes,
                      std::uint64_t partition = 2) {
    return add(traces::ev::MemoryWatchedWrite{partition, 1, writer, kSlotAt + offset,
                                              std::as_bytes(std::span(bytes))});
  }
  /// The host's writes: header and payload, then the type.
  std::uint64_t fill(std::string_view payload, bool pending = false, std::uint64_t partition = 2) {
    const std::array<char, 4> header = {static_cast<char>(payload.size()), pending ? '\1' : '\0',
                                        '\0', '\0'};
    const auto first = write(traces::Writer::Host, 4, {header.data(), header.size()}, partition);
    write(traces::Writer::Host, 16, payload, partition);
    write(traces::Writer::Host, 0, {"\1\0\0\0", 4}, partition);
    return first;
  }
  void free_slot(std::uint64_t partition = 2) {
    write(traces::Writer::Guest, 0, {"\0\0\0\0", 4}, partition);
  }
};

}  // namespace checkers::testing
