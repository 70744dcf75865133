// What a checker remembers of each partition. A partition is known by its node and its number; it
// is forgotten when its node loses power or when it is deleted. What a VM carries from one
// partition to another passes over when its state is saved here and restored there (spec B.11).
#pragma once

#include <map>
#include <optional>
#include <utility>

#include "traces/record.hpp"

namespace checkers {

/// `State` has `void take_over(const State& source)`: what a restored partition continues. It may
/// have `void begin_amid()`: a VM is restored that no partition of this trace was saved as, so what
/// came before is not known (docs/saved-state.md).
template <class State>
class PerPartition {
 public:
  using Key = std::pair<std::uint32_t, std::uint64_t>;  ///< node, partition

  /// To be called for every event of these types: partition.state, partition.call, vp.state,
  /// node.killed, node.paused, node.resumed. Call it after the checker's own look.
  void follow(const traces::Event& event) {
    namespace ev = traces::ev;
    const std::uint32_t node = event.node.value;
    if (const auto* state = event.as<ev::PartitionState>()) {
      if (state->to == traces::PartitionState::Deleted) entries_.erase({node, state->partition});
    } else if (const auto* call = event.as<ev::PartitionCall>()) {
      carry({node, call->partition}, *call);
    } else if (const auto* vp = event.as<ev::VpState>()) {
      Entry& entry = entries_[{node, vp->partition}];
      entry.vm = vp->vm;
      entry.running[vp->vp] = vp->state == traces::VpState::Running;
      set_clock(entry, event.time);
    } else if (event.as<ev::NodeKilled>() != nullptr) {
      entries_.erase(entries_.lower_bound({node, 0}), entries_.lower_bound({node + 1, 0}));
    } else if (event.as<ev::NodePaused>() != nullptr || event.as<ev::NodeResumed>() != nullptr) {
      const bool paused = event.as<ev::NodePaused>() != nullptr;
      for (auto& [key, entry] : entries_) {
        if (key.first != node) continue;
        entry.paused = paused;
        set_clock(entry, event.time);
      }
    }
  }

  State& at(const traces::Event& event, std::uint64_t partition) {
    return entries_[{event.node.value, partition}].state;
  }
  State* find(const traces::Event& event, std::uint64_t partition) {
    const auto found = entries_.find({event.node.value, partition});
    return found == entries_.end() ? nullptr : &found->second.state;
  }

  /// For last looks at the end of a run.
  template <class Look>
  void for_each(Look look) {
    for (auto& [key, entry] : entries_) look(entry.state);
  }

  /// For deadlines: calls `look(state, since)` for every partition of which a processor may run,
  /// with the instant since when it may without a break.
  template <class Look>
  void for_each_running(Look look) {
    for (auto& [key, entry] : entries_) {
      if (entry.since) look(entry.state, *entry.since);
    }
  }

 private:
  struct Entry {
    State state;
    std::uint32_t vm = 0;
    std::map<std::uint32_t, bool> running;
    bool paused = false;
    std::optional<traces::Time> since;
  };

  static void set_clock(Entry& entry, traces::Time now) {
    bool runs = false;
    for (const auto& [vp, running] : entry.running) runs |= running;
    runs = runs && !entry.paused;
    if (!runs) {
      entry.since.reset();
    } else if (!entry.since) {
      entry.since = now;
    }
  }

  void carry(const Key& key, const traces::ev::PartitionCall& call) {
    constexpr std::uint16_t kSave = 0x5E;
    constexpr std::uint16_t kRestore = 0x5F;
    if (call.status != 0 || (call.code != kSave && call.code != kRestore)) return;
    Entry& entry = entries_[key];
    if (entry.vm == 0) return;  // of no VM, so nobody else continues it
    if (call.code == kSave) {
      saved_[entry.vm] = entry.state;
    } else if (const auto saved = saved_.find(entry.vm); saved != saved_.end()) {
      entry.state.take_over(saved->second);
    } else {
      begin_amid(entry.state);
    }
  }

  template <class Any>
  static void begin_amid(Any& state) {
    if constexpr (requires { state.begin_amid(); }) state.begin_amid();
  }

  std::map<Key, Entry> entries_;
  std::map<std::uint32_t, State> saved_;  // by VM
};

}  // namespace checkers
