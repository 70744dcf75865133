// The alarm clock of a model guest: synthetic timer 0, ringing as a message on a source of its own.
#pragma once

#include <cstdint>

#include "scenarios/guests/model/console.hpp"
#include "scenarios/guests/model/pages.hpp"
#include "traces/bytes.hpp"

namespace guests {

class Alarm {
 public:
  static constexpr std::uint8_t kVector = 0xF2;

  Alarm(hv::Partition& partition, GuestPages& pages, Console& console)
      : partition_(partition), pages_(pages), console_(console) {}

  /// The SynIC's pages are in place.
  void set_up();
  /// Rings at this reference time (100 ns); kNever: not at all.
  static constexpr std::uint64_t kNever = UINT64_MAX;
  void set(std::uint64_t when);
  /// Takes what it has rung. Panics when that was too early.
  void take();

  void save(traces::ByteWriter& out) const { out.put(armed_); }
  void restore(traces::ByteReader& in) { armed_ = in.get<std::uint64_t>(); }

 private:
  bool take_one();

  hv::Partition& partition_;
  GuestPages& pages_;
  Console& console_;
  std::uint64_t armed_ = 0;  ///< what COUNT holds while the timer is armed, 0 otherwise
};

}  // namespace guests
