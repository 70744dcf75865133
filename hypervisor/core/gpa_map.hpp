// A partition's guest physical address space: which frame stands behind a page and what a guest
// may do with it, with overlay pages on top (spec B.2, B.5 MapGpaPages).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "hypervisor/core/status.hpp"
#include "sim/cpu/cpu.hpp"
#include "sim/memory/address.hpp"
#include "traces/events.hpp"

namespace hv {

class GpaMap {
 public:
  struct Entry {
    sim::Frame frame;
    sim::Rights rights;
    bool overlay = false;
  };

  /// Maps `pages` pages from `first` on consecutive frames, replacing what was there. Rights must
  /// be one of RWX, RX, RW, R, none, otherwise InvalidParameter.
  Status map(sim::Gpfn first, std::uint64_t pages, sim::Frame frame, sim::Rights rights);
  void unmap(sim::Gpfn first, std::uint64_t pages);

  /// An overlay covers a page without changing it. Two on one page: the newest is visible.
  void cover(sim::Gpfn page, sim::Frame frame, sim::Rights rights);
  void uncover(sim::Gpfn page, sim::Frame frame);

  /// What the guest sees at a page; nullopt when nothing is mapped.
  std::optional<Entry> lookup(sim::Gpfn page) const;
  /// The RAM behind a page, overlays ignored: what the parent's stack reaches.
  std::optional<sim::Frame> ram(sim::Gpfn page) const;
  bool in_range(sim::Gpfn page) const { return page.value < limit_; }
  /// One past the highest page ever mapped.
  std::uint64_t limit() const { return limit_; }

  std::uint64_t generation() const { return generation_; }

 private:
  struct Range {
    std::uint64_t pages;
    sim::Frame frame;
    sim::Rights rights;
  };
  struct Cover {
    sim::Gpfn page;
    sim::Frame frame;
    sim::Rights rights;
  };
  std::map<std::uint64_t, Range> ranges_;
  std::vector<Cover> covers_;
  std::uint64_t limit_ = 0;
  std::uint64_t generation_ = 1;
};

}  // namespace hv
