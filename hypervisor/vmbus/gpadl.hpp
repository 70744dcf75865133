// GPADLs: lists of guest pages that the guest lends to the host under a handle (spec C.4, C.5).
//
//   None -> InProgress (bodies missing) -> Offered -> Accepted -> TearingDown -> None
//   None -> Offered when the header carries everything
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "hypervisor/core/partition.hpp"
#include "hypervisor/vmbus/ring.hpp"
#include "traces/bytes.hpp"
#include "traces/digest.hpp"

namespace vmbus {

struct Gpadl {
  std::uint32_t id = 0;
  std::uint32_t relid = 0;
  traces::GpadlState state = traces::GpadlState::None;
  std::uint16_t range_count = 0;
  std::uint16_t range_bytes = 0;  ///< announced size of the range buffer
  std::vector<std::byte> buffer;  ///< range buffer as far as received
  std::vector<GpaRange> ranges;   ///< once complete

  std::uint32_t announced_pfns() const;
  std::uint32_t received_pfns() const;
};

/// All GPADLs of one connection. State changes are events.
class GpadlTable {
 public:
  explicit GpadlTable(hv::Partition& partition) : partition_(partition) {}

  enum class Result : std::uint8_t {
    Incomplete,  ///< bodies must follow
    Accepted,
    Refused,  ///< the header gets a failure; nothing remains
    Ignored,  ///< a body without a header
  };
  Result header(std::uint32_t id, std::uint32_t relid, std::uint16_t range_bytes,
                std::uint16_t range_count, std::span<const std::byte> data);
  Result body(std::uint32_t id, std::span<const std::byte> data);

  /// Null for unknown handles.
  Gpadl* find(std::uint32_t id);
  /// Of one channel and Accepted, else null.
  const Gpadl* accepted(std::uint32_t id, std::uint32_t relid);

  void tearing_down(Gpadl& gpadl);
  void remove(std::uint32_t id);
  /// A rescinded channel is the guest's no more, and so is what it lent for it.
  void release(std::uint32_t relid);
  /// The connection ends: nothing is answered any more.
  void clear();

  void save(traces::ByteWriter& out) const;
  bool restore(traces::ByteReader& in);
  void witness(traces::DigestStream& out) const;

 private:
  Result extend(Gpadl& gpadl, std::span<const std::byte> data);
  bool resolve(Gpadl& gpadl);
  void change(Gpadl& gpadl, traces::GpadlState to);

  hv::Partition& partition_;
  std::map<std::uint32_t, Gpadl> gpadls_;
};

}  // namespace vmbus
