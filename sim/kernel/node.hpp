// A node is a fault domain: a host, a storage array, the operator's console. It owns tasks and
// state; killing it destroys both where they stand. A crash is never a graceful shutdown: what the
// world can see (a close, an unlock) is an explicit awaited call, never a destructor.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/kernel/event_queue.hpp"
#include "sim/kernel/task.hpp"
#include "sim/kernel/time.hpp"

namespace sim {

class World;
class SleepAwaiter;

/// A callback at an instant, for code that is not a coroutine (timers of the hypervisor). One
/// object, re-armable; it belongs to a node: the node's death disarms it, and while the node is
/// dead it cannot be armed. Its callback must not destroy it.
class Timer final : Wakeable {
 public:
  /// `name` and `key` make the timer's place in the event order; unique on its node.
  Timer(Node& node, std::string_view name, std::uint64_t key, std::function<void()> fire);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  /// Replaces an earlier arming; an instant in the past fires now, kNever disarms.
  void arm(Time when);
  void disarm();
  bool armed() const { return event_.generation != 0; }
  /// When it fires; kNever while it is not armed.
  Time deadline() const { return armed() ? deadline_ : kNever; }

 private:
  friend class Node;
  void wake() override;
  Node* node_;  // null once the world is gone
  Timer* previous_ = nullptr;
  Timer* next_ = nullptr;
  std::uint64_t path_;
  std::uint32_t sequence_ = 0;
  EventHandle event_{};
  Time deadline_ = kNever;
  std::function<void()> fire_;
};

/// What follows a node's fate: a NIC, a disk, a processor. Called in the order of registration.
class NodeFate {
 public:
  virtual void node_killed() = 0;  ///< power is gone; tasks are already destroyed
  virtual void node_restarted() {}
  virtual void node_paused() {}
  virtual void node_resumed() {}

 protected:
  ~NodeFate() = default;
};

class Node {
 public:
  Node(const Node&) = delete;
  ~Node();

  NodeId id() const { return id_; }
  const std::string& name() const { return name_; }
  const std::string& kind() const { return kind_; }
  World& world() const { return world_; }
  Time now() const;
  bool alive() const { return alive_; }
  bool paused() const { return paused_; }
  /// Boots so far: a handle to anything on this node is valid for one generation.
  std::uint32_t generation() const { return generation_; }

  /// Starts a root task. `name` and `key` place it in the event order and must be unique among the
  /// live tasks of the node. It starts to run as an event at now(). On a dead node it is dropped.
  void spawn(std::string_view name, std::uint64_t key, Task<> task);
  void spawn(std::string_view name, Task<> task) { spawn(name, 0, std::move(task)); }
  /// Ends a root task where it stands; false when there is none. Not from inside that task.
  bool cancel(std::string_view name, std::uint64_t key = 0);
  bool running(std::string_view name, std::uint64_t key = 0) const;

  /// Suspends the awaiting task. The event is the task's own, also when the task belongs to
  /// another node. A duration below zero counts as zero; kNever sleeps for ever.
  SleepAwaiter sleep(Duration duration);
  SleepAwaiter sleep_until(Time when);

  /// Keeps an object until the node is killed. Destroyed after the tasks, newest first; its
  /// destructor may only free memory.
  template <class T, class... Args>
  T& emplace(Args&&... args) {
    auto object = std::make_shared<T>(std::forward<Args>(args)...);
    T& reference = *object;
    keep(std::move(object));
    return reference;
  }
  void keep(std::shared_ptr<void> object) { kept_.push_back(std::move(object)); }

  /// `fate` is not owned and must be unfollowed before it is destroyed.
  void follow(NodeFate& fate);
  void unfollow(NodeFate& fate);

 private:
  friend class World;
  friend class Timer;
  friend void resume(TaskContext& context, std::coroutine_handle<> handle);
  Node(World& world, NodeId id, std::string name, std::string kind);

  void finished(TaskContext& context);
  void destroy_tasks();
  void destroy_kept();
  void disarm_timers();
  void tell_fates(void (NodeFate::*what)());

  World& world_;
  NodeId id_;
  std::string name_;
  std::string kind_;
  bool alive_ = true;
  bool paused_ = false;
  std::uint32_t generation_ = 1;
  std::map<std::uint64_t, std::unique_ptr<RootTask>> tasks_;
  std::vector<std::shared_ptr<void>> kept_;
  Timer* timers_ = nullptr;
  std::vector<NodeFate*> fates_;  // null: unfollowed while being told
  bool telling_fates_ = false;
  std::vector<EventHandle> deferred_;  // events that came up while the node was paused, in order
  std::function<void()> boot_;
};

}  // namespace sim
