#include "sim/memory/byte_storage.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <new>

namespace sim::memory {
namespace {

/// This process's page table as the kernel shows it, see proc_pid_pagemap(5).
class PageTable {
 public:
  PageTable() : file_(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)) {}
  ~PageTable() {
    if (file_ >= 0) ::close(file_);
  }
  PageTable(const PageTable&) = delete;

  /// Adds the pages of [data, data + 4096 * pages) that are mapped or swapped out; false when the
  /// kernel does not say.
  bool add_backed(const std::byte* data, std::uint64_t pages, traces::PageSet& set) const {
    return file_ >= 0 && (scan(data, pages, set) || read(data, pages, set));
  }

 private:
  // <linux/fs.h> of Linux 6.7 and later; Debian 12's does not have it.
  struct Region {
    std::uint64_t start, end, categories;
  };
  struct Scan {
    std::uint64_t size, flags, start, end, walk_end, regions, region_count, max_pages;
    std::uint64_t inverted, all_of, any_of, returned;
  };
  static_assert(sizeof(Scan) == 96);
  static constexpr auto kScanRequest = _IOWR('f', 16, Scan);
  static constexpr std::uint64_t kPresent = 1 << 3, kSwapped = 1 << 4;

  /// One call that passes over holes at once.
  bool scan(const std::byte* data, std::uint64_t pages, traces::PageSet& set) const {
    const auto base = reinterpret_cast<std::uint64_t>(data);
    std::array<Region, 512> found;
    Scan request{};
    request.size = sizeof request;
    request.start = base;
    request.end = base + (pages << kPageShift);
    request.regions = reinterpret_cast<std::uint64_t>(found.data());
    request.region_count = found.size();
    request.any_of = kPresent | kSwapped;
    request.returned = kPresent | kSwapped;
    while (request.start < request.end) {
      const int count = ::ioctl(file_, kScanRequest, &request);
      if (count < 0) return false;
      for (const Region& region : std::span(found).first(static_cast<std::size_t>(count))) {
        set.add((region.start - base) >> kPageShift, (region.end - region.start) >> kPageShift);
      }
      if (request.walk_end <= request.start) return false;
      request.start = request.walk_end;
    }
    return true;
  }

  /// For older kernels: 8 bytes for each page, holes included.
  bool read(const std::byte* data, std::uint64_t pages, traces::PageSet& set) const {
    constexpr unsigned kSwappedBit = 62;  // and 63: present
    const std::uint64_t first = reinterpret_cast<std::uint64_t>(data) >> kPageShift;
    std::array<std::uint64_t, 8192> entries;
    for (std::uint64_t at = 0; at < pages;) {
      const std::size_t wanted = std::min<std::uint64_t>(entries.size(), pages - at);
      const ssize_t got = ::pread(file_, entries.data(), wanted * sizeof entries[0],
                                  static_cast<off_t>((first + at) * sizeof entries[0]));
      const std::uint64_t count = got < 0 ? 0 : static_cast<std::size_t>(got) / sizeof entries[0];
      if (count == 0) return false;
      for (std::uint64_t i = 0; i < count; ++i) {
        if (entries[i] >> kSwappedBit != 0) set.add(at + i);
      }
      at += count;
    }
    return true;
  }

  int file_;
};

}  // namespace

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

traces::PageSet ByteStorage::backed() const {
  traces::PageSet set;
  if (frames_ == 0 || PageTable().add_backed(data_, frames_, set)) return set;
  set.clear();
  set.add(0, frames_);
  return set;
}

}  // namespace sim::memory
