// The memory of one partition: sparse frames, a dirty log that every writer feeds, and witnesses
// that record what was really written without asking the log (law 4).
//
// Two backings. Bytes: real storage for guests that run on a CPU engine, mapped without reserving.
// Versions: for model guests; a frame is zero, or *content version v of this frame* (4 bytes of
// bookkeeping), or real bytes once somebody wrote bytes into it (rings, DMA).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sim/kernel/world.hpp"
#include "sim/memory/address.hpp"
#include "traces/events.hpp"
#include "traces/page_set.hpp"

namespace sim {

enum class Backing : std::uint8_t { Bytes, Versions };

struct GuestMemoryConfig {
  Backing backing = Backing::Bytes;
  std::uint64_t ram_pages = 0;       ///< frames [0, ram_pages): the guest's RAM
  std::uint64_t overlay_pages = 64;  ///< frames above: overlay pages, always real bytes
  std::uint32_t vm = 0;              ///< for the witness's events
  std::uint64_t partition = 0;
};

/// Content of a set of frames on its way to another host. Zero frames carry nothing, version
/// frames 4 bytes, byte frames their 4096 bytes (shared, copied on import).
struct PageBatch {
  struct Run {
    Frame first;
    std::uint32_t count = 0;
    std::uint32_t versions_at = 0;  ///< index into `versions`; version 0 is a zero frame
  };
  struct BytePage {
    Frame frame;
    std::size_t at = 0;  ///< offset into `bytes`
  };
  std::vector<Run> runs;
  std::vector<std::uint32_t> versions;
  std::vector<BytePage> byte_pages;
  std::vector<std::byte> bytes;
  std::uint64_t pages = 0;       ///< frames described, zero ones included
  std::uint64_t wire_bytes = 0;  ///< what they cost on a link: 8 per frame, and 4096 unless zero
};

class GuestMemory {
 public:
  GuestMemory(Node& node, const GuestMemoryConfig& config);
  ~GuestMemory();
  GuestMemory(const GuestMemory&) = delete;

  std::uint64_t ram_pages() const { return config_.ram_pages; }
  std::uint64_t frames() const { return config_.ram_pages + config_.overlay_pages; }
  Frame overlay_frame(std::uint64_t index) const { return {config_.ram_pages + index}; }

  /// Byte access by whoever is not the CPU engine. The range stays inside one frame. Writes mark
  /// the dirty log; watched frames are sampled before and after, so that the witness knows who
  /// changed what. A version frame is materialised on write only.
  void read(Frame frame, std::uint32_t offset, std::span<std::byte> out) const;
  void write(Frame frame, std::uint32_t offset, std::span<const std::byte> data,
             traces::Writer writer);
  std::uint32_t read_u32(Frame frame, std::uint32_t offset) const;
  void write_u32(Frame frame, std::uint32_t offset, std::uint32_t value, traces::Writer writer);
  /// Returns the old value. One indivisible step of the world.
  std::uint32_t fetch_or_u32(Frame frame, std::uint32_t offset, std::uint32_t bits,
                             traces::Writer writer);

  /// A model guest writes a whole frame: its content becomes the next version.
  void touch(Frame frame);
  /// The same for `count` neighbours, at a fraction of the cost of as many calls.
  void touch(Frame first, std::uint64_t count);

  /// For CPU engines (Backing::Bytes): contiguous storage of all frames.
  std::byte* storage() const;
  /// The engine must call stored() before the first store to this frame in this generation.
  bool must_report_store(Frame frame) const;
  void stored(Frame frame);
  /// Grows whenever a frame that needed no report may need one again.
  std::uint64_t generation() const { return generation_; }

  /// The dirty log. Off at first; start marks nothing dirty. fetch_and_clear is one step.
  void start_log();
  void stop_log();
  bool logging() const { return logging_; }
  traces::PageSet fetch_and_clear();
  std::uint64_t dirty_pages() const { return dirty_count_; }

  /// Every frame that is not zero, overlay frames included, and RAM frames that are zero but were
  /// written: what a first round must send.
  traces::PageSet populated() const;
  PageBatch export_pages(const traces::PageSet& frames) const;
  void import_pages(const PageBatch& batch);
  /// Whether every frame of the batch exists here: what a batch from elsewhere must pass before
  /// import_pages, which asserts it.
  bool fits(const PageBatch& batch) const;
  /// An encoding of a batch for messages and saved states, and back (untrusted; false if invalid).
  static std::vector<std::byte> encode(const PageBatch& batch);
  static bool decode(std::span<const std::byte> bytes, PageBatch& batch);

  // -- witnesses: they look at contents, never at the log --

  /// Digest over (frame, content) of all frames that are not zero. Equal contents of equal
  /// representation give equal digests on any host.
  traces::Digest digest(std::uint64_t* pages = nullptr) const;
  std::uint64_t hash_of(Frame frame) const;
  void emit_digest(traces::DigestPoint point) const;
  /// First call: takes the reference. Later calls: emit memory.written with the frames whose
  /// content changed since. Level 1; does nothing while detail is off.
  void witness_interval(std::uint32_t interval);
  void end_witness();

  /// Watches frames until unwatch; changes are reported as memory.watched_write (level 1; nothing
  /// is watched while detail is off and 0 is returned).
  std::uint32_t watch(traces::WatchPurpose purpose, std::span<const Frame> frames,
                      std::uint32_t owner);
  void unwatch(std::uint32_t watch);
  /// Reports what the guest's CPU changed in watched frames since they were last looked at.
  void sample_watches();

  /// Bytes of bookkeeping and content held, for tests of sparseness.
  std::uint64_t footprint() const;

 private:
  void mark_written(Frame frame, traces::Writer writer);

  struct Impl;
  GuestMemoryConfig config_;
  std::uint64_t generation_ = 1;
  std::uint64_t dirty_count_ = 0;
  bool logging_ = false;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sim
