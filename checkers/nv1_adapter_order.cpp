// NV-1 (spec I.7, D.2): an adapter's INIT comes first, a receive buffer is registered before any
// frame, no frame reaches the guest while its packet filter is 0 or RNDIS is not initialised, and
// no frame is shorter or longer than Ethernet's are.
//
// What the guest asked for is read from the VSP's answers to it; what it got from the witness that
// looks at its receive buffer.
#include <map>
#include <string>
#include <utility>

#include "checkers/makers.hpp"
#include "checkers/nic_adapters.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

/// What one channel's guest has done so far.
struct Progress {
  bool version = false;
  bool receive_buffer = false;
  bool rndis = false;
  std::uint64_t filter = 0;
};

struct Adapters {
  void take_over(const Adapters& source) { *this = source; }
  /// Channels that were set up before the trace are taken to have been, with any filter.
  void begin_amid() { unseen = true; }
  Progress& at(std::uint32_t relid) {
    return channels.try_emplace(relid, unseen ? Progress{true, true, true, UINT64_MAX} : Progress{})
        .first->second;
  }
  std::map<std::uint32_t, Progress> channels;
  bool unseen = false;
};

class AdapterOrder final : public Property {
 public:
  AdapterOrder()
      : Property("NV-1", "no frame passes before its adapter is set up, nor against its filter",
                 {ev::NicControl::kType, ev::NicRndis::kType, ev::NicSent::kType,
                  ev::NicDelivered::kType, ev::VmbusChannel::kType, ev::PartitionState::kType,
                  ev::PartitionCall::kType, ev::VpState::kType, ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* control = event.as<ev::NicControl>()) {
      told(event, *control);
    } else if (const auto* rndis = event.as<ev::NicRndis>()) {
      told(event, *rndis);
    } else if (const auto* sent = event.as<ev::NicSent>()) {
      frame(event, *sent, "the guest sends");
    } else if (const auto* delivered = event.as<ev::NicDelivered>()) {
      const Progress& now = frame(event, *delivered, "the guest gets");
      if (now.filter == 0) violate(event, described(*delivered) + " while its filter is 0");
    } else if (const auto* channel = event.as<ev::VmbusChannel>()) {
      // A restored channel passes through closed as well.
      if (channel->to == traces::ChannelState::Closed &&
          channel->from != traces::ChannelState::Released) {
        adapters_.at(event, channel->partition).channels[channel->relid] = {};
      }
    } else {
      adapters_.follow(event);
    }
  }

 private:
  Progress& at(const traces::Event& event, std::uint64_t partition, std::uint32_t relid) {
    return adapters_.at(event, partition).at(relid);
  }

  void told(const traces::Event& event, const ev::NicControl& control) {
    Progress& now = at(event, control.partition, control.relid);
    const bool success = control.status == nic::kSuccess;
    if (control.message == nic::kInit) {
      now.version |= success;
    } else if (!now.version) {
      violate(event, "NVSP message " + std::to_string(control.message) + " of VM " +
                         std::to_string(control.vm) + " is handled before a version is agreed");
    } else if (control.message == nic::kSendReceiveBuffer) {
      now.receive_buffer |= success;
    } else if (control.message == nic::kRevokeReceiveBuffer) {
      now.receive_buffer = false;
    }
  }

  void told(const traces::Event& event, const ev::NicRndis& rndis) {
    Progress& now = at(event, rndis.partition, rndis.relid);
    switch (rndis.message) {
      case nic::kRndisInitialize:
        now.rndis = rndis.status == 0;
        now.filter = 0;
        break;
      case nic::kRndisHalt:
        now.rndis = false;
        now.filter = 0;
        break;
      case nic::kRndisReset:
        now.filter = 0;
        break;
      case nic::kRndisSet:
        if (rndis.oid == nic::kPacketFilter && rndis.status == 0) now.filter = rndis.value;
        break;
      default:
        break;
    }
  }

  template <class E>
  const Progress& frame(const traces::Event& event, const E& frame, const char* what) {
    ++frames_;
    const Progress& now = at(event, frame.partition, frame.relid);
    if (!now.version || !now.receive_buffer || !now.rndis) {
      violate(event, std::string(what) + " a frame before the adapter of VM " +
                         std::to_string(frame.vm) + " is set up");
    }
    if (frame.bytes < nic::kLeastFrame || frame.bytes > nic::kLongestFrame) {
      violate(event, std::string(what) + " a frame of " + std::to_string(frame.bytes) + " bytes");
    }
    return now;
  }

  static std::string described(const ev::NicDelivered& frame) {
    return "VM " + std::to_string(frame.vm) + " gets a frame";
  }

  bool needs_detail() const override { return true; }
  std::string measured() const override { return std::to_string(frames_) + " frames"; }

  PerPartition<Adapters> adapters_;
  std::uint64_t frames_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_nv1() { return std::make_unique<AdapterOrder>(); }

}  // namespace checkers
