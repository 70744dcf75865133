// The synthetic timers of all partitions as their guests programmed them: what each register write
// means for the timer is worked out here (spec B.9), and compared with what the timer then does.
// What to make of a difference, and of a timer that is late, is left to the properties.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "checkers/message_page.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"
#include "checkers/reference_clock.hpp"
#include "checkers/watch_filter.hpp"

namespace checkers {

struct ProgrammedTimer {
  bool config_unseen = false;  ///< written before the trace
  bool count_unseen = false;
  std::uint64_t config = 0;
  std::uint64_t count = 0;
  std::optional<std::uint64_t> expiration;      ///< the next one, reference time; none: not armed
  std::optional<traces::ev::TimerArmed> armed;  ///< told, and the write that did it not yet
  std::optional<std::uint64_t> queued;          ///< expiration of its message that has no slot yet
  traces::Time freed{};                         ///< when its last message found its slot

  bool unseen() const { return config_unseen || count_unseen; }
  bool enabled() const { return (config & 1) != 0; }
  bool periodic() const { return (config & 2) != 0; }
  /// Whether it rings by interrupt depends on what the partition may use, and on a word that may be
  /// older than the trace.
  bool maybe_direct() const { return config_unseen || (config & 1u << 12) != 0; }
};

inline constexpr std::size_t kTimersOfVp = 4;

struct PartitionTimers {
  using OfVp = std::array<ProgrammedTimer, kTimersOfVp>;
  struct Watched {
    std::uint32_t vp = 0;
    MessagePage page;
  };

  void take_over(const PartitionTimers& source) {
    clock.take_over(source.clock);
    vps = source.vps;
    unseen = source.unseen;
  }
  void begin_amid() {
    clock.begin_amid();
    unseen = true;
  }
  OfVp& of(std::uint32_t vp) {
    const auto [found, is_new] = vps.try_emplace(vp);
    for (ProgrammedTimer& timer : found->second) {
      if (is_new) timer.config_unseen = timer.count_unseen = unseen;
    }
    return found->second;
  }

  ReferenceClock clock;
  std::map<std::uint32_t, OfVp> vps;
  std::map<std::uint32_t, Watched> watches;
  bool unseen = false;
};

class TimerProperty : public Property {
 public:
  TimerProperty(std::string id, std::string statement);
  void on_event(const traces::Event& event) final;

 protected:
  /// A timer does other than it was programmed to.
  virtual void breach(const traces::Event& event, const std::string& what) {}
  /// Called before each event that concerns timers is taken in, and at the end without one.
  virtual void look(traces::Time now, const traces::Event* event) {}

  static std::string name_of(std::uint32_t vp, std::size_t timer);
  bool needs_detail() const override { return true; }

  PerPartition<PartitionTimers> all_;
  std::uint64_t expirations_ = 0;

 private:
  void accessed(const traces::Event& event, const traces::ev::MsrAccessed& access);
  void programmed(const traces::Event& event, const traces::ev::MsrAccessed& access,
                  const ReferenceClock& clock, ProgrammedTimer& timer);
  void expired(const traces::Event& event, const traces::ev::TimerExpired& expired);
  void delivered(const traces::Event& event, const traces::ev::MessageDelivered& message);
  void written(const traces::Event& event, const traces::ev::MemoryWatchedWrite& write);

  WatchFilter pages_{traces::WatchPurpose::MessagePage};
};

}  // namespace checkers
