// HV-1 (spec I.1, B.6): partitions change state only along the stated path, a call names a
// partition only in a state that allows it, and a refused call changes nothing.
#include <map>
#include <string>
#include <utility>

#include "checkers/makers.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::PartitionState;

namespace call {
constexpr std::uint16_t kCreate = 0x40;
constexpr std::uint16_t kInitialize = 0x41;
constexpr std::uint16_t kFinalize = 0x42;
constexpr std::uint16_t kDelete = 0x43;
constexpr std::uint16_t kNextChild = 0x47;
constexpr std::uint16_t kDeposit = 0x48;
constexpr std::uint16_t kWithdraw = 0x49;
constexpr std::uint16_t kBalance = 0x4A;
}  // namespace call

std::string text_of(PartitionState state) { return std::string(traces::name_of(state)); }

bool may_follow(PartitionState from, PartitionState to) {
  switch (to) {
    case PartitionState::Uninitialized:
      return from == PartitionState::None;
    case PartitionState::Active:
      return from == PartitionState::Uninitialized;
    case PartitionState::Finalizing:
      return from == PartitionState::Active;
    case PartitionState::Finalized:
      return from == PartitionState::Finalizing;
    case PartitionState::Deleted:
      return from == PartitionState::Finalized || from == PartitionState::Uninitialized;
    case PartitionState::None:
      return false;
  }
  return false;
}

/// The table of B.6.
bool may_name(std::uint16_t code, PartitionState state) {
  const bool look = code == call::kBalance || code == call::kNextChild;
  switch (state) {
    case PartitionState::None:
      return code == call::kCreate;
    case PartitionState::Uninitialized:
      return look || code == call::kDeposit || code == call::kInitialize || code == call::kDelete;
    case PartitionState::Active:
      return code != call::kInitialize && code != call::kDelete;
    case PartitionState::Finalizing:
      return look || code == call::kWithdraw || code == call::kFinalize;
    case PartitionState::Finalized:
      return look || code == call::kWithdraw || code == call::kDelete;
    case PartitionState::Deleted:
      return false;
  }
  return false;
}

class PartitionStates final : public Property {
 public:
  PartitionStates()
      : Property("HV-1", "partitions change state only as stated, refused calls change nothing",
                 {ev::PartitionState::kType, ev::PartitionCall::kType, ev::GpaMapped::kType,
                  ev::VpState::kType, ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* change = event.as<ev::PartitionState>()) {
      transition(event, *change);
    } else if (const auto* made = event.as<ev::PartitionCall>()) {
      called(event, *made);
    } else if (const auto* mapped = event.as<ev::GpaMapped>()) {
      must_be_active(event, mapped->partition, "gets other GPA pages");
    } else if (const auto* vp = event.as<ev::VpState>()) {
      if (vp->state == traces::VpState::Running) must_be_active(event, vp->partition, "runs");
    } else if (event.as<ev::NodeKilled>() != nullptr) {
      states_.erase(states_.lower_bound({event.node.value, 0}),
                    states_.lower_bound({event.node.value + 1, 0}));
    }
  }

 private:
  using Key = std::pair<std::uint32_t, std::uint64_t>;  // node, partition

  PartitionState now(const traces::Event& event, std::uint64_t partition) const {
    const auto found = states_.find({event.node.value, partition});
    return found == states_.end() ? PartitionState::None : found->second;
  }

  void complain(const traces::Event& event, std::uint64_t partition, const std::string& what) {
    violate(event, "partition " + std::to_string(partition) + " " + what);
  }

  void transition(const traces::Event& event, const ev::PartitionState& change) {
    const Key key{event.node.value, change.partition};
    ++changes_;
    const bool known = states_.contains(key);
    // The root is there before anybody can see it, and it begins Uninitialized.
    const bool root = !known && change.from == PartitionState::Uninitialized;
    const PartitionState before = root ? change.from : now(event, change.partition);
    if (change.from != before) {
      complain(event, change.partition,
               std::string("leaves ") + text_of(change.from) + " but was " + text_of(before));
    } else if (!may_follow(change.from, change.to)) {
      complain(event, change.partition,
               std::string("goes from ") + text_of(change.from) + " to " + text_of(change.to));
    }
    states_[key] = change.to;
  }

  /// States change before the report of the call that changes them, except that a partition is
  /// created and deleted after it.
  bool state_fits(const ev::PartitionCall& made, PartitionState after) const {
    if (made.status == 0 && made.code == call::kInitialize) {
      return made.state == PartitionState::Uninitialized && after == PartitionState::Active;
    }
    if (made.status == 0 && made.code == call::kFinalize) {
      return (made.state == PartitionState::Active || made.state == PartitionState::Finalizing) &&
             after == PartitionState::Finalized;
    }
    if (after == PartitionState::Deleted) return made.state == PartitionState::None;
    return made.state == after;
  }

  void called(const traces::Event& event, const ev::PartitionCall& made) {
    ++calls_;
    const std::string text =
        "is named by call " + std::to_string(made.code) + " in state " + text_of(made.state);
    const PartitionState after = now(event, made.partition);
    if (made.status != 0) ++refused_;
    if (made.status == 0 && !may_name(made.code, made.state)) {
      complain(event, made.partition, text + ", which succeeds");
    } else if (!state_fits(made, after)) {
      complain(
          event, made.partition,
          text + " with status " + std::to_string(made.status) + " and is then " + text_of(after));
    }
  }

  void must_be_active(const traces::Event& event, std::uint64_t partition, const char* what) {
    const PartitionState state = now(event, partition);
    if (state != PartitionState::Active) {
      complain(event, partition, std::string(what) + " while it is " + text_of(state));
    }
  }

  std::string measured() const override {
    return std::to_string(changes_) + " changes, " + std::to_string(calls_) + " calls, " +
           std::to_string(refused_) + " refused";
  }

  std::map<Key, PartitionState> states_;  // deleted ones stay: numbers are not used again
  std::uint64_t changes_ = 0;
  std::uint64_t calls_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_hv1() { return std::make_unique<PartitionStates>(); }

}  // namespace checkers
