#include "scenarios/runner/moves.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "traces/text.hpp"

namespace scenarios {

namespace ev = traces::ev;

namespace {

constexpr const char* kDrain = "I/O under way";
constexpr const char* kLastPages = "last pages";
constexpr const char* kState = "state";
constexpr const char* kClientsTurn = "the client's turn";
constexpr const char* kQuietBefore = "nothing to carry before";
constexpr const char* kQuietAfter = "nothing to carry yet";

bool is_idle(const std::string& cause) {
  return cause == kClientsTurn || cause == kQuietBefore || cause == kQuietAfter;
}

/// Time since something was last seen, by cause.
class Gap {
 public:
  explicit Gap(traces::Time from) : from_(from), until_(from) {}

  /// The time since the last call had this cause.
  void pass(traces::Time now, const std::string& cause) {
    if (now > until_) add(cause, now - until_);
    until_ = now;
  }
  void add(const std::string& cause, traces::Duration took) {
    const auto known =
        std::find_if(parts_.begin(), parts_.end(),
                     [&cause](const AbsencePart& part) { return part.cause == cause; });
    if (known == parts_.end()) {
      parts_.push_back({cause, took, is_idle(cause)});
    } else {
      known->took += took;
    }
  }
  /// Part of what counted as one cause had another.
  void move_part(const std::string& from, const std::string& to, traces::Duration took) {
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (parts_[i].cause != from) continue;
      took = std::min(took, parts_[i].took);
      parts_[i].took = parts_[i].took - took;
      if (parts_[i].took.ns == 0) parts_.erase(parts_.begin() + static_cast<std::ptrdiff_t>(i));
      if (took.ns != 0) add(to, took);
      return;
    }
  }
  Absence absence(std::string who) const { return {std::move(who), from_, until_ - from_, parts_}; }

 private:
  traces::Time from_, until_;
  std::vector<AbsencePart> parts_;
};

/// What a watcher sees of a VM: gaps between the things that it gets from it.
struct View {
  std::optional<Gap> gap;           ///< since the last thing; none before the first
  std::optional<std::size_t> move;  ///< the VM stopped in this gap, for this move
};

/// An adapter's view is of the frames that it carries.
struct Adapter : View {
  bool after = false;  ///< the VM runs again since the stop in this gap
};

/// A client's view is of the frames that it gets.
struct Client : View {
  std::uint32_t to_client = 0, to_vm = 0;     ///< frames under way
  bool client_lost = false, vm_lost = false;  ///< who has not sent since a frame of his was lost
  bool vms_turn = false;                      ///< what came last was the client's
};

struct Vm {
  std::string name;
  std::uint32_t host = 0;           ///< where its processors run, or stopped
  std::set<std::uint32_t> stopped;  ///< processors
  std::optional<std::size_t> move;  ///< it stands still for
  std::string phase;                ///< the cause of what passes now, while it stands still
  std::optional<Gap> processors;
  std::map<std::uint32_t, Adapter> adapters;  ///< by channel
  std::map<std::uint32_t, Client> clients;    ///< by VM
};

std::string milliseconds_of(traces::Duration took) {
  return fmt::format("{}.{:03}", took.ns / 1'000'000, took.ns / 1'000 % 1'000);
}

}  // namespace

class Moves::Impl {
 public:
  void on_event(const traces::Event& event);
  std::vector<Move> moves;

 private:
  /// A frame under way between two VMs.
  struct Flight {
    std::uint32_t sender = 0, receiver = 0;
  };

  void migration(const traces::Event& event);
  void processors(const traces::Event& event, const ev::VpState& state);
  void stops(const traces::Event& event, Vm& vm, std::uint32_t number);
  void runs_again(const traces::Event& event, Vm& vm);
  void network(const traces::Event& event);
  void sent(traces::Time now, const ev::NicSent& frame);
  void delivered(traces::Time now, const ev::NicDelivered& frame);
  void lost(traces::Time now, std::uint64_t hash);
  void lands(traces::Time now, const Flight& flight, bool arrives);

  void pass(traces::Time now, Vm& vm);
  void pass(traces::Time now, const Vm& vm, Client& client) const;
  void pass(traces::Time now, const Vm& vm, Adapter& adapter) const;
  void enter(traces::Time now, std::uint32_t vm, const char* phase);
  void carried(traces::Time now, std::uint32_t vm, std::uint32_t relid);
  void finish(View& view, std::string who);
  Vm* known(std::uint32_t vm);

