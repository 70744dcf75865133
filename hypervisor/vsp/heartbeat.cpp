#include "hypervisor/vsp/heartbeat.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "hypervisor/vsp/icmsg_protocol.hpp"
#include "hypervisor/vsp/points.hpp"
#include "sim/kernel/invite.hpp"

namespace vsp {
namespace {

using icmsg::Version;

constexpr std::array<Version, 2> kFrameworks = {{{3, 0}, {1, 0}}};
constexpr std::array<Version, 2> kMessages = {{{3, 0}, {1, 0}}};
constexpr std::uint32_t kFormat = 0x31424548;  // "HEB1"
/// Reserved for the negotiation; heartbeats count on from it.
constexpr std::uint64_t kNegotiation = 1;

enum class State : std::uint8_t {
  Closed,
  Opened,       ///< the negotiation found no room yet
  Negotiating,  ///< asked
  Refused,      ///< the guest knows none of our versions: no traffic
  Ready,
};

template <class T>
void append(std::vector<std::byte>& out, const T& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// Takes a structure from the front; false when there is not enough.
template <class T>
bool take(std::span<const std::byte>& in, T& value) {
  if (in.size() < sizeof(T)) return false;
  std::memcpy(&value, in.data(), sizeof(T));
  in = in.subspan(sizeof(T));
  return true;
}

bool offered(std::span<const Version> versions, Version version) {
  return std::find(versions.begin(), versions.end(), version) != versions.end();
}

}  // namespace

struct Heartbeat::Impl {
  Impl(hv::Partition& where, const HeartbeatConfig& configured)
      : partition(where),
        config(configured),
        timer(where.node(), "heartbeat", where.place(), [this] { beat_due(); }) {}

  void negotiate();
  void handle(const vmbus::Packet& packet);
  void handle_negotiated(std::span<const std::byte> body);
  void handle_beat(std::span<const std::byte> body);
  void arm();
  void beat_due();
  bool send_beat();
  bool send(std::uint64_t transaction, const icmsg::Header& header,
            std::span<const std::byte> body);

  hv::Partition& partition;
  HeartbeatConfig config;
  sim::Timer timer;
  sim::Signal idle;
  vmbus::Channel* channel = nullptr;
  bool quiesced = false;

