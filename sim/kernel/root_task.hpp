// A root task: what a node owns of a coroutine that it runs. Inside the kernel only.
#pragma once

#include <cstdint>

#include "sim/kernel/event_queue.hpp"
#include "sim/kernel/task.hpp"

namespace sim {

/// Wakes once, to start the task; later events belong to what the task waits for.
struct RootTask final : Wakeable {
  RootTask(Node& node, NodeId node_id, std::uint64_t path, Task<> task);
  ~RootTask();
  RootTask(const RootTask&) = delete;
  void wake() override;
  static void* operator new(std::size_t bytes) { return detail::take_frame(bytes); }
  static void operator delete(void* task, std::size_t bytes) noexcept {
    detail::give_frame(task, bytes);
  }

  TaskContext context;
  Task<> body;
  EventHandle start{};
};

}  // namespace sim
