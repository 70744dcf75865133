// The time synchronization integration component, host side (spec D.3): orders the guest's clock to
// be set when guest and host meet, after every pause, and sends a sample every few seconds.
#pragma once

#include <cstdint>

#include "hypervisor/vsp/integration_component.hpp"

namespace vsp {

/// 1970-01-01 in 100 ns since 1601-01-01.
inline constexpr std::uint64_t kUnixEpoch = 116'444'736'000'000'000;

struct TimeSyncConfig {
  std::uint32_t vm = 0;
  sim::Duration interval{5'000'000'000};  ///< of guest time, between samples
  /// The host's wall clock at the beginning of the world, 100 ns since 1601-01-01 UTC. By default
  /// 2012-09-04 00:00:00.
  std::uint64_t epoch = kUnixEpoch + 1'346'716'800ull * 10'000'000;
};

class TimeSync final : public IntegrationComponent {
 public:
  TimeSync(hv::Partition& partition, const TimeSyncConfig& config);

  /// 100 ns since 1601-01-01 UTC, by this host's clock.
  std::uint64_t host_time() const;

 private:
  void on_opened() override { sync_due_ = false; }
  void on_ready() override;
  void on_closed() override;
  void on_room() override;
  void on_quiesce() override;
  void on_resume() override;
  void on_answer(const Answer& /*answer*/) override {}  // a guest only says that it has read it
  void save_more(traces::ByteWriter& out) const override;
  bool restore_more(traces::ByteReader& in) override;

  void arm();
  void sample_due();
  bool send(bool sync);
  void sync();

  TimeSyncConfig config_;
  sim::Timer timer_;

  // Saved.
  bool sync_due_ = false;     ///< the order to set the clock found no room yet
  std::int64_t next_ns_ = 0;  ///< guest time of the next sample
};

}  // namespace vsp
