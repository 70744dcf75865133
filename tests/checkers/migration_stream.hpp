// VM 1 and its migration from node 1 to node 2, played by hand.
#pragma once

#include "tests/checkers/event_stream.hpp"

namespace checkers::testing {

class MigrationStream : public EventStream {
 public:
  using EventStream::EventStream;

  static constexpr std::uint64_t kJob = 3;
  static constexpr const char* kMoves = "live migration";

  MigrationStream& at_ms(std::int64_t ms) {
    EventStream::at_ms(ms);
    return *this;
  }
  MigrationStream& on(std::uint32_t node) {
    EventStream::on(node);
    return *this;
  }

  // -- digests of witnesses; a small number stands for the digest --
  std::uint64_t memory(traces::DigestPoint point, std::uint64_t content, std::uint32_t vm = 1) {
    traces::ev::MemoryDigest event;
    event.vm = vm;
    event.point = point;
    event.digest = {0, content};
    return add(event);
  }
  std::uint64_t processor(traces::DigestPoint point, std::uint32_t vp, std::uint64_t content) {
    traces::ev::VpDigest event;
    event.vm = 1;
    event.vp = vp;
    event.point = point;
    event.digest = {0, content};
    return add(event);
  }
  std::uint64_t bus(traces::DigestPoint point, std::uint64_t content) {
    traces::ev::BusDigest event;
    event.vm = 1;
    event.point = point;
    event.digest = {0, content};
    return add(event);
  }
  std::uint64_t disk(std::uint64_t content) {
    traces::ev::DiskDigest event;
    event.disk = 1;
    event.point = traces::DigestPoint::End;
    event.digest = {0, content};
    return add(event);
  }

  // -- the VM --
  std::uint64_t processor_is(traces::VpState state, std::uint64_t partition, const char* reason,
                             std::uint32_t vm = 1, std::uint32_t index = 0) {
    traces::ev::VpState event;
    event.vm = vm;
    event.partition = partition;
    event.vp = index;
    event.state = state;
    event.reason = reason;
    return add(event);
  }
  std::uint64_t runs(std::uint64_t partition, std::uint32_t vm = 1) {
    return processor_is(traces::VpState::Running, partition, kMoves, vm);
  }
  std::uint64_t stops(std::uint64_t partition, const char* reason = kMoves) {
    return processor_is(traces::VpState::Suspended, partition, reason);
  }
  std::uint64_t state(traces::VmState state, std::uint32_t vm = 1) {
    traces::ev::VmState event;
    event.vm = vm;
    event.state = state;
    return add(event);
  }
  std::uint64_t owner(std::uint32_t node, std::uint64_t epoch) {
    return add(traces::ev::VmOwner{1, node, epoch});
  }
  std::uint64_t created(std::uint64_t partition, std::uint32_t vm = 1) {
    traces::ev::VmCreated event;
    event.vm = vm;
    event.name = vm == 1 ? "web" : "db";
    event.partition = partition;
    return add(event);
  }
  std::uint64_t node_added(const char* name) { return add(traces::ev::NodeAdded{name, "host"}); }

  // -- its migration --
  std::uint64_t phase(traces::MigrationPhase phase, std::uint64_t job = kJob) {
    return add(traces::ev::MigrationPhase{job, 1, phase});
  }
  std::uint64_t finished(traces::MigrationOutcome outcome, std::uint64_t job = kJob) {
    traces::ev::MigrationFinished event;
    event.job = job;
    event.vm = 1;
    event.outcome = outcome;
    return add(event);
  }
  std::uint64_t commit(traces::CommitStep step, std::uint32_t owner) {
    return add(traces::ev::MigrationCommit{kJob, 1, step, owner});
  }
};

}  // namespace checkers::testing
