// NV-5 (spec I.7, G.2): when a VM has moved, its MAC address is claimed at the target: within a
// bound every physical switch that knew it elsewhere has it there. No frame from the VM's address
// leaves the source any more.
//
// A switch that the announcement could not reach, because a link was cut or the announcement was
// lost, is not blamed.
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::Duration;
using traces::Time;

/// Announcements are repeated; the last goes out after 200 ms.
constexpr Duration kLearningBound{1'000'000'000};

class MovedAddress final : public Property {
 public:
  MovedAddress()
      : Property("NV-5", "a moved VM's address is learned at its new host, and leaves the old one",
                 {ev::SwitchPort::kType, ev::MigrationCommit::kType, ev::SegmentLearned::kType,
                  ev::SegmentSent::kType, ev::LinkState::kType, ev::FaultFired::kType,
                  ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    // Whatever happens after the bound is too late to make good what was due.
    if (const auto late = overdue(event.time)) violate(event, *late);
    if (const auto* port = event.as<ev::SwitchPort>()) {
      if (port->connected) {
        macs_[port->vm].insert(port->mac);
      }
    } else if (const auto* commit = event.as<ev::MigrationCommit>()) {
      if (commit->step == traces::CommitStep::Committed) moved(event.time, *commit);
    } else if (const auto* learned = event.as<ev::SegmentLearned>()) {
      where_[{event.node.value, learned->mac}] = learned->station;
    } else if (const auto* sent = event.as<ev::SegmentSent>()) {
      ++frames_;
      const auto home = homes_.find(sent->source);
      if (home != homes_.end() && home->second.node != event.node.value) {
        violate(event, "a frame from " + hex(sent->source) + " leaves node " +
                           std::to_string(event.node.value) + ", but its VM is at node " +
                           std::to_string(home->second.node));
      }
    } else {
      // The network is not whole: an announcement may not get through.
      disturbed_ = true;
    }
  }

 private:
  struct Home {
    std::uint32_t node = 0;
    Time since{};
    bool due = true;  ///< it is still to be seen whether the switches learn
  };

  void moved(Time now, const ev::MigrationCommit& commit) {
    const auto macs = macs_.find(commit.vm);
    if (macs == macs_.end()) return;
    ++moves_;
    for (const std::uint64_t mac : macs->second) homes_[mac] = {commit.owner, now, true};
  }

  void at_end(Time end) override {
    if (const auto late = overdue(end)) violate_at_end(end, *late);
  }

  /// Looks at the switches when the bound of a move has passed, once for each move.
  std::optional<std::string> overdue(Time now) {
    std::optional<std::string> first;
    for (auto& [mac, home] : homes_) {
      if (!home.due || now - home.since <= kLearningBound) continue;
      home.due = false;
      if (disturbed_) continue;
      for (const auto& [place, station] : where_) {
        if (place.second != mac || station == home.node || first) continue;
        first = "switch " + std::to_string(place.first) + " has " + hex(mac) + " at node " +
                std::to_string(station) + ", but its VM is at node " + std::to_string(home.node);
      }
    }
    return first;
  }

  static std::string hex(std::uint64_t mac) {
    constexpr const char* kDigits = "0123456789abcdef";
    std::string text;
    for (int shift = 44; shift >= 0; shift -= 4) text += kDigits[mac >> shift & 0xF];
    return text;
  }

  std::string measured() const override {
    return std::to_string(moves_) + " moves, " + std::to_string(frames_) + " frames on wires";
  }
  bool needs_detail() const override { return true; }

  std::map<std::uint32_t, std::set<std::uint64_t>> macs_;                   // by VM
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint32_t> where_;  // by switch and MAC
  std::map<std::uint64_t, Home> homes_;                                     // by MAC
  bool disturbed_ = false;
  std::uint64_t moves_ = 0;
  std::uint64_t frames_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_nv5() { return std::make_unique<MovedAddress>(); }

}  // namespace checkers
