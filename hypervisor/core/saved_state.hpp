// The stream that carries a partition's hypervisor state to another host (spec B.11). Memory, and
// with it the contents of overlay pages, travels apart; connections are the stack's.
//
// Layout, all integers little-endian, `list` = u64 count and the items, `block` = u64 length and
// the bytes:
//
//   u32 'H' 'V' 'P' 'S'   u32 version (1)
//   shape:     u32 number of VPs, u64 instructions per us, u64 TSC Hz, u32 features
//   partition: i64 guest time in ns, u64 GUEST_OS_ID, u64 HYPERCALL, u64 REFERENCE_TSC,
//              u64 last value read of TIME_REF_COUNT
//   to parent: list of messages {u32 connection, u64 sequence, u32 type, i64 due, block payload}
//              list of signals {u32 connection, u16 flag, i64 due}
//              list of {u32 connection, u64 posts}
//   IPIs:      list of {u32 target, u8 mode, u8 vector, i64 due}
//   each VP by ascending index:
//              u32 index, u8 model guest, u8 stopped, u8 waits for SIPI, i64 clock base,
//              i64 idle time, u64 assist page MSR
//     APIC:    u64 base, u8 TPR, u32 SVR, u32 LDR, u32 DFR, u64 ICR, u32 divide, u32 initial
//              count, 6 u32 LVT, 4 u64 IRR, 4 u64 ISR, 4 u64 requested with AutoEOI
//     SynIC:   u64 SCONTROL, u64 SIEFP, u64 SIMP, 16 u64 SINT, i64 next retry (-1 none),
//              list of {u32 port, u8 SINT, u64 posts},
//              16 lists of {u32 port, u64 sequence, u32 type, u8 timer (255 none),
//                           u64 expiration, block payload}
//     timers:  4 times u64 CONFIG, u64 COUNT, u64 due, u64 fire at, u8 blocked
//     engine:  block (the CPU engine's or the model guest's own format)
//
// Times are guest times: nothing in the stream depends on the host's clock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "hypervisor/core/apic.hpp"
#include "hypervisor/core/parent_queue.hpp"
#include "hypervisor/core/partition_impl.hpp"
#include "hypervisor/core/synic.hpp"
#include "hypervisor/core/synthetic_timer.hpp"
#include "traces/bytes.hpp"

namespace hv {

struct SavedVp {
  std::uint32_t index = 0;
  bool model = false;
  bool stopped = false;
  bool waits_for_startup = false;
  std::int64_t base_ns = 0;
  std::int64_t idle_ns = 0;
  std::uint64_t assist = 0;
  Apic::State apic;
  Synic::State synic;
  std::array<SyntheticTimer::State, kTimersPerVp> timers;
  std::vector<std::byte> engine;

  void encode(traces::ByteWriter& out) const;
};

struct SavedPartition {
  std::uint64_t instructions_per_us = 0;
  std::uint64_t tsc_hz = 0;
  std::uint32_t features = 0;
  std::int64_t guest_ns = 0;
  std::uint64_t guest_os_id = 0;
  std::uint64_t hypercall = 0;
  std::uint64_t reference_tsc = 0;
  std::uint64_t last_reference = 0;
  ParentQueue::State parent;
  std::deque<Ipi> ipis;
  std::vector<SavedVp> vps;

  void encode(traces::ByteWriter& out) const;
  /// Untrusted bytes. nullopt unless every value is one that a guest could have brought about.
  static std::optional<SavedPartition> decode(traces::ByteReader& in);
};

}  // namespace hv
