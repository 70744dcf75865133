#include "sim/memory/guest_memory.hpp"

#include <array>
#include <cstring>

#include "sim/memory/guest_memory_impl.hpp"
#include "sim/memory/plants.hpp"
#include "traces/assert.hpp"

namespace sim {

GuestMemory::GuestMemory(Node& node, const GuestMemoryConfig& config)
    : config_(config), impl_(std::make_unique<Impl>(node, config)) {}

GuestMemory::~GuestMemory() = default;

// -- access --

void GuestMemory::read(Frame frame, std::uint32_t offset, std::span<std::byte> out) const {
  HVSIM_ASSERT(frame.value < frames(), "read of a frame that does not exist");
  HVSIM_ASSERT(offset + out.size() <= kPageSize, "read across the end of a frame");
  impl_->contents.read(frame, offset, out);
}

void GuestMemory::write(Frame frame, std::uint32_t offset, std::span<const std::byte> data,
                        traces::Writer writer) {
  HVSIM_ASSERT(frame.value < frames(), "write to a frame that does not exist");
  HVSIM_ASSERT(offset + data.size() <= kPageSize, "write across the end of a frame");
  if (data.empty()) return;
  const bool watched = impl_->watches.covers(frame);
  // What differs before a host's write, the guest's processor has stored.
  if (watched && impl_->contents.real_bytes) impl_->watches.look(frame, traces::Writer::Guest);
  std::memcpy(impl_->contents.bytes_for_write(frame) + offset, data.data(), data.size());
  mark_written(frame, writer);
  if (watched) {
    impl_->watches.wrote(frame, offset, data.size(), writer);
  } else if (writer == traces::Writer::Host && !impl_->watches.empty()) {
    impl_->watches.host_wrote(frame, offset, data.size());
  }
}

std::uint32_t GuestMemory::read_u32(Frame frame, std::uint32_t offset) const {
  std::array<std::byte, 4> bytes;
  read(frame, offset, bytes);
  std::uint32_t value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

void GuestMemory::write_u32(Frame frame, std::uint32_t offset, std::uint32_t value,
                            traces::Writer writer) {
  write(frame, offset, std::as_bytes(std::span(&value, 1)), writer);
}

std::uint32_t GuestMemory::fetch_or_u32(Frame frame, std::uint32_t offset, std::uint32_t bits,
                                        traces::Writer writer) {
  const std::uint32_t old = read_u32(frame, offset);
  const bool clean = logging_ && !impl_->dirty.test(frame);
  write_u32(frame, offset, old | bits, writer);
  if (clean && impl_->node.world().plant(impl_->node, memory::kPlantFlagNotLogged)) {
    impl_->dirty.clear(frame);
    --dirty_count_;
  }
  return old;
}

void GuestMemory::touch(Frame frame) {
  HVSIM_ASSERT(config_.backing == Backing::Versions, "only model guests touch whole frames");
  HVSIM_ASSERT(frame.value < config_.ram_pages, "touch of a frame that is not RAM");
  HVSIM_ASSERT(!impl_->watches.covers(frame), "touch of a frame that is watched byte by byte");
  if (impl_->contents.versions.touch(frame)) impl_->written.set(frame);
  if (logging_) dirty_count_ += impl_->dirty.set(frame) ? 1 : 0;
}

void GuestMemory::touch(Frame first, std::uint64_t count) {
  HVSIM_ASSERT(config_.backing == Backing::Versions, "only model guests touch whole frames");
  HVSIM_ASSERT(first.value <= config_.ram_pages && count <= config_.ram_pages - first.value,
               "touch of frames that are not RAM");
  if (count == 1) return touch(first);  // scattered pages are the common case
  impl_->contents.versions.touch(first, count, [this](Frame frame) { impl_->written.set(frame); });
  if (!logging_) return;
  const std::uint64_t before = impl_->dirty.count();
  const bool short_by_one = impl_->node.world().plant(impl_->node, memory::kPlantRangeMissesLast);
  impl_->dirty.set_range(first, short_by_one ? count - 1 : count);
  dirty_count_ += impl_->dirty.count() - before;
}

std::byte* GuestMemory::storage() const {
  HVSIM_ASSERT(config_.backing == Backing::Bytes, "a model guest has no contiguous storage");
  return impl_->contents.bytes.data();
}

// -- the dirty log and its writers --

void GuestMemory::mark_written(Frame frame, traces::Writer writer) {
  impl_->written.set(frame);
  if (!logging_ || impl_->dirty.test(frame)) return;
  if (writer == traces::Writer::Host &&
      impl_->node.world().plant(impl_->node, memory::kPlantLogSkipsHostWrites)) {
    return;
  }
  if (frame.value >= config_.ram_pages &&
      impl_->node.world().plant(impl_->node, memory::kPlantLogSkipsOverlays)) {
    return;
  }
  impl_->dirty.set(frame);
  ++dirty_count_;
}

bool GuestMemory::must_report_store(Frame frame) const {
  return !impl_->written.test(frame) || (logging_ && !impl_->dirty.test(frame));
}

void GuestMemory::stored(Frame frame) {
  HVSIM_ASSERT(frame.value < frames(), "store to a frame that does not exist");
  mark_written(frame, traces::Writer::Guest);
}

void GuestMemory::start_log() {
  impl_->dirty.clear_all();
  dirty_count_ = 0;
  logging_ = true;
  if (!impl_->node.world().plant(impl_->node, memory::kPlantStartKeepsGeneration)) ++generation_;
}

void GuestMemory::stop_log() {
  impl_->dirty.release();
  dirty_count_ = 0;
  logging_ = false;
}

traces::PageSet GuestMemory::fetch_and_clear() {
  if (dirty_count_ == 0) return {};
  traces::PageSet pages = impl_->dirty.to_page_set();
  if (impl_->node.world().plant(impl_->node, memory::kPlantLogLosesAPage)) {
    traces::PageSet highest;
    highest.add(pages.runs().back().end() - 1);
    pages = pages.without(highest);
  }
  if (impl_->node.world().plant(impl_->node, memory::kPlantLogCutsAtWord)) {
    traces::PageSet cut;
    for (const auto& run : pages.runs()) {
      if (run.end() % 64 == 0) cut.add(run.end() - 1);
    }
    pages = pages.without(cut);
  }
  impl_->dirty.clear_all();
  dirty_count_ = 0;
  if (!impl_->node.world().plant(impl_->node, memory::kPlantFetchKeepsGeneration)) ++generation_;
  return pages;
}

traces::PageSet GuestMemory::populated() const { return impl_->written.to_page_set(); }

// -- witnesses --

traces::Digest GuestMemory::digest(std::uint64_t* pages) const {
  std::uint64_t counted = 0;
  const traces::Digest digest = impl_->contents.digest(counted);
  if (pages != nullptr) *pages = counted;
  return digest;
}

std::uint64_t GuestMemory::hash_of(Frame frame) const {
  HVSIM_ASSERT(frame.value < frames(), "hash of a frame that does not exist");
  return impl_->contents.key(frame);
}

void GuestMemory::emit_digest(traces::DigestPoint point) const {
  traces::ev::MemoryDigest event;
  event.vm = config_.vm;
  event.partition = config_.partition;
  event.point = point;
  event.digest = digest(&event.pages);
  impl_->node.world().emit(impl_->node.id(), event);
}

void GuestMemory::witness_interval(std::uint32_t interval) {
  if (!impl_->node.world().detail()) return;
  if (!impl_->reference) {
    impl_->reference.emplace(impl_->contents);
    return;
  }
  const traces::PageSet changed = impl_->reference->look_again();
  const std::vector<std::byte> encoded = changed.encode();
  traces::ev::MemoryWritten event;
  event.vm = config_.vm;
  event.partition = config_.partition;
  event.interval = interval;
  event.pages = changed.count();
  event.set = encoded;
  impl_->node.world().emit(impl_->node.id(), event);
}

void GuestMemory::end_witness() { impl_->reference.reset(); }

std::uint32_t GuestMemory::watch(traces::WatchPurpose purpose, std::span<const Frame> frames,
                                 std::uint32_t owner) {
  for (const Frame frame : frames) {
    HVSIM_ASSERT(frame.value < this->frames(), "watch of a frame that does not exist");
  }
  if (!impl_->node.world().detail()) return 0;
  return impl_->watches.add(purpose, frames, owner);
}

void GuestMemory::unwatch(std::uint32_t watch) { impl_->watches.remove(watch); }

/// Without a processor that stores by itself nothing happens between one write and the next.
void GuestMemory::sample_watches() {
  if (impl_->contents.real_bytes) impl_->watches.look_everywhere(traces::Writer::Guest);
}

std::uint64_t GuestMemory::footprint() const {
  std::uint64_t bytes = sizeof(*this) + sizeof(*impl_) + impl_->written.footprint() +
                        impl_->dirty.footprint() + impl_->watches.footprint();
  if (config_.backing == Backing::Bytes) {
    bytes += impl_->written.count() * kPageSize;
  } else {
    bytes += impl_->contents.versions.footprint();
  }
  if (impl_->reference) bytes += impl_->reference->footprint();
  return bytes;
}

}  // namespace sim
