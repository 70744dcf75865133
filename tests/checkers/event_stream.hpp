// A hand-made event stream for one checker: it goes through a Recorder, as in a run.
#pragma once

#include <memory>
#include <string>

#include "checkers/checker.hpp"
#include "traces/record.hpp"

namespace checkers::testing {

inline constexpr std::uint16_t kSaveCall = 0x5E;
inline constexpr std::uint16_t kRestoreCall = 0x5F;

class EventStream {
 public:
  explicit EventStream(std::unique_ptr<Checker> checker) : checker_(std::move(checker)) {
    recorder_.attach(*checker_, checker_->events());
  }

  /// What follows happens at this time, and on this node.
  EventStream& at_ms(std::int64_t ms) {
    now_ = {ms * 1'000'000};
    return *this;
  }
  EventStream& on(std::uint32_t node) {
    node_ = {node};
    return *this;
  }

  /// Returns the event's index.
  template <class E>
  std::uint64_t add(const E& payload) {
    const std::uint64_t index = recorder_.events();
    recorder_.emit(now_, node_, payload);
    return index;
  }

  /// The one VP of VM 1 in a partition runs or not.
  void vp(std::uint64_t partition, traces::VpState state) {
    traces::ev::VpState event;
    event.vm = 1;
    event.partition = partition;
    event.state = state;
    add(event);
  }
  void call(std::uint64_t partition, std::uint16_t code, std::uint16_t status,
            traces::PartitionState state = traces::PartitionState::Active) {
    traces::ev::PartitionCall event;
    event.partition = partition;
    event.code = code;
    event.status = status;
    event.state = state;
    add(event);
  }

  Finding conclude(bool detail = true) { return checker_->conclude(now_, detail); }
  Verdict verdict(bool detail = true) { return conclude(detail).verdict; }
  /// Violated, and says so with these words.
  bool explains(const std::string& words) {
    const Finding finding = conclude();
    return finding.verdict == Verdict::Violated &&
           finding.explanation.find(words) != std::string::npos;
  }
  /// Violated by the event of this index.
  bool blames(std::uint64_t index) {
    const Finding finding = conclude();
    return finding.verdict == Verdict::Violated && finding.event == index &&
           !finding.explanation.empty();
  }

 private:
  traces::Recorder recorder_;
  std::unique_ptr<Checker> checker_;
  traces::Time now_{};
  traces::NodeId node_{1};
};

}  // namespace checkers::testing
