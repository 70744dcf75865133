// An event's place in the order, as the queue moves it about: the time, as much of the rest of the
// key as fits, and the number of the slot that holds all of it. Inside the kernel only.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

#include "sim/kernel/time.hpp"

namespace sim::detail {

/// Orders by (time, hint); equal hints are decided by the slots.
struct EventEntry {
  Time time{};
  std::uint32_t hint = 0;  // of node and path: never in contradiction to their order
  std::uint32_t slot = 0;
};
static_assert(sizeof(EventEntry) == 16, "four siblings in a cache line");

/// Arrays that begin a cache line. Long ones ask for big pages: an event may be anywhere in them,
/// and a miss of the translation cache costs as much as one of the data cache.
template <class T>
struct LineAllocator {
  using value_type = T;
  static constexpr std::size_t kLine = 64;
  static constexpr std::size_t kBigPage = std::size_t{2} << 20;
  LineAllocator() = default;
  template <class U>
  LineAllocator(const LineAllocator<U>&) {}
  static std::align_val_t align(std::size_t bytes) {
    return std::align_val_t{bytes >= kBigPage ? kBigPage : kLine};
  }
  T* allocate(std::size_t n) {
    const std::size_t bytes = n * sizeof(T);
    void* const memory = ::operator new(bytes, align(bytes));
    if (bytes >= kBigPage) ::madvise(memory, bytes / kBigPage * kBigPage, MADV_HUGEPAGE);
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t n) { ::operator delete(memory, align(n * sizeof(T))); }
  friend bool operator==(LineAllocator, LineAllocator) { return true; }
};
template <class T>
using LineArray = std::vector<T, LineAllocator<T>>;

}  // namespace sim::detail
