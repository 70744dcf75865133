// Memory for coroutine frames and root tasks: pieces of whole cache lines, taken and given back in
// a few instructions, close together so that a hundred thousand sleeping tasks stay within reach of
// the caches. Nothing in a world depends on an address. Inside the kernel only.
#pragma once

#include <cstddef>

namespace sim::detail {

/// Begins a cache line. Throws std::bad_alloc.
void* take_frame(std::size_t bytes);
/// `bytes` as it was taken, by the same thread.
void give_frame(void* frame, std::size_t bytes) noexcept;

}  // namespace sim::detail
