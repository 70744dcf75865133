#include "scenarios/explore/coverage.hpp"

#include <algorithm>

#include "traces/digest.hpp"
#include "traces/reflection.hpp"

namespace scenarios {

namespace {

using traces::EventType;
namespace ev = traces::ev;

template <class Enum>
std::uint8_t one_up(Enum value) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(value) + 1);
}

/// Order matters; the same on every machine.
std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9e37'79b9'7f4a'7c15;
  hash = (hash ^ hash >> 32) * 0xd6e8'feb8'6659'fd93;
  return hash ^ hash >> 32;
}

/// Schemas grow: a build without `sometimes` points has nothing to listen to.
const traces::EventInfo* sometimes() {
  static const traces::EventInfo* const info = traces::find_event("sometimes.reached");
  return info;
}

}  // namespace

traces::EventSet Coverage::events() {
  traces::EventSet set;
  for (const EventType type :
       {EventType::MigrationStarted, EventType::MigrationPhase, EventType::MigrationCommit,
        EventType::MigrationFinished, EventType::VmCreated, EventType::VmState,
        EventType::PartitionState, EventType::VmbusChannel, EventType::VerbStarted,
        EventType::VerbFinished, EventType::DiskOpened, EventType::DiskClosed,
        EventType::NodeKilled, EventType::NodeRestarted, EventType::NodePaused,
        EventType::NodeResumed, EventType::LinkState, EventType::BuggifyFired}) {
    set.set(static_cast<std::size_t>(type));
  }
  if (sometimes() != nullptr) set.set(static_cast<std::size_t>(sometimes()->type));
  return set;
}

void Coverage::on_event(const traces::Event& event) {
  if (const auto* fired = event.as<ev::BuggifyFired>()) {
    if (points_.find(fired->point) == points_.end()) points_.emplace(fired->point);
    return;
  }
  if (sometimes() != nullptr && event.type == sometimes()->type) {
    points_.emplace(traces::field(event, "point")->text);
    return;
  }
  if (migration(event) || machine(event)) return;
  if (!world(event)) return;
  for (const auto& [vm, unused] : vms_) note(vm);
}

bool Coverage::migration(const traces::Event& event) {
  const std::uint32_t node = event.node.value;
  if (const auto* started = event.as<ev::MigrationStarted>()) {
    Vm& vm = vms_[started->vm];
    vm.source = node;
    vm.target = started->target;
    for (const std::uint32_t end : {vm.source, vm.target}) {
      Side& side = vm.sides[end];
      side.phase = side.outcome = side.commit = 0;
    }
    note(started->vm);
  } else if (const auto* phase = event.as<ev::MigrationPhase>()) {
    vms_[phase->vm].sides[node].phase = one_up(phase->phase);
    note(phase->vm);
  } else if (const auto* commit = event.as<ev::MigrationCommit>()) {
    vms_[commit->vm].sides[node].commit = one_up(commit->step);
    note(commit->vm);
  } else if (const auto* finished = event.as<ev::MigrationFinished>()) {
    vms_[finished->vm].sides[node].outcome = one_up(finished->outcome);
    note(finished->vm);
  } else {
    return false;
  }
  return true;
}

bool Coverage::machine(const traces::Event& event) {
  const std::uint32_t node = event.node.value;
  if (const auto* created = event.as<ev::VmCreated>()) {
    Side& side = vms_[created->vm].sides[node];
    if (created->partition != 0) {
      side.partition_id = created->partition;
      side.channels.clear();
      vm_of_[{node, created->partition}] = created->vm;
    }
    note(created->vm);
  } else if (const auto* state = event.as<ev::VmState>()) {
    vms_[state->vm].sides[node].vm_state = static_cast<std::uint16_t>(state->state);
    note(state->vm);
  } else if (const auto* partition = event.as<ev::PartitionState>()) {
    if (Side* side = side_of(node, partition->partition)) {
      side->partition = one_up(partition->to);
      note(vm_of_[{node, partition->partition}]);
    }
  } else if (const auto* channel = event.as<ev::VmbusChannel>()) {
    if (Side* side = side_of(node, channel->partition)) {
      side->channels[channel->relid] = static_cast<std::uint8_t>(channel->to);
      note(vm_of_[{node, channel->partition}]);
    }
  } else if (const auto* started = event.as<ev::VerbStarted>()) {
    const std::uint64_t verb = traces::hash64_of(started->verb);
    jobs_[started->job] = {started->vm, verb};
    vms_[started->vm].verbs += verb;
    note(started->vm);
  } else if (const auto* finished = event.as<ev::VerbFinished>()) {
    const auto job = jobs_.find(finished->job);
    if (job == jobs_.end()) return true;
    const auto [vm, verb] = job->second;
    jobs_.erase(job);
    vms_[vm].verbs -= verb;
    note(vm);
  } else {
    return false;
  }
  return true;
}

