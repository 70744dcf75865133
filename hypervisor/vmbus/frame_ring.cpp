#include "hypervisor/vmbus/frame_ring.hpp"

#include <algorithm>

#include "traces/assert.hpp"

namespace vmbus {

FrameRing::FrameRing(sim::GuestMemory& memory, std::vector<sim::Frame> frames,
                     traces::Writer writer)
    : memory_(memory), frames_(std::move(frames)), writer_(writer) {
  HVSIM_ASSERT(frames_.size() >= 2, "a ring has a header page and at least one data page");
}

std::uint32_t FrameRing::data_bytes() const {
  return static_cast<std::uint32_t>((frames_.size() - 1) * sim::kPageSize);
}

void FrameRing::read(std::uint32_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const std::uint32_t in_page = offset % sim::kPageSize;
    const std::size_t now = std::min<std::size_t>(out.size(), sim::kPageSize - in_page);
    memory_.read(frames_[offset / sim::kPageSize], in_page, out.first(now));
    out = out.subspan(now);
    offset += static_cast<std::uint32_t>(now);
  }
}

void FrameRing::write(std::uint32_t offset, std::span<const std::byte> data) {
  while (!data.empty()) {
    const std::uint32_t in_page = offset % sim::kPageSize;
    const std::size_t now = std::min<std::size_t>(data.size(), sim::kPageSize - in_page);
    memory_.write(frames_[offset / sim::kPageSize], in_page, data.first(now), writer_);
    data = data.subspan(now);
    offset += static_cast<std::uint32_t>(now);
  }
}

}  // namespace vmbus
