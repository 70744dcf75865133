// Which watches of guest memory a property looks at. Most writes that witnesses tell are of rings;
// whoever wants pages of the SynIC finds out here at little cost that a write is none of its.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "traces/record.hpp"

namespace checkers {

class WatchFilter {
 public:
  explicit WatchFilter(traces::WatchPurpose purpose) : purpose_(purpose) {}

  /// To be called for every memory.watch, memory.unwatch and node.killed; true for a watch that
  /// begins and is of the purpose.
  bool follow(const traces::Event& event) {
    namespace ev = traces::ev;
    if (const auto* watch = event.as<ev::MemoryWatch>()) {
      if (watch->purpose != purpose_) return false;
      keys_.push_back({event.node.value, watch->watch, watch->partition});
      return true;
    }
    if (const auto* ended = event.as<ev::MemoryUnwatch>()) {
      std::erase(keys_, Key{event.node.value, ended->watch, ended->partition});
    } else if (event.as<ev::NodeKilled>() != nullptr) {
      std::erase_if(keys_, [&](const Key& key) { return key.node == event.node.value; });
    }
    return false;
  }
  bool wants(const traces::Event& event, const traces::ev::MemoryWatchedWrite& write) const {
    const Key key{event.node.value, write.watch, write.partition};
    return std::find(keys_.begin(), keys_.end(), key) != keys_.end();
  }

 private:
  struct Key {
    std::uint32_t node;
    std::uint32_t watch;
    std::uint64_t partition;
    friend bool operator==(const Key&, const Key&) = default;
  };
  traces::WatchPurpose purpose_;
  std::vector<Key> keys_;  // a few: one or two for each processor
};

}  // namespace checkers
