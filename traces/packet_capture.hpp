// What a capture at a VM's network adapter would have seen, out of the event stream: the frames as
// they lie in the guest's own memory. A VM that moves keeps its adapters, so a capture goes on
// across migrations.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "traces/pcapng.hpp"
#include "traces/record.hpp"
#include "traces/text.hpp"

namespace traces {

/// An adapter of a VM, by its place among the `nics` of the scenario, from 0.
struct CapturedNic {
  std::string vm;
  std::uint32_t index = 0;
  std::string network;
  std::uint64_t mac = 0;

  /// `web.0`
  std::string name() const { return vm + "." + std::to_string(index); }
};

/// Needs the detail of a run: without it there are adapters, and no frames.
class PacketCapture : public Observer {
 public:
  static EventSet events();
  void on_event(const Event& event) override;

 protected:
  /// An adapter was connected for the first time.
  virtual void on_nic(const CapturedNic& nic) = 0;
  /// A frame that its guest sent (Outbound) or was given. `comment` is empty or says where the VM
  /// is from now on.
  virtual void on_frame(const CapturedNic& nic, Time time, PacketDirection direction,
                        std::span<const std::byte> data, std::string_view comment) = 0;

 private:
  using ChannelKey = std::pair<std::uint32_t, std::uint32_t>;  // VM, relid
  template <class Frame>
  void take(const Event& event, const Frame& frame, PacketDirection direction);
  const CapturedNic* nic_of(std::uint64_t partition, ChannelKey channel);

  NodeNames nodes_;
  std::map<std::uint32_t, std::string> vms_;
  std::map<std::uint64_t, std::set<std::uint32_t>> offers_;  ///< relids, by partition
  std::map<std::uint32_t, std::vector<CapturedNic>> nics_;   ///< by VM
  std::map<ChannelKey, std::uint32_t> channels_;             ///< index of the adapter behind it
  std::map<ChannelKey, NodeId> places_;
};

/// How a capture file describes the adapter.
PcapngInterface interface_of(const CapturedNic& nic);

}  // namespace traces