/// What all VMs feel. False when nothing changed.
bool Coverage::world(const traces::Event& event) {
  Node& node = nodes_[event.node.value];
  switch (event.type) {
    case EventType::NodeKilled:
      node = {NodeState::Down, 0};
      return true;
    case EventType::NodePaused:
      node.state = NodeState::Paused;
      return true;
    case EventType::NodeRestarted:
    case EventType::NodeResumed:
      node.state = NodeState::Up;
      return true;
    case EventType::DiskOpened:
      if (!event.as<ev::DiskOpened>()->granted) return false;
      ++node.open_disks;
      return true;
    case EventType::DiskClosed:
      if (node.open_disks > 0) --node.open_disks;
      return true;
    case EventType::LinkState: {
      const auto& link = *event.as<ev::LinkState>();
      const std::string direction = std::string(link.link) + ">" + std::string(link.from);
      if (link.up) return cut_.erase(direction) != 0;
      return cut_.insert(direction).second;
    }
    default:
      return false;
  }
}

Coverage::Side* Coverage::side_of(std::uint32_t node, std::uint64_t partition) {
  const auto vm = vm_of_.find({node, partition});
  if (vm == vm_of_.end()) return nullptr;
  Side& side = vms_[vm->second].sides[node];
  return side.partition_id == partition ? &side : nullptr;
}

std::uint64_t Coverage::end_of(const Vm& vm, std::uint32_t node) const {
  std::uint64_t hash = 0;
  if (const auto state = nodes_.find(node); state != nodes_.end()) {
    hash = mix(hash, static_cast<std::uint64_t>(state->second.state) << 1 |
                         (state->second.open_disks != 0 ? 1U : 0U));
  }
  const auto found = vm.sides.find(node);
  if (found == vm.sides.end()) return hash;
  const Side& side = found->second;
  std::uint32_t channels = 0;  // which states there are, not how many channels are in them
  for (const auto& [relid, state] : side.channels) channels |= 1U << state;
  hash = mix(hash, side.phase | side.outcome << 8 | side.commit << 16 | side.partition << 24);
  return mix(hash, side.vm_state | static_cast<std::uint64_t>(channels) << 32);
}

std::uint64_t Coverage::state_of(const Vm& vm) const {
  std::uint64_t hash = mix(0, vm.verbs);
  hash = mix(hash, std::min<std::size_t>(cut_.size(), 2));
  if (vm.source != 0) return mix(mix(hash, end_of(vm, vm.source)), end_of(vm, vm.target));
  for (const auto& [node, side] : vm.sides) hash = mix(hash, end_of(vm, node));
  return hash;
}

void Coverage::note(std::uint32_t vm) {
  const std::uint64_t state = state_of(vms_[vm]);
  if (state == last_) return;
  last_ = state;
  states_.push_back(state);
  if (states_.size() >= 4096 && (states_.size() & (states_.size() - 1)) == 0) states();
}

std::vector<std::uint64_t> Coverage::states() const {
  std::sort(states_.begin(), states_.end());
  states_.erase(std::unique(states_.begin(), states_.end()), states_.end());
  return states_;
}

std::vector<std::string> Coverage::points() const { return {points_.begin(), points_.end()}; }

}  // namespace scenarios
