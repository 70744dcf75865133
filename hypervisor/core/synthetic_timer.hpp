// The four synthetic timers of one VP (spec B.9), in partition reference time: they stand still
// while the partition is suspended.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "hypervisor/core/ids.hpp"
#include "sim/kernel/node.hpp"

namespace hv {

class VirtualProcessor;

inline constexpr unsigned kTimersPerVp = 4;

class SyntheticTimer {
 public:
  /// CONFIG bits.
  static constexpr std::uint64_t kEnable = 1u << 0;
  static constexpr std::uint64_t kPeriodic = 1u << 1;
  static constexpr std::uint64_t kLazy = 1u << 2;
  static constexpr std::uint64_t kAutoEnable = 1u << 3;
  static constexpr std::uint64_t kDirect = 1u << 12;

  /// Everything that lives across save and restore.
  struct State {
    std::uint64_t config = 0;
    std::uint64_t count = 0;    ///< one-shot: reference time; periodic: period, 100 ns
    std::uint64_t due = 0;      ///< reference time of the next expiration, when enabled
    std::uint64_t fire_at = 0;  ///< when it is looked at: later than due while catching up
    bool blocked = false;       ///< due, but its last message still waits for the slot
  };

  SyntheticTimer(VirtualProcessor& vp, std::uint8_t index);

  std::uint64_t config() const { return state_.config; }
  std::uint64_t count() const { return state_.count; }
  /// False means #GP: direct mode with a vector below 16.
  bool set_config(std::uint64_t value);
  void set_count(std::uint64_t value);
  /// Its message is in the slot, the buffer is free again.
  void delivered();

  void stop_clock() { alarm_.disarm(); }
  void start_clock(bool after_resume = false);

  const State& state() const { return state_; }
  void set_state(const State& state) { state_ = state; }
  static bool valid(const State& state);

 private:
  bool enabled() const { return (state_.config & kEnable) != 0; }
  bool periodic() const { return (state_.config & kPeriodic) != 0; }
  bool direct() const { return (state_.config & kDirect) != 0; }
  Sint sint() const { return {static_cast<std::uint8_t>(state_.config >> 16 & 15)}; }
  void begin();
  void expired();
  void fire();
  void schedule_next();

  VirtualProcessor& vp_;
  std::uint8_t index_;
  State state_;
  sim::Timer alarm_;
};

class SyntheticTimers {
 public:
  explicit SyntheticTimers(VirtualProcessor& vp);
  SyntheticTimer& operator[](std::size_t index) { return *timers_[index]; }
  const SyntheticTimer& operator[](std::size_t index) const { return *timers_[index]; }
  void delivered(std::uint8_t timer) { timers_[timer]->delivered(); }
  void stop_clock();
  void start_clock();

 private:
  std::array<std::unique_ptr<SyntheticTimer>, kTimersPerVp> timers_;
};

}  // namespace hv
