// A world: one clock, one event order, nodes, processors, random choices and the event stream.
// Everything that can differ between two runs enters through here. A world has no globals; many
// fit into one process, and a world survives fork().
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sim/kernel/decision.hpp"
#include "sim/kernel/event_queue.hpp"
#include "sim/kernel/node.hpp"
#include "sim/kernel/processor.hpp"
#include "sim/kernel/random.hpp"
#include "sim/kernel/sync.hpp"
#include "sim/kernel/time.hpp"
#include "traces/record.hpp"

namespace sim {

struct WorldConfig {
  std::uint64_t seed = 1;
  /// How far a processor may run ahead of the slowest runnable one.
  Duration processor_window{10'000};
  /// Deliberate bugs that are switched on (law 5).
  std::set<std::string, std::less<>> plants;
  /// Probability per buggify point; absent points are off.
  std::map<std::string, Chance, std::less<>> buggify;
  /// When present, exactly these choices happen, whatever their chances; no other does.
  std::optional<DecisionSet> decisions;
};

class World {
 public:
  World(WorldConfig config, traces::Recorder& recorder);
  ~World();
  World(const World&) = delete;

  /// Inside a processor's run: that processor's time; otherwise the time of the event in hand.
  Time now() const { return running_ == nullptr ? now_ : running_->local_time(); }

  /// Names are unique. Emits node.added. Ids count from 1 in the order of adding.
  Node& add_node(std::string name, std::string kind);
  Node& node(NodeId id);
  Node* find_node(std::string_view name);
  const std::vector<std::unique_ptr<Node>>& nodes() const { return nodes_; }

  /// Each takes effect as an event at now(), carried out by the world's loop and never from inside
  /// a task that it ends; of several at one instant, the first called is the first done. What
  /// makes no sense when its turn comes (killing the dead, resuming what is not paused) is void.
  ///
  /// kill: tasks are destroyed, then kept objects, newest first, then fates are told. Timers are
  /// disarmed. Events that others scheduled on the node (schedule()) still happen.
  /// pause: tasks, timers and processors of the node stand still and all its events wait, in
  /// order, until resume or kill.
  void kill(Node& node, std::string reason);
  void restart(Node& node);
  void pause(Node& node);
  void resume(Node& node);
  /// Called after a restart, to boot the node again.
  void on_restart(Node& node, std::function<void()> boot);

  /// Runs events and processors up to and including `limit`, or until stop() was called. Unless it
  /// was stopped, now() is `limit` afterwards (with kNever: the time of the last event).
  /// Returns false when nothing is left to do, now or later: no event, no runnable processor.
  bool run_until(Time limit);
  void stop(std::string reason);
  bool stopped() const { return stopped_; }
  const std::string& stop_reason() const { return stop_reason_; }

  /// Processors start as not runnable. Key: (node, order), unique, decides among equal clocks.
  /// Removing or stopping a processor inside its own run takes effect when run_to returns.
  void add_processor(Processor& processor, Node& node, std::uint64_t order);
  void remove_processor(Processor& processor);
  void set_runnable(Processor& processor, bool runnable);

  /// `key` must be meaningful, not before now(), and unique among pending events: tasks and timers
  /// use their own. The target is woken even if the node is dead by then, and must withdraw the
  /// event before it is destroyed.
  EventHandle schedule(const EventKey& key, Wakeable& target);
  void cancel(EventHandle handle) { queue_.cancel(handle); }
  bool pending(EventHandle handle) const { return queue_.pending(handle); }
  /// What happens next, for people who look: at most so many pending events, the earliest first.
  std::vector<EventKey> next_events(std::size_t most) const { return queue_.first(most); }
  std::size_t pending_events() const { return queue_.size(); }

  const Random& random() const { return random_; }
  /// A fault-like choice: a function of (seed, stream, operation) or, in a scripted world, of the
  /// script. What happens is emitted as decision.taken. A chance of 0 without a script costs a
  /// branch. An operation that asks twice is told the same, and emits twice.
  bool happens(Node& node, std::string_view stream, const Operation& operation, Chance chance) {
    return may_happen(chance) && decide(node, stream, operation, chance);
  }
  /// False when such a choice cannot happen, so that nothing needs to be prepared for it.
  bool may_happen(Chance chance) const {
    return chance.numerator != 0 || config_.decisions.has_value();
  }
  /// From now on no such choice happens any more, nor any invited trouble.
  void calm();
  /// How much, how late, where: amounts of a choice that happened. The same in a scripted world as
  /// in the one that drew the choice.
  Draw amount(std::string_view stream, const Operation& operation) const;

  /// An invitation to trouble that the specification allows. Off unless configured or scripted;
  /// then a function of (seed, point, operation). Emits buggify.fired.
  bool buggify(Node& node, std::string_view point, const Operation& operation) {
    return inviting_ && buggify_fires(node, point, operation);
  }
  bool buggify(Node& node, std::string_view point, std::uint64_t key) {
    return inviting_ && buggify_fires(node, point, {key});
  }
  /// Something rare and interesting has come about. Emits sometimes.reached, once per world.
  void sometimes(Node& node, std::string_view point);

  /// A deliberate bug. Off unless configured. Emits plant.fired at its first effect.
  bool plant(Node& node, std::string_view name) {
    return !config_.plants.empty() && plant_fires(node, name);
  }

  template <class E>
  void emit(NodeId node, const E& payload) {
    if (E::kLevel != 0 && !detail()) return;
    recorder_.emit(now(), node, payload);
  }
  traces::Recorder& recorder() { return recorder_; }
  bool detail() const { return recorder_.detail(); }
  std::uint64_t dispatched() const { return dispatched_; }

 private:
  struct Control;
  enum class Fate : std::uint8_t { kKill, kRestart, kPause, kResume };
  void request(Fate fate, Node& node, std::string reason);
  void kill_now(Node& node, std::string_view reason);
  void restart_now(Node& node);
  void pause_now(Node& node);
  void resume_now(Node& node);
  void release_deferred(Node& node);

  bool decide(Node& node, std::string_view stream, const Operation& operation, Chance chance);
  bool buggify_fires(Node& node, std::string_view point, const Operation& operation);
  bool plant_fires(Node& node, std::string_view name);

  bool step(Time limit);
  bool run_slowest_processor(Time limit);
  void run_processor(ProcessorSlot& slot, Time limit);
  void lower_running_limit(Time limit);
  void dispatch_next();
  void dispatch_released();

  WorldConfig config_;
  traces::Recorder& recorder_;
  Random random_;
  EventQueue queue_;
  Time now_{};
  std::vector<std::unique_ptr<Node>> nodes_;
  std::map<std::string, Node*, std::less<>> nodes_by_name_;
  std::size_t paused_nodes_ = 0;
  std::deque<EventHandle> released_;  // events of resumed nodes, due before anything in the queue
  std::vector<std::unique_ptr<ProcessorSlot>> processors_;
  std::vector<ProcessorSlot*> runnable_;  // in no order that matters
  Processor* running_ = nullptr;
  Time running_limit_ = kNever;
  std::unique_ptr<Control> control_;
  bool inviting_;  // some buggify point may fire
  std::set<std::string, std::less<>> fired_plants_;
  std::set<std::string, std::less<>> reached_points_;
  std::uint64_t dispatched_ = 0;
  bool stopped_ = false;
  std::string stop_reason_;
};

/// Path hash of a named place in the event order. Different keys of one name never collide.
std::uint64_t path_of(std::string_view name, std::uint64_t key);

}  // namespace sim
