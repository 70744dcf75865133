#include "scenarios/guests/model/memory_work.hpp"

#include <algorithm>

#include "scenarios/guests/pattern.h"
#include "sim/memory/page_content.hpp"
#include "traces/assert.hpp"

namespace guests {
namespace {

constexpr std::uint64_t kCountersPerPage = sim::kPageSize / sizeof(std::uint32_t);

sim::Gpfn counter_page(std::uint64_t run) { return place::kCounters + run / kCountersPerPage; }

std::uint32_t counter_offset(std::uint64_t run) {
  return static_cast<std::uint32_t>(run % kCountersPerPage * sizeof(std::uint32_t));
}

constexpr std::uint64_t kMostRuns = GUEST_MAX_PATTERN_PAGES / MemoryWork::kRunPages;
static_assert(place::kCounters.value + kMostRuns / kCountersPerPage <= GUEST_IMAGE_END_PAGE);

}  // namespace

MemoryWork::MemoryWork(hv::Partition& partition, GuestPages& pages, Console& console,
                       const MemoryPlan& plan)
    : partition_(partition),
      pages_(pages),
      console_(console),
      plan_(plan),
      runs_((plan.pages + kRunPages - 1) / kRunPages),
      choice_(pattern_step(pattern_check(plan.seed, plan.pages) | 1)) {
  HVSIM_ASSERT(plan.pages > 0 && runs_ <= kMostRuns, "a memory pattern of 1 to 262144 pages");
}

std::uint64_t MemoryWork::pages_of(std::uint64_t run) const {
  return std::min(kRunPages, plan_.pages - run * kRunPages);
}

std::uint32_t MemoryWork::counter(std::uint64_t run) const {
  return pages_.read_u32(counter_page(run), counter_offset(run));
}

sim::Frame MemoryWork::first_frame() {
  const hv::GpaMap& map = partition_.gpa_map();
  if (map.generation() != map_generation_) {
    const auto first = map.ram(plan_.first_page);
    const auto last = map.ram(plan_.first_page + (plan_.pages - 1));
    HVSIM_ASSERT(first && last && *last - *first == plan_.pages - 1,
                 "a model guest's working set lies on consecutive frames");
    frame_ = *first;
    map_generation_ = map.generation();
  }
  return frame_;
}

bool MemoryWork::holds(sim::Frame first, std::uint64_t run, std::uint32_t counter) {
  const sim::GuestMemory& memory = partition_.memory();
  for (std::uint64_t i = 0; i < pages_of(run); ++i) {
    const sim::Frame frame = first + (run * kRunPages + i);
    if (memory.hash_of(frame) == sim::memory::key_of(frame, counter)) continue;
    console_.value("memory page of the pattern is wrong:", run * kRunPages + i);
    console_.value("  counter expected:", counter);
    console_.panic("memory corruption");
    return false;
  }
  return true;
}

void MemoryWork::write_up_to(std::uint64_t due, std::uint64_t most) {
  const sim::Frame first = first_frame();
  const std::uint64_t before_now = writes_;
  while (writes_ - before_now < most) {
    const std::uint64_t run = (choice_ >> 32) * runs_ >> 32;
    const std::uint64_t count = pages_of(run);
    if (writes_ + count > due) return;
    const std::uint32_t before = counter(run);
    if (!holds(first, run, before)) return;
    partition_.memory().touch(first + run * kRunPages, count);
    pages_.write_u32(counter_page(run), counter_offset(run), before + 1);
    writes_ += count;
    choice_ = pattern_step(choice_);
  }
}

void MemoryWork::verify_all() {
  const sim::Frame first = first_frame();
  for (std::uint64_t run = 0; run < runs_; ++run) {
    if (!holds(first, run, counter(run))) return;
  }
}

void MemoryWork::save(traces::ByteWriter& out) const {
  out.put(choice_);
  out.put(writes_);
}

void MemoryWork::restore(traces::ByteReader& in) {
  choice_ = in.get<std::uint64_t>();
  writes_ = in.get<std::uint64_t>();
}

}  // namespace guests
