#include "sim/kernel/sync.hpp"

#include <algorithm>

#include "sim/kernel/world.hpp"

namespace sim {
namespace {

World& world_of(const TaskContext& context) { return context.node->world(); }

EventHandle schedule(TaskContext& context, Time when, Wakeable& target) {
  World& world = world_of(context);
  return world.schedule(context.next_key(std::max(when, world.now())), target);
}

}  // namespace

// ---------------------------------------------------------------- sleeping

SleepAwaiter::~SleepAwaiter() {
  if (event_.generation != 0) world_of(*context_).cancel(event_);
}

void SleepAwaiter::start(std::coroutine_handle<> handle, TaskContext& context) {
  context_ = &context;
  needs_ = &context;
  handle_ = handle;
  if (when_ != kNever) event_ = schedule(context, when_, *this);
}

void SleepAwaiter::wake() {
  event_ = {};
  resume(*context_, handle_);
}

// ---------------------------------------------------------------- waiting

Waiter::~Waiter() {
  if (list_ == nullptr) return;
  WaitList& list = *list_;
  const bool pass_on = state_ == State::kChosen;
  list.chain_of(*this).remove(*this);
  withdraw();
  if (pass_on) list.notify_one();
}

void Waiter::start(WaitList& list, std::coroutine_handle<> handle, TaskContext& context,
                   Time deadline) {
  HVSIM_ASSERT(state_ == State::kIdle, "a waiter was used twice");
  list_ = &list;
  handle_ = handle;
  context_ = &context;
  needs_ = &context;
  state_ = State::kWaiting;
  list.waiting_.append(*this);
  if (deadline != kNever) event_ = schedule(context, deadline, *this);
}

void Waiter::notify(State why) {
  list_->waiting_.remove(*this);
  list_->notified_.append(*this);
  state_ = why;
  world_of(*context_).cancel(event_);
  event_ = schedule(*context_, Time{}, *this);
}

/// Leaves list and clock alone from now on.
void Waiter::withdraw() {
  list_ = nullptr;
  state_ = State::kIdle;
  world_of(*context_).cancel(event_);
  event_ = {};
}

void Waiter::wake() {
  timed_out_ = state_ == State::kWaiting;
  list_->chain_of(*this).remove(*this);
  withdraw();
  resume(*context_, handle_);
}

WaitList::~WaitList() {
  for (Chain* chain : {&waiting_, &notified_}) {
    while (Waiter* const waiter = chain->first) {
      chain->remove(*waiter);
      waiter->withdraw();
    }
  }
}

void WaitList::notify_one() {
  if (!empty()) waiting_.first->notify(Waiter::State::kChosen);
}

void WaitList::notify_all() {
  while (!empty()) waiting_.first->notify(Waiter::State::kNotified);
}

WaitList::Chain& WaitList::chain_of(const Waiter& waiter) {
  return waiter.state_ == Waiter::State::kWaiting ? waiting_ : notified_;
}

void WaitList::Chain::append(Waiter& waiter) {
  waiter.previous_ = last;
  waiter.next_ = nullptr;
  (last == nullptr ? first : last->next_) = &waiter;
  last = &waiter;
}

void WaitList::Chain::remove(Waiter& waiter) {
  (waiter.previous_ == nullptr ? first : waiter.previous_->next_) = waiter.next_;
  (waiter.next_ == nullptr ? last : waiter.next_->previous_) = waiter.previous_;
  waiter.previous_ = nullptr;
  waiter.next_ = nullptr;
}

// ---------------------------------------------------------------- signals

void Signal::raise() {
  raised_ = true;
  waiters_.notify_all();
}

}  // namespace sim
