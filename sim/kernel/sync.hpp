// How tasks of one world wait for each other: Signal (a condition), Mailbox<T> (a queue). A waiter
// that is woken runs as an event of its own task at now(); never inside the caller.
#pragma once

#include <coroutine>
#include <deque>
#include <optional>
#include <utility>

#include "sim/kernel/event_queue.hpp"
#include "sim/kernel/node.hpp"
#include "sim/kernel/task.hpp"
#include "sim/kernel/time.hpp"

namespace sim {

/// Suspends until an instant: `co_await node.sleep(5_ms)`.
class SleepAwaiter final : Wakeable {
 public:
  explicit SleepAwaiter(Time when) : when_(when) {}
  ~SleepAwaiter();
  SleepAwaiter(const SleepAwaiter&) = delete;
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> handle) {
    start(handle, *handle.promise().context);
  }
  void await_resume() const noexcept {}

 private:
  void start(std::coroutine_handle<> handle, TaskContext& context);
  void wake() override;
  Time when_;
  TaskContext* context_ = nullptr;
  std::coroutine_handle<> handle_{};
  EventHandle event_{};
};

/// One waiting task. Lives in the awaiter, so destroying the task withdraws it.
class Waiter final : Wakeable {
 public:
  Waiter() = default;
  ~Waiter();
  Waiter(const Waiter&) = delete;

  /// Registers with a list and, when deadline is not kNever, with the clock.
  void start(class WaitList& list, std::coroutine_handle<> handle, TaskContext& context,
             Time deadline);
  bool timed_out() const { return timed_out_; }

 private:
  friend class WaitList;
  enum class State : std::uint8_t { kIdle, kWaiting, kChosen, kNotified };
  void wake() override;
  void notify(State why);  // schedules the wake at now()
  void withdraw();
  class WaitList* list_ = nullptr;
  Waiter* previous_ = nullptr;
  Waiter* next_ = nullptr;
  TaskContext* context_ = nullptr;
  std::coroutine_handle<> handle_{};
  EventHandle event_{};
  State state_ = State::kIdle;
  bool timed_out_ = false;
};

/// Tasks that wait for the same thing, first come first served. A task that still waits when the
/// list is destroyed never wakes; its owner must end it.
class WaitList {
 public:
  WaitList() = default;
  ~WaitList();
  WaitList(const WaitList&) = delete;
  /// Wakes the longest waiting task. If that task is destroyed before it wakes, the next one
  /// wakes in its place, so that no notification is lost.
  void notify_one();
  void notify_all();
  bool empty() const { return waiting_.first == nullptr; }

 private:
  friend class Waiter;
  struct Chain {
    Waiter* first = nullptr;
    Waiter* last = nullptr;
    void append(Waiter& waiter);
    void remove(Waiter& waiter);
  };
  Chain& chain_of(const Waiter& waiter);
  Chain waiting_;
  Chain notified_;  // their wake is an event already; the list still owes them its address
};

/// A condition that can be raised. `co_await signal.wait()` returns at once when it is raised;
/// wait_until returns false on time-out. reset() lowers it; a task that was woken by a raise is
/// told so (true) even if the signal has been lowered since.
class Signal {
 public:
  void raise();
  void reset() { raised_ = false; }
  bool raised() const { return raised_; }

  struct Awaiter {
    Signal& signal;
    Time deadline = kNever;
    Waiter waiter{};
    bool await_ready() const noexcept { return signal.raised_; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> handle) {
      waiter.start(signal.waiters_, handle, *handle.promise().context, deadline);
    }
    bool await_resume() const noexcept { return !waiter.timed_out(); }
  };
  Awaiter wait() { return {*this}; }
  Awaiter wait_until(Time deadline) { return {*this, deadline}; }

 private:
  bool raised_ = false;
  WaitList waiters_;
};

/// An unbounded queue between tasks. One or more receivers; each item goes to one of them.
template <class T>
class Mailbox {
 public:
  void put(T item) {
    items_.push_back(std::move(item));
    waiters_.notify_one();
  }
  bool empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }
  std::optional<T> try_take() {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    return item;
  }
  void clear() { items_.clear(); }

  struct Awaiter {
    Mailbox& mailbox;
    Time deadline = kNever;
    Waiter waiter{};
    bool await_ready() const noexcept { return !mailbox.items_.empty(); }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> handle) {
      waiter.start(mailbox.waiters_, handle, *handle.promise().context, deadline);
    }
    std::optional<T> await_resume() { return mailbox.try_take(); }
  };
  /// nullopt on time-out, or when another receiver was quicker.
  Awaiter take() { return {*this}; }
  Awaiter take_until(Time deadline) { return {*this, deadline}; }

 private:
  std::deque<T> items_;
  WaitList waiters_;
};

}  // namespace sim