  traces::NodeNames nodes_;
  std::map<std::uint32_t, Vm> vms_;
  std::map<std::uint64_t, std::uint32_t> owners_;  ///< VMs by MAC address
  std::multimap<std::uint64_t, Flight> flights_;   ///< by the frame's hash
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> on_wire_;  ///< hash by number
  struct Job {
    std::uint64_t number = 0;
    std::uint32_t target = 0;
    traces::Time asked{};
  };
  std::map<std::uint32_t, Job> jobs_;  ///< the last one of each VM
};

Vm* Moves::Impl::known(std::uint32_t vm) {
  const auto found = vms_.find(vm);
  return found == vms_.end() ? nullptr : &found->second;
}

void Moves::Impl::on_event(const traces::Event& event) {
  nodes_.learn(event);
  if (const auto* created = event.as<ev::VmCreated>()) {
    vms_[created->vm].name = std::string(created->name);
  } else if (const auto* state = event.as<ev::VpState>()) {
    processors(event, *state);
  } else {
    migration(event);
    network(event);
  }
}

void Moves::Impl::migration(const traces::Event& event) {
  if (const auto* started = event.as<ev::MigrationStarted>()) {
    jobs_[started->vm] = {started->job, started->target, event.time};
  } else if (const auto* phase = event.as<ev::MigrationPhase>()) {
    if (phase->phase == traces::MigrationPhase::Handover) {
      enter(event.time, phase->vm, "handover");
    } else if (phase->phase == traces::MigrationPhase::Commit) {
      enter(event.time, phase->vm, "commit");
    } else if (phase->phase == traces::MigrationPhase::Resume) {
      enter(event.time, phase->vm, "resume");
    }
  } else if (const auto* round = event.as<ev::MigrationRound>()) {
    Vm* vm = known(round->vm);
    if (!round->final || vm == nullptr || !vm->move) return;
    enter(event.time, round->vm, kState);
    // The set's transfer took the end of what has passed since the stop.
    vm->processors->move_part(kDrain, kLastPages, round->took);
    for (auto& [relid, adapter] : vm->adapters) {
      if (adapter.gap) adapter.gap->move_part(kDrain, kLastPages, round->took);
    }
    for (auto& [number, client] : vm->clients) {
      if (client.gap) client.gap->move_part(kDrain, kLastPages, round->took);
    }
  }
}

/// Time so far belongs to the phase before.
void Moves::Impl::enter(traces::Time now, std::uint32_t number, const char* phase) {
  Vm* vm = known(number);
  if (vm == nullptr || !vm->move) return;
  pass(now, *vm);
  vm->phase = phase;
}

void Moves::Impl::processors(const traces::Event& event, const ev::VpState& state) {
  Vm* vm = known(state.vm);
  if (vm == nullptr) return;
  if (state.reason == "live migration" && state.state == traces::VpState::Suspended) {
    if (!vm->move) stops(event, *vm, state.vm);
    vm->stopped.insert(state.vp);
  } else if (state.state == traces::VpState::Running) {
    vm->host = event.node.value;
    vm->stopped.erase(state.vp);
    if (vm->move && vm->stopped.empty()) runs_again(event, *vm);
  }
}

void Moves::Impl::stops(const traces::Event& event, Vm& vm, std::uint32_t number) {
  pass(event.time, vm);
  const Job& job = jobs_[number];
  Move move;
  move.job = job.number;
  move.vm = vm.name;
  move.from = nodes_.of(event.node);
  move.to = nodes_.of(traces::NodeId{job.target});
  move.asked = job.asked;
  move.stopped = event.time;
  vm.move = moves.size();
  vm.phase = kDrain;
  vm.processors.emplace(event.time);
  for (auto& [relid, adapter] : vm.adapters) adapter.move = vm.move;
  for (auto& [client, view] : vm.clients) view.move = vm.move;
  moves.push_back(std::move(move));
}

