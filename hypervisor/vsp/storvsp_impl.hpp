// Inside of the storage VSP. storvsp.cpp: packets and the handshake; storvsp_io.cpp: the life of
// an SRB; storvsp_luns.cpp: disks that come and go; storvsp_state.cpp: saving and restoring.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "hypervisor/storage/scsi.hpp"
#include "hypervisor/vsp/storvsp.hpp"
#include "hypervisor/vsp/storvsp_protocol.hpp"
#include "sim/kernel/sync.hpp"

namespace vsp {

/// The handshake (spec D.1): what the guest must ask next.
enum class Phase : std::uint8_t { Begin, Version, Properties, End, Ready };

struct StorVsp::Impl {
  Impl(sim::Node& host, const StorVspConfig& config) : host(host), config(config) {}
  ~Impl();

  /// An SRB between acceptance and completion.
  struct Request {
    std::uint64_t serial = 0;
    std::uint64_t session = 0;  ///< of the channel it came through
    sim::Time start{};
    vmbus::Packet packet;
    protocol::ScsiRequest srb;
    std::optional<storage::scsi::Command> command;  ///< nothing: the command block is too short
    storage::VirtualDisk* disk = nullptr;
    bool acceptable = true;       ///< lengths, direction and buffer make sense
    std::vector<std::byte> data;  ///< to the disk
  };
  /// How an SRB ends.
  struct Outcome {
    std::uint8_t srb_status = protocol::kSrbSuccess;
    std::optional<storage::scsi::Sense> sense;
    bool busy = false;            ///< SCSI status BUSY: nothing was done
    std::vector<std::byte> data;  ///< to the guest
    std::uint32_t moved = 0;      ///< bytes
  };
  /// A reply that waits for room in the ring.
  struct Reply {
    std::uint64_t transaction = 0;
    protocol::StoragePacket packet;
    bool notice = false;  ///< unasked: a packet of the host's own
    bool scsi = false;    ///< the rest is what its event says
    std::uint8_t opcode = 0;
    std::uint32_t disk = 0;
  };

  // -- packets and the handshake --
  void drain();
  void handle(vmbus::Packet packet);
  void answer(std::uint64_t transaction, protocol::StoragePacket packet, std::uint32_t status);
  std::uint32_t handshake(protocol::StoragePacket& packet);
  void reset(std::uint64_t transaction, const protocol::StoragePacket& packet);
  void send(Reply reply);
  void pump();
  /// Tells the guest that the LUNs are not what they were: it looks again.
  void announce(std::uint8_t lun, std::uint32_t disk, bool present);
  bool uses(const storage::VirtualDisk& disk) const;

  // -- SRBs --
  void accept(vmbus::Packet packet, const protocol::StoragePacket& storage);
  bool buffer_valid(const Request& request) const;
  void take_data(Request& request);
  static sim::Task<> serve(Impl& impl, Request& request);
  static sim::Task<Outcome> execute(Impl& impl, Request& request);
  static sim::Task<Outcome> transfer(Impl& impl, Request& request);
  static sim::Task<sim::DiskStatus> verify(storage::VirtualDisk& disk,
                                           storage::scsi::Command command);
  Outcome control(const Request& request);
  bool answers_absent(const Request& request) const;
  /// Invited trouble: refuses a transfer so that the guest tries again.
  bool refuses(const Request& request, Outcome& outcome);
  void finish(Request& request, Outcome outcome);
  void deliver_data(const Request& request, Outcome& outcome);
  Reply reply_to(const Request& request, const Outcome& outcome) const;
  std::uint64_t task_key(std::uint64_t serial) const;

  // -- witnesses --
  template <class E>
  void emit(const E& event) const {
    host.world().emit(host.id(), event);
  }
  void sometimes(const char* point) const { host.world().sometimes(host, point); }
  bool plant(const char* name) const { return host.world().plant(host, name); }
  void witness_request(const Request& request) const;
  void witness_data(const Request& request, bool write, std::uint64_t bytes) const;
  void witness_completion(const Reply& reply) const;

  sim::Node& host;
  StorVspConfig config;
  std::map<std::uint8_t, storage::VirtualDisk*> luns;
  vmbus::Channel* channel = nullptr;
  std::uint64_t session = 0;
  std::uint64_t place = 0;  ///< of the channel in the event order: the same on every host
  Phase phase = Phase::Begin;
  std::uint16_t version = 0;
  bool quiesced = false;
  std::uint64_t next_serial = 1;
  sim::Time next_start{};
  std::map<std::uint64_t, std::unique_ptr<Request>> outstanding;
  std::deque<Reply> replies;
  std::optional<Reply> pending_reset;  ///< answered when nothing is outstanding
  sim::Signal idle;
  sim::Signal finished;  ///< raised and lowered at the end of every request
};

}  // namespace vsp
