// A batch as bytes, for messages and saved states. All numbers are little-endian u64 unless said:
//
//   magic u32 "HVPB" | format u32 | runs | versions | byte pages
//   per run: first frame | count u32 | count versions, u32 each
//   per byte page: frame | 4096 bytes
//
// Runs ascend and do not overlap, byte pages ascend; what else a batch holds follows from these.
// The encoding is as long as what it decodes to, so hostile bytes cannot ask for more memory than
// they take themselves.
#include <algorithm>
#include <cstring>

#include "sim/memory/guest_memory_impl.hpp"
#include "traces/assert.hpp"

namespace sim {
namespace {

constexpr std::uint32_t kMagic = 0x42505648;  // "HVPB"
constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kHeadBytes = 2 * sizeof(std::uint32_t) + 3 * sizeof(std::uint64_t);
constexpr std::size_t kRunBytes = sizeof(std::uint64_t) + sizeof(std::uint32_t);
constexpr std::size_t kPageBytes = sizeof(std::uint64_t) + kPageSize;

class Out {
 public:
  explicit Out(std::size_t size) : bytes_(size) {}
  void put(const void* from, std::size_t size) {
    if (size != 0) std::memcpy(bytes_.data() + at_, from, size);
    at_ += size;
  }
  template <class T>
  void put(T value) {
    put(&value, sizeof value);
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
  std::size_t at_ = 0;
};

class In {
 public:
  explicit In(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::size_t left() const { return bytes_.size() - at_; }
  const std::byte* take(std::size_t size) {
    const std::byte* from = bytes_.data() + at_;
    at_ += size;
    return from;
  }
  /// The caller has checked left().
  template <class T>
  T take() {
    T value;
    std::memcpy(&value, take(sizeof value), sizeof value);
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
};

/// Frames that must come in ascending order, within the range of page numbers.
class Ascending {
 public:
  bool accept(std::uint64_t first, std::uint64_t count) {
    if (first < next_ || first >= traces::PageSet::kLimit) return false;
    if (count == 0 || count > traces::PageSet::kLimit - first) return false;
    next_ = first + count;
    return true;
  }

 private:
  std::uint64_t next_ = 0;
};

bool decode_runs(In& in, std::uint64_t runs, std::uint64_t versions, PageBatch& batch) {
  if (runs > in.left() / kRunBytes || versions > in.left() / sizeof(std::uint32_t)) return false;
  batch.runs.reserve(runs);
  batch.versions.resize(versions);
  Ascending order;
  std::uint64_t done = 0;
  for (std::uint64_t i = 0; i < runs; ++i) {
    if (in.left() < kRunBytes) return false;
    const auto first = in.take<std::uint64_t>();
    const auto count = in.take<std::uint32_t>();
    if (!order.accept(first, count) || count > versions - done) return false;
    if (in.left() / sizeof(std::uint32_t) < count) return false;
    batch.runs.push_back({{first}, count, static_cast<std::uint32_t>(done)});
    std::memcpy(batch.versions.data() + done, in.take(count * sizeof(std::uint32_t)),
                count * sizeof(std::uint32_t));
    done += count;
  }
  return done == versions;
}

bool decode_byte_pages(In& in, std::uint64_t pages, PageBatch& batch) {
  if (in.left() / kPageBytes != pages || in.left() % kPageBytes != 0) return false;
  batch.byte_pages.reserve(pages);
  batch.bytes.resize(pages * kPageSize);
  Ascending order;
  for (std::uint64_t i = 0; i < pages; ++i) {
    const auto frame = in.take<std::uint64_t>();
    if (!order.accept(frame, 1)) return false;
    batch.byte_pages.push_back({{frame}, i * kPageSize});
    std::memcpy(batch.bytes.data() + i * kPageSize, in.take(kPageSize), kPageSize);
  }
  return true;
}

/// No frame may be both a version and bytes.
bool disjoint(const PageBatch& batch) {
  auto run = batch.runs.begin();
  for (const PageBatch::BytePage& page : batch.byte_pages) {
    while (run != batch.runs.end() && run->first.value + run->count <= page.frame.value) ++run;
    if (run != batch.runs.end() && run->first <= page.frame) return false;
  }
  return true;
}

bool decode_batch(In in, PageBatch& batch) {
  if (in.left() < kHeadBytes) return false;
  if (in.take<std::uint32_t>() != kMagic || in.take<std::uint32_t>() != kFormat) return false;
  const auto runs = in.take<std::uint64_t>();
  const auto versions = in.take<std::uint64_t>();
  const auto pages = in.take<std::uint64_t>();
  if (versions > UINT32_MAX) return false;  // Run::versions_at could not say where
  if (!decode_runs(in, runs, versions, batch) || !decode_byte_pages(in, pages, batch)) return false;
  const memory::VersionScan found = memory::scan(batch.versions);
  if (found.bits > memory::kMaxVersion || !disjoint(batch)) return false;
  batch.pages = versions + pages;
  batch.wire_bytes = batch.pages * 8 + (found.nonzero + pages) * kPageSize;
  return true;
}

}  // namespace

std::vector<std::byte> GuestMemory::encode(const PageBatch& batch) {
  std::uint64_t versions = 0;
  for (const PageBatch::Run& run : batch.runs) versions += run.count;
  Out out(kHeadBytes + batch.runs.size() * kRunBytes + versions * sizeof(std::uint32_t) +
          batch.byte_pages.size() * kPageBytes);
  out.put(kMagic);
  out.put(kFormat);
  out.put<std::uint64_t>(batch.runs.size());
  out.put(versions);
  out.put<std::uint64_t>(batch.byte_pages.size());
  for (const PageBatch::Run& run : batch.runs) {
    HVSIM_ASSERT(run.versions_at + std::uint64_t{run.count} <= batch.versions.size(),
                 "a run of a page batch lies outside its versions");
    out.put(run.first.value);
    out.put(run.count);
    out.put(batch.versions.data() + run.versions_at, run.count * sizeof(std::uint32_t));
  }
  for (const PageBatch::BytePage& page : batch.byte_pages) {
    HVSIM_ASSERT(page.at + kPageSize <= batch.bytes.size(),
                 "a page of a page batch lies outside its bytes");
    out.put(page.frame.value);
    out.put(batch.bytes.data() + page.at, kPageSize);
  }
  return out.take();
}

bool GuestMemory::decode(std::span<const std::byte> bytes, PageBatch& batch) {
  PageBatch decoded;
  if (!decode_batch(In(bytes), decoded)) return false;
  batch = std::move(decoded);
  return true;
}

}  // namespace sim
