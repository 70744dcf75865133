// The hash of a run: 128 bits over the encoding (traces/codec.cpp) of its level 0 events.
#pragma once

#include <cstdint>

#include "traces/byte_buffer.hpp"
#include "traces/codec.hpp"
#include "traces/digest.hpp"
#include "traces/events.hpp"

namespace traces {

class EventHash {
 public:
  /// Takes level 0 events only. Their index is not used: it counts detail too.
  void add(const Event& event);
  /// Of all events so far; more may follow.
  Digest value() const;
  std::uint64_t count() const { return count_; }

 private:
  EventEncoder encoder_;
  std::uint64_t count_ = 0;
  // Hashed in batches; value() hashes what is pending, which is no change that anybody sees.
  mutable ByteBuffer pending_;
  mutable DigestStream digest_;
};

}  // namespace traces
