// An overlay page: hypervisor storage that covers a guest page without changing it (spec B.2).
// Its frame is fixed per kind and VP, so that memory looks the same on every host.
#pragma once

#include <cstdint>
#include <optional>

#include "hypervisor/core/msrs.hpp"
#include "sim/cpu/cpu.hpp"
#include "sim/memory/address.hpp"
#include "traces/events.hpp"

namespace hv {

class Partition;

/// The page that the MSR of an overlay names; nullopt: it is switched off.
constexpr std::optional<sim::Gpfn> place_of(std::uint64_t msr_value) {
  if ((msr_value & msr::kPageEnable) == 0) return std::nullopt;
  return sim::Gpfn{msr_value >> sim::kPageShift};
}

class OverlayPage {
 public:
  OverlayPage(Partition& partition, traces::OverlayKind kind, std::uint32_t vp);

  sim::Frame frame() const { return frame_; }
  std::optional<sim::Gpfn> place() const { return place_; }
  bool visible() const { return place_.has_value(); }
  /// Covers that page from now on, and what it covered before reappears. nullopt: covers none.
  void move_to(std::optional<sim::Gpfn> place);

  /// Overlay frames that a partition of so many VPs needs.
  static std::uint64_t frames_for(std::uint32_t vps) { return 4 + 4 * std::uint64_t{vps}; }

 private:
  void report(bool enabled) const;
  void report_reference() const;

  Partition& partition_;
  traces::OverlayKind kind_;
  std::uint32_t vp_;
  sim::Frame frame_;
  sim::Rights rights_;
  std::optional<sim::Gpfn> place_;
  std::uint32_t watch_ = 0;
};

}  // namespace hv
