// Requests of a guest to disk 1, played by hand, and what the disk itself reports.
#pragma once

#include <cstring>
#include <vector>

#include "checkers/watched_rings.hpp"
#include "tests/checkers/event_stream.hpp"
#include "traces/bytes.hpp"

namespace checkers::testing {

/// Sectors are stood for by small numbers instead of hashes of their content.
class DiskStream : public EventStream {
 public:
  using EventStream::EventStream;
  using Content = std::vector<std::uint64_t>;

  void ask(std::uint8_t opcode, std::uint64_t transaction, std::uint64_t lba,
           std::uint32_t blocks) {
    put(opcode, transaction, lba, blocks);
    accept(opcode, transaction, lba, blocks);
  }
  /// The guest puts a command of 10 bytes into its ring, and the host takes it out.
  void put(std::uint8_t opcode, std::uint64_t transaction, std::uint64_t lba,
           std::uint32_t blocks) {
    constexpr std::uint32_t kBytes = 80;  // descriptor and storage packet
    std::vector<std::byte> ring(2 * 4096);
    std::byte* packet = ring.data() + ring_word::kData;
    const std::uint16_t head[4] = {6, 2, kBytes / 8, 1};
    const std::uint32_t execute_srb = 3;
    std::memcpy(packet, head, sizeof(head));
    std::memcpy(packet + 8, &transaction, 8);
    std::memcpy(packet + 16, &execute_srb, 4);
    const std::uint8_t cdb[10] = {opcode,
                                  0,
                                  static_cast<std::uint8_t>(lba >> 24),
                                  static_cast<std::uint8_t>(lba >> 16),
                                  static_cast<std::uint8_t>(lba >> 8),
                                  static_cast<std::uint8_t>(lba),
                                  0,
                                  static_cast<std::uint8_t>(blocks >> 8),
                                  static_cast<std::uint8_t>(blocks),
                                  0};
    std::memcpy(packet + 16 + 28, cdb, sizeof(cdb));
    add(traces::ev::MemoryWatch{2, 4, traces::WatchPurpose::RingToHost, 0, 2, 2});
    traces::ev::MemoryWatchedWrite content;
    content.partition = 2;
    content.watch = 4;
    content.data = ring;
    add(content);
    add(traces::ev::RingConsumed{2, 2, 0, kBytes + 8, 6, transaction, true, 0});
  }
  /// The VSP says what it has accepted.
  void accept(std::uint8_t opcode, std::uint64_t transaction, std::uint64_t lba,
              std::uint32_t blocks) {
    traces::ev::ScsiRequest event;
    event.partition = 2;
    event.relid = 2;
    event.transaction = transaction;
    event.vm = 1;
    event.disk = 1;
    event.opcode = opcode;
    event.lba = lba;
    event.blocks = blocks;
    add(event);
  }
  std::uint64_t data(bool write, std::uint64_t transaction, std::uint64_t lba,
                     const Content& content) {
    traces::ByteWriter hashes;
    for (const std::uint64_t sector : content) hashes.put(sector);
    traces::ev::ScsiData event;
    event.partition = 2;
    event.relid = 2;
    event.transaction = transaction;
    event.write = write;
    event.lba = lba;
    event.hashes = hashes.bytes();
    return add(event);
  }
  std::uint64_t done(std::uint64_t transaction, bool success = true) {
    traces::ev::ScsiCompletion event;
    event.partition = 2;
    event.relid = 2;
    event.transaction = transaction;
    event.vm = 1;
    event.disk = 1;
    event.srb_status = success ? 1 : 4;
    event.scsi_status = success ? 0 : 2;
    return add(event);
  }

  void begin_write(std::uint64_t transaction, std::uint64_t lba, const Content& content) {
    ask(0x2A, transaction, lba, static_cast<std::uint32_t>(content.size()));
    data(true, transaction, lba, content);
  }
  /// The disk takes it.
  void land(std::uint64_t lba, std::uint32_t sectors) {
    traces::ev::DiskWrite event;
    event.disk = 1;
    event.epoch = 1;
    event.lba = lba;
    event.sectors = sectors;
    add(event);
  }
  void write(std::uint64_t lba, const Content& content) {
    begin_write(100, lba, content);
    land(lba, static_cast<std::uint32_t>(content.size()));
    done(100);
  }
  void begin_read(std::uint64_t transaction, std::uint64_t lba, std::uint32_t blocks) {
    ask(0x28, transaction, lba, blocks);
  }
  /// Returns the index of the event that says what was read.
  std::uint64_t end_read(std::uint64_t transaction, std::uint64_t lba, const Content& content) {
    const std::uint64_t index = data(false, transaction, lba, content);
    done(transaction);
    return index;
  }
  std::uint64_t read(std::uint64_t lba, const Content& content) {
    begin_read(101, lba, static_cast<std::uint32_t>(content.size()));
    return end_read(101, lba, content);
  }
  void begin_flush(std::uint64_t transaction) { ask(0x35, transaction, 0, 0); }
  void medium_takes_all() { add(traces::ev::DiskFlushed{1, 1}); }
  std::uint64_t flush(bool honest = true) {
    begin_flush(102);
    if (honest) medium_takes_all();
    return done(102);
  }
  std::uint64_t report(traces::SectorCause cause, std::uint64_t lba, const Content& content) {
    traces::ByteWriter hashes;
    for (const std::uint64_t sector : content) hashes.put(sector);
    traces::ev::DiskSectors event;
    event.disk = 1;
    event.cause = cause;
    event.lba = lba;
    event.hashes = hashes.bytes();
    return add(event);
  }
  std::uint64_t power_loss(std::uint64_t lba, const Content& left) {
    add(traces::ev::DiskPowerLost{1, 0, left.size()});
    return report(traces::SectorCause::PowerLoss, lba, left);
  }
};

}  // namespace checkers::testing
