// A channel whose rings are played by hand: what host and guest write is what the witness reports.
#pragma once

#include <cstring>
#include <span>
#include <vector>

#include "checkers/watched_rings.hpp"
#include "tests/checkers/event_stream.hpp"
#include "traces/digest.hpp"

namespace checkers::testing {

inline constexpr std::uint32_t kRingSize = 4096;
inline constexpr std::uint32_t kToHost = 4;  // numbers of the watches
inline constexpr std::uint32_t kToGuest = 5;

/// Partition 2 of node 1 with channel 2, each ring one page of data. Its VM runs.
class RingStream : public EventStream {
 public:
  explicit RingStream(std::unique_ptr<Checker> checker) : EventStream(std::move(checker)) {
    vp(2, traces::VpState::Running);
  }

  void open(std::uint32_t to_host_index = 0, std::uint32_t to_guest_index = 0) {
    watch(kToHost, traces::WatchPurpose::RingToHost, to_host_index);
    watch(kToGuest, traces::WatchPurpose::RingToGuest, to_guest_index);
  }

  std::uint64_t write(std::uint32_t watch, traces::Writer writer, std::uint32_t offset,
                      std::span<const std::byte> data) {
    traces::ev::MemoryWatchedWrite event;
    event.partition = 2;
    event.watch = watch;
    event.writer = writer;
    event.offset = offset;
    event.data = data;
    return add(event);
  }
  std::uint64_t word(std::uint32_t watch, traces::Writer writer, std::uint32_t offset,
                     std::uint32_t value) {
    return write(watch, writer, offset, std::as_bytes(std::span(&value, 1)));
  }

  /// A packet of 16 bytes of payload in the data area; it occupies 40 bytes.
  static constexpr std::uint32_t kPacket = 40;
  void put(std::uint32_t watch, traces::Writer writer, std::uint32_t at, std::uint16_t type,
           std::uint64_t transaction, bool completion, std::uint32_t trailer) {
    std::vector<std::byte> bytes = packet(type, transaction, completion);
    hash_ = traces::hash64_of(bytes);
    const std::uint32_t tail[2] = {0, trailer};
    const auto end = std::as_bytes(std::span(tail));
    bytes.insert(bytes.end(), end.begin(), end.end());
    write(watch, writer, ring_word::kData + at, bytes);
  }

  /// The guest puts a request into its ring and publishes it.
  void guest_sends(std::uint32_t at, std::uint64_t transaction) {
    put(kToHost, traces::Writer::Guest, at, 6, transaction, true, at);
    word(kToHost, traces::Writer::Guest, ring_word::kWrite, at + kPacket);
  }
  /// The host takes it out.
  std::uint64_t host_takes(std::uint32_t at, std::uint64_t transaction) {
    word(kToHost, traces::Writer::Host, ring_word::kRead, at + kPacket);
    traces::ev::RingConsumed event;
    event.partition = 2;
    event.relid = 2;
    event.start = at;
    event.end = at + kPacket;
    event.type = 6;
    event.transaction = transaction;
    event.completion_requested = true;
    event.hash = traces::hash64_of(packet(6, transaction, true));
    const std::uint64_t index = add(event);
    check(false, true, at, false);
    return index;
  }
  /// The host answers it. With `trailer` the packet's trailer lies.
  std::uint64_t host_answers(std::uint32_t at, std::uint64_t transaction,
                             std::uint32_t trailer_off_by = 0) {
    put(kToGuest, traces::Writer::Host, at, 0xB, transaction, false, at + trailer_off_by);
    word(kToGuest, traces::Writer::Host, ring_word::kWrite, at + kPacket);
    traces::ev::RingProduced event;
    event.partition = 2;
    event.relid = 2;
    event.start = at;
    event.end = at + kPacket;
    event.type = 0xB;
    event.transaction = transaction;
    event.hash = hash_;
    return add(event);
  }
  std::uint64_t check(bool to_guest, bool by_reader, std::uint32_t old_index, bool signalled) {
    traces::ev::RingSignalCheck event;
    event.partition = 2;
    event.relid = 2;
    event.to_guest = to_guest;
    event.by_reader = by_reader;
    event.old_index = old_index;
    event.signalled = signalled;
    return add(event);
  }
  std::uint64_t signal(traces::SignalReason reason = traces::SignalReason::Packet) {
    return add(traces::ev::VmbusSignal{2, 2, reason});
  }
  std::uint64_t doorbell() { return add(traces::ev::VmbusDoorbell{2, 2, true}); }
  std::uint64_t guest_reads(std::uint32_t index) {
    return word(kToGuest, traces::Writer::Guest, ring_word::kRead, index);
  }
  /// One request and its answer, as they should be.
  void round_trip(std::uint32_t at, std::uint64_t transaction) {
    guest_sends(at, transaction);
    doorbell();
    host_takes(at, transaction);
    host_answers(at, transaction);
    check(true, false, at, true);
    signal();
    guest_reads(at + kPacket);
  }

 private:
  static std::vector<std::byte> packet(std::uint16_t type, std::uint64_t transaction,
                                       bool completion) {
    std::vector<std::byte> bytes(32, std::byte{0x5A});
    const std::uint16_t head[4] = {type, 2, 4, static_cast<std::uint16_t>(completion ? 1 : 0)};
    std::memcpy(bytes.data(), head, 8);
    std::memcpy(bytes.data() + 8, &transaction, 8);
    return bytes;
  }

  void watch(std::uint32_t number, traces::WatchPurpose purpose, std::uint32_t index) {
    traces::ev::MemoryWatch event;
    event.partition = 2;
    event.watch = number;
    event.purpose = purpose;
    event.frames = 2;
    event.owner = 2;
    add(event);
    std::vector<std::byte> content(2 * 4096);
    const std::uint32_t features = 1;
    std::memcpy(content.data() + ring_word::kWrite, &index, 4);
    std::memcpy(content.data() + ring_word::kRead, &index, 4);
    std::memcpy(content.data() + ring_word::kFeatures, &features, 4);
    write(number, traces::Writer::Guest, 0, content);
  }

  std::uint64_t hash_ = 0;
};

}  // namespace checkers::testing
