// Events about the VMBus server of partition 2.
#pragma once

#include "tests/checkers/event_stream.hpp"

namespace checkers::testing {

class VmbusStream : public EventStream {
 public:
  using EventStream::EventStream;
  using Message = traces::VmbusMessage;
  using Channel = traces::ChannelState;
  using Gpadl = traces::GpadlState;

  std::uint64_t from_guest(Message type, std::uint32_t relid = 0, std::uint32_t id = 0) {
    return add(traces::ev::VmbusMessage{2, false, type, relid, id, 0});
  }
  std::uint64_t to_guest(Message type, std::uint32_t relid = 0, std::uint32_t id = 0,
                         std::uint64_t value = 0) {
    return add(traces::ev::VmbusMessage{2, true, type, relid, id, value});
  }
  std::uint64_t channel(std::uint32_t relid, Channel from, Channel to) {
    return add(traces::ev::VmbusChannel{2, relid, from, to});
  }
  std::uint64_t gpadl(std::uint32_t relid, std::uint32_t id, Gpadl from, Gpadl to) {
    return add(traces::ev::VmbusGpadl{2, relid, id, from, to, 8, 8});
  }
  void open_channel(std::uint32_t relid) {
    channel(relid, Channel::Released, Channel::Closed);
    channel(relid, Channel::Closed, Channel::Opening);
    channel(relid, Channel::Opening, Channel::Open);
  }
  std::uint64_t consumed(std::uint32_t relid, std::uint16_t type, std::uint64_t transaction) {
    return add(traces::ev::RingConsumed{2, relid, 0, 64, type, transaction, true, 0});
  }
  std::uint64_t produced(std::uint32_t relid, std::uint16_t type, std::uint64_t transaction) {
    return add(traces::ev::RingProduced{2, relid, 0, 64, type, transaction, false, 0});
  }
  std::uint64_t access(std::uint32_t relid, std::uint32_t gpadl, std::uint64_t transaction) {
    return add(traces::ev::VmbusAccess{2, relid, gpadl, transaction, 40, 2, true});
  }
};

}  // namespace checkers::testing
