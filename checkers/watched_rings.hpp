// A property of the rings of open channels: it is told what happens to them.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "checkers/property.hpp"
#include "checkers/ring_tracker.hpp"
#include "traces/record.hpp"

namespace checkers {

/// Needs level 1. A guest that breaks its own rings on purpose (the fault hostile-rings) is owed
/// nothing by them from then on, wherever its VM runs: its rings are no longer watched.
class RingProperty : public Property {
 public:
  RingProperty(std::string id, std::string statement,
               std::initializer_list<traces::EventType> more);

  traces::EventSet events() const override;
  void on_event(const traces::Event& event) final;
  /// Before it is asked for its events: it follows rings together with others of the same stream,
  /// one of which at least judges writes.
  void share(std::shared_ptr<RingTracker> tracker) {
    tracker_ = std::move(tracker);
    shared_ = true;
  }
  /// Whether opened() and written() say something. Others need not be told of every write: what
  /// rings hold they see from the tracker.
  virtual bool judges_writes() const { return false; }

 protected:
  /// The ring came into use; its content is known.
  virtual void opened(const traces::Event& event, const WatchedRing& ring) {}
  virtual void written(const traces::Event& event, const WatchedRing& ring,
                       const RingWrite& write) {}
  /// The channel closed, its partition was deleted or its host lost power.
  virtual void closed(const traces::Event& event, const WatchedRing& ring) {}
  /// Everything else that was asked for, and node.killed and partition.state when asked for.
  virtual void other(const traces::Event& event) {}

  /// nullptr when that channel has no rings that are looked at.
  const WatchedRing* ring(const RingKey& key) const;
  bool needs_detail() const override { return true; }
  /// Whether the rings of this channel are looked at. Asked when they come into use.
  virtual bool keeps(const ChannelKey& /*channel*/) const { return true; }
  /// Whether other() is told of partitions whose guest broke its rings.
  virtual bool hears_hostile() const { return false; }
  bool hostile(const ChannelKey& channel) const { return tracker_->hostile(channel); }

 private:
  void happened(const traces::Event& event, const RingHappening& what);
  bool is_kept(const WatchedRing* ring) const;
  bool about_hostile(const traces::Event& event) const;

  std::shared_ptr<RingTracker> tracker_ = std::make_shared<RingTracker>();
  bool shared_ = false;
  std::vector<const WatchedRing*> kept_;  ///< a few: two for each open channel
};

template <class E>
ChannelKey channel_of(const traces::Event& event, const E& payload) {
  return {event.node.value, payload.partition, payload.relid};
}

}  // namespace checkers
