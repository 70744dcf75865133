// The heartbeat integration component, host side (spec D.3): sends a sequence number every interval
// of guest time, expects it back plus one.
#pragma once

#include <cstdint>

#include "hypervisor/vsp/integration_component.hpp"

namespace vsp {

enum class HeartbeatStatus : std::uint8_t { NoContact, Ok, LostCommunication };

struct HeartbeatConfig {
  std::uint32_t vm = 0;
  sim::Duration interval{2'000'000'000};
  std::uint32_t lost_after = 3;  ///< intervals without an answer (spec D.3)
};

class Heartbeat final : public IntegrationComponent {
 public:
  Heartbeat(hv::Partition& partition, const HeartbeatConfig& config);

  HeartbeatStatus status() const;

  void witness(traces::DigestStream& out) const override;

 private:
  void on_opened() override;
  void on_asked() override;
  void on_ready() override;
  void on_closed() override;
  void on_quiesce() override;
  void on_resume() override;
  void on_answer(const Answer& answer) override;
  void save_more(traces::ByteWriter& out) const override;
  bool restore_more(traces::ByteReader& in) override;

  void arm();
  void beat_due();
  void send_beat();
  /// A heartbeat's number is its request's.
  std::uint64_t sent() const { return requests(); }

  HeartbeatConfig config_;
  sim::Timer timer_;

  // Saved.
  std::uint32_t missed_ = 0;  ///< intervals without an answer, in a row
  bool awaiting_ = false;     ///< no answer to the last one yet
  bool contact_ = false;      ///< at least one answer came
  std::int64_t next_ns_ = 0;  ///< guest time of the next heartbeat
};

}  // namespace vsp
