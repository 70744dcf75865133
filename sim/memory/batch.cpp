// Export and import: contents of a set of frames as a batch, and a batch as contents. Work is done
// by run, not by page, as far as the contents allow.
#include <algorithm>
#include <cstring>

#include "sim/memory/guest_memory_impl.hpp"
#include "traces/assert.hpp"

namespace sim {
namespace {

using memory::Contents;
using memory::VersionStore;

constexpr std::uint64_t kHeaderBytes = 8;  // what naming a frame costs on a link

class Exporter {
 public:
  Exporter(const Contents& contents, const memory::FrameBits& written, PageBatch& batch)
      : contents_(contents), written_(written), batch_(batch) {}

  void add(const traces::PageSet::Run& run) {
    if (contents_.real_bytes) {
      for (std::uint64_t frame = run.first; frame != run.end(); ++frame) add_byte_frame({frame});
    } else if (run.count == 1) {
      add_single(Frame{run.first});
    } else {
      add_version_run(run);
    }
  }

  /// Copies the bytes, once it is known how many there are.
  void finish() {
    batch_.bytes.reserve(batch_.byte_pages.size() * kPageSize);
    for (PageBatch::BytePage& page : batch_.byte_pages) {
      const std::byte* bytes = contents_.bytes_of(page.frame);
      page.at = batch_.bytes.size();
      batch_.bytes.insert(batch_.bytes.end(), bytes, bytes + kPageSize);
    }
    batch_.pages += batch_.byte_pages.size();
    batch_.wire_bytes =
        batch_.pages * kHeaderBytes + (nonzero_ + batch_.byte_pages.size()) * kPageSize;
  }

 private:
  void add_byte_frame(Frame frame) {
    // A frame that was never written is not looked at: looking would map it.
    const bool zero = (contents_.real_bytes && !written_.test(frame)) ||
                      memory::is_zero({contents_.bytes_of(frame), kPageSize});
    if (zero) {
      add_versions(frame, nullptr, 1);
    } else {
      batch_.byte_pages.push_back({frame, 0});
    }
  }

  void add_single(Frame frame) {  // dirty pages often come alone
    const VersionStore::Slot slot = contents_.versions.slot(frame);
    if (VersionStore::holds_bytes(slot)) {
      add_byte_frame(frame);
    } else {
      add_versions(frame, &slot, 1);
    }
  }

  void add_version_run(const traces::PageSet::Run& run) {
    Frame at{run.first};
    while (at.value != run.end()) {
      const VersionStore::Piece piece = contents_.versions.piece(at, run.end() - at.value);
      if (piece.bytes) {
        add_byte_frame(at);
      } else {
        add_versions(at, piece.slots, piece.count);
      }
      at = at + piece.count;
    }
  }

  void add_versions(Frame first, const std::uint32_t* slots, std::uint64_t count) {
    std::vector<PageBatch::Run>& runs = batch_.runs;
    if (!runs.empty() && runs.back().first + runs.back().count == first) {
      runs.back().count += static_cast<std::uint32_t>(count);
    } else {
      runs.push_back({first, static_cast<std::uint32_t>(count),
                      static_cast<std::uint32_t>(batch_.versions.size())});
    }
    if (slots == nullptr) {
      batch_.versions.resize(batch_.versions.size() + count);
    } else if (count == 1) {
      batch_.versions.push_back(*slots);
      nonzero_ += *slots != 0 ? 1 : 0;
    } else {
      batch_.versions.insert(batch_.versions.end(), slots, slots + count);
      nonzero_ += memory::scan({slots, count}).nonzero;
    }
    batch_.pages += count;
  }

