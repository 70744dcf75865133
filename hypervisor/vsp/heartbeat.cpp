#include "hypervisor/vsp/heartbeat.hpp"

#include <algorithm>

#include "hypervisor/vsp/points.hpp"
#include "sim/kernel/invite.hpp"

namespace vsp {
namespace {

constexpr icmsg::Version kVersions[] = {{3, 0}, {1, 0}};
constexpr IcKind kKind{
    traces::IcComponent::Heartbeat,
    icmsg::Type::Heartbeat,
    vmbus::kHeartbeatInterface,
    vmbus::kHeartbeatInstance,
    kVersions,
    kVersions,
    0x31424548,  // "HEB1"
};

}  // namespace

Heartbeat::Heartbeat(hv::Partition& partition, const HeartbeatConfig& config)
    : IntegrationComponent(partition, config.vm, kKind),
      config_(config),
      timer_(partition.node(), "heartbeat", partition.place(), [this] { beat_due(); }) {}

HeartbeatStatus Heartbeat::status() const {
  if (!contact_) return HeartbeatStatus::NoContact;
  return missed_ >= config_.lost_after ? HeartbeatStatus::LostCommunication : HeartbeatStatus::Ok;
}

void Heartbeat::on_opened() {
  missed_ = 0;
  awaiting_ = contact_ = false;
}

void Heartbeat::on_closed() {
  timer_.disarm();
  awaiting_ = contact_ = false;
  missed_ = 0;
}

void Heartbeat::on_asked() {
  if (plant("heartbeat.before-negotiation")) send_beat();
}

void Heartbeat::on_ready() {
  next_ns_ = partition().guest_ns(node().now());
  arm();
}

// A heartbeat that found no room is a missed one: the guest does not read. So on_room() is nothing.

void Heartbeat::on_quiesce() { timer_.disarm(); }

void Heartbeat::on_resume() { arm(); }

void Heartbeat::on_answer(const Answer& answer) {
  std::span<const std::byte> body = answer.body;
  icmsg::Heartbeat beat;
  if (!icmsg::take(body, beat.sequence)) return;
  // The guest returns what was sent plus one; anything else answers nothing.
  if (beat.sequence < 2 || beat.sequence > sent() + 1) return;
  contact_ = true;
  if (beat.sequence == sent() + 1) awaiting_ = false;
  missed_ = 0;
  traces::ev::HeartbeatReceived event;
  event.sequence = beat.sequence;
  emit(event);
}

/// Heartbeats are at instants of guest time, so that a pause or a migration shifts them with the
/// guest and not against it.
void Heartbeat::arm() {
  if (!ready() || quiesced()) return;
  const sim::Duration late =
      sim::invited_delay(node(), kPointLateBeat, {config_.vm, sent() + 1}, config_.interval / 4);
  timer_.arm(partition().world_time(next_ns_) + late);
}

void Heartbeat::beat_due() {
  const sim::Time now = node().now();
  const std::int64_t left = next_ns_ - partition().guest_ns(now);
  if (left > 0 || partition().suspended()) {
    // Guest time stood still meanwhile, and nobody quiesced us: come back when it may be due.
    constexpr std::int64_t kLeast = 1'000'000;
    timer_.arm(now + sim::Duration{partition().suspended() ? std::max(left, kLeast) : left});
    return;
  }
  if (awaiting_) node().world().sometimes(node(), kPointBeatMissed);
  missed_ = awaiting_ ? missed_ + 1 : 0;
  send_beat();
  next_ns_ += config_.interval.ns;
  arm();
}

void Heartbeat::send_beat() {
  icmsg::Heartbeat beat;
  beat.sequence = sent() + 1;
  if (beat.sequence == 3 && plant("heartbeat.skips-number")) ++beat.sequence;
  awaiting_ = true;
  if (!request(std::as_bytes(std::span(&beat, 1)))) return;
  traces::ev::HeartbeatSent event;
  event.sequence = sent();
  emit(event);
}

void Heartbeat::save_more(traces::ByteWriter& out) const {
  out.put(missed_);
  out.put<std::uint8_t>(awaiting_);
  out.put<std::uint8_t>(contact_);
  out.put(next_ns_);
}

bool Heartbeat::restore_more(traces::ByteReader& in) {
  const auto missed = in.get<std::uint32_t>();
  const auto awaiting = in.get<std::uint8_t>();
  const auto contact = in.get<std::uint8_t>();
  const auto next_ns = in.get<std::int64_t>();
  if (!in.ok() || awaiting > 1 || contact > 1 || next_ns < 0) return false;
  if (sent() > 1 && plant("heartbeat.restore-repeats")) set_requests(sent() - 1);
  missed_ = missed;
  awaiting_ = awaiting != 0;
  contact_ = contact != 0;
  next_ns_ = next_ns;
  return true;
}

void Heartbeat::witness(traces::DigestStream& out) const {
  IntegrationComponent::witness(out);
  out.add_u64(static_cast<std::uint64_t>(status()));
  out.add_u64(missed_);
  out.add_u64(awaiting_);
  out.add_u64(static_cast<std::uint64_t>(next_ns_));
}

}  // namespace vsp
