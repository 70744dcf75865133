// The receiving side of a live migration (spec G.2): skeleton partition, pages, verification,
// disks, the durable record that commits, resume. Before the commit every failure destroys the
// skeleton and leaves no residue.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "hypervisor/migration/live_source.hpp"
#include "hypervisor/migration/protocol.hpp"
#include "hypervisor/migration/worker_process.hpp"

namespace migration {

/// What the target's management says and takes over.
class TargetHost {
 public:
  /// "" when this host can take the VM, else why not: measured against required. Reserves memory
  /// and remembers the stream: a source that asks about a job still under way makes it end.
  virtual std::string admit(const VmConfig& config, std::uint64_t job,
                            std::shared_ptr<sim::Stream> stream) = 0;
  /// From now on the job can no longer be ended from outside: its record is being written.
  virtual void committing(std::uint64_t job) = 0;
  /// The VM did not come. Frees what admit() has reserved.
  virtual void release(std::uint64_t job) = 0;
  /// The VM has committed; from now on it belongs to this host. Called just before its resume.
  virtual WorkerProcess& adopt(std::unique_ptr<WorkerProcess> vm, std::uint64_t job) = 0;
  /// A source in doubt asks. Unknown while the job is still under way here.
  virtual Verdict committed(std::uint32_t vm, std::uint64_t job, std::uint64_t epoch) = 0;

 protected:
  ~TargetHost() = default;
};

class LiveTarget {
 public:
  LiveTarget(HostServices& host, TargetHost& management, std::shared_ptr<sim::Stream> stream);

  /// Serves one incoming stream to its end: a migration, or a question of a source in doubt.
  sim::Task<> serve();

 private:
  sim::Task<std::optional<sim::Message>> next();
  sim::Task<bool> answer(sim::Message message);
  sim::Task<> answer_query(sim::Message query);
  sim::Task<> receive_vm(sim::Message hello);
  std::string set_up(const sim::Message& hello);
  std::string take_pages(const sim::Message& message);
  std::string take_state(const sim::Message& message);
  sim::Task<bool> take_over(sim::Message message);
  void drop_skeleton(std::string reason);
  void enter(traces::MigrationPhase phase);
  template <class E>
  void emit(const E& event) {
    host_.node.world().emit(host_.node.id(), event);
  }

  HostServices& host_;
  TargetHost& management_;
  std::shared_ptr<sim::Stream> stream_;
  std::unique_ptr<WorkerProcess> vm_;
  VmConfig config_;
  std::uint64_t job_ = 0;
  std::uint64_t round_pages_ = 0;
  bool restored_ = false;
};

}  // namespace migration
