#include "hypervisor/migration/vm_config.hpp"

namespace migration {

namespace {

constexpr std::uint32_t kConfigVersion = 1;
constexpr std::uint32_t kMaxProcessors = 64;  // spec A19, 2012

/// A configuration names its generation by the newest VMBus version.
std::optional<hv::Generation> generation_of(vmbus::Version version) {
  for (const hv::Generation each : {hv::Generation::Ws2008, hv::Generation::Ws2008R2,
                                    hv::Generation::Ws2012, hv::Generation::Current}) {
    if (vmbus::newest_version(each) == version) return each;
  }
  return std::nullopt;
}

}  // namespace

void VmConfig::encode(traces::ByteWriter& out) const {
  out.put(kConfigVersion);
  out.put(number);
  out.text(name);
  out.put(engine);
  out.text(guest);
  out.put<std::uint64_t>(guest_parameters.size());
  for (std::uint64_t parameter : guest_parameters) out.put(parameter);
  out.put(memory_pages);
  out.put(processors);
  out.put<std::uint64_t>(disks.size());
  for (const std::string& disk : disks) out.text(disk);
  out.put(time.instructions_per_us);
  out.put(time.tsc_hz);
  for (sim::Duration cost : {time.port_exit, time.mmio_exit, time.msr_exit, time.cpuid_exit,
                             time.hypercall_exit, heartbeat_interval}) {
    out.put(cost.ns);
  }
  out.put(vmbus::newest_version(generation));
  if (board == Board::None && nics.empty() && services == 0) return;
  out.put(board);
  out.put<std::uint64_t>(nics.size());
  for (const NicConfig& nic : nics) {
    out.text(nic.network);
    out.put(nic.mac.number());
  }
  if (services != 0) out.put(services);
}

std::optional<VmConfig> VmConfig::decode(traces::ByteReader& in) {
  VmConfig config;
  if (in.get<std::uint32_t>() != kConfigVersion) return std::nullopt;
  config.number = in.get<std::uint32_t>();
  config.name = in.text();
  config.engine = in.get<Engine>();
  config.guest = in.text();
  for (std::uint64_t n = in.count(8); n > 0; --n) {
    config.guest_parameters.push_back(in.get<std::uint64_t>());
  }
  config.memory_pages = in.get<std::uint64_t>();
  config.processors = in.get<std::uint32_t>();
  for (std::uint64_t n = in.count(8); n > 0; --n) config.disks.push_back(in.text());
  config.time.instructions_per_us = in.get<std::uint64_t>();
  config.time.tsc_hz = in.get<std::uint64_t>();
  for (sim::Duration* cost :
       {&config.time.port_exit, &config.time.mmio_exit, &config.time.msr_exit,
        &config.time.cpuid_exit, &config.time.hypercall_exit, &config.heartbeat_interval}) {
    cost->ns = in.get<std::int64_t>();
    if (cost->ns < 0) return std::nullopt;
  }
  const auto generation = generation_of(in.get<vmbus::Version>());
  if (in.ok() && !in.at_end()) {
    config.board = in.get<Board>();
    for (std::uint64_t n = in.count(16); n > 0; --n) {
      NicConfig& nic = config.nics.emplace_back();
      nic.network = in.text();
      nic.mac = sim::MacAddress::of(in.get<std::uint64_t>());
    }
    if (in.ok() && !in.at_end()) config.services = in.get<std::uint8_t>();
  }
  const bool sane =
      in.ok() && generation && config.board <= Board::Pc && config.nics.size() <= kMaxNics &&
      config.services <= service::kAll && config.number != 0 && config.engine <= Engine::Model &&
      config.memory_pages > 0 && config.memory_pages <= kMostPages && config.processors > 0 &&
      config.processors <= kMaxProcessors && config.time.instructions_per_us > 0 &&
      config.time.tsc_hz > 0 && config.heartbeat_interval.ns > 0;
  if (!sane) return std::nullopt;
  config.generation = *generation;
  return config;
}

}  // namespace migration
