// The guest's side of a network adapter, for model guests and tests: the handshake of NVSP and
// RNDIS in the order of Linux's driver, and frames over one channel of a guest::Bus (spec D.2). The
// owner forwards opened(), lent(), readable() and writable().
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "hypervisor/vmbus/guest/bus.hpp"
#include "hypervisor/vsp/netvsp_protocol.hpp"
#include "hypervisor/vsp/rndis_protocol.hpp"
#include "sim/net/ethernet.hpp"

namespace vsp::guest {

class NetVscClient {
 public:
  virtual void net_ready() {}
  /// A step of the handshake failed with this status of NVSP or RNDIS.
  virtual void net_refused(std::uint32_t /*status*/) {}
  /// `vlan`: the tag that came beside the frame. The bytes are the adapter's.
  virtual void frame(std::span<const std::byte> bytes, std::optional<std::uint16_t> vlan) = 0;
  /// Sections of the send buffer are free again.
  virtual void frames_sent(nvsp::Status /*status*/) {}
  virtual void indicated(rndis::Status /*status*/) {}
  /// A completion of nothing that is outstanding.
  virtual void unasked(std::uint64_t /*transaction*/) {}

 protected:
  ~NetVscClient() = default;
};

struct NetVscConfig {
  /// Tried in this order, as Linux does.
  std::vector<nvsp::Version> versions = {nvsp::Version::V6_1, nvsp::Version::V6, nvsp::Version::V5,
                                         nvsp::Version::V4,   nvsp::Version::V2, nvsp::Version::V1};
  sim::Gpfn receive_first{};  ///< first page of the receive buffer
  std::uint32_t receive_pages = 64;
  sim::Gpfn send_first{};
  std::uint32_t send_pages = 48;
  sim::Gpfn control_page{};  ///< RNDIS requests are written here
  std::uint32_t mtu = 1500;
  std::uint32_t filter =
      rndis::kFilterDirected | rndis::kFilterAllMulticast | rndis::kFilterBroadcast;
};

class NetVsc {
 public:
  NetVsc(hv::Partition& partition, vmbus::guest::Bus& bus, const NetVscConfig& config,
         NetVscClient& client);

  void opened(std::uint32_t relid);
  void lent(std::uint32_t gpadl, bool success);
  void readable();
  void writable();

  bool ready() const { return step_ == Step::Ready; }
  nvsp::Version version() const { return version_; }
  sim::MacAddress mac() const { return mac_; }
  std::uint32_t mtu() const { return mtu_; }
  bool link_up() const { return link_up_; }
  std::uint32_t receive_sections() const { return receive_sections_; }
  std::size_t outstanding() const { return outstanding_.size(); }

  /// Adds a frame to the section in hand, or to a fresh one; false when there is none. What was
  /// added goes out with flush().
  bool send(std::span<const std::byte> frame, std::optional<std::uint16_t> vlan = {});
  void flush();

  /// A request after the handshake; one at a time. `answer` is kept by the adapter.
  void query(rndis::Oid oid);
  void set(rndis::Oid oid, std::span<const std::byte> info);
  rndis::Status last_status() const { return last_status_; }
  const std::vector<std::byte>& last_info() const { return last_info_; }

  void save(traces::ByteWriter& out) const;
  bool restore(traces::ByteReader& in);

 private:
  enum class Step : std::uint8_t {
    Idle,
    Init,
    LendReceive,
    SendReceive,
    LendSend,
    SendSend,
    Initialize,
    QueryFrameSize,
    QueryMac,
    QueryOffloads,
    SetOffloads,
    QueryLink,
    SetFilter,
    Ready,
    Failed
  };

  template <class Body>
  void tell(nvsp::Type type, const Body& body, bool wants_answer);
  void ask_version();
  void answered(const nvsp::Message& message);
  void fail(std::uint32_t status);
  void request(rndis::Type type, std::span<const std::byte> body);
  void next_step();
  void control(std::span<const std::byte> message);
  void received(const vmbus::Packet& packet);
  void message(std::span<const std::byte> bytes);
  void put(sim::Gpfn first, std::uint64_t offset, std::span<const std::byte> data);
  void get(sim::Gpfn first, std::uint64_t offset, std::span<std::byte> out) const;
  void pump();

  hv::Partition& partition_;
  vmbus::guest::Bus& bus_;
  NetVscConfig config_;
  NetVscClient& client_;

  std::uint32_t relid_ = 0;
  Step step_ = Step::Idle;
  std::uint32_t attempt_ = 0;
  nvsp::Version version_{};
  std::uint32_t receive_gpadl_ = 0, send_gpadl_ = 0;
  std::uint32_t section_bytes_ = 0, receive_sections_ = 0;
  std::uint32_t next_request_ = 1;
  sim::MacAddress mac_;
  std::uint32_t mtu_ = 0;
  bool link_up_ = false;
  rndis::Status last_status_{};
  std::vector<std::byte> last_info_;

  std::vector<std::uint32_t> free_;    ///< sections of the send buffer
  std::optional<std::uint32_t> open_;  ///< the one that frames are being added to
  std::uint32_t open_bytes_ = 0, open_frames_ = 0;
  std::map<std::uint64_t, std::uint32_t> outstanding_;  ///< transaction: bytes in its section
  std::deque<std::uint64_t> queue_;    ///< those of them that are not in the ring yet
  std::deque<std::uint64_t> returns_;  ///< completions that found no room
  std::vector<std::byte> scratch_;
};

}  // namespace vsp::guest
