// What the guest's questions about the adapter are answered (spec D.2, [MS-RNDIS], NDIS).
#include <array>
#include <cstring>
#include <string_view>

#include "hypervisor/vsp/netvsp_impl.hpp"

namespace vsp {

using rndis::Oid;

namespace {

constexpr std::array kSupported = {Oid::SupportedList,       Oid::HardwareStatus,
                                   Oid::MediaSupported,      Oid::MediaInUse,
                                   Oid::MaximumLookahead,    Oid::MaximumFrameSize,
                                   Oid::LinkSpeed,           Oid::TransmitBlockSize,
                                   Oid::ReceiveBlockSize,    Oid::VendorId,
                                   Oid::VendorDescription,   Oid::PacketFilter,
                                   Oid::CurrentLookahead,    Oid::DriverVersion,
                                   Oid::MaximumTotalSize,    Oid::MacOptions,
                                   Oid::MediaConnectStatus,  Oid::MaximumSendPackets,
                                   Oid::VendorDriverVersion, Oid::ReceiveScaleCapabilities,
                                   Oid::TransmitOk,          Oid::ReceiveOk,
                                   Oid::TransmitError,       Oid::ReceiveError,
                                   Oid::ReceiveNoBuffer,     Oid::FriendlyName,
                                   Oid::PermanentAddress,    Oid::CurrentAddress,
                                   Oid::MulticastList,       Oid::MaximumListSize,
                                   Oid::OffloadParameters,   Oid::OffloadHardwareCapabilities};

constexpr std::uint32_t kNdisVersion = 0x60001;
constexpr std::uint32_t kVendorDriver = 0x10000;
/// Copies lookahead data, does not wait for transfers, no loopback (NDIS_MAC_OPTION_*).
constexpr std::uint32_t kMacOptions = 0x01 | 0x04 | 0x08;
constexpr std::uint32_t kMulticastListSize = 32;
constexpr std::string_view kName = "Network Adapter";

template <class T>
std::vector<std::byte> bytes_of(const T& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> word(std::uint64_t value) {
  return bytes_of(static_cast<std::uint32_t>(value));
}

std::vector<std::byte> text(std::string_view value) {
  const auto bytes = std::as_bytes(std::span(value));
  return {bytes.begin(), bytes.end()};
}

/// 256 UTF-16 characters and the zero behind them.
std::vector<std::byte> friendly_name() {
  std::vector<std::byte> name(2 * 257);
  for (std::size_t i = 0; i < kName.size(); ++i) name[2 * i] = static_cast<std::byte>(kName[i]);
  return name;
}

/// An NDIS object whose fields behind the header are zero: nothing of its kind is offered.
std::vector<std::byte> empty_object(std::uint8_t type, std::uint8_t revision, std::uint16_t bytes) {
  std::vector<std::byte> object(bytes);
  const rndis::ObjectHeader header{type, revision, bytes};
  std::memcpy(object.data(), &header, sizeof(header));
  return object;
}

/// One receive queue, one interrupt message.
std::vector<std::byte> rss_capabilities() {
  auto object = empty_object(rndis::kObjectRssCapabilities, 2, rndis::kRssCapabilitiesBytes);
  const std::uint32_t one = 1;
  std::memcpy(object.data() + 8, &one, sizeof(one));
  std::memcpy(object.data() + 12, &one, sizeof(one));
  return object;
}

}  // namespace

/// The value of an object that can be queried.
std::optional<std::vector<std::byte>> NetVsp::Impl::object(Oid oid) const {
  const std::uint64_t frame = config.mtu + sim::kEthernetHeader;
  switch (oid) {
    case Oid::SupportedList:
      return bytes_of(kSupported);
    case Oid::HardwareStatus:  // ready
    case Oid::MediaSupported:
    case Oid::MediaInUse:
      return word(rndis::kMedium8023);
    case Oid::MaximumLookahead:
    case Oid::CurrentLookahead:
    case Oid::MaximumFrameSize:
      return word(config.mtu);
    case Oid::MaximumTotalSize:
    case Oid::TransmitBlockSize:
    case Oid::ReceiveBlockSize:
      return word(frame);
    case Oid::LinkSpeed:  // in units of 100 bit/s
      return word(std::min<std::uint64_t>(config.bits_per_second / 100, UINT32_MAX));
    case Oid::VendorId:
      return word(config.mac.number() >> 24);
    case Oid::VendorDescription:
      return text(kName);
    case Oid::PacketFilter:
      return word(session.filter);
    case Oid::DriverVersion:
      return word(kNdisVersion);
    case Oid::VendorDriverVersion:
      return word(kVendorDriver);
    case Oid::MacOptions:
      return word(kMacOptions);
    case Oid::MediaConnectStatus:
      return word(port.link_up() ? rndis::kMediaConnected : rndis::kMediaDisconnected);
    case Oid::MaximumSendPackets:
      return word(1);
    case Oid::ReceiveScaleCapabilities:
      return rss_capabilities();
    case Oid::OffloadHardwareCapabilities:
      return empty_object(rndis::kObjectOffload, 1, rndis::kOffloadBytes);
    case Oid::TransmitOk:
      return word(counters.transmitted);
    case Oid::ReceiveOk:
      return word(counters.received);
    case Oid::TransmitError:
      return word(counters.transmit_errors);
    case Oid::ReceiveError:
      return word(counters.receive_errors);
    case Oid::ReceiveNoBuffer:
      return word(counters.no_buffer);
    case Oid::FriendlyName:
      return friendly_name();
    case Oid::PermanentAddress:
    case Oid::CurrentAddress:
      return bytes_of(config.mac.bytes);
    case Oid::MulticastList: {
      std::vector<std::byte> list;
      for (const sim::MacAddress& mac : session.multicast) {
        const auto bytes = std::as_bytes(std::span(mac.bytes));
        list.insert(list.end(), bytes.begin(), bytes.end());
      }
      return list;
    }
    case Oid::MaximumListSize:
      return word(kMulticastListSize);
    default:
      return std::nullopt;
  }
}

}  // namespace vsp
