// The memory pattern of a model guest: the working set is cut into runs of neighbouring pages, and
// each write makes all pages of one run, chosen by the guest's seed, the next content version.
//
// How often each run was written stands in counters elsewhere in the guest's memory. A run is
// checked against its counter before it is written again: a page that a migration lost, or brought
// in an older state, is found by the guest itself.
#pragma once

#include <cstdint>

#include "scenarios/guests/model/console.hpp"
#include "scenarios/guests/model/pages.hpp"
#include "traces/bytes.hpp"

namespace guests {

struct MemoryPlan {
  sim::Gpfn first_page{};   ///< the working set lies on consecutive frames
  std::uint64_t pages = 0;  ///< 1 to GUEST_MAX_PATTERN_PAGES
  std::uint64_t seed = 0;
};

class MemoryWork {
 public:
  static constexpr std::uint64_t kRunPages = 8;

  MemoryWork(hv::Partition& partition, GuestPages& pages, Console& console, const MemoryPlan& plan);

  /// Pages written so far, counting repeated writes.
  std::uint64_t writes() const { return writes_; }
  /// Writes runs as long as they fit into `due` pages in all, and at most about `most` pages now: a
  /// processor that is late makes up for it step by step.
  void write_up_to(std::uint64_t due, std::uint64_t most);
  /// Panics when a page is not what it should be.
  void verify_all();

  void save(traces::ByteWriter& out) const;
  void restore(traces::ByteReader& in);

 private:
  std::uint64_t pages_of(std::uint64_t run) const;
  std::uint32_t counter(std::uint64_t run) const;
  bool holds(sim::Frame first, std::uint64_t run, std::uint32_t counter);
  sim::Frame first_frame();

  hv::Partition& partition_;
  GuestPages& pages_;
  Console& console_;
  MemoryPlan plan_;
  std::uint64_t runs_;
  std::uint64_t choice_;  ///< the run that is written next
  std::uint64_t writes_ = 0;

  sim::Frame frame_{};
  std::uint64_t map_generation_ = 0;  ///< of the GPA map for which frame_ holds
};

}  // namespace guests