void Moves::Impl::runs_again(const traces::Event& event, Vm& vm) {
  pass(event.time, vm);
  Move& move = moves[*vm.move];
  move.runs_again = true;
  move.completed = nodes_.of(event.node) == move.to;
  move.seen.push_back(vm.processors->absence("processors"));
  vm.processors.reset();
  vm.move.reset();
  for (auto& [relid, adapter] : vm.adapters) adapter.after = true;
}

/// Accounts for the time until now, with the causes that held until now.
void Moves::Impl::pass(traces::Time now, Vm& vm) {
  if (vm.processors) vm.processors->pass(now, vm.phase);
  for (auto& [relid, adapter] : vm.adapters) pass(now, vm, adapter);
  for (auto& [number, client] : vm.clients) pass(now, vm, client);
}

void Moves::Impl::pass(traces::Time now, const Vm& vm, Adapter& adapter) const {
  if (!adapter.gap) return;
  adapter.gap->pass(now, vm.move ? vm.phase : adapter.after ? kQuietAfter : kQuietBefore);
}

void Moves::Impl::pass(traces::Time now, const Vm& vm, Client& client) const {
  if (!client.gap) return;
  const char* cause = client.vms_turn ? "the VM's turn" : kClientsTurn;
  if (vm.move) {
    cause = vm.phase.c_str();
  } else if (client.to_client != 0 || client.to_vm != 0) {
    cause = "on the wire";
  } else if (client.client_lost || client.vm_lost) {
    cause = "until a lost frame is sent again";
  }
  client.gap->pass(now, cause);
}

/// A view's gap has ended. It is told when the VM stopped in it.
void Moves::Impl::finish(View& view, std::string who) {
  if (view.move && view.gap) moves[*view.move].seen.push_back(view.gap->absence(std::move(who)));
  view.move.reset();
}

void Moves::Impl::network(const traces::Event& event) {
  const traces::Time now = event.time;
  if (const auto* port = event.as<ev::SwitchPort>()) {
    if (port->connected) owners_[port->mac] = port->vm;
  } else if (const auto* frame = event.as<ev::NicSent>()) {
    sent(now, *frame);
  } else if (const auto* arrived = event.as<ev::NicDelivered>()) {
    delivered(now, *arrived);
  } else if (const auto* dropped = event.as<ev::NicDropped>()) {
    // A frame that was sent everywhere may be dropped where its VM is not.
    const Vm* vm = known(dropped->vm);
    if (vm != nullptr && vm->host == event.node.value) lost(now, dropped->hash);
  } else if (const auto* refused = event.as<ev::SwitchDropped>()) {
    lost(now, refused->hash);
  } else if (const auto* out = event.as<ev::SegmentSent>()) {
    if (flights_.count(out->hash) != 0) on_wire_[{event.node.value, out->number}] = out->hash;
  } else if (const auto* in = event.as<ev::SegmentArrived>()) {
    on_wire_.erase({in->sender, in->number});
  } else if (const auto* gone = event.as<ev::SegmentLost>()) {
    const auto found = on_wire_.find({gone->sender, gone->number});
    if (found == on_wire_.end()) return;
    const std::uint64_t hash = found->second;
    on_wire_.erase(found);
    lost(now, hash);
  }
}

/// The adapter carried a frame, in either direction.
void Moves::Impl::carried(traces::Time now, std::uint32_t number, std::uint32_t relid) {
  Vm& vm = vms_[number];
  Adapter& adapter = vm.adapters[relid];
  pass(now, vm, adapter);
  if (!vm.move || adapter.move != vm.move) {
    const auto place = std::distance(vm.adapters.begin(), vm.adapters.find(relid)) + 1;
    finish(adapter,
           vm.adapters.size() == 1 ? "network adapter" : fmt::format("network adapter {}", place));
  }
  adapter.gap.emplace(now);
  adapter.move = vm.move;  // it may stand still: then this was the last one before
  adapter.after = false;
}

void Moves::Impl::sent(traces::Time now, const ev::NicSent& frame) {
  carried(now, frame.vm, frame.relid);
  const auto owner = owners_.find(frame.destination);
  if (owner == owners_.end() || owner->second == frame.vm) return;
  const Flight flight{frame.vm, owner->second};
  Vm& sender = vms_[flight.sender];
  Vm& receiver = vms_[flight.receiver];
  Client& as_vm = sender.clients[flight.receiver];
  Client& as_client = receiver.clients[flight.sender];
  pass(now, sender, as_vm);
  pass(now, receiver, as_client);
  ++as_vm.to_client;
  as_vm.vm_lost = false;
  ++as_client.to_vm;
  as_client.client_lost = false;
  flights_.emplace(frame.hash, flight);
}

