#include "scenarios/guests/images.hpp"

#include <array>

#include "scenarios/guests/embedded.hpp"

namespace guests {

namespace {

constexpr std::string_view kWorkParameters =
    "memory_first_page memory_pages dirty_pages_per_ms tick_us disk_first_block disk_blocks "
    "disk_interval_us blocks_per_write flush_every seed stop_after_us";

constexpr std::array kImages = {
    ImageInfo{"calls", "asks the hypervisor for what a small guest may ask for, checks each answer",
              4096, "stop_after_us"},
    ImageInfo{"hello", "finds the hypervisor, calls it once, prints, stops", 4096, ""},
    ImageInfo{"hungry", "dirties its working set as fast as it can, so pre-copy never converges",
              16384,
              "memory_first_page memory_pages disk_first_block disk_blocks disk_interval_us "
              "blocks_per_write flush_every seed stop_after_us"},
    ImageInfo{"pinger", "sends numbered frames over a network, answers and checks those of others",
              4096,
              "memory_first_page memory_pages dirty_pages_per_ms tick_us frame_interval_us seed "
              "stop_after_us"},
    ImageInfo{"rights", "tries what a guest must not do and checks that it is refused", 4096, ""},
    ImageInfo{"services", "uses every integration service, and a disk that may come and go", 4096,
              "tick_us disk_first_block disk_blocks disk_interval_us blocks_per_write flush_every "
              "seed stop_after_us"},
    ImageInfo{"worker", "dirties memory at a rate, writes and flushes a disk, answers heartbeats",
              16384, kWorkParameters},
};

}  // namespace

std::span<const ImageInfo> images() { return kImages; }

const ImageInfo* find_image(std::string_view name) {
  for (const ImageInfo& info : kImages) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

std::span<const std::byte> image(std::string_view name) {
  for (const detail::Embedded& entry : detail::embedded()) {
    if (entry.name == name) return std::as_bytes(std::span(entry.bytes, entry.size));
  }
  return {};
}

}  // namespace guests
