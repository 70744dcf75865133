// What guests asked of their disks, put together from the events of one request: acceptance, the
// witness's hashes of the guest's buffer, completion. Properties of disk contents stand on it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "checkers/property.hpp"
#include "traces/record.hpp"

namespace checkers {

/// The end of a request that has none yet.
constexpr std::uint64_t kPending = UINT64_MAX;

/// One read, write or flush on its way.
struct DiskRequest {
  enum class Kind { Read, Write, Flush };
  Kind kind = Kind::Read;
  std::uint64_t id = 0;  ///< unique in the run, from 1
  std::uint32_t disk = 0;
  std::uint64_t lba = 0;
  std::uint32_t sectors = 0;
  std::uint64_t start = 0;            ///< index of the event that accepted it
  std::vector<std::uint64_t> hashes;  ///< per sector, of the guest's buffer
};

class DiskProperty : public Property {
 public:
  DiskProperty(std::string id, std::string statement,
               std::initializer_list<traces::EventType> more);

  traces::EventSet events() const override;
  void on_event(const traces::Event& event) final;

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
  virtual void other(const traces::Event& event) {}
  bool needs_detail() const override { return true; }

 private:
  using Key = std::tuple<std::uint32_t, std::uint64_t, std::uint32_t, std::uint64_t>;

  void request(const traces::Event& event, const traces::ev::ScsiRequest& scsi);
  void data(const traces::Event& event, const traces::ev::ScsiData& data);
  void completion(const traces::Event& event, const traces::ev::ScsiCompletion& done);
  void killed(const traces::Event& event);

  std::map<Key, DiskRequest> open_;  // node, partition, relid, transaction
  std::uint64_t last_id_ = 0;
};

/// Little-endian hashes of an event's field.
std::vector<std::uint64_t> hashes_of(traces::Bytes bytes);

}  // namespace checkers
