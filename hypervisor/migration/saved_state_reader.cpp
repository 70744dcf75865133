// Takes the file of a saved VM apart. Nobody vouches for its bytes.
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "hypervisor/migration/saved_state_file.hpp"
#include "hypervisor/migration/saved_state_layout.hpp"
#include "traces/bytes.hpp"
#include "traces/digest.hpp"

namespace migration {

namespace {

using traces::ByteReader;

constexpr std::uint64_t kSmallSection = 1ULL << 26;  // configuration, summary, devices
constexpr std::uint64_t kMostDiskBytes = 1ULL << 36;
/// What a frame takes beside its bytes in an encoded batch, and what the batch takes itself.
constexpr std::uint64_t kFrameExtra = 32;
constexpr std::uint64_t kBatchExtra = 1ULL << 16;
constexpr std::uint64_t kOverlayFrames = sim::GuestMemoryConfig{}.overlay_pages;
constexpr std::uint64_t kRunBytes = 16;
constexpr std::uint64_t kDiskBytes = 48;
constexpr std::uint64_t kProcessorBytes = 24;

/// Decompresses as far as bytes really come, whatever length was claimed.
std::optional<std::vector<std::byte>> decompressed(std::span<const std::byte> stored,
                                                   std::uint64_t claimed) {
  constexpr std::size_t kFirstGuess = 32;  // guests' memory rarely shrinks to less than 1/32
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                        ZSTD_freeDCtx);
  if (context == nullptr) return std::nullopt;
  std::vector<std::byte> raw(static_cast<std::size_t>(
      std::min<std::uint64_t>(claimed, stored.size() * kFirstGuess + kBatchExtra)));
  ZSTD_inBuffer in{stored.data(), stored.size(), 0};
  ZSTD_outBuffer out{raw.data(), raw.size(), 0};
  for (;;) {
    const std::size_t left = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(left) != 0) return std::nullopt;
    if (left == 0) break;
    if (out.pos < out.size) return std::nullopt;  // the frame wants more than there is
    if (raw.size() >= claimed) return std::nullopt;
    raw.resize(static_cast<std::size_t>(std::min<std::uint64_t>(claimed, raw.size() * 2)));
    out.dst = raw.data();
    out.size = raw.size();
  }
  if (out.pos != claimed || in.pos != in.size) return std::nullopt;
  raw.resize(out.pos);
  return raw;
}

traces::Digest get_digest(ByteReader& in) {
  traces::Digest digest;
  digest.high = in.get<std::uint64_t>();
  digest.low = in.get<std::uint64_t>();
  return digest;
}

bool get_layer(ByteReader& in, std::vector<sim::SectorRun>& layer) {
  std::uint64_t next = 0;
  for (std::uint64_t n = in.count(kRunBytes); n > 0; --n) {
    sim::SectorRun run;
    run.first.value = in.get<std::uint64_t>();
    const auto data = in.block();
    const std::uint64_t sectors = data.size() / sim::kSectorSize;
    const bool sound = in.ok() && sectors > 0 && data.size() % sim::kSectorSize == 0 &&
                       run.first.value >= next && sectors <= UINT64_MAX - run.first.value;
    if (!sound) return false;
    next = run.first.value + sectors;
    run.data.assign(data.begin(), data.end());
    layer.push_back(std::move(run));
  }
  return in.ok();
}

/// Where the layer's last sector ends; 0 when it has none.
std::uint64_t end_of(const std::vector<sim::SectorRun>& layer) {
  if (layer.empty()) return 0;
  return layer.back().first.value + layer.back().data.size() / sim::kSectorSize;
}

bool get_disk(ByteReader& in, SavedDisk& disk) {
  disk.name = in.text();
  disk.sectors = in.get<std::uint64_t>();
  disk.layers.unflushed_writes = in.get<std::uint64_t>();
  return get_layer(in, disk.layers.medium) && get_layer(in, disk.layers.cache) &&
         get_layer(in, disk.layers.misplaced) && end_of(disk.layers.medium) <= disk.sectors &&
         end_of(disk.layers.cache) <= disk.sectors && end_of(disk.layers.misplaced) <= disk.sectors;
}

}  // namespace

struct SavedStateReader::Section {
  std::uint32_t kind = 0;
  std::uint32_t version = 0;
  std::uint32_t flags = 0;
  std::uint32_t coding = 0;
  std::uint64_t raw_bytes = 0;
  std::span<const std::byte> stored;
  std::vector<std::byte> raw;

