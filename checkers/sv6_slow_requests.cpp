// SV-6 (spec I.6): a SCSI command that was accepted is completed within 180 seconds in which its VM
// runs. Commands of a channel that was closed, or of a partition that is gone, are nobody's.
#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::Time;

constexpr traces::Duration kEndsWithin{180'000'000'000};

struct OpenRequests {
  void take_over(const OpenRequests&) {}  // none crosses: devices are drained before (MI-4)
  std::map<std::pair<std::uint32_t, std::uint64_t>, Time> since;  // relid, transaction
};

class SlowRequests final : public Property {
 public:
  SlowRequests()
      : Property("SV-6", "every SCSI command is completed in time",
                 {ev::ScsiRequest::kType, ev::ScsiCompletion::kType, ev::VmbusChannel::kType,
                  ev::PartitionState::kType, ev::PartitionCall::kType, ev::VpState::kType,
                  ev::NodeKilled::kType, ev::NodePaused::kType, ev::NodeResumed::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* request = event.as<ev::ScsiRequest>()) {
      all_.at(event, request->partition).since[{request->relid, request->transaction}] = event.time;
    } else if (const auto* done = event.as<ev::ScsiCompletion>()) {
      complete(event, *done);
    } else if (const auto* channel = event.as<ev::VmbusChannel>()) {
      if (channel->to == traces::ChannelState::Open) return;
      OpenRequests& open = all_.at(event, channel->partition);
      std::erase_if(open.since,
                    [&](const auto& entry) { return entry.first.first == channel->relid; });
    } else {
      judge(event.time, &event);
      all_.follow(event);
    }
  }

 private:
  void complete(const traces::Event& event, const ev::ScsiCompletion& done) {
    OpenRequests& open = all_.at(event, done.partition);
    const auto found = open.since.find({done.relid, done.transaction});
    if (found == open.since.end()) return;
    ++completed_;
    slowest_ = std::max(slowest_, event.time - found->second);
    judge(event.time, &event);
    open.since.erase(found);
  }

  void judge(Time now, const traces::Event* event) {
    if (now.ns <= kEndsWithin.ns) return;
    all_.for_each_running([&](OpenRequests& open, Time running) {
      for (const auto& [request, since] : open.since) {
        if (now - std::max(since, running) <= kEndsWithin) continue;
        const std::string what = "transaction " + std::to_string(request.second) + " of channel " +
                                 std::to_string(request.first) + " was accepted at " +
                                 milliseconds({since.ns}) + " and is not completed";
        if (event != nullptr) {
          violate(*event, what);
        } else {
          violate_at_end(now, what);
        }
      }
    });
  }

  void at_end(Time end) override { judge(end, nullptr); }

  std::string measured() const override {
    return std::to_string(completed_) + " completed, the slowest in " + milliseconds(slowest_);
  }
  std::string bound() const override { return "within " + milliseconds(kEndsWithin); }

  PerPartition<OpenRequests> all_;
  std::uint64_t completed_ = 0;
  traces::Duration slowest_{0};
};

}  // namespace

std::unique_ptr<Checker> make_sv6() { return std::make_unique<SlowRequests>(); }

}  // namespace checkers
