#include "hypervisor/core/saved_state.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "hypervisor/core/msrs.hpp"

namespace hv {
namespace {

using traces::ByteReader;
using traces::ByteWriter;

constexpr std::uint32_t kMagic = 0x5350'5648;  // "HVPS"
constexpr std::uint32_t kStreamVersion = 1;
constexpr std::uint64_t kMaxReferenceLead = 10'000'000;  // one second
constexpr std::int64_t kMaxTime = std::int64_t{1} << 62;

// Smallest encodings of list items, so that a forged count cannot ask for memory.
constexpr std::size_t kMessageBytes = 32;
constexpr std::size_t kSignalBytes = 14;
constexpr std::size_t kPostsBytes = 12;
constexpr std::size_t kIpiBytes = 14;
constexpr std::size_t kSynicPostsBytes = 13;
constexpr std::size_t kQueuedBytes = 33;
constexpr std::size_t kVpBytes = 100;

bool get_flag(ByteReader& in) {
  const auto value = in.get<std::uint8_t>();
  if (value > 1) in.fail();
  return value == 1;
}

std::int64_t get_time(ByteReader& in) {
  const auto value = in.get<std::int64_t>();
  if (value < 0 || value > kMaxTime) in.fail();
  return value;
}

std::vector<std::byte> get_payload(ByteReader& in) {
  const auto bytes = in.block();
  if (bytes.size() > kMaxPayload) in.fail();
  return {bytes.begin(), bytes.end()};
}

void require(ByteReader& in, bool condition) {
  if (!condition) in.fail();
}

/// A map's items must come in the order in which they are written.
template <class Map, class Key>
void insert_last(ByteReader& in, Map& map, const Key& key, std::uint64_t value) {
  require(in, map.empty() || map.rbegin()->first < key);
  map.emplace_hint(map.end(), key, value);
}

// ---------------------------------------------------------------- to the parent

void put_parent(ByteWriter& out, const ParentQueue::State& state) {
  out.put<std::uint64_t>(state.messages.size());
  for (const auto& each : state.messages) {
    out.put(each.connection);
    out.put(each.sequence);
    out.put(each.type);
    out.put(each.due);
    out.block(each.payload);
  }
  out.put<std::uint64_t>(state.signals.size());
  for (const auto& each : state.signals) {
    out.put(each.connection);
    out.put(each.flag);
    out.put(each.due);
  }
  out.put<std::uint64_t>(state.sequences.size());
  for (const auto& [connection, posts] : state.sequences) {
    out.put(connection);
    out.put(posts);
  }
}

ParentQueue::State get_parent(ByteReader& in) {
  ParentQueue::State state;
  std::int64_t last = 0;
  for (std::uint64_t n = in.count(kMessageBytes); n > 0; --n) {
    ParentQueue::Message each;
    each.connection = in.get<std::uint32_t>();
    each.sequence = in.get<std::uint64_t>();
    each.type = in.get<std::uint32_t>();
    each.due = get_time(in);
    each.payload = get_payload(in);
    require(in, each.due >= last && each.type != 0 && each.type < kHypervisorMessage);
    last = each.due;
    state.messages.push_back(std::move(each));
  }
  last = 0;
  for (std::uint64_t n = in.count(kSignalBytes); n > 0; --n) {
    ParentQueue::Signal each;
    each.connection = in.get<std::uint32_t>();
    each.flag = in.get<std::uint16_t>();
    each.due = get_time(in);
    require(in, each.due >= last);
    last = each.due;
    state.signals.push_back(each);
  }
  for (std::uint64_t n = in.count(kPostsBytes); n > 0; --n) {
    const auto connection = in.get<std::uint32_t>();
    insert_last(in, state.sequences, connection, in.get<std::uint64_t>());
  }
  return state;
}

void put_ipis(ByteWriter& out, const std::deque<Ipi>& ipis) {
  out.put<std::uint64_t>(ipis.size());
  for (const Ipi& each : ipis) {
    out.put(each.target);
    out.put(each.mode);
    out.put(each.vector);
    out.put(each.due);
  }
}

std::deque<Ipi> get_ipis(ByteReader& in) {
  std::deque<Ipi> ipis;
  std::int64_t last = 0;
  for (std::uint64_t n = in.count(kIpiBytes); n > 0; --n) {
    Ipi each;
    each.target = in.get<std::uint32_t>();
    each.mode = in.get<std::uint8_t>();
    each.vector = in.get<std::uint8_t>();
    each.due = get_time(in);
    require(in, each.mode < 8 && each.due >= last);
    last = each.due;
    ipis.push_back(each);
  }
  return ipis;
}

// ---------------------------------------------------------------- a VP

void put_vectors(ByteWriter& out, const Apic::Vectors& vectors) {
  for (std::uint64_t word : vectors) out.put(word);
}

void put_apic(ByteWriter& out, const Apic::State& state) {
  out.put(state.base);
  out.put(state.tpr);
  out.put(state.svr);
  out.put(state.ldr);
  out.put(state.dfr);
  out.put(state.icr);
  out.put(state.divide);
  out.put(state.initial_count);
  for (std::uint32_t entry : state.lvt) out.put(entry);
  put_vectors(out, state.irr);
  put_vectors(out, state.isr);
  put_vectors(out, state.auto_eoi);
}

Apic::State get_apic(ByteReader& in) {
  Apic::State state;
  state.base = in.get<std::uint64_t>();
  state.tpr = in.get<std::uint8_t>();
  state.svr = in.get<std::uint32_t>();
  state.ldr = in.get<std::uint32_t>();
  state.dfr = in.get<std::uint32_t>();
  state.icr = in.get<std::uint64_t>();
  state.divide = in.get<std::uint32_t>();
  state.initial_count = in.get<std::uint32_t>();
  for (std::uint32_t& entry : state.lvt) entry = in.get<std::uint32_t>();
  for (Apic::Vectors* vectors : {&state.irr, &state.isr, &state.auto_eoi}) {
    for (std::uint64_t& word : *vectors) word = in.get<std::uint64_t>();
  }
  require(in, Apic::valid(state));
  return state;
}

void put_queued(ByteWriter& out, const QueuedMessage& message) {
  out.put(message.port);
  out.put(message.sequence);
  out.put(message.type);
  out.put(message.timer);
  out.put(message.expiration);
  out.block(message.payload);
}

QueuedMessage get_queued(ByteReader& in) {
  QueuedMessage message;
  message.port = in.get<std::uint32_t>();
  message.sequence = in.get<std::uint64_t>();
  message.type = in.get<std::uint32_t>();
  message.timer = in.get<std::uint8_t>();
  message.expiration = in.get<std::uint64_t>();
  message.payload = get_payload(in);
  if (message.timer == QueuedMessage::kNoTimer) {
    require(in, message.type != 0 && message.type < kHypervisorMessage);
  } else {
    require(in, message.timer < kTimersPerVp && message.type == kTimerExpired &&
                    message.payload.empty());
  }
  return message;
}

void put_synic(ByteWriter& out, const Synic::State& state) {
  out.put(state.control);
  out.put(state.siefp);
  out.put(state.simp);
  for (std::uint64_t sint : state.sint) out.put(sint);
  out.put(state.retry_at);
  out.put<std::uint64_t>(state.sequences.size());
  for (const auto& [key, posts] : state.sequences) {
    out.put(key.first);
    out.put(key.second);
    out.put(posts);
  }
  for (const auto& queue : state.queues) {
    out.put<std::uint64_t>(queue.size());
    for (const QueuedMessage& message : queue) put_queued(out, message);
  }
}

Synic::State get_synic(ByteReader& in) {
  Synic::State state;
  state.control = in.get<std::uint64_t>();
  state.siefp = in.get<std::uint64_t>();
  state.simp = in.get<std::uint64_t>();
  require(in, state.control <= 1);
  for (std::uint64_t& sint : state.sint) {
    sint = in.get<std::uint64_t>();
    require(in, Synic::valid_sint(sint));
  }
  state.retry_at = in.get<std::int64_t>();
  require(in, state.retry_at >= Synic::kNoRetry && state.retry_at <= kMaxTime);
  for (std::uint64_t n = in.count(kSynicPostsBytes); n > 0; --n) {
    const auto port = in.get<std::uint32_t>();
    const auto sint = in.get<std::uint8_t>();
    require(in, sint < kSints);
    insert_last(in, state.sequences, std::pair(port, sint), in.get<std::uint64_t>());
  }
  for (auto& queue : state.queues) {
    for (std::uint64_t n = in.count(kQueuedBytes); n > 0; --n) queue.push_back(get_queued(in));
  }
  return state;
}

void put_timer(ByteWriter& out, const SyntheticTimer::State& state) {
  out.put(state.config);
  out.put(state.count);
  out.put(state.due);
  out.put(state.fire_at);
  out.put<std::uint8_t>(state.blocked);
}

SyntheticTimer::State get_timer(ByteReader& in) {
  SyntheticTimer::State state;
  state.config = in.get<std::uint64_t>();
  state.count = in.get<std::uint64_t>();
  state.due = in.get<std::uint64_t>();
  state.fire_at = in.get<std::uint64_t>();
  state.blocked = get_flag(in);
  require(in, SyntheticTimer::valid(state));
  return state;
}

SavedVp get_vp(ByteReader& in) {
  SavedVp vp;
  vp.index = in.get<std::uint32_t>();
  vp.model = get_flag(in);
  vp.stopped = get_flag(in);
  vp.waits_for_startup = get_flag(in);
  vp.base_ns = get_time(in);
  vp.idle_ns = get_time(in);
  require(in, vp.idle_ns <= vp.base_ns);  // idling is part of the base
  vp.assist = in.get<std::uint64_t>();
  vp.apic = get_apic(in);
  vp.synic = get_synic(in);
  for (auto& timer : vp.timers) timer = get_timer(in);
  const auto engine = in.block();
  vp.engine.assign(engine.begin(), engine.end());
  return vp;
}

/// No more buffers than a port or a timer has (spec B.7).
bool buffers_suffice(const SavedPartition& saved) {
  std::map<std::uint32_t, unsigned> by_connection;
  for (const auto& each : saved.parent.messages) {
    if (++by_connection[each.connection] > kBuffersPerPort) return false;
  }
  std::map<std::uint32_t, unsigned> by_port;
  for (const SavedVp& vp : saved.vps) {
    std::array<unsigned, kTimersPerVp> by_timer{};
    for (const auto& queue : vp.synic.queues) {
      for (const QueuedMessage& each : queue) {
        const bool timer = each.timer != QueuedMessage::kNoTimer;
        if (timer ? ++by_timer[each.timer] > 1 : ++by_port[each.port] > kBuffersPerPort) {
          return false;
        }
      }
    }
  }
  return true;
}

}  // namespace

void SavedVp::encode(ByteWriter& out) const {
  out.put(index);
  out.put<std::uint8_t>(model);
  out.put<std::uint8_t>(stopped);
  out.put<std::uint8_t>(waits_for_startup);
  out.put(base_ns);
  out.put(idle_ns);
  out.put(assist);
  put_apic(out, apic);
  put_synic(out, synic);
  for (const auto& timer : timers) put_timer(out, timer);
  out.block(engine);
}

void SavedPartition::encode(ByteWriter& out) const {
  out.put(kMagic);
  out.put(kStreamVersion);
  out.put(static_cast<std::uint32_t>(vps.size()));
  out.put(instructions_per_us);
  out.put(tsc_hz);
  out.put(features);
  out.put(guest_ns);
  out.put(guest_os_id);
  out.put(hypercall);
  out.put(reference_tsc);
  out.put(last_reference);
  put_parent(out, parent);
  put_ipis(out, ipis);
  for (const SavedVp& vp : vps) vp.encode(out);
}

std::optional<SavedPartition> SavedPartition::decode(ByteReader& in) {
  if (in.get<std::uint32_t>() != kMagic || in.get<std::uint32_t>() != kStreamVersion) {
    return std::nullopt;
  }
  SavedPartition saved;
  const auto count = in.get<std::uint32_t>();
  saved.instructions_per_us = in.get<std::uint64_t>();
  saved.tsc_hz = in.get<std::uint64_t>();
  saved.features = in.get<std::uint32_t>();
  saved.guest_ns = get_time(in);
  saved.guest_os_id = in.get<std::uint64_t>();
  saved.hypercall = in.get<std::uint64_t>();
  saved.reference_tsc = in.get<std::uint64_t>();
  saved.last_reference = in.get<std::uint64_t>();
  saved.parent = get_parent(in);
  saved.ipis = get_ipis(in);
  const auto now = static_cast<std::uint64_t>(saved.guest_ns) / 100;
  require(in, saved.last_reference <= now + kMaxReferenceLead);
  require(in, (saved.hypercall & msr::kPageEnable) == 0 || saved.guest_os_id != 0);
  require(in, count <= in.remaining() / kVpBytes);
  if (!in.ok()) return std::nullopt;
  for (std::uint32_t n = 0; n < count && in.ok(); ++n) {
    saved.vps.push_back(get_vp(in));
    require(in, n == 0 || saved.vps[n - 1].index < saved.vps[n].index);
  }
  if (!in.ok() || !in.at_end() || !buffers_suffice(saved)) return std::nullopt;
  return saved;
}

}  // namespace hv
