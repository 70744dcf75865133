#include "sim/kernel/task.hpp"

#include "sim/kernel/node.hpp"

namespace sim {

void resume(TaskContext& context, std::coroutine_handle<> handle) {
  HVSIM_ASSERT(!context.running, "a task was resumed from inside itself");
  struct Running {
    TaskContext& context;
    ~Running() { context.running = false; }
  };
  {
    const Running running{context};
    context.running = true;
    context.next = handle;
    while (context.next) std::exchange(context.next, {}).resume();
  }
  if (context.innermost == nullptr) context.node->finished(context);
}

void detail::destroy_all(TaskContext& context) noexcept {
  while (PromiseBase* const promise = context.innermost) {
    context.innermost = promise->parent;
    *promise->owner = {};
    promise->self.destroy();
  }
}

}  // namespace sim
