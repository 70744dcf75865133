#include "sim/kernel/frame_pool.hpp"

#include <array>
#include <new>

#include "sim/kernel/event_entry.hpp"

namespace sim::detail {
namespace {

constexpr std::size_t kLine = LineAllocator<std::byte>::kLine;
constexpr std::size_t kClasses = 16;  // of 64, 128, ... 1024 bytes; longer frames are rare
constexpr std::size_t kFirstSlab = std::size_t{16} << 10;

#ifdef __SANITIZE_ADDRESS__
constexpr bool kPooled = false;  // the sanitizer must see each frame come and go
#else
constexpr bool kPooled = true;
#endif

struct Free {
  Free* next;
};

/// Slabs are carved from the front and kept for the frames of later worlds, as malloc would.
struct Pool {
  std::array<Free*, kClasses + 1> free{};
  std::byte* at = nullptr;
  std::size_t left = 0;
  std::size_t next_slab = kFirstSlab;

  void* carve(std::size_t bytes) {
    if (left < bytes) {
      at = LineAllocator<std::byte>().allocate(next_slab);
      left = next_slab;
      if (next_slab < LineAllocator<std::byte>::kBigPage) next_slab *= 2;
    }
    void* const piece = at;
    at += bytes;
    left -= bytes;
    return piece;
  }
};

thread_local Pool pool;  // law 1: memory only, as malloc's; no address reaches a world

std::size_t class_of(std::size_t bytes) { return (bytes + kLine - 1) / kLine; }

}  // namespace

void* take_frame(std::size_t bytes) {
  const std::size_t lines = class_of(bytes);
  if (!kPooled || lines > kClasses) return ::operator new (bytes, std::align_val_t{kLine});
  if (Free* const piece = pool.free[lines]) {
    pool.free[lines] = piece->next;
    return piece;
  }
  return pool.carve(lines * kLine);
}

void give_frame(void* frame, std::size_t bytes) noexcept {
  const std::size_t lines = class_of(bytes);
  if (!kPooled || lines > kClasses) {
    ::operator delete (frame, std::align_val_t{kLine});
    return;
  }
  pool.free[lines] = new (frame) Free{pool.free[lines]};
}

}  // namespace sim::detail