  // Saved.
  State state = State::Closed;
  Version framework, message;
  std::uint64_t sent = 0;    ///< sequence number of the last heartbeat
  std::uint32_t missed = 0;  ///< intervals without an answer, in a row
  bool awaiting = false;     ///< no answer to the last one yet
  bool contact = false;      ///< at least one answer came
  std::int64_t next_ns = 0;  ///< guest time of the next heartbeat
};

Heartbeat::Heartbeat(hv::Partition& partition, const HeartbeatConfig& config)
    : impl_(std::make_unique<Impl>(partition, config)) {}

Heartbeat::~Heartbeat() = default;

HeartbeatStatus Heartbeat::status() const {
  if (!impl_->contact) return HeartbeatStatus::NoContact;
  return impl_->missed >= impl_->config.lost_after ? HeartbeatStatus::LostCommunication
                                                   : HeartbeatStatus::Ok;
}

vmbus::Offer Heartbeat::offer() const {
  vmbus::Offer offer;
  offer.interface_id = vmbus::kHeartbeatInterface;
  offer.instance_id = vmbus::kHeartbeatInstance;
  offer.pipe_mode = true;
  return offer;
}

void Heartbeat::opened(vmbus::Channel& channel) {
  impl_->channel = &channel;
  impl_->state = State::Opened;
  impl_->sent = 0;
  impl_->missed = 0;
  impl_->awaiting = impl_->contact = false;
  impl_->negotiate();
}

void Heartbeat::closed() {
  impl_->timer.disarm();
  impl_->channel = nullptr;
  impl_->state = State::Closed;
  impl_->awaiting = impl_->contact = false;
  impl_->missed = 0;
}

void Heartbeat::readable() {
  while (impl_->channel != nullptr && !impl_->quiesced) {
    const auto packet = impl_->channel->read();
    if (!packet) return;
    impl_->handle(*packet);
  }
}

void Heartbeat::writable() {
  // A heartbeat that found no room is a missed one: the guest does not read.
  if (impl_->state == State::Opened) impl_->negotiate();
}

void Heartbeat::quiesce() {
  impl_->quiesced = true;
  impl_->timer.disarm();
  impl_->idle.raise();
}

bool Heartbeat::idle() const { return true; }

sim::Signal& Heartbeat::idle_signal() { return impl_->idle; }

void Heartbeat::resume() {
  impl_->quiesced = false;
  impl_->idle.reset();
  if (impl_->state == State::Opened) impl_->negotiate();
  impl_->arm();
}

void Heartbeat::Impl::negotiate() {
  std::vector<std::byte> body;
  icmsg::Negotiate counts;
  counts.framework_count = kFrameworks.size();
  counts.message_count = kMessages.size();
  append(body, counts);
  for (const Version& version : kFrameworks) append(body, version);
  for (const Version& version : kMessages) append(body, version);
  icmsg::Header header;
  header.framework = kFrameworks.back();  // the lowest: everybody can read it
  header.message = kMessages.back();
  header.type = icmsg::Type::Negotiate;
  if (!send(kNegotiation, header, body)) return;
  state = State::Negotiating;
  if (partition.node().world().plant(partition.node(), "heartbeat.before-negotiation")) {
    send_beat();
  }
}

bool Heartbeat::Impl::send(std::uint64_t transaction, const icmsg::Header& wanted,
                           std::span<const std::byte> body) {
  icmsg::Header header = wanted;
  header.bytes = static_cast<std::uint16_t>(body.size());
  header.transaction = static_cast<std::uint8_t>(transaction);
  header.flags = icmsg::kTransaction | icmsg::kRequest;
  std::vector<std::byte> payload;
  vmbus::protocol::PipeHeader pipe;
  pipe.bytes = static_cast<std::uint32_t>(sizeof(header) + body.size());
  append(payload, pipe);
  append(payload, header);
  payload.insert(payload.end(), body.begin(), body.end());
  vmbus::PacketOut packet;
  packet.transaction = transaction;
  packet.payload = payload;
  return channel->write(packet);
}

void Heartbeat::Impl::handle(const vmbus::Packet& packet) {
  std::span<const std::byte> rest(packet.payload);
  vmbus::protocol::PipeHeader pipe;
  icmsg::Header header;
  if (packet.type != vmbus::PacketType::DataInband || !take(rest, pipe) || !take(rest, header)) {
    return;
  }
  if ((header.flags & icmsg::kResponse) == 0) return;  // a guest asks nothing of a heartbeat
  switch (header.type) {
    case icmsg::Type::Negotiate:
      handle_negotiated(rest);
      break;
    case icmsg::Type::Heartbeat:
      handle_beat(rest);
      break;
    default:
      break;
  }
}

void Heartbeat::Impl::handle_negotiated(std::span<const std::byte> body) {
  if (state != State::Negotiating) return;
  icmsg::Negotiate counts;
  Version chosen_framework, chosen_message;
  const bool agreed = take(body, counts) && counts.framework_count == 1 &&
                      counts.message_count == 1 && take(body, chosen_framework) &&
                      take(body, chosen_message) && offered(kFrameworks, chosen_framework) &&
                      offered(kMessages, chosen_message);
  if (!agreed) {
    state = State::Refused;
    return;
  }
  state = State::Ready;
  framework = chosen_framework;
  message = chosen_message;
  next_ns = partition.guest_ns(partition.node().now());
  arm();
}

void Heartbeat::Impl::handle_beat(std::span<const std::byte> body) {
  icmsg::Heartbeat beat;
  if (state != State::Ready || !take(body, beat.sequence)) return;
  // The guest returns what was sent plus one; anything else answers nothing.
  if (beat.sequence < 2 || beat.sequence > sent + 1) return;
  contact = true;
  if (beat.sequence == sent + 1) awaiting = false;
  missed = 0;
  traces::ev::HeartbeatReceived event;
  event.vm = config.vm;
  event.partition = partition.id().value;
  event.sequence = beat.sequence;
  partition.node().world().emit(partition.node().id(), event);
}

/// Heartbeats are at instants of guest time, so that a pause or a migration shifts them with the
/// guest and not against it.
void Heartbeat::Impl::arm() {
  if (state != State::Ready || quiesced) return;
  const sim::Duration late = sim::invited_delay(partition.node(), kPointLateBeat,
                                                {config.vm, sent + 1}, config.interval / 4);
  timer.arm(partition.world_time(next_ns) + late);
}

void Heartbeat::Impl::beat_due() {
  const sim::Time now = partition.node().now();
  const std::int64_t left = next_ns - partition.guest_ns(now);
  if (left > 0 || partition.suspended()) {
    // Guest time stood still meanwhile, and nobody quiesced us: come back when it may be due.
    constexpr std::int64_t kLeast = 1'000'000;
    timer.arm(now + sim::Duration{partition.suspended() ? std::max(left, kLeast) : left});
    return;
  }
  if (awaiting) partition.node().world().sometimes(partition.node(), kPointBeatMissed);
  missed = awaiting ? missed + 1 : 0;
  send_beat();
  next_ns += config.interval.ns;
  arm();
}

bool Heartbeat::Impl::send_beat() {
  icmsg::Heartbeat beat;
  beat.sequence = sent + 1;
  icmsg::Header header;
  header.framework = framework;
  header.message = message;
  header.type = icmsg::Type::Heartbeat;
  awaiting = true;
  const auto body = std::as_bytes(std::span(&beat, 1));
  if (!send(kNegotiation + beat.sequence, header, body)) return false;
  sent = beat.sequence;
  traces::ev::HeartbeatSent event;
  event.vm = config.vm;
  event.partition = partition.id().value;
  event.sequence = sent;
  partition.node().world().emit(partition.node().id(), event);
  return true;
}

void Heartbeat::save(traces::ByteWriter& out) const {
  out.put(kFormat);
  out.put(impl_->state);
  for (const Version& version : {impl_->framework, impl_->message}) {
    out.put(version.major);
    out.put(version.minor);
  }
  out.put(impl_->sent);
  out.put(impl_->missed);
  out.put<std::uint8_t>(impl_->awaiting);
  out.put<std::uint8_t>(impl_->contact);
  out.put(impl_->next_ns);
}

bool Heartbeat::restore(traces::ByteReader& in, vmbus::Channel* channel) {
  if (in.get<std::uint32_t>() != kFormat) return false;
  const auto state = in.get<State>();
  std::array<Version, 2> versions;
  for (Version& version : versions) {
    version.major = in.get<std::uint16_t>();
    version.minor = in.get<std::uint16_t>();
  }
  const auto sent = in.get<std::uint64_t>();
  const auto missed = in.get<std::uint32_t>();
  const auto awaiting = in.get<std::uint8_t>();
  const auto contact = in.get<std::uint8_t>();
  const auto next_ns = in.get<std::int64_t>();
  if (!in.ok() || state > State::Ready || awaiting > 1 || contact > 1 || next_ns < 0) return false;
  if ((channel == nullptr) != (state == State::Closed)) return false;
  if (state == State::Ready &&
      (!offered(kFrameworks, versions[0]) || !offered(kMessages, versions[1]))) {
    return false;
  }
  impl_->channel = channel;
  impl_->state = state;
  impl_->framework = versions[0];
  impl_->message = versions[1];
  const hv::Partition& partition = impl_->partition;
  const bool repeats =
      sent > 1 && partition.node().world().plant(partition.node(), "heartbeat.restore-repeats");
  impl_->sent = repeats ? sent - 1 : sent;
  impl_->missed = missed;
  impl_->awaiting = awaiting != 0;
  impl_->contact = contact != 0;
  impl_->next_ns = next_ns;
  return true;
}

}  // namespace vsp
