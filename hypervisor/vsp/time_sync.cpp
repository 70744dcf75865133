#include "hypervisor/vsp/time_sync.hpp"

#include <algorithm>

namespace vsp {
namespace {

constexpr icmsg::Version kTimeSyncFrameworks[] = {{3, 0}, {1, 0}};
constexpr icmsg::Version kWithReference{4, 0};
constexpr icmsg::Version kTimeSyncMessages[] = {kWithReference, {3, 0}, {1, 0}};
constexpr IcKind kTimeSyncKind{
    traces::IcComponent::TimeSync,
    icmsg::Type::TimeSync,
    vmbus::kTimeSyncInterface,
    vmbus::kTimeSyncInstance,
    kTimeSyncFrameworks,
    kTimeSyncMessages,
    0x31535954,  // "TYS1"
};

}  // namespace

TimeSync::TimeSync(hv::Partition& partition, const TimeSyncConfig& config)
    : IntegrationComponent(partition, config.vm, kTimeSyncKind),
      config_(config),
      timer_(partition.node(), "time-sync", partition.place(), [this] { sample_due(); }) {}

std::uint64_t TimeSync::host_time() const {
  constexpr std::int64_t kTick = 100;
  return config_.epoch + static_cast<std::uint64_t>(node().now().ns / kTick);
}

void TimeSync::on_ready() {
  next_ns_ = partition().guest_ns(node().now()) + config_.interval.ns;
  sync();
  arm();
}

void TimeSync::on_closed() {
  timer_.disarm();
  sync_due_ = false;
}

void TimeSync::on_quiesce() { timer_.disarm(); }

/// The guest's clock stood still: it is set anew at once, on whatever host this is.
void TimeSync::on_resume() {
  if (!ready()) return;
  if (!plant("timesync.forgets-after-pause")) sync();
  arm();
}

void TimeSync::on_room() {
  if (ready() && sync_due_ && !quiesced()) sync();
}

void TimeSync::sync() { sync_due_ = !send(true); }

void TimeSync::arm() {
  if (ready() && !quiesced()) timer_.arm(partition().world_time(next_ns_));
}

void TimeSync::sample_due() {
  const sim::Time now = node().now();
  const std::int64_t left = next_ns_ - partition().guest_ns(now);
  if (left > 0 || partition().suspended()) {
    // Guest time stood still meanwhile, and nobody quiesced us.
    constexpr std::int64_t kLeast = 1'000'000;
    timer_.arm(now + sim::Duration{partition().suspended() ? std::max(left, kLeast) : left});
    return;
  }
  // A sample that finds no room is of no use later.
  static_cast<void>(send(false));
  next_ns_ += config_.interval.ns;
  arm();
}

bool TimeSync::send(bool sync) {
  traces::ev::TimeSync event;
  event.sync = sync;
  event.host_time = host_time();
  event.reference = partition().reference_time().ticks;
  const std::uint8_t flags = sync ? icmsg::kTimeSync : icmsg::kTimeSample;
  std::vector<std::byte> body;
  if (message_version() >= kWithReference) {
    icmsg::TimeSync message;
    message.parent_time = event.host_time;
    message.reference_time = event.reference;
    message.flags = flags;
    icmsg::append(body, message);
  } else {
    icmsg::TimeSyncOld message;
    message.parent_time = event.host_time;
    message.flags = flags;
    icmsg::append(body, message);
  }
  if (!request(body)) return false;
  emit(event);
  return true;
}

void TimeSync::save_more(traces::ByteWriter& out) const {
  out.put<std::uint8_t>(sync_due_);
  out.put(next_ns_);
}

bool TimeSync::restore_more(traces::ByteReader& in) {
  const auto due = in.get<std::uint8_t>();
  const auto next_ns = in.get<std::int64_t>();
  if (!in.ok() || due > 1 || next_ns < 0) return false;
  sync_due_ = due != 0;
  next_ns_ = next_ns;
  return true;
}

}  // namespace vsp
