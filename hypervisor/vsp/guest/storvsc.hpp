// The guest's side of storage, for model guests and tests: handshake and SRBs over one channel of a
// guest::Bus (spec D.1). The owner forwards opened(), readable() and writable().
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <vector>

#include "hypervisor/vmbus/guest/bus.hpp"
#include "hypervisor/vsp/storvsp.hpp"
#include "hypervisor/vsp/storvsp_protocol.hpp"

namespace vsp::guest {

/// How the host ended a command.
struct Completion {
  std::uint64_t tag = 0;
  std::uint8_t srb_status = 0;  ///< flag bits included
  std::uint8_t scsi_status = 0;
  std::uint32_t bytes = 0;  ///< moved
  std::array<std::uint8_t, protocol::kSenseBytes> sense{};
  bool good() const { return srb_status == protocol::kSrbSuccess && scsi_status == 0; }
};

class StorVscClient {
 public:
  virtual void storage_ready() {}
  /// The handshake failed with this status.
  virtual void storage_refused(std::uint32_t /*status*/) {}
  virtual void completed(const Completion& completion) = 0;
  /// The host says that there are other LUNs than before.
  virtual void luns_changed() {}
  /// A completion of nothing that is outstanding.
  virtual void unasked(std::uint64_t /*transaction*/) {}

 protected:
  ~StorVscClient() = default;
};

/// A command with its buffer: whole or partial pages, listed in order.
struct Command {
  std::uint64_t tag = 0;  ///< the owner's; unique while outstanding, not 0
  std::uint8_t lun = 0;
  std::uint8_t target = 0;
  std::vector<std::uint8_t> cdb;
  std::uint8_t data_in = protocol::kDataNone;
  vmbus::GpaRange buffer;  ///< bytes = data transfer length; none when 0
};

/// Command blocks of 10 bytes, or of 16 where the block number needs them.
std::vector<std::uint8_t> read_cdb(std::uint64_t lba, std::uint32_t blocks, bool fua = false);
std::vector<std::uint8_t> write_cdb(std::uint64_t lba, std::uint32_t blocks, bool fua = false);
std::vector<std::uint8_t> synchronize_cache_cdb();

class StorVsc {
 public:
  /// Versions are tried in this order, as Linux does.
  StorVsc(vmbus::guest::Bus& bus, StorVscClient& client,
          std::vector<StorageVersion> versions = {StorageVersion::Win10, StorageVersion::Win8_1,
                                                  StorageVersion::Win8, StorageVersion::Win7,
                                                  StorageVersion::Win6});

  /// The channel is open: begins the handshake.
  void opened(std::uint32_t relid);
  void readable();
  void writable();

  bool ready() const { return step_ == Step::Ready; }
  StorageVersion version() const { return version_; }
  std::uint32_t max_transfer_bytes() const { return max_transfer_; }
  std::size_t outstanding() const { return outstanding_.size(); }

  /// Queued when the ring is full. The host sees commands in this order. A command that the host
  /// refuses for now (BUSY, UNIT ATTENTION) is submitted again.
  void submit(Command command);

  void save(traces::ByteWriter& out) const;
  bool restore(traces::ByteReader& in);

 private:
  enum class Step : std::uint8_t { Idle, Begin, Version, Properties, End, Ready, Failed };

  void ask(protocol::Operation operation);
  void answered(const protocol::StoragePacket& reply);
  void flush();
  bool send(const Command& command);

  vmbus::guest::Bus& bus_;
  StorVscClient& client_;
  std::vector<StorageVersion> versions_;
  std::uint32_t relid_ = 0;
  Step step_ = Step::Idle;
  std::uint32_t attempt_ = 0;
  StorageVersion version_{};
  std::uint32_t max_transfer_ = 0;
  std::map<std::uint64_t, Command> outstanding_;  ///< by tag
  std::deque<std::uint64_t> queue_;               ///< those of them that are not in the ring yet
};

}  // namespace vsp::guest
