// What a guest and its storage adapter say to each other, read by the checkers themselves from the
// rings (spec C.6, D.1).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "checkers/watched_rings.hpp"

namespace checkers {

struct StoragePacket {
  bool from_guest = false;
  bool completes = false;         ///< a completion; otherwise something that its sender begins
  std::uint64_t transaction = 0;  ///< of the packet
  std::uint32_t operation = 0;
  std::uint32_t status = 0;
  // Of SCSI commands.
  std::uint8_t srb_status = 0, scsi_status = 0;
  std::uint32_t bytes = 0;  ///< asked, or moved
  std::uint8_t opcode = 0;  ///< of a request
};

namespace storage {
inline constexpr std::uint32_t kExecuteSrb = 3;
inline constexpr std::uint32_t kBegin = 7;
inline constexpr std::uint32_t kEnd = 8;
inline constexpr std::uint32_t kQueryVersion = 9;
inline constexpr std::uint32_t kQueryProperties = 10;
/// An SRB status without its flags, and the flag of sense data.
inline constexpr std::uint8_t kStatusBits = 0x3F;
inline constexpr std::uint8_t kAutosense = 0x80;
inline constexpr std::uint8_t kSrbSuccess = 1;
}  // namespace storage

/// A property of such packets. Needs level 1. VMs have one adapter, the same one on whatever host
/// they are; a VM that is off has forgotten everything.
class StorageProperty : public RingProperty {
 public:
  StorageProperty(std::string id, std::string statement);
  traces::EventSet events() const override;

 protected:
  virtual void said(const traces::Event& event, std::uint32_t vm, const StoragePacket& packet) = 0;
  /// The guest begins anew: it was off, or has closed the channel.
  virtual void begins_anew(std::uint32_t vm) = 0;
  /// The guest goes on from a saved state: what came before may not have been seen.
  virtual void goes_on(std::uint32_t /*vm*/) {}

 private:
  void other(const traces::Event& event) final;
  bool keeps(const ChannelKey& channel) const final { return channels_.count(channel) != 0; }
  void look(const traces::Event& event, const ChannelKey& channel, std::uint32_t start,
            bool from_guest);

  std::set<ChannelKey> channels_;
  std::set<std::uint32_t> saved_;  ///< VMs that are at rest with a saved state
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint32_t> vms_;  // by node and partition
};

}  // namespace checkers
