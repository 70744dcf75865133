#include "sim/memory/byte_storage.hpp"

#include <sys/mman.h>

#include <new>

namespace sim::memory {

ByteStorage::ByteStorage(std::uint64_t frames) : frames_(frames) {
  if (frames == 0) return;
  // Private and anonymous: a forked world keeps its own copy, and untouched frames read as zero.
  void* mapping = ::mmap(nullptr, frames << kPageShift, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<std::byte*>(mapping);
}

ByteStorage::~ByteStorage() {
  if (data_ != nullptr) ::munmap(data_, frames_ << kPageShift);
}

}  // namespace sim::memory
