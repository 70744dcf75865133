// The channel of an integration component of VM 1, its messages put into the rings by hand.
#pragma once

#include <cstring>
#include <utility>
#include <vector>

#include "checkers/watched_rings.hpp"
#include "tests/checkers/event_stream.hpp"

namespace checkers::testing {

struct IcWords {
  std::uint16_t type = 1;
  std::uint16_t version = 3;  ///< major of the message
  std::uint8_t number = 0;
  std::uint8_t flags = 3;
  std::uint32_t status = 0;
  std::vector<std::uint64_t> body;
};

class IcStream : public EventStream {
 public:
  static constexpr const char* kHeartbeat = "57164f39-9115-4e78-ab55-382f3bd5422d";

  explicit IcStream(std::unique_ptr<Checker> checker, const char* interface = kHeartbeat)
      : EventStream(std::move(checker)), interface_(interface) {
    open(2);
  }
  /// The VM runs in this partition from now on, its channel is open.
  void open(std::uint64_t partition) {
    partition_ = partition;
    vp(partition, traces::VpState::Running);
    traces::ev::VmbusOpened opened;
    opened.partition = partition;
    opened.relid = 3;
    opened.interface = interface_;
    add(opened);
    watch(4, traces::WatchPurpose::RingToHost);
    watch(5, traces::WatchPurpose::RingToGuest);
  }
  std::uint64_t host(std::uint64_t transaction, const IcWords& words) {
    put(5, transaction, words);
    return add(traces::ev::RingProduced{partition_, 3, 0, 8, 6, transaction, false, 0});
  }
  std::uint64_t guest(std::uint64_t transaction, const IcWords& words) {
    put(4, transaction, words);
    return add(traces::ev::RingConsumed{partition_, 3, 0, 8, 6, transaction, false, 0});
  }
  /// Framework 3.0 and a message version.
  void agree(std::uint16_t version = 3) {
    host(1, {.type = 0, .version = 1, .number = 1, .body = {0}});
    guest(1, {.type = 0,
              .version = 1,
              .number = 1,
              .flags = 5,
              .body = {0x0001'0001, std::uint64_t{3} | std::uint64_t{version} << 32}});
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
  void put(std::uint32_t watch, std::uint64_t transaction, const IcWords& words) {
    constexpr std::size_t kHead = 16 + 8 + 20;
    std::vector<std::byte> packet(kHead + words.body.size() * 8);
    packet.resize((packet.size() + 7) / 8 * 8);
    const auto store = [&]<class T>(std::size_t at, T value) {
      std::memcpy(packet.data() + at, &value, sizeof(value));
    };
    store(0, std::uint16_t{6});
    store(2, std::uint16_t{2});
    store(4, static_cast<std::uint16_t>(packet.size() / 8));
    store(8, transaction);
    store(16, std::uint32_t{1});
    store(24, std::uint16_t{3});
    store(28, words.type);
    store(30, words.version);
    store(36, words.status);
    store(40, words.number);
    store(41, words.flags);
    for (std::size_t i = 0; i < words.body.size(); ++i) store(kHead + 8 * i, words.body[i]);
    write(watch, packet, ring_word::kData);
  }

  const char* interface_;
  std::uint64_t partition_ = 2;
};

}  // namespace checkers::testing
