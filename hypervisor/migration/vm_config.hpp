// What a VM is, apart from where it runs: the configuration that management keeps and that a live
// migration sends first (spec G.2 phase 1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hypervisor/core/partition.hpp"
#include "hypervisor/vmbus/server.hpp"
#include "sim/net/ethernet.hpp"
#include "traces/bytes.hpp"

namespace migration {

/// A VM's most memory: 1 TiB (spec A19, 2012).
inline constexpr std::uint64_t kMostPages = (1ULL << 40) / sim::kPageSize;

/// What the guest finds besides processors, memory and VMBus.
enum class Board : std::uint8_t {
  None,  ///< a debug port; for guests of this project
  Pc,    ///< what a distribution's kernel expects: vsp::Chipset, frequency MSRs, direct timers
};

/// Which engine plays the virtual processors.
enum class Engine : std::uint8_t { Unicorn, Model };

/// Integration services besides the heartbeat that a VM is offered; bits.
namespace service {
inline constexpr std::uint8_t kTimeSync = 1;
inline constexpr std::uint8_t kShutdown = 2;
inline constexpr std::uint8_t kKeyValue = 4;
inline constexpr std::uint8_t kVss = 8;
inline constexpr std::uint8_t kAll = 15;
}  // namespace service

/// A synthetic network adapter.
struct NicConfig {
  std::string network;  ///< to which its virtual switch is uplinked, on whatever host
  sim::MacAddress mac;
};
inline constexpr std::size_t kMaxNics = 8;  // spec A13

struct VmConfig {
  std::uint32_t number = 0;  ///< in events, from 1
  std::string name;
  Engine engine = Engine::Unicorn;
  Board board = Board::None;
  std::string guest;  ///< name of the guest program or model, or of the kernel's file
  std::vector<std::uint64_t> guest_parameters;
  std::uint64_t memory_pages = 0;
  std::uint32_t processors = 1;
  std::vector<std::string> disks;  ///< shared disks by LUN; empty: none there
  std::vector<NicConfig> nics;
  std::uint8_t services = 0;  ///< of namespace service; a Board::Pc has all of them
  hv::TimeConfig time;
  hv::Generation generation = hv::Generation::Ws2012;
  sim::Duration heartbeat_interval{2'000'000'000};

  void encode(traces::ByteWriter& out) const;
  /// Untrusted; nullopt when the bytes are not a configuration.
  static std::optional<VmConfig> decode(traces::ByteReader& in);
};

}  // namespace migration
