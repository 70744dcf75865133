// The synthetic interrupt controller of one VP: 16 sources, the message page, the event page, and
// the messages that wait for their slot (spec B.7).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "hypervisor/core/ids.hpp"
#include "hypervisor/core/overlay_page.hpp"
#include "hypervisor/core/status.hpp"
#include "sim/kernel/node.hpp"

namespace hv {

class VirtualProcessor;

inline constexpr unsigned kSints = 16;
inline constexpr unsigned kSlotBytes = 256;
inline constexpr std::size_t kMaxPayload = 240;
inline constexpr unsigned kBuffersPerPort = 16;
inline constexpr std::uint16_t kFlagsPerSint = 2048;
inline constexpr std::uint32_t kHypervisorMessage = 0x8000'0000;  ///< types from here on are ours
inline constexpr std::uint32_t kTimerExpired = 0x8000'0010;

/// A message that owns a buffer: posted, and not yet written into its slot.
struct QueuedMessage {
  static constexpr std::uint8_t kNoTimer = 0xFF;
  std::uint32_t port = 0;
  std::uint64_t sequence = 0;
  std::uint32_t type = 0;
  std::uint8_t timer = kNoTimer;  ///< a timer's message: its payload is made at delivery
  std::uint64_t expiration = 0;   ///< of the timer, reference time
  std::vector<std::byte> payload;
};

class Synic {
 public:
  /// Everything that lives across save and restore.
  struct State {
    std::uint64_t control = 0;
    std::uint64_t siefp = 0;
    std::uint64_t simp = 0;
    std::array<std::uint64_t, kSints> sint{};
    std::array<std::deque<QueuedMessage>, kSints> queues;
    /// Successful posts so far by (port, SINT).
    std::map<std::pair<std::uint32_t, std::uint8_t>, std::uint64_t> sequences;
    std::int64_t retry_at = kNoRetry;  ///< guest time
  };
  static constexpr std::int64_t kNoRetry = -1;
  static constexpr std::uint64_t kMasked = 1u << 16;
  static constexpr std::uint64_t kAutoEoi = 1u << 17;
  static constexpr std::uint64_t kPolling = 1u << 18;

  explicit Synic(VirtualProcessor& vp);

  /// Takes over an accepted message; scan() delivers it once the post is known.
  Status post(std::uint32_t port, Sint sint, std::uint32_t type, std::span<const std::byte> payload,
              std::uint64_t* sequence);
  Status signal(Sint sint, std::uint16_t flag);
  void post_timer(std::uint8_t timer, Sint sint, std::uint64_t expiration);
  bool timer_waits(std::uint8_t timer) const;
  /// Buffers of a port in use here.
  unsigned outstanding(std::uint32_t port) const;

  /// Delivers what has a free slot (TLFS 14.2.4).
  void scan();
  /// Leaves what was posted to the next look that is due anyway, at the latest the retry.
  void scan_later() { arm_retry(); }
  /// EOM, or EOI of a vector: looks whether a slot became free.
  void end_of_message(bool by_eoi);
  /// The vector belongs to an unmasked SINT.
  bool uses_vector(std::uint8_t vector) const;

  std::uint64_t read(std::uint32_t msr) const;
  /// False means #GP.
  bool write(std::uint32_t msr, std::uint64_t value);

  const OverlayPage& message_page() const { return message_page_; }
  const OverlayPage& event_page() const { return event_page_; }

  void stop_clock() { retry_.disarm(); }
  void start_clock();
  /// The pages go, the messages are lost: the VP is being destroyed.
  void tear_down();

  const State& state() const { return state_; }
  /// Precondition: valid(state).
  void set_state(const State& state);
  static State reset_state();
  static bool valid_sint(std::uint64_t value);

 private:
  bool enabled() const { return (state_.control & 1) != 0; }
  void deliver(unsigned sint);
  void write_slot(unsigned sint, QueuedMessage& message, bool more);
  void raise(unsigned sint);
  void announce_waiting(unsigned sint);
  void arm_retry();
  bool set_page(std::uint64_t value, std::uint64_t& reg, OverlayPage& page);
  bool set_sint(unsigned sint, std::uint64_t value);
  void report_control(std::uint8_t sint) const;
  void report_delivered(unsigned sint, const QueuedMessage& message) const;

  VirtualProcessor& vp_;
  State state_;
  OverlayPage message_page_;
  OverlayPage event_page_;
  sim::Timer retry_;
};

}  // namespace hv
