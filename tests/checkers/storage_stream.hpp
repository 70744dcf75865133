// The rings of a storage adapter of VM 1, its packets put into them by hand.
#pragma once

#include <cstring>
#include <utility>
#include <vector>

#include "checkers/watched_rings.hpp"
#include "tests/checkers/event_stream.hpp"

namespace checkers::testing {

struct StorageWords {
  std::uint32_t operation = 3;  ///< EXECUTE_SRB
  std::uint32_t status = 0;
  std::uint8_t srb_status = 0, scsi_status = 0;
  std::uint32_t bytes = 0;
  std::uint8_t opcode = 0x28;  ///< READ(10)
};

class StorageStream : public EventStream {
 public:
  explicit StorageStream(std::unique_ptr<Checker> checker) : EventStream(std::move(checker)) {
    open(2);
  }
  /// The VM runs in this partition from now on, its channel is open.
  void open(std::uint64_t partition) {
    partition_ = partition;
    vp(partition, traces::VpState::Running);
    traces::ev::VmbusOpened opened;
    opened.partition = partition;
    opened.relid = 3;
    opened.interface = "ba6163d9-04a1-4d29-b605-72e2ffb1dc7f";
    add(opened);
    watch(4, traces::WatchPurpose::RingToHost);
    watch(5, traces::WatchPurpose::RingToGuest);
  }
  std::uint64_t asks(std::uint64_t transaction, const StorageWords& words) {
    put(4, 6, transaction, words);
    return add(traces::ev::RingConsumed{partition_, 3, 0, 88, 6, transaction, true, 0});
  }
  std::uint64_t answers(std::uint64_t transaction, const StorageWords& words) {
    put(5, 0xB, transaction, words);
    return add(traces::ev::RingProduced{partition_, 3, 0, 88, 0xB, transaction, false, 0});
  }
  /// One step of the handshake that is granted.
  std::uint64_t step(std::uint32_t operation, std::uint32_t status = 0) {
    asks(++steps_, {.operation = operation});
    return answers(steps_, {.operation = 1, .status = status});
  }
  void shake_hands() {
    for (const std::uint32_t operation : {7U, 9U, 10U, 8U}) step(operation);
  }

 private:
  void watch(std::uint32_t number, traces::WatchPurpose purpose) {
    add(traces::ev::MemoryWatch{partition_, number, purpose, 0, 2, 3});
    write(number, std::vector<std::byte>(2 * 4096), 0);
  }
  void write(std::uint32_t watch, const std::vector<std::byte>& bytes, std::uint32_t offset) {
    traces::ev::MemoryWatchedWrite event;
    event.partition = partition_;
    event.watch = watch;
    event.offset = offset;
    event.data = bytes;
    add(event);
  }
  void put(std::uint32_t watch, std::uint16_t type, std::uint64_t transaction,
           const StorageWords& words) {
    std::vector<std::byte> packet(16 + 64);
    const auto store = [&]<class T>(std::size_t at, T value) {
      std::memcpy(packet.data() + at, &value, sizeof(value));
    };
    store(0, type);
    store(2, std::uint16_t{2});
    store(4, static_cast<std::uint16_t>(packet.size() / 8));
    store(8, transaction);
    store(16, words.operation);
    store(24, words.status);
    store(30, words.srb_status);
    store(31, words.scsi_status);
    store(40, words.bytes);
    store(44, words.opcode);
    write(watch, packet, ring_word::kData);
  }

  std::uint64_t partition_ = 2;
  std::uint64_t steps_ = 1000;
};

}  // namespace checkers::testing