  bool known() const { return kind != 0 && kind < std::size(layout::kNewest); }
};

SavedStateReader::SavedStateReader(std::span<const std::byte> file) : file_(file) {
  if (open() && read_table() && read_config()) read_summary();
}

SavedStateReader::~SavedStateReader() = default;

bool SavedStateReader::fail(std::string problem) {
  if (problem_.empty()) problem_ = std::move(problem);
  return false;
}

bool SavedStateReader::open() {
  ByteReader in(file_);
  const auto magic = in.raw(layout::kMagic.size());
  if (!in.ok() || std::memcmp(magic.data(), layout::kMagic.data(), magic.size()) != 0) {
    return fail("is not a saved state");
  }
  const auto version = in.get<std::uint32_t>();
  if (!in.ok()) return fail("ends in its header");
  if (version == 0 || version > kSavedStateVersion) {
    return fail("has version " + std::to_string(version) + "; this build reads versions 1 to " +
                std::to_string(kSavedStateVersion));
  }
  return true;
}

bool SavedStateReader::read_table() {
  ByteReader in(file_.subspan(layout::kMagic.size() + sizeof(std::uint32_t)));
  const auto count = in.get<std::uint32_t>();
  const auto length = in.get<std::uint64_t>();
  content_.high = in.get<std::uint64_t>();
  content_.low = in.get<std::uint64_t>();
  const auto check = in.get<std::uint64_t>();
  if (!in.ok() || count > layout::kMostSections ||
      in.remaining() < count * layout::kTableEntryBytes) {
    return fail("ends in its header, or claims more sections than there can be");
  }
  const std::size_t table_bytes = count * layout::kTableEntryBytes;
  traces::DigestStream head;
  head.add(file_.first(layout::kHeaderBytes - sizeof check));
  head.add(file_.subspan(layout::kHeaderBytes, table_bytes));
  if (head.finish().low != check) return fail("is damaged: its header does not match its checksum");
  if (length != file_.size()) {
    return fail("has " + std::to_string(file_.size()) + " bytes, " + std::to_string(length) +
                " would be right");
  }
  std::uint64_t next = layout::kHeaderBytes + table_bytes;
  for (std::uint32_t i = 0; i < count; ++i) {
    Section section;
    section.kind = in.get<std::uint32_t>();
    section.version = in.get<std::uint32_t>();
    section.flags = in.get<std::uint32_t>();
    section.coding = in.get<std::uint32_t>();
    const auto offset = in.get<std::uint64_t>();
    const auto stored = in.get<std::uint64_t>();
    section.raw_bytes = in.get<std::uint64_t>();
    const auto sum = in.get<std::uint64_t>();
    if (offset != next || stored > file_.size() - next) {
      return fail("is damaged: section " + std::to_string(section.kind) + " lies outside of it");
    }
    section.stored = file_.subspan(offset, stored);
    next += stored;
    if (traces::hash64_of(section.stored) != sum) {
      return fail("is damaged: section " + std::to_string(section.kind) +
                  " does not match its checksum");
    }
    if (!take(std::move(section))) return false;
  }
  return next == file_.size() || fail("has bytes behind its last section");
}

/// The rule of upgrades: older versions of known sections are read, newer ones refused; an unknown
/// section is left out, unless its writer said that it must be understood.
bool SavedStateReader::take(Section section) {
  const std::string name =
      "section " + std::to_string(section.kind) + " of version " + std::to_string(section.version);
  const bool readable =
      section.known() && section.version >= 1 && section.version <= layout::kNewest[section.kind];
  if (section.known() && !readable) return fail("has " + name + ", which this build cannot read");
  if (!section.known() && (section.flags & layout::kMustUnderstand) != 0) {
    return fail("has " + name + ", which this build does not know and must understand");
  }
  if (section.known() && find(section.kind) != nullptr) return fail("has " + name + " twice");
  if (section.known() && section.coding > layout::kZstd) {
    return fail("has " + name + " in a coding that this build does not know");
  }
  sections_.push_back(std::move(section));
  return true;
}

SavedStateReader::Section* SavedStateReader::find(std::uint32_t kind) {
  const auto found = std::find_if(sections_.begin(), sections_.end(),
                                  [kind](const Section& section) { return section.kind == kind; });
  return found == sections_.end() ? nullptr : &*found;
}

