#include "hypervisor/migration/live_source.hpp"

#include <algorithm>
#include <utility>

#include "hypervisor/migration/points.hpp"
#include "sim/kernel/invite.hpp"
#include "traces/assert.hpp"

namespace migration {

using traces::CommitStep;
using traces::MigrationOutcome;
using traces::MigrationPhase;

namespace {
constexpr sim::Duration kLateCommit{200'000'000};
}  // namespace

sim::Task<Verdict> ask_target(HostServices& host, std::uint64_t job, std::uint32_t vm,
                              sim::NodeId target, std::uint64_t epoch) {
  auto stream =
      co_await host.network.connect(host.node, target, kService, host.settings.connect_timeout,
                                    sim::kStreamPatience, host.settings.network);
  if (stream == nullptr) co_return Verdict::Unknown;
  sim::Message query = make_numbers(Kind::Query, {job, vm, epoch});
  const sim::StreamStatus sent = co_await stream->send(std::move(query));
  Verdict verdict = Verdict::Unknown;
  if (sent == sim::StreamStatus::Ok) {
    const sim::Time deadline = host.node.now() + host.settings.answer_timeout;
    const auto answer = co_await stream->receive(deadline);
    const auto numbers = numbers_of(answer.message, 1);
    const bool sound = answer.status == sim::StreamStatus::Ok && numbers &&
                       answer.message.kind == static_cast<std::uint32_t>(Kind::Answer) &&
                       numbers->front() <= static_cast<std::uint64_t>(Verdict::NotCommitted);
    if (sound) verdict = static_cast<Verdict>(numbers->front());
  }
  stream->close();
  co_return verdict;
}

LiveSource::LiveSource(HostServices& host, WorkerProcess& vm, std::uint64_t job, sim::NodeId target)
    : host_(host), vm_(vm), job_(job), target_(target) {}

sim::Task<Result> LiveSource::run() {
  bool ready = co_await connect_and_set_up();
  if (ready) ready = co_await pre_copy();
  if (ready) ready = co_await stop_and_copy();
  if (ready) ready = co_await hand_over();
  if (ready) ready = co_await cede();
  if (!ready) {
    Result aborted = co_await abort();
    co_return aborted;
  }
  const bool committed = co_await commit();
  if (!committed) co_return finish(MigrationOutcome::InDoubt, reason_);
  co_return finish(MigrationOutcome::Completed, "");
}

bool LiveSource::cancel() {
  if (past_cancelling_ || cancelled_) return cancelled_;
  cancelled_ = true;
  fail("cancelled by the operator");
  // Whoever waits for the target is told at once.
  if (stream_ != nullptr) stream_->close();
  return true;
}

sim::Task<bool> LiveSource::connect_and_set_up() {
  enter(MigrationPhase::Preflight);
  const std::uint64_t rate = host_.network.path_rate(host_.node.id(), target_);
  stream_ =
      co_await host_.network.connect(host_.node, target_, kService, host_.settings.connect_timeout,
                                     host_.settings.patience, host_.settings.network);
  if (cancelled_) co_return false;
  const std::string route = rate == 0 ? "no path" : std::to_string(rate) + " bytes/s";
  if (!check("target answers", stream_ != nullptr, route)) co_return false;

  Hello hello;
  hello.job = job_;
  hello.config = vm_.config();
  traces::ByteWriter body;
  hello.encode(body);
  sim::Message message = make_message(Kind::Hello, body.take());
  bool ready = co_await send(std::move(message));
  if (ready) {
    const auto answer = co_await expect(Kind::Ready);
    ready = answer.has_value();
  }
  if (!check("target accepts the VM", ready, reason_)) co_return false;

  traces::ev::MigrationStarted started;
  started.job = job_;
  started.vm = vm_.config().number;
  started.target = target_.value;
  started.pages = vm_.memory().frames();
  started.round_limit = host_.settings.round_limit;
  started.threshold = host_.settings.threshold_pages;
  started.bandwidth = rate;
  emit(started);
  enter(MigrationPhase::Setup);
  co_return true;
}

sim::Task<bool> LiveSource::pre_copy() {
  enter(MigrationPhase::Precopy);
  sim::GuestMemory& memory = vm_.memory();
  memory.start_log();
  memory.witness_interval(0);
  traces::PageSet everything;
  const bool ram_only = host_.node.world().plant(host_.node, "migration.leaves-out-overlays");
  everything.add(0, ram_only ? memory.ram_pages() : memory.frames());
  for (rounds_ = 0;; ++rounds_) {
    traces::PageSet set = rounds_ == 0 ? everything : next_dirty_set(rounds_, false);
    const bool sent = co_await send_set(rounds_, false, std::move(set));
    if (!sent) co_return false;
    if (host_.node.world().plant(host_.node, "migration.clears-log-after-round")) {
      memory.fetch_and_clear();
    }
    const bool few = memory.dirty_pages() <= host_.settings.threshold_pages;
    const bool one_more = host_.node.world().plant(host_.node, "migration.one-round-too-many");
    const bool enough = rounds_ + 1 >= host_.settings.round_limit + (one_more ? 1 : 0);
    const sim::Operation round{job_, rounds_};
    const bool again = few && !enough && invited(kPointOneMoreRound, round);
    if ((few && !again) || (!few && !enough && invited(kPointEarlyStop, round))) break;
    if (enough && !few) sometimes(kPointRoundLimit);
    if (enough && !host_.node.world().plant(host_.node, "migration.ignores-round-limit")) break;
  }
  co_return true;
}

sim::Task<bool> LiveSource::stop_and_copy() {
  enter(MigrationPhase::StopAndCopy);
  suspended_at_ = host_.node.now();
  suspended_ = true;
  vm_.suspend("live migration");
  if (!vm_.devices_idle()) sometimes(kPointIoInFlight);
  const bool late = host_.node.world().plant(host_.node, "migration.quiesces-late");
  const std::uint32_t round = rounds_ + 1;
  const bool early = host_.node.world().plant(host_.node, "migration.fetches-before-quiesce");
  traces::PageSet set;
  if (early) set = next_dirty_set(round, true);
  if (!late) co_await vm_.quiesce();
  vm_.emit_digests(traces::DigestPoint::Suspended);
  if (!early) set = next_dirty_set(round, true);
  if (set.empty()) sometimes(kPointLastRoundEmpty);
  const bool forget = host_.node.world().plant(host_.node, "migration.forgets-final-set");
  if (forget) set.clear();
  bool sent = co_await send_set(round, true, std::move(set));
  if (!sent) co_return false;
  if (late) co_await vm_.quiesce();

  StateMessage state;
  state.memory = vm_.memory().digest(&state.pages);
  // A bug must get as far as the checkers.
  state.verify = !forget && !late && !early &&
                 !host_.node.world().plant(host_.node, "migration.leaves-out-overlays");
  state.state = vm_.save();
  traces::ByteWriter body;
  state.encode(body);
  sim::Message message = make_message(Kind::State, body.take());
  sent = co_await send(std::move(message));
  if (!sent) co_return false;
  const auto answer = co_await expect(Kind::StateDone);
  co_return answer.has_value();
}

sim::Task<bool> LiveSource::hand_over() {
  if (cancelled_) co_return false;
  past_cancelling_ = true;
  enter(MigrationPhase::Handover);
  vm_.close_disks();
  sim::Message message = make_message(Kind::Grant);
  const bool sent = co_await send(std::move(message));
  if (!sent) co_return false;
  const auto answer = co_await expect(Kind::GrantDone);
  co_return answer.has_value();
}

sim::Task<bool> LiveSource::cede() {
  enter(MigrationPhase::Commit);
  const std::uint32_t vm = vm_.config().number;
  Ownership record = host_.store.get(vm);
  epoch_ = record.epoch;
  record.claim = Claim::Ceded;
  record.job = job_;
  record.peer = target_.value;
  const bool durable = co_await host_.store.put(vm, record);
  if (!durable) co_return fail("the cession could not be made durable");
  emit_commit(CommitStep::Ceded, host_.node.id());
  co_return true;
}

sim::Task<bool> LiveSource::commit() {
  const sim::Duration late = sim::invited_delay(host_.node, kPointLateCommit, {job_}, kLateCommit);
  if (late.ns != 0) co_await host_.node.sleep(late);
  sim::Message message = make_numbers(Kind::Commit, {epoch_ + 1});
  const bool sent = co_await send(std::move(message));
  if (!sent) co_return false;
  const auto answer = co_await expect(Kind::Committed);
  if (!answer) co_return false;
  emit_commit(CommitStep::Acknowledged, target_);
  stream_->close();
  const Ownership gone = given_away(epoch_ + 1);
  co_await host_.store.put(vm_.config().number, gone);
  if (host_.node.world().plant(host_.node, "migration.source-resumes-after-commit")) {
    resume_here("plant");
  }
  enter(MigrationPhase::Cleanup);
  co_return true;
}

sim::Task<Result> LiveSource::resolve() {
  sometimes(kPointInDoubt);
  for (;;) {
    const Verdict verdict =
        co_await ask_target(host_, job_, vm_.config().number, target_, epoch_ + 1);
    if (verdict == Verdict::Committed) {
      sometimes(kPointHadCommitted);
      emit_commit(CommitStep::Acknowledged, target_);
      const Ownership gone = given_away(epoch_ + 1);
      co_await host_.store.put(vm_.config().number, gone);
      co_return finish(MigrationOutcome::Completed, "the target had committed");
    }
    const bool guesses = verdict == Verdict::Unknown &&
                         host_.node.world().plant(host_.node, "migration.resolves-by-guess");
    if (verdict == Verdict::NotCommitted || guesses) {
      const bool withdrawn = co_await withdraw();
      if (withdrawn) {
        sometimes(kPointWithdrawn);
        stop_tracking();
        if (suspended_) resume_here("migration withdrawn");
        co_return finish(MigrationOutcome::Aborted, "the target had not committed");
      }
    }
    co_await host_.node.sleep(host_.settings.query_interval);
  }
}

sim::Task<bool> LiveSource::withdraw() {
  Ownership record;
  record.claim = Claim::Owned;
  record.epoch = epoch_ + 2;
  if (host_.node.world().plant(host_.node, "migration.withdraws-old-epoch")) record.epoch = epoch_;
  const bool durable = co_await host_.store.put(vm_.config().number, record);
  if (!durable) co_return false;
  emit_commit(CommitStep::Withdrawn, host_.node.id());
  traces::ev::VmOwner owner;
  owner.vm = vm_.config().number;
  owner.owner = host_.node.id().value;
  owner.epoch = record.epoch;
  emit(owner);
  co_return true;
}

sim::Task<Result> LiveSource::abort() {
  if (stream_ != nullptr) {
    // A courtesy: the target also destroys its skeleton when the stream ends. Waiting for the
    // acknowledgement would only lengthen the guest's pause.
    stream_->close();
  }
  stop_tracking();
  const bool forgotten = suspended_ && !vm_.disks_open() &&
                         host_.node.world().plant(host_.node, "migration.abort-keeps-suspended");
  if (suspended_ && !forgotten) {
    sometimes(kPointAbortsSuspended);
    resume_here("migration aborted");
  }
  co_return finish(MigrationOutcome::Aborted, reason_);
}

/// The VM stays: nobody will ask any more which pages it writes.
void LiveSource::stop_tracking() {
  vm_.memory().stop_log();
  vm_.memory().end_witness();
}

void LiveSource::resume_here(const char* reason) {
  // The target never committed, so it cannot use the disks that it may still hold open.
  if (!vm_.disks_open()) {
    sometimes(kPointSeizesDisk);
    vm_.seize_disks();
  }
  vm_.emit_digests(traces::DigestPoint::Resumed);
  suspended_ = false;
  vm_.resume(reason);
}

sim::Task<bool> LiveSource::send_set(std::uint32_t round, bool final, traces::PageSet set) {
  const sim::Time start = host_.node.now();
  const std::uint64_t pages = set.count();
  std::uint64_t bytes = 0;
  traces::PageSet chunk;
  std::vector<traces::PageSet> chunks;
  std::uint64_t most = host_.settings.chunk_pages;
  const sim::Operation batch_sizes{job_, round};
  if (invited(kPointOddBatches, batch_sizes)) {
    most = most / 64 + 1 + host_.node.world().amount(kPointOddBatches, batch_sizes).below(most);
  }
  for (const auto& run : set.runs()) {
    for (std::uint64_t at = run.first; at < run.end();) {
      const std::uint64_t room = most - chunk.count();
      const std::uint64_t take = std::min(room, run.end() - at);
      chunk.add(at, take);
      at += take;
      if (chunk.count() == most) chunks.push_back(std::exchange(chunk, {}));
    }
  }
  if (!chunk.empty()) chunks.push_back(std::move(chunk));
  for (const traces::PageSet& part : chunks) {
    // Content is taken when its chunk goes out: a page written after that is in the next set.
    auto batch = std::make_shared<sim::PageBatch>(vm_.memory().export_pages(part));
    sim::Message message = make_pages(round, batch);
    bytes += message.bytes;
    const bool sent = co_await send(std::move(message));
    if (!sent) co_return false;
  }
  sim::Message end = make_numbers(Kind::RoundEnd, {round, pages});
  const bool sent = co_await send(std::move(end));
  if (!sent) co_return false;
  const auto answer = co_await expect(Kind::RoundDone);
  if (!answer) co_return false;
  const auto counted = numbers_of(*answer, 2);
  if (!counted || (*counted)[1] != pages) co_return fail("the target counted other pages");

  traces::ev::MigrationRound event;
  event.job = job_;
  event.vm = vm_.config().number;
  event.round = round;
  event.final = final;
  event.pages = pages;
  event.bytes = bytes;
  event.took = host_.node.now() - start;
  event.remaining = vm_.memory().dirty_pages();
  emit(event);
  co_return true;
}

traces::PageSet LiveSource::next_dirty_set(std::uint32_t round, bool final) {
  traces::PageSet set = vm_.memory().fetch_and_clear();
  vm_.memory().witness_interval(round);
  if (host_.node.world().detail()) {
    const auto encoded = set.encode();
    traces::ev::MigrationDirtySet event;
    event.job = job_;
    event.vm = vm_.config().number;
    event.partition = vm_.partition().id().value;
    event.round = round;
    event.final = final;
    event.pages = set.count();
    event.set = encoded;
    emit(event);
  }
  return set;
}

sim::Task<bool> LiveSource::send(sim::Message message) {
  if (cancelled_) co_return false;
  const sim::StreamStatus status = co_await stream_->send(std::move(message));
  if (status == sim::StreamStatus::Ok) co_return true;
  co_return fail("the connection to the target was lost");
}

sim::Task<std::optional<sim::Message>> LiveSource::expect(Kind kind) {
  const sim::Time deadline = host_.node.now() + host_.settings.answer_timeout;
  auto received = co_await stream_->receive(deadline);
  std::optional<sim::Message> message;
  if (cancelled_) co_return message;
  if (received.status != sim::StreamStatus::Ok) {
    fail(received.status == sim::StreamStatus::TimedOut ? "the target did not answer in time"
                                                        : "the connection to the target was lost");
  } else if (received.message.kind == static_cast<std::uint32_t>(Kind::Refused)) {
    fail(text_of(received.message));
  } else if (received.message.kind != static_cast<std::uint32_t>(kind)) {
    fail("the target answered out of order");
  } else {
    message.emplace(std::move(received.message));
  }
  co_return message;
}

void LiveSource::enter(MigrationPhase phase) {
  traces::ev::MigrationPhase event;
  event.job = job_;
  event.vm = vm_.config().number;
  event.phase = phase;
  emit(event);
}

void LiveSource::emit_commit(CommitStep step, sim::NodeId owner) {
  traces::ev::MigrationCommit event;
  event.job = job_;
  event.vm = vm_.config().number;
  event.step = step;
  event.owner = owner.value;
  emit(event);
}

Result LiveSource::finish(MigrationOutcome outcome, std::string reason) {
  Result result;
  result.outcome = outcome;
  result.reason = std::move(reason);
  // The guest's pause as seen from here: at a completed migration the target resumes it, and the
  // blackout is read off vp.state at both ends.
  if (suspended_at_.ns != 0) result.blackout = host_.node.now() - suspended_at_;
  traces::ev::MigrationFinished event;
  event.job = job_;
  event.vm = vm_.config().number;
  event.outcome = outcome;
  event.reason = result.reason;
  event.blackout = result.blackout;
  emit(event);
  return result;
}

bool LiveSource::fail(std::string reason) {
  if (reason_.empty()) reason_ = std::move(reason);
  return false;
}

bool LiveSource::check(const char* what, bool passed, std::string detail) {
  traces::ev::MigrationCheck event;
  event.job = job_;
  event.check = what;
  event.passed = passed;
  event.detail = detail;
  emit(event);
  if (!passed) fail(std::string(what) + ": " + (detail.empty() ? "no" : detail));
  return passed;
}

}  // namespace migration
