#include "sim/memory/watches.hpp"

#include <array>
#include <cstring>

#include "traces/assert.hpp"

namespace sim::memory {
namespace {

constexpr std::size_t kWord = 4;

bool same_word(const std::byte* a, const std::byte* b) { return std::memcmp(a, b, kWord) == 0; }

}  // namespace

Watches::Watches(Node& node, std::uint64_t partition, const Contents& contents,
                 std::uint64_t frames)
    : node_(node), partition_(partition), contents_(contents), covered_(frames) {}

std::uint32_t Watches::add(traces::WatchPurpose purpose, std::span<const Frame> frames,
                           std::uint32_t owner) {
  HVSIM_ASSERT(!frames.empty(), "a watch watches at least one frame");
  const std::uint32_t number = ++last_number_;
  Watch& watch = watches_[number];
  watch.frames.assign(frames.begin(), frames.end());
  watch.shadow.resize(frames.size() * kPageSize);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    contents_.read(frames[i], 0, std::span(watch.shadow).subspan(i * kPageSize, kPageSize));
    places_[frames[i].value].push_back({number, static_cast<std::uint32_t>(i)});
    covered_.set(frames[i]);
  }
  traces::ev::MemoryWatch event;
  event.partition = partition_;
  event.watch = number;
  event.purpose = purpose;
  event.first_frame = frames[0].value;
  event.frames = static_cast<std::uint32_t>(frames.size());
  event.owner = owner;
  node_.world().emit(node_.id(), event);
  report(number, traces::Writer::Guest, 0, watch.shadow);
  return number;
}

void Watches::remove(std::uint32_t number) {
  const auto watch = watches_.find(number);
  if (watch == watches_.end()) return;
  for (const Frame frame : watch->second.frames) {
    const auto place = places_.find(frame.value);
    if (place == places_.end()) continue;  // the watch names this frame twice
    std::erase_if(place->second, [number](const Place& p) { return p.watch == number; });
    if (!place->second.empty()) continue;
    places_.erase(place);
    covered_.clear(frame);
  }
  watches_.erase(watch);
  traces::ev::MemoryUnwatch event;
  event.partition = partition_;
  event.watch = number;
  node_.world().emit(node_.id(), event);
}

void Watches::look(Frame frame, traces::Writer writer) {
  const auto places = places_.find(frame.value);
  if (places == places_.end()) return;
  std::array<std::byte, kPageSize> page;
  contents_.read(frame, 0, page);
  for (const Place& place : places->second) {
    compare(watches_.at(place.watch), place, page, writer);
  }
}

void Watches::wrote(Frame frame, std::uint32_t offset, std::size_t size, traces::Writer writer) {
  const auto places = places_.find(frame.value);
  if (places == places_.end()) return;
  const std::uint32_t begin = offset / kWord * kWord;
  const std::size_t end = (offset + size + kWord - 1) / kWord * kWord;
  std::array<std::byte, kPageSize> page;
  const std::span<std::byte> now = std::span(page).first(end - begin);
  contents_.read(frame, begin, now);
  for (const Place& place : places->second) {
    compare_write(watches_.at(place.watch), place, begin, now, writer);
  }
}

void Watches::host_wrote(Frame frame, std::uint32_t offset, std::size_t size) {
  traces::ev::MemoryHostWrite event;
  event.partition = partition_;
  event.frame = frame.value;
  event.offset = offset;
  event.bytes = static_cast<std::uint32_t>(size);
  node_.world().emit(node_.id(), event);
}

void Watches::look_everywhere(traces::Writer writer) {
  for (auto& [number, watch] : watches_) {
    std::array<std::byte, kPageSize> page;
    for (std::uint32_t i = 0; i < watch.frames.size(); ++i) {
      const std::byte* bytes = contents_.bytes_of(watch.frames[i]);
      if (bytes == nullptr) {
        contents_.read(watch.frames[i], 0, page);
        bytes = page.data();
      }
      compare(watch, {number, i}, {bytes, kPageSize}, writer);
    }
  }
}

void Watches::compare(Watch& watch, const Place& place, std::span<const std::byte> now,
                      traces::Writer writer) {
  const std::uint64_t base = std::uint64_t{place.index} * kPageSize;
  std::byte* then = watch.shadow.data() + base;
  if (std::memcmp(then, now.data(), now.size()) == 0) return;
  for (std::size_t at = 0; at < now.size(); at += kWord) {
    if (same_word(then + at, now.data() + at)) continue;
    const std::size_t first = at;
    while (at < now.size() && !same_word(then + at, now.data() + at)) at += kWord;
    report(place.watch, writer, base + first, now.subspan(first, at - first));
  }
  std::memcpy(then, now.data(), now.size());
}

/// One write is one report: what it left as it was in the middle does not part it.
void Watches::compare_write(Watch& watch, const Place& place, std::uint32_t offset,
                            std::span<const std::byte> now, traces::Writer writer) {
  const std::uint64_t base = std::uint64_t{place.index} * kPageSize + offset;
  std::byte* then = watch.shadow.data() + base;
  std::size_t first = 0;
  std::size_t end = now.size();
  while (first < end && same_word(then + first, now.data() + first)) first += kWord;
  while (end > first && same_word(then + end - kWord, now.data() + end - kWord)) end -= kWord;
  if (first == end) return;
  report(place.watch, writer, base + first, now.subspan(first, end - first));
  std::memcpy(then + first, now.data() + first, end - first);
}

void Watches::report(std::uint32_t watch, traces::Writer writer, std::uint64_t offset,
                     std::span<const std::byte> data) {
  traces::ev::MemoryWatchedWrite event;
  event.partition = partition_;
  event.watch = watch;
  event.writer = writer;
  event.offset = static_cast<std::uint32_t>(offset);
  event.data = data;
  node_.world().emit(node_.id(), event);
}

std::uint64_t Watches::footprint() const {
  std::uint64_t bytes = covered_.footprint();
  for (const auto& [number, watch] : watches_) {
    bytes += watch.shadow.capacity() + watch.frames.capacity() * (sizeof(Frame) + sizeof(Place));
  }
  return bytes;
}

}  // namespace sim::memory
