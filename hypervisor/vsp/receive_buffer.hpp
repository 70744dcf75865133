// The receive buffer that a guest lends to the network VSP (spec D.2): a row of equal sections. A
// section goes to the guest with a transfer-page packet and is the host's again when the guest
// completes that packet; until then nobody touches it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "traces/bytes.hpp"
#include "traces/digest.hpp"

namespace vsp {

class ReceiveBuffer {
 public:
  /// Sections of a fresh buffer are taken in ascending order, returned ones first: what was in use
  /// is used again, and a migration has fewer pages to send.
  void attach(std::uint32_t gpadl, std::uint32_t section_bytes, std::uint32_t sections);
  /// Forgets everything; what the guest still returns means nothing.
  void detach();

  bool attached() const { return sections_ != 0; }
  std::uint32_t gpadl() const { return gpadl_; }
  std::uint32_t section_bytes() const { return section_bytes_; }
  std::uint32_t sections() const { return sections_; }
  std::uint32_t free() const {
    return sections_ - next_ + static_cast<std::uint32_t>(used_.size());
  }
  std::size_t outstanding() const { return lent_.size(); }

  /// A free section, now the caller's.
  std::optional<std::uint32_t> take();
  /// It was not used after all.
  void put_back(std::uint32_t section) { used_.push_back(section); }
  /// Taken sections go to the guest with a packet.
  void lend(std::uint64_t transaction, std::vector<std::uint32_t> sections);
  /// The guest completed the packet. False when there is no such packet.
  bool returned(std::uint64_t transaction);

  void save(traces::ByteWriter& out) const;
  /// Untrusted bytes; false, and nothing is attached, when they are not a state of a buffer.
  bool restore(traces::ByteReader& in);
  void witness(traces::DigestStream& out) const;

 private:
  bool restore_lists(traces::ByteReader& in);

  std::uint32_t gpadl_ = 0;
  std::uint32_t section_bytes_ = 0;
  std::uint32_t sections_ = 0;
  std::uint32_t next_ = 0;                                    ///< this and above were never taken
  std::vector<std::uint32_t> used_;                           ///< free ones below it; last in first
  std::map<std::uint64_t, std::vector<std::uint32_t>> lent_;  ///< by transaction
};

}  // namespace vsp
