// The sending side of a live migration (spec G.2): pre-copy rounds, stop-and-copy, handover, the
// durable cession, commit. Before the commit every failure leaves the VM running here; once ceded
// the VM never runs here again unless the target has said that it did not commit.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "hypervisor/migration/ownership.hpp"
#include "hypervisor/migration/protocol.hpp"
#include "hypervisor/migration/worker_process.hpp"
#include "sim/net/network.hpp"
#include "traces/page_set.hpp"

namespace migration {

/// Unpublished in Hyper-V, so configuration here with documented defaults (spec G.2 stop rule).
struct Settings {
  std::string network;                 ///< whose links are used; empty: any
  std::uint32_t round_limit = 10;      ///< pre-copy passes, round 0 included
  std::uint64_t threshold_pages = 50;  ///< stop when no more are dirty
  std::uint64_t chunk_pages = 8192;    ///< pages per message
  sim::Duration connect_timeout{5'000'000'000};
  /// Both together stay inside the 20 s of TCP that a paused guest has (spec G.2).
  sim::Duration patience{8'000'000'000};         ///< of the stream when nothing gets through
  sim::Duration answer_timeout{10'000'000'000};  ///< for a message that the target owes
  sim::Duration query_interval{1'000'000'000};   ///< in doubt: how often the target is asked
  sim::Duration idle_timeout{20'000'000'000};    ///< target: silence after which it gives up
};

/// What a migration needs of its host.
struct HostServices {
  sim::Node& node;
  sim::Network& network;
  hv::Hypervisor& hypervisor;
  Environment& environment;
  Switches& switches;
  OwnershipStore& store;
  Settings settings;
};

struct Result {
  traces::MigrationOutcome outcome = traces::MigrationOutcome::Aborted;
  std::string reason;
  sim::Duration blackout{};
};

/// Asks the target of a ceded VM whether it has committed (spec G.2 in doubt). One attempt.
sim::Task<Verdict> ask_target(HostServices& host, std::uint64_t job, std::uint32_t vm,
                              sim::NodeId target, std::uint64_t epoch);

class LiveSource {
 public:
  LiveSource(HostServices& host, WorkerProcess& vm, std::uint64_t job, sim::NodeId target);

  /// Runs the migration to completed, aborted (the VM runs here) or in_doubt (the VM is suspended
  /// here, its record says Ceded).
  sim::Task<Result> run();

  /// The operator gives up: the VM goes on here. Legal until the disks are handed over (spec G.2),
  /// false after that. run() ends soon.
  bool cancel();

  sim::NodeId target() const { return target_; }

  /// In doubt: asks the target until it answers. Then the VM is gone from here (completed) or runs
  /// here again (aborted).
  sim::Task<Result> resolve();

 private:
  sim::Task<bool> connect_and_set_up();
  sim::Task<bool> pre_copy();
  sim::Task<bool> stop_and_copy();
  sim::Task<bool> hand_over();
  sim::Task<bool> cede();
  sim::Task<bool> commit();
  sim::Task<bool> send_set(std::uint32_t round, bool final, traces::PageSet set);
  sim::Task<bool> send(sim::Message message);
  /// The next message must be of this kind; Refused and everything else fail with a reason.
  sim::Task<std::optional<sim::Message>> expect(Kind kind);
  sim::Task<Result> abort();
  sim::Task<bool> withdraw();
  void resume_here(const char* reason);
  void stop_tracking();

  traces::PageSet next_dirty_set(std::uint32_t round, bool final);
  void enter(traces::MigrationPhase phase);
  void emit_commit(traces::CommitStep step, sim::NodeId owner);
  Result finish(traces::MigrationOutcome outcome, std::string reason);
  bool fail(std::string reason);
  void sometimes(const char* point) { host_.node.world().sometimes(host_.node, point); }
  bool invited(const char* point, const sim::Operation& operation) {
    return host_.node.world().buggify(host_.node, point, operation);
  }
  bool check(const char* what, bool passed, std::string detail);
  template <class E>
  void emit(const E& event) {
    host_.node.world().emit(host_.node.id(), event);
  }

  HostServices& host_;
  WorkerProcess& vm_;
  std::uint64_t job_;
  sim::NodeId target_;
  std::shared_ptr<sim::Stream> stream_;
  std::string reason_;
  std::uint64_t epoch_ = 0;
  std::uint32_t rounds_ = 0;
  bool cancelled_ = false;
  bool past_cancelling_ = false;
  bool suspended_ = false;
  sim::Time suspended_at_{};
};

}  // namespace migration
