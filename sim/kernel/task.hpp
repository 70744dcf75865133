// Tasks: protocol code as coroutines that read top to bottom.
//
//   sim::Task<int> ask(sim::Node& node, Link& link) {
//     co_await link.send(request);
//     co_await node.sleep(5_ms);
//     co_return 42;
//   }
//
// A Task is lazy and owned by whoever awaits it; a root task is owned by its Node (node.spawn).
// Destroying a task destroys, where it stands, everything it awaits, innermost first. Handles are
// resumed from the world's loop through a trampoline, never by symmetric transfer, which overflows
// the stack with g++ 12 (a million children are safe). Two rules against g++ 12 defects: name an
// aggregate before you pass it to an awaited call, and never make a coroutine of a capturing
// lambda.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "sim/kernel/event_queue.hpp"
#include "sim/kernel/frame_pool.hpp"
#include "sim/kernel/time.hpp"
#include "traces/assert.hpp"

namespace sim {

class Node;
struct RootTask;

namespace detail {
struct PromiseBase;
}

/// What every coroutine of one root task shares.
struct TaskContext {
  Node* node = nullptr;
  NodeId node_id{};
  std::uint32_t sequence = 0;      ///< next sequence number of this task's events
  std::uint64_t path = 0;          ///< place in the tree of tasks, part of the event order
  std::coroutine_handle<> next{};  ///< trampoline: what the loop resumes next
  detail::PromiseBase* innermost = nullptr;  ///< the coroutine that runs or waits; null: all done
  bool running = false;

  /// The key of this task's next event.
  EventKey next_key(Time when) { return {when, node_id, sequence++, path}; }
};

/// Runs a task from `handle` on until it waits again or has ended. For awaiters: called by an
/// event's Wakeable::wake(), never from code that may be part of a task.
void resume(TaskContext& context, std::coroutine_handle<> handle);

namespace detail {

struct PromiseBase {
  TaskContext* context = nullptr;
  PromiseBase* parent = nullptr;  // who awaits this coroutine; null for a root
  std::coroutine_handle<> self{};
  std::coroutine_handle<>* owner = nullptr;  // the handle in the Task that owns this coroutine

  static void* operator new(std::size_t bytes) { return take_frame(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { give_frame(frame, bytes); }

  std::suspend_always initial_suspend() noexcept { return {}; }
  struct Final {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> finished) noexcept {
      PromiseBase& promise = finished.promise();
      promise.context->innermost = promise.parent;
      if (promise.parent != nullptr) promise.context->next = promise.parent->self;
    }
    void await_resume() const noexcept {}
  };
  Final final_suspend() noexcept { return {}; }
  /// The exception leaves the world's run_until; the world can only be destroyed then.
  [[noreturn]] void unhandled_exception() { throw; }
};

/// Makes `promise` the coroutine that the trampoline resumes next.
inline void enter(TaskContext& context, PromiseBase& promise, PromiseBase* parent,
                  std::coroutine_handle<>& owner) noexcept {
  HVSIM_ASSERT(promise.context == nullptr, "a task was awaited twice");
  promise.context = &context;
  promise.parent = parent;
  promise.owner = &owner;
  context.innermost = &promise;
  context.next = promise.self;
}

/// Destroys the coroutines of a root task from the innermost outwards, in a loop: nested
/// destructors would overflow the stack when many tasks await each other.
void destroy_all(TaskContext& context) noexcept;

template <class T>
struct Promise;
template <class T>
struct TaskAwaiter;

}  // namespace detail

template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  explicit Task(Handle handle) : handle_(handle) {}
  /// A task can be moved until it is awaited.
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      reset();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  ~Task() { reset(); }

  auto operator co_await() && noexcept { return detail::TaskAwaiter<T>{handle_}; }
  explicit operator bool() const { return static_cast<bool>(handle_); }
  Handle handle() const { return Handle::from_address(handle_.address()); }
  Handle release() { return Handle::from_address(std::exchange(handle_, {}).address()); }
  void reset() {
    if (handle_) std::exchange(handle_, {}).destroy();
  }

 private:
  friend class Node;
  std::coroutine_handle<> handle_{};
};

namespace detail {

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object() {
    const auto handle = std::coroutine_handle<Promise>::from_promise(*this);
    self = handle;
    return Task<T>(handle);
  }
  template <class U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object() {
    const auto handle = std::coroutine_handle<Promise>::from_promise(*this);
    self = handle;
    return Task<void>(handle);
  }
  void return_void() noexcept {}
};

/// Trivial on purpose: the Task stays the owner, so nothing here can be destroyed twice.
template <class T>
struct TaskAwaiter {
  std::coroutine_handle<>& owner;

  Promise<T>& child() const {
    return std::coroutine_handle<Promise<T>>::from_address(owner.address()).promise();
  }
  bool await_ready() const noexcept { return false; }
  template <class Parent>
  void await_suspend(std::coroutine_handle<Parent> parent) noexcept {
    HVSIM_ASSERT(owner, "an empty task was awaited");
    PromiseBase& above = parent.promise();
    enter(*above.context, child(), &above, owner);
  }
  T await_resume() {
    if constexpr (!std::is_void_v<T>) return std::move(*child().value);
  }
};

}  // namespace detail

}  // namespace sim