bool SavedStateReader::unpack(Section& section, std::uint64_t most) {
  const std::string name = "section " + std::to_string(section.kind);
  if (section.raw_bytes > most) return fail("claims too much for " + name);
  if (section.coding == layout::kRaw) {
    if (section.stored.size() != section.raw_bytes) return fail("has a wrong length of " + name);
    section.raw.assign(section.stored.begin(), section.stored.end());
    return true;
  }
  auto raw = decompressed(section.stored, section.raw_bytes);
  if (!raw) return fail("has a " + name + " that does not decompress to its length");
  section.raw = std::move(*raw);
  return true;
}

bool SavedStateReader::read_config() {
  for (std::uint32_t kind = layout::kConfig; kind <= layout::kDisks; ++kind) {
    if (find(kind) == nullptr) return fail("has no section " + std::to_string(kind));
  }
  Section& section = *find(layout::kConfig);
  if (!unpack(section, kSmallSection)) return false;
  ByteReader in(section.raw);
  auto config = VmConfig::decode(in);
  if (!config || !in.at_end()) return fail("has a configuration that no VM can have");
  vm_.config = std::move(*config);
  return true;
}

bool SavedStateReader::read_summary() {
  Section& section = *find(layout::kSummary);
  if (!unpack(section, kSmallSection)) return false;
  ByteReader in(section.raw);
  vm_.at.ns = in.get<std::int64_t>();
  origin_ = get_digest(in);
  vm_.witness.memory = get_digest(in);
  vm_.witness.pages = in.get<std::uint64_t>();
  for (std::uint64_t n = in.count(kProcessorBytes); n > 0; --n) {
    SavedWitness::Processor& each = vm_.witness.processors.emplace_back();
    each.instructions = in.get<std::uint64_t>();
    each.digest = get_digest(in);
  }
  vm_.witness.channels = in.get<std::uint32_t>();
  vm_.witness.bus = get_digest(in);
  constexpr std::int64_t kMostNs = std::int64_t{1} << 62;
  const bool sound = in.ok() && in.at_end() && vm_.at.ns >= 0 && vm_.at.ns < kMostNs;
  return sound || fail("has a summary that makes no sense");
}

std::optional<SavedVm> SavedStateReader::read() {
  if (!problem_.empty()) return std::nullopt;
  Section& devices = *find(layout::kDevices);
  const bool good =
      unpack(devices, kSmallSection) && read_memory() && read_disks() && content_matches();
  if (!good) return std::nullopt;
  vm_.devices = std::move(devices.raw);
  return std::move(vm_);
}

bool SavedStateReader::read_memory() {
  Section& section = *find(layout::kMemory);
  const std::uint64_t frames = vm_.config.memory_pages + kOverlayFrames;
  if (!unpack(section, frames * (sim::kPageSize + kFrameExtra) + kBatchExtra)) return false;
  const auto outside = [frames](std::uint64_t first, std::uint64_t count) {
    return first >= frames || count > frames - first;
  };
  bool sound = sim::GuestMemory::decode(section.raw, vm_.memory);
  for (const auto& run : vm_.memory.runs) sound = sound && !outside(run.first.value, run.count);
  for (const auto& page : vm_.memory.byte_pages) sound = sound && !outside(page.frame.value, 1);
  return sound || fail("has memory that this VM cannot have");
}

bool SavedStateReader::read_disks() {
  Section& section = *find(layout::kDisks);
  if (!unpack(section, kMostDiskBytes)) return false;
  ByteReader in(section.raw);
  for (std::uint64_t n = in.count(kDiskBytes); n > 0; --n) {
    if (!get_disk(in, vm_.disks.emplace_back())) return fail("has a disk that cannot be");
  }
  bool sound = in.ok() && in.at_end();
  if (!vm_.disks.empty()) {
    sound = sound &&
            std::equal(vm_.disks.begin(), vm_.disks.end(), vm_.config.disks.begin(),
                       vm_.config.disks.end(), [](const SavedDisk& disk, const std::string& name) {
                         return disk.name == name;
                       });
  }
  return sound || fail("has other disks than its VM");
}

/// Sections that were left out are no part of it.
bool SavedStateReader::content_matches() {
  traces::DigestStream content;
  for (const Section& section : sections_) {
    if (!section.known()) continue;
    content.add_u64(section.kind);
    content.add_u64(section.version);
    content.add_u64(section.raw_bytes);
    content.add(section.raw);
  }
  return content.finish() == content_ || fail("has another content than its digest says");
}

}  // namespace migration