void Moves::Impl::delivered(traces::Time now, const ev::NicDelivered& frame) {
  carried(now, frame.vm, frame.relid);
  for (auto [at, end] = flights_.equal_range(frame.hash); at != end; ++at) {
    if (at->second.receiver != frame.vm) continue;
    const Flight flight = at->second;
    flights_.erase(at);
    lands(now, flight, true);
    return;
  }
}

void Moves::Impl::lost(traces::Time now, std::uint64_t hash) {
  const auto found = flights_.find(hash);
  if (found == flights_.end()) return;
  const Flight flight = found->second;
  flights_.erase(found);
  lands(now, flight, false);
}

/// A frame's way ends, at its receiver or somewhere before.
void Moves::Impl::lands(traces::Time now, const Flight& flight, bool arrives) {
  Vm& sender = vms_[flight.sender];
  Vm& receiver = vms_[flight.receiver];
  Client& as_vm = sender.clients[flight.receiver];      // the receiver gets it
  Client& as_client = receiver.clients[flight.sender];  // the sender asks
  pass(now, sender, as_vm);
  pass(now, receiver, as_client);
  if (as_vm.to_client != 0) --as_vm.to_client;
  if (as_client.to_vm != 0) --as_client.to_vm;
  if (!arrives) {
    as_vm.vm_lost = true;
    as_client.client_lost = true;
    for (const auto& move : {as_vm.move, as_client.move}) {
      if (move) ++moves[*move].lost;
    }
    return;
  }
  as_client.vms_turn = true;
  as_vm.vms_turn = false;
  if (!sender.move) finish(as_vm, receiver.name);
  as_vm.gap.emplace(now);
  as_vm.move = sender.move;
}

traces::Duration Absence::waited() const {
  traces::Duration all{};
  for (const AbsencePart& part : parts) {
    if (!part.idle) all += part.took;
  }
  return all;
}

Moves::Moves() : impl_(std::make_unique<Impl>()) {}
Moves::~Moves() = default;

traces::EventSet Moves::events() {
  traces::EventSet set;
  for (traces::EventType type :
       {ev::NodeAdded::kType, ev::VmCreated::kType, ev::VpState::kType, ev::MigrationStarted::kType,
        ev::MigrationPhase::kType, ev::MigrationRound::kType, ev::SwitchPort::kType,
        ev::NicSent::kType, ev::NicDelivered::kType, ev::NicDropped::kType,
        ev::SwitchDropped::kType, ev::SegmentSent::kType, ev::SegmentArrived::kType,
        ev::SegmentLost::kType}) {
    set.set(static_cast<std::size_t>(type));
  }
  return set;
}

void Moves::on_event(const traces::Event& event) { impl_->on_event(event); }

std::vector<Move> Moves::conclude() const { return impl_->moves; }

std::string text_of(const std::vector<Move>& moves) {
  std::string text;
  for (const Move& move : moves) {
    text += fmt::format("  {} {} -> {}, asked for at {} ms, stopped at {} ms{}{}\n", move.vm,
                        move.from, move.to, milliseconds_of(move.asked - traces::Time{}),
                        milliseconds_of(move.stopped - traces::Time{}),
                        !move.runs_again  ? "; did not run again"
                        : !move.completed ? "; stayed"
                                          : "",
                        move.lost == 0   ? ""
                        : move.lost == 1 ? "; a frame lost"
                                         : fmt::format("; {} frames lost", move.lost));
    for (const Absence& view : move.seen) {
      std::string parts, idle_parts;
      for (const AbsencePart& part : view.parts) {
        std::string& list = part.idle ? idle_parts : parts;
        list += fmt::format("{}{} {}", list.empty() ? "" : ", ", part.cause,
                            milliseconds_of(part.took));
      }
      if (!idle_parts.empty()) parts += fmt::format(" ({})", idle_parts);
      text +=
          fmt::format("    {:<16} {:>9} ms: {}\n", view.who, milliseconds_of(view.waited()), parts);
    }
  }
  return text;
}

}  // namespace scenarios
