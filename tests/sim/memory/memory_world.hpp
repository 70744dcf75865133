// A world with one host, a memory on it, and everything the memory said.
#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim/kernel/world.hpp"
#include "sim/memory/guest_memory.hpp"
#include "traces/record.hpp"

namespace sim::test {

/// Copies of the memory events, whose payloads live only during the call.
class MemoryEvents final : public traces::Observer {
 public:
  struct WatchedWrite {
    std::uint32_t watch;
    traces::Writer writer;
    std::uint32_t offset;
    std::vector<std::byte> data;
  };
  struct Written {
    std::uint32_t interval;
    traces::PageSet set;
  };
  std::vector<WatchedWrite> writes;
  std::vector<traces::ev::MemoryHostWrite> host_writes;
  std::vector<Written> written;
  std::vector<traces::ev::MemoryDigest> digests;
  std::vector<traces::ev::MemoryWatch> watches;
  std::vector<std::uint32_t> unwatched;
  std::vector<std::string> plants;

  void on_event(const traces::Event& event) override {
    if (const auto* e = event.as<traces::ev::MemoryWatchedWrite>()) {
      writes.push_back({e->watch, e->writer, e->offset, {e->data.begin(), e->data.end()}});
    } else if (const auto* e = event.as<traces::ev::MemoryHostWrite>()) {
      host_writes.push_back(*e);
    } else if (const auto* e = event.as<traces::ev::MemoryWritten>()) {
      written.push_back({e->interval, *traces::PageSet::decode(e->set)});
    } else if (const auto* e = event.as<traces::ev::MemoryDigest>()) {
      digests.push_back(*e);
    } else if (const auto* e = event.as<traces::ev::MemoryWatch>()) {
      watches.push_back(*e);
    } else if (const auto* e = event.as<traces::ev::MemoryUnwatch>()) {
      unwatched.push_back(e->watch);
    } else if (const auto* e = event.as<traces::ev::PlantFired>()) {
      plants.emplace_back(e->plant);
    }
  }
};

struct MemoryWorld {
  explicit MemoryWorld(std::set<std::string, std::less<>> plants = {})
      : world(WorldConfig{.plants = std::move(plants)}, recorder),
        node(world.add_node("host", "host")) {
    recorder.attach(events, traces::EventSet().set());
  }
  ~MemoryWorld() { recorder.detach(events); }

  std::unique_ptr<GuestMemory> memory(Backing backing, std::uint64_t pages,
                                      std::uint64_t overlays = 4) {
    return std::make_unique<GuestMemory>(node, GuestMemoryConfig{.backing = backing,
                                                                 .ram_pages = pages,
                                                                 .overlay_pages = overlays,
                                                                 .vm = 7,
                                                                 .partition = 2});
  }

  traces::Recorder recorder;
  MemoryEvents events;
  World world;
  Node& node;
};

inline std::vector<std::byte> bytes_of(std::size_t count, unsigned value) {
  return std::vector<std::byte>(count, static_cast<std::byte>(value));
}

inline std::vector<std::byte> page_of(const GuestMemory& memory, std::uint64_t frame) {
  std::vector<std::byte> page(kPageSize);
  memory.read({frame}, 0, page);
  return page;
}

inline traces::PageSet pages(const std::set<std::uint64_t>& numbers) {
  return traces::PageSet::from_pages({numbers.begin(), numbers.end()});
}

/// A store by the guest's processor, with the report that an engine owes.
inline void cpu_store(GuestMemory& memory, std::uint64_t frame, std::uint32_t offset,
                      std::byte value) {
  if (memory.must_report_store({frame})) memory.stored({frame});
  memory.storage()[frame * kPageSize + offset] = value;
}

}  // namespace sim::test