  const Contents& contents_;
  const memory::FrameBits& written_;
  PageBatch& batch_;
  std::uint64_t nonzero_ = 0;
};

class Importer {
 public:
  Importer(Contents& contents, const memory::FrameBits& written, const PageBatch& batch)
      : contents_(contents), written_(written), batch_(batch) {
    const memory::VersionScan found = memory::scan(batch.versions);
    HVSIM_ASSERT(found.bits <= memory::kMaxVersion,
                 "a page batch holds a number that is no version");
    zeros_ = batch.versions.size() - found.nonzero;
  }

  void add(const PageBatch::Run& run) {
    HVSIM_ASSERT(run.versions_at + std::uint64_t{run.count} <= batch_.versions.size(),
                 "a run of a page batch lies outside its versions");
    const auto versions = std::span(batch_.versions).subspan(run.versions_at, run.count);
    if (contents_.real_bytes) {
      for (std::size_t i = 0; i < versions.size(); ++i) assign_bytes(run.first + i, versions[i]);
    } else if (versions.size() == 1 && versions[0] != 0) {
      contents_.versions.set(run.first, versions[0]);
    } else {
      contents_.versions.assign(run.first, versions, zeros_);
    }
  }

  void add(const PageBatch::BytePage& page) {
    HVSIM_ASSERT(page.at + kPageSize <= batch_.bytes.size(),
                 "a page of a page batch lies outside its bytes");
    std::byte* to = contents_.real_bytes ? contents_.bytes.page(page.frame).data()
                                         : contents_.versions.bytes_to_overwrite(page.frame).data();
    std::memcpy(to, batch_.bytes.data() + page.at, kPageSize);
  }

 private:
  void assign_bytes(Frame frame, std::uint32_t version) {
    if (version != 0) {
      memory::fill_with_version(frame, version, 0, contents_.bytes.page(frame));
    } else if (written_.test(frame)) {
      std::memset(contents_.bytes.page(frame).data(), 0, kPageSize);
    }
  }

  Contents& contents_;
  const memory::FrameBits& written_;
  const PageBatch& batch_;
  std::uint64_t zeros_ = 0;
};

}  // namespace

PageBatch GuestMemory::export_pages(const traces::PageSet& set) const {
  PageBatch batch;
  if (set.empty()) return batch;
  HVSIM_ASSERT(set.runs().back().end() <= frames(), "export of a frame that does not exist");
  if (config_.backing == Backing::Versions) {
    batch.versions.reserve(set.count());
    batch.runs.reserve(set.runs().size());
  }
  Exporter exporter(impl_->contents, impl_->written, batch);
  for (const traces::PageSet::Run& run : set.runs()) exporter.add(run);
  exporter.finish();
  return batch;
}

bool GuestMemory::fits(const PageBatch& batch) const {
  const auto run_fits = [this](const PageBatch::Run& run) {
    return run.first.value < frames() && run.count <= frames() - run.first.value;
  };
  const auto page_fits = [this](const PageBatch::BytePage& page) {
    return page.frame.value < frames();
  };
  return std::all_of(batch.runs.begin(), batch.runs.end(), run_fits) &&
         std::all_of(batch.byte_pages.begin(), batch.byte_pages.end(), page_fits);
}

void GuestMemory::import_pages(const PageBatch& batch) {
  HVSIM_ASSERT(fits(batch), "import of a frame that does not exist");
  Impl& impl = *impl_;
  const bool watched = !impl.watches.empty();
  if (watched) impl.watches.look_everywhere(traces::Writer::Guest);
  Importer importer(impl.contents, impl.written, batch);
  const auto mark = [&impl, this](Frame first, std::uint64_t count) {
    impl.written.set_range(first, count);
    if (logging_) impl.dirty.set_range(first, count);
  };
  for (const PageBatch::Run& run : batch.runs) {
    importer.add(run);
    mark(run.first, run.count);
  }
  for (const PageBatch::BytePage& page : batch.byte_pages) {
    importer.add(page);
    mark(page.frame, 1);
  }
  dirty_count_ = impl.dirty.count();
  if (watched) impl.watches.look_everywhere(traces::Writer::Host);
}

}  // namespace sim
