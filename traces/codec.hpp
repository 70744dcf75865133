// The dense encoding of events, specified in codec.cpp. It is canonical (equal events behind equal
// histories have equal bytes, and no other bytes decode) and independent of the host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "traces/byte_buffer.hpp"
#include "traces/events.hpp"
#include "traces/record.hpp"

namespace traces {

struct EventInfo;
struct FieldInfo;

/// What the encoding of an event is relative to; encoder and decoder keep equal ones.
struct CodecState {
  CodecState();
  /// As if no event had gone before; the next one is expected to have `index`.
  void reset(std::uint64_t index);

  std::uint64_t next_index = 0;
  std::uint64_t time = 0;
  /// The last value of every number field, by event type and field (EventInfo::first_slot).
  std::vector<std::uint64_t> last;
};

class EventEncoder {
 public:
  /// Appends one event under the given index, which must be above those of earlier events.
  void encode(const Event& event, std::uint64_t index, ByteBuffer& out);
  void reset(std::uint64_t next_index) { state_.reset(next_index); }

 private:
  CodecState state_;
};

class EventDecoder {
 public:
  EventDecoder();

  /// The event lives until the next call; its text and bytes point into the cursor's input.
  /// Nullptr when the bytes are no event: then problem() says why and the cursor is somewhere
  /// within it.
  const Event* decode(ByteCursor& in);
  void reset(std::uint64_t next_index) { state_.reset(next_index); }
  /// A phrase such as `field 'vp' does not fit 32 bits`.
  const std::string& problem() const { return problem_; }

 private:
  bool decode_head(ByteCursor& in);
  bool decode_field(ByteCursor& in, const FieldInfo& field, std::uint64_t& last);
  bool decode_number(ByteCursor& in, const FieldInfo& field, std::uint64_t& last,
                     std::uint64_t& value);
  bool fail(std::string text);

  CodecState state_;
  Event event_;
  std::vector<std::max_align_t> payload_;
  std::string problem_;
};

}  // namespace traces
