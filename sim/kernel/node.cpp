#include "sim/kernel/node.hpp"

#include <algorithm>

#include "sim/kernel/root_task.hpp"
#include "sim/kernel/world.hpp"

namespace sim {
namespace {

/// Keeps a timer's events apart from those of a task with the same name.
constexpr std::uint64_t kTimerPath = 0x7469'6d65'7200'0000;  // "timer"

}  // namespace

// ---------------------------------------------------------------- timers

Timer::Timer(Node& node, std::string_view name, std::uint64_t key, std::function<void()> fire)
    : node_(&node),
      next_(node.timers_),
      path_(path_of(name, key) ^ kTimerPath),
      fire_(std::move(fire)) {
  if (next_ != nullptr) next_->previous_ = this;
  node.timers_ = this;
}

Timer::~Timer() {
  if (node_ == nullptr) return;
  disarm();
  (previous_ == nullptr ? node_->timers_ : previous_->next_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
}

void Timer::arm(Time when) {
  disarm();
  if (node_ == nullptr || !node_->alive() || when == kNever) return;
  World& world = node_->world();
  deadline_ = std::max(when, world.now());
  event_ = world.schedule({deadline_, node_->id(), sequence_++, path_}, *this);
}

void Timer::disarm() {
  if (armed()) node_->world().cancel(event_);
  event_ = {};
}

void Timer::wake() {
  event_ = {};
  fire_();
}

// ---------------------------------------------------------------- root tasks

RootTask::RootTask(Node& node, NodeId node_id, std::uint64_t path, Task<> task)
    : body(std::move(task)) {
  context.node = &node;
  context.node_id = node_id;
  context.path = path;
}

RootTask::~RootTask() {
  if (start.generation != 0) context.node->world().cancel(start);
  detail::destroy_all(context);
}

// ---------------------------------------------------------------- nodes

Node::Node(World& world, NodeId id, std::string name, std::string kind)
    : world_(world), id_(id), name_(std::move(name)), kind_(std::move(kind)) {}

Node::~Node() {
  for (Timer* timer = timers_; timer != nullptr; timer = timer->next_) {
    timer->node_ = nullptr;
    timer->event_ = {};
  }
}

Time Node::now() const { return world_.now(); }

void Node::spawn(std::string_view name, std::uint64_t key, Task<> task) {
  HVSIM_ASSERT(task, "an empty task was spawned");
  if (!alive_) return;
  const std::uint64_t path = path_of(name, key);
  auto root = std::make_unique<RootTask>(*this, id_, path, std::move(task));
  RootTask& placed = *root;
  const bool is_new = tasks_.emplace(path, std::move(root)).second;
  HVSIM_ASSERT(is_new, "two live tasks of one name and key on a node");
  detail::enter(placed.context, placed.body.handle().promise(), nullptr, placed.body.handle_);
  placed.start = world_.schedule(placed.context.next_key(world_.now()), placed);
}

void RootTask::wake() {
  start = {};
  resume(context, context.next);
}

bool Node::cancel(std::string_view name, std::uint64_t key) {
  const auto found = tasks_.find(path_of(name, key));
  if (found == tasks_.end()) return false;
  HVSIM_ASSERT(!found->second->context.running, "a task cancelled itself");
  const auto ended = tasks_.extract(found);  // out of the map before any destructor runs
  return true;
}

bool Node::running(std::string_view name, std::uint64_t key) const {
  return tasks_.find(path_of(name, key)) != tasks_.end();
}

SleepAwaiter Node::sleep(Duration duration) {
  const Time now = world_.now();
  const bool for_ever = duration >= kNever - now;
  return SleepAwaiter(for_ever ? kNever : now + duration);
}

SleepAwaiter Node::sleep_until(Time when) { return SleepAwaiter(when); }

void Node::follow(NodeFate& fate) { fates_.push_back(&fate); }

void Node::unfollow(NodeFate& fate) {
  const auto found = std::find(fates_.begin(), fates_.end(), &fate);
  if (found == fates_.end()) return;
  if (telling_fates_) {
    *found = nullptr;
  } else {
    fates_.erase(found);
  }
}

void Node::tell_fates(void (NodeFate::*what)()) {
  telling_fates_ = true;
  const std::size_t count = fates_.size();  // who joins meanwhile has nothing to learn
  for (std::size_t i = 0; i < count; ++i) {
    if (fates_[i] != nullptr) (fates_[i]->*what)();
  }
  telling_fates_ = false;
  std::erase(fates_, nullptr);
}

void Node::finished(TaskContext& context) { const auto ended = tasks_.extract(context.path); }

/// In the order of their paths. What a destructor might spawn is dropped: the node is dead.
void Node::destroy_tasks() {
  while (!tasks_.empty()) {
    const auto ended = tasks_.extract(tasks_.begin());
  }
}

void Node::destroy_kept() {
  while (!kept_.empty()) {
    const std::shared_ptr<void> newest = std::move(kept_.back());
    kept_.pop_back();
  }
}

void Node::disarm_timers() {
  for (Timer* timer = timers_; timer != nullptr; timer = timer->next_) timer->disarm();
}

}  // namespace sim
