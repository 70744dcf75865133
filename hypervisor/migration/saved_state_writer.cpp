// Puts a saved VM into its file.
#include <zstd.h>

#include "hypervisor/migration/saved_state_file.hpp"
#include "hypervisor/migration/saved_state_layout.hpp"
#include "traces/assert.hpp"
#include "traces/bytes.hpp"
#include "traces/digest.hpp"

namespace migration {

namespace {

using traces::ByteWriter;

/// zstd's default; memory of a guest shrinks to a third, at some hundred megabytes a second.
constexpr int kStateCompression = 3;

struct PackedSection {
  std::uint32_t kind = 0;
  layout::Coding coding = layout::kRaw;
  std::uint64_t raw_bytes = 0;
  std::vector<std::byte> stored;
};

std::vector<std::byte> compressed(std::span<const std::byte> raw) {
  std::vector<std::byte> packed(ZSTD_compressBound(raw.size()));
  const std::size_t size =
      ZSTD_compress(packed.data(), packed.size(), raw.data(), raw.size(), kStateCompression);
  HVSIM_ASSERT(ZSTD_isError(size) == 0, "a buffer of the bound's size takes what zstd makes");
  packed.resize(size);
  return packed;
}

class FileBuilder {
 public:
  void add(std::uint32_t kind, std::vector<std::byte> raw, layout::Coding coding) {
    content_.add_u64(kind);
    content_.add_u64(layout::kNewest[kind]);
    content_.add_u64(raw.size());
    content_.add(raw);
    PackedSection section{kind, coding, raw.size(), {}};
    section.stored = coding == layout::kZstd ? compressed(raw) : std::move(raw);
    sections_.push_back(std::move(section));
  }

  std::vector<std::byte> finish() const {
    ByteWriter table;
    std::uint64_t offset = layout::kHeaderBytes + sections_.size() * layout::kTableEntryBytes;
    for (const PackedSection& section : sections_) {
      table.put(section.kind);
      table.put(layout::kNewest[section.kind]);
      table.put(layout::kMustUnderstand);
      table.put(section.coding);
      table.put(offset);
      table.put<std::uint64_t>(section.stored.size());
      table.put(section.raw_bytes);
      table.put(traces::hash64_of(section.stored));
      offset += section.stored.size();
    }
    ByteWriter file;
    file.raw(std::as_bytes(std::span(layout::kMagic)));
    file.put(kSavedStateVersion);
    file.put(static_cast<std::uint32_t>(sections_.size()));
    file.put(offset);
    const traces::Digest content = content_.finish();
    file.put(content.high);
    file.put(content.low);
    traces::DigestStream head;
    head.add(file.bytes());
    head.add(table.bytes());
    file.put(head.finish().low);
    file.raw(table.bytes());
    for (const PackedSection& section : sections_) file.raw(section.stored);
    return file.take();
  }

 private:
  traces::DigestStream content_;
  std::vector<PackedSection> sections_;
};

void put_digest(ByteWriter& out, const traces::Digest& digest) {
  out.put(digest.high);
  out.put(digest.low);
}

void put_layer(ByteWriter& out, const std::vector<sim::SectorRun>& layer) {
  out.put<std::uint64_t>(layer.size());
  for (const sim::SectorRun& run : layer) {
    out.put(run.first.value);
    out.block(run.data);
  }
}

std::vector<std::byte> disks_section(const std::vector<SavedDisk>& disks) {
  ByteWriter out;
  out.put<std::uint64_t>(disks.size());
  for (const SavedDisk& disk : disks) {
    out.text(disk.name);
    out.put(disk.sectors);
    out.put(disk.layers.unflushed_writes);
    put_layer(out, disk.layers.medium);
    put_layer(out, disk.layers.cache);
    put_layer(out, disk.layers.misplaced);
  }
  return out.take();
}

}  // namespace

std::vector<std::byte> saved_state_file(const SavedVm& vm, traces::Digest origin) {
  FileBuilder file;
  ByteWriter config;
  vm.config.encode(config);
  file.add(layout::kConfig, config.take(), layout::kRaw);
  ByteWriter summary;
  summary.put(vm.at.ns);
  put_digest(summary, origin);
  put_digest(summary, vm.witness.memory);
  summary.put(vm.witness.pages);
  summary.put<std::uint64_t>(vm.witness.processors.size());
  for (const SavedWitness::Processor& each : vm.witness.processors) {
    summary.put(each.instructions);
    put_digest(summary, each.digest);
  }
  summary.put(vm.witness.channels);
  put_digest(summary, vm.witness.bus);
  file.add(layout::kSummary, summary.take(), layout::kRaw);
  file.add(layout::kDevices, vm.devices, layout::kZstd);
  file.add(layout::kMemory, sim::GuestMemory::encode(vm.memory), layout::kZstd);
  file.add(layout::kDisks, disks_section(vm.disks), layout::kZstd);
  return file.finish();
}

}  // namespace migration
