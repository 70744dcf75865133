// Which CPU engines there are, and how to make a processor of one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "sim/cpu/cpu.hpp"

namespace sim {

/// Room for translated code. When it is full everything is translated anew.
inline constexpr std::uint64_t kTranslatedBytes = 128ull << 20;

struct CpuConfig {
  std::byte* storage = nullptr;  ///< base of all frames of the partition's GuestMemory, contiguous
  std::uint64_t frames = 0;      ///< how many; frames may be reached through CpuBus::page only
  std::uint32_t apic_id = 0;     ///< what the engine needs for its own CPUID defaults
  std::uint64_t translated_bytes = kTranslatedBytes;  ///< 128 KiB to 1000 MiB
};

/// A processor on the Unicorn engine (spec unicorn.md). The first call in a process runs the
/// self-check of the linked Unicorn build; a mismatch throws EngineError with one clear line.
std::unique_ptr<Cpu> make_unicorn_cpu(const CpuConfig& config, CpuBus& bus);

/// "" when the linked Unicorn is the one this code was written for, else the reason in one line.
std::string unicorn_self_check();

struct EngineError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace sim
