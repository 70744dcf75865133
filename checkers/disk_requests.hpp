// What guests asked of their disks, put together from the events of one request: the CDB as it lies
// in the ring, acceptance, the witness's hashes of the guest's buffer, completion. Properties of
// disk contents stand on it. Of the VSP's own account only this is believed: which disk a LUN is.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "checkers/guest_packets.hpp"
#include "checkers/watched_rings.hpp"
#include "traces/record.hpp"

namespace checkers {

/// The end of a request that has none yet.
constexpr std::uint64_t kPending = UINT64_MAX;

/// One read, write or flush on its way.
struct DiskRequest {
  using Kind = BlockCommand::Kind;
  Kind kind = Kind::Other;
  std::uint64_t id = 0;  ///< unique in the run, from 1
  std::uint32_t disk = 0;
  std::uint64_t lba = 0;
  std::uint32_t asked = 0;            ///< sectors that the guest's command names
  std::uint32_t sectors = 0;          ///< of which the content is known, for a write
  std::uint64_t start = 0;            ///< index of the event that accepted it
  std::vector<std::uint64_t> hashes;  ///< per sector, of the guest's buffer
};

class DiskProperty : public RingProperty {
 public:
  DiskProperty(std::string id, std::string statement,
               std::initializer_list<traces::EventType> more);

  traces::EventSet events() const override;

 protected:
  /// A read or flush was accepted, or a write whose hashes are known.
  virtual void accepted(const traces::Event& event, const DiskRequest& request) {}
  /// A read's data stands in the guest's buffer.
  virtual void read(const traces::Event& event, const DiskRequest& request) {}
  virtual void completed(const traces::Event& event, const DiskRequest& request, bool success) {}
  /// A host died with this request: it will not be completed.
  virtual void abandoned(const traces::Event& event, const DiskRequest& request) {}
  /// Whether sectors() is to be called with reports of this cause.
  virtual bool wants(traces::SectorCause cause) const { return false; }
  /// Sectors as the disk itself reports them.
  virtual void sectors(const traces::Event& event, const traces::ev::DiskSectors& report,
                       const std::vector<std::uint64_t>& hashes) {}
  /// Everything else that was asked for.
  virtual void more(const traces::Event& event) {}

 private:
  void other(const traces::Event& event) final;
  bool hears_hostile() const final { return true; }

  using Key = std::tuple<std::uint32_t, std::uint64_t, std::uint32_t, std::uint64_t>;

  void consumed(const traces::Event& event, const traces::ev::RingConsumed& consumed);
  void request(const traces::Event& event, const traces::ev::ScsiRequest& scsi);
  std::optional<BlockCommand> command_of(const traces::Event& event, const Key& key,
                                         const traces::ev::ScsiRequest& scsi);
  void data(const traces::Event& event, const traces::ev::ScsiData& data);
  void completion(const traces::Event& event, const traces::ev::ScsiCompletion& done);
  void killed(const traces::Event& event);

  std::map<Key, Cdb> asked_;         // packets that were read and not yet accepted
  std::map<Key, DiskRequest> open_;  // node, partition, relid, transaction
  std::uint64_t last_id_ = 0;
};

/// Little-endian hashes of an event's field.
std::vector<std::uint64_t> hashes_of(traces::Bytes bytes);

}  // namespace checkers
