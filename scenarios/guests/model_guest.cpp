#include "scenarios/guests/model_guest.hpp"

#include <algorithm>

#include "scenarios/guests/pattern.h"
#include "traces/assert.hpp"
#include "traces/bytes.hpp"

namespace guests {

namespace {

constexpr std::uint32_t kModelVersion = 1;
constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

__extension__ using Wide = unsigned __int128;

}  // namespace

DirtyingGuest::DirtyingGuest(hv::Partition& partition, const DirtyingConfig& config)
    : partition_(partition),
      config_(config),
      timer_(partition.node(), "guest.dirtying", partition.place(), [this] { fire(); }) {
  HVSIM_ASSERT(config.pages > 0 && config.run_pages > 0 && config.tick.ns > 0,
               "a dirtying guest needs pages, runs and ticks");
}

void DirtyingGuest::interrupt(std::uint8_t) {}  // it opens no channel and sets no timer

void DirtyingGuest::run() {
  running_ = true;
  arm();
}

void DirtyingGuest::suspend() {
  running_ = false;
  timer_.disarm();
}

void DirtyingGuest::arm() {
  if (config_.pages_per_second != 0) timer_.arm(partition_.world_time(end_of(tick_)));
}

/// Guest time at which a tick is over, in nanoseconds.
std::int64_t DirtyingGuest::end_of(std::uint64_t tick) const {
  return static_cast<std::int64_t>(tick + 1) * config_.tick.ns;
}

/// Pages that the rate gives for the first `ticks` ticks, rounded down: no rounding adds up.
std::uint64_t DirtyingGuest::due(std::uint64_t ticks) const {
  Wide ns = static_cast<Wide>(ticks) * static_cast<std::uint64_t>(config_.tick.ns);
  return static_cast<std::uint64_t>(ns * config_.pages_per_second / kNanosecondsPerSecond);
}

void DirtyingGuest::fire() {
  if (!running_) return;
  // More than one tick is over when the host itself stood still.
  std::int64_t now = partition_.guest_ns(partition_.node().now());
  while (end_of(tick_) <= now) touch_for(tick_++);
  arm();
}

sim::Frame DirtyingGuest::first_frame() {
  hv::GpaMap& map = partition_.gpa_map();
  if (map.generation() != map_generation_) {
    auto first = map.ram(config_.first_page);
    auto last = map.ram(config_.first_page + (config_.pages - 1));
    HVSIM_ASSERT(first && last && *last - *first == config_.pages - 1,
                 "a dirtying guest's working set lies on consecutive frames");
    frame_ = *first;
    map_generation_ = map.generation();
  }
  return frame_;
}

void DirtyingGuest::touch_for(std::uint64_t tick) {
  sim::GuestMemory& memory = partition_.memory();
  const sim::Frame first = first_frame();
  std::uint64_t left = due(tick + 1) - due(tick);
  // One draw per tick names its choices; within the tick they follow from each other.
  sim::Draw draw = partition_.node().world().random().draw("guest.dirtying", partition_.vm(), tick);
  std::uint64_t choice = draw.bits() | 1;
  while (left > 0) {
    choice = pattern_step(choice);
    std::uint64_t at = static_cast<std::uint64_t>(static_cast<Wide>(choice) * config_.pages >> 64);
    std::uint64_t run = std::min<std::uint64_t>({left, config_.run_pages, config_.pages - at});
    memory.touch(first + at, run);
    left -= run;
  }
}

std::vector<std::byte> DirtyingGuest::save() const {
  traces::ByteWriter out;
  out.put(kModelVersion);
  out.put(tick_);
  return out.take();
}

bool DirtyingGuest::restore(std::span<const std::byte> state) {
  traces::ByteReader in(state);
  auto version = in.get<std::uint32_t>();
  auto tick = in.get<std::uint64_t>();
  // Beyond this the end of a tick would not fit into guest time.
  const auto limit = static_cast<std::uint64_t>(INT64_MAX / config_.tick.ns) - 1;
  if (!in.ok() || !in.at_end() || version != kModelVersion || tick > limit) return false;
  tick_ = tick;
  return true;
}

}  // namespace guests
