#include "hypervisor/migration/live_target.hpp"

#include <utility>

#include "hypervisor/migration/points.hpp"
#include "sim/kernel/invite.hpp"

namespace migration {

using traces::CommitStep;
using traces::MigrationPhase;

namespace {
constexpr sim::Duration kSlowAdmission{1'000'000'000};
constexpr sim::Duration kLateVerdict{3'000'000'000};

traces::CommitVerdict verdict_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::Committed:
      return traces::CommitVerdict::Committed;
    case Verdict::NotCommitted:
      return traces::CommitVerdict::NotCommitted;
    case Verdict::Unknown:
      break;
  }
  return traces::CommitVerdict::Unknown;
}
}  // namespace

LiveTarget::LiveTarget(HostServices& host, TargetHost& management,
                       std::shared_ptr<sim::Stream> stream)
    : host_(host), management_(management), stream_(std::move(stream)) {}

sim::Task<> LiveTarget::serve() {
  auto first = co_await next();
  if (!first) co_return;
  if (first->kind == static_cast<std::uint32_t>(Kind::Query)) {
    sim::Message query = std::move(*first);
    co_await answer_query(std::move(query));
  } else if (first->kind == static_cast<std::uint32_t>(Kind::Hello)) {
    sim::Message hello = std::move(*first);
    co_await receive_vm(std::move(hello));
  }
  stream_->close();
}

sim::Task<> LiveTarget::answer_query(sim::Message query) {
  const auto numbers = numbers_of(query, 3);
  if (!numbers) co_return;
  const sim::Operation asked{(*numbers)[0], (*numbers)[1], stream_->number()};
  const sim::Duration late = sim::invited_delay(host_.node, kPointLateVerdict, asked, kLateVerdict);
  if (late.ns != 0) co_await host_.node.sleep(late);
  const Verdict verdict = management_.committed(static_cast<std::uint32_t>((*numbers)[1]),
                                                (*numbers)[0], (*numbers)[2]);
  traces::ev::MigrationVerdict answered;
  answered.job = (*numbers)[0];
  answered.vm = static_cast<std::uint32_t>((*numbers)[1]);
  answered.asked = (*numbers)[2];
  answered.epoch = host_.store.get(answered.vm).epoch;
  answered.verdict = verdict_of(verdict);
  emit(answered);
  sim::Message reply = make_numbers(Kind::Answer, {static_cast<std::uint64_t>(verdict)});
  co_await answer(std::move(reply));
}

sim::Task<> LiveTarget::receive_vm(sim::Message hello) {
  const std::string refusal = set_up(hello);
  if (!refusal.empty()) {
    sim::Message refused = make_text(Kind::Refused, refusal);
    co_await answer(std::move(refused));
    if (vm_ != nullptr) drop_skeleton(refusal);
    co_return;
  }
  enter(MigrationPhase::Setup);
  const sim::Duration slow =
      sim::invited_delay(host_.node, kPointSlowAdmission, {job_}, kSlowAdmission);
  if (slow.ns != 0) co_await host_.node.sleep(slow);
  sim::Message ready = make_message(Kind::Ready);
  bool going = co_await answer(std::move(ready));
  std::string problem = "the source ended the migration";
  while (going) {
    auto received = co_await next();
    if (!received) break;
    sim::Message message = std::move(*received);
    sim::Message reply;
    switch (static_cast<Kind>(message.kind)) {
      case Kind::Pages:
        problem = take_pages(message);
        if (problem.empty()) continue;
        break;
      case Kind::RoundEnd: {
        const auto numbers = numbers_of(message, 2);
        problem = numbers ? "" : "malformed end of round";
        if (numbers) reply = make_numbers(Kind::RoundDone, {numbers->front(), round_pages_});
        round_pages_ = 0;
        break;
      }
      case Kind::State:
        problem = take_state(message);
        reply = make_message(Kind::StateDone);
        break;
      case Kind::Grant:
        problem = !restored_           ? "disks granted before the state"
                  : !vm_->open_disks() ? "a disk is held by somebody else"
                                       : "";
        reply = make_message(Kind::GrantDone);
        break;
      case Kind::Commit: {
        const bool taken = co_await take_over(std::move(message));
        if (taken) co_return;
        problem = "the commit could not be made durable";
        break;
      }
      default:
        problem = "a message out of order";
        break;
    }
    if (!problem.empty()) {
      reply = make_text(Kind::Refused, problem);
      going = false;
    }
    const bool sent = co_await answer(std::move(reply));
    going = going && sent;
    if (going) problem = "the source ended the migration";
  }
  drop_skeleton(problem);
}

std::string LiveTarget::set_up(const sim::Message& hello) {
  const auto opening = Hello::decode(hello.body);
  if (!opening) return "malformed configuration";
  config_ = opening->config;
  job_ = opening->job;
  const std::string reason = management_.admit(config_, job_, stream_);
  if (!reason.empty()) return reason;
  vm_ =
      std::make_unique<WorkerProcess>(host_.hypervisor, host_.environment, host_.switches, config_);
  switch (vm_->build()) {
    case WorkerProcess::Failure::None:
      break;
    case WorkerProcess::Failure::NoDisk:
      return "a disk of the VM cannot be reached from this host";
    default:
      return "the partition could not be created";
  }
  traces::ev::VmCreated created;
  created.vm = config_.number;
  created.name = config_.name;
  created.partition = vm_->partition().id().value;
  created.pages = config_.memory_pages;
  created.guest = config_.guest;
  emit(created);
  return "";
}

std::string LiveTarget::take_pages(const sim::Message& message) {
  const auto batch = std::static_pointer_cast<const sim::PageBatch>(message.bulk);
  if (batch == nullptr) return "pages without content";
  vm_->memory().import_pages(*batch);
  round_pages_ += batch->pages;
  return "";
}

std::string LiveTarget::take_state(const sim::Message& message) {
  const auto state = StateMessage::decode(message.body);
  if (!state) return "malformed state";
  if (state->verify) {
    std::uint64_t pages = 0;
    const traces::Digest digest = vm_->memory().digest(&pages);
    if (pages != state->pages || digest != state->memory) {
      return "memory differs from the source's";
    }
  }
  if (!vm_->restore(state->state)) return "the state could not be restored";
  restored_ = true;
  if (host_.node.world().plant(host_.node, "migration.resumes-before-commit")) {
    vm_->open_disks();
    vm_->resume("plant");
  }
  return "";
}

sim::Task<bool> LiveTarget::take_over(sim::Message message) {
  const auto numbers = numbers_of(message, 1);
  if (!numbers || !restored_ || !vm_->disks_open()) co_return false;
  Ownership record;
  record.claim = Claim::Owned;
  record.epoch = numbers->front();
  if (host_.node.world().plant(host_.node, "migration.commit-keeps-epoch")) --record.epoch;
  record.job = job_;
  management_.committing(job_);
  const bool durable = co_await host_.store.put(config_.number, record);
  if (!durable) co_return false;

  traces::ev::MigrationCommit commit;
  commit.job = job_;
  commit.vm = config_.number;
  commit.step = CommitStep::Committed;
  commit.owner = host_.node.id().value;
  emit(commit);
  traces::ev::VmOwner owner;
  owner.vm = config_.number;
  owner.owner = host_.node.id().value;
  owner.epoch = record.epoch;
  emit(owner);

  WorkerProcess& vm = management_.adopt(std::move(vm_), job_);
  enter(MigrationPhase::Resume);
  vm.emit_digests(traces::DigestPoint::Resumed);
  vm.resume("live migration");
  // Later than the source waits in one case of three: then it asks.
  const sim::Duration late = sim::invited_delay(host_.node, kPointLateCommitted, {job_},
                                                host_.settings.answer_timeout * 3 / 2);
  if (late.ns != 0) co_await host_.node.sleep(late);
  sim::Message committed = make_numbers(Kind::Committed, {record.epoch});
  co_await answer(std::move(committed));
  co_return true;
}

void LiveTarget::drop_skeleton(std::string reason) {
  if (restored_) host_.node.world().sometimes(host_.node, kPointDropsRestored);
  const std::uint32_t number = config_.number;
  if (!host_.node.world().plant(host_.node, "migration.leaves-skeleton")) {
    vm_->destroy();
    management_.release(job_);
  }
  traces::ev::MigrationFinished finished;
  finished.job = job_;
  finished.vm = number;
  finished.outcome = traces::MigrationOutcome::Aborted;
  finished.reason = reason;
  emit(finished);

  traces::ev::MigrationResidue residue;
  residue.vm = number;
  for (const hv::Partition* partition : host_.hypervisor.partitions()) {
    if (partition->vm() != number) continue;
    residue.partitions += 1;
    residue.pages += partition->memory().ram_pages();
  }
  for (const std::string& name : config_.disks) {
    const sim::SharedDisk* disk = host_.environment.disk(host_.node, name);
    residue.disks += disk != nullptr && disk->owner() == host_.node.id() ? 1 : 0;
  }
  emit(residue);
  vm_.reset();
}

sim::Task<std::optional<sim::Message>> LiveTarget::next() {
  const sim::Time deadline = host_.node.now() + host_.settings.idle_timeout;
  auto received = co_await stream_->receive(deadline);
  std::optional<sim::Message> message;
  if (received.status == sim::StreamStatus::Ok) message.emplace(std::move(received.message));
  co_return message;
}

sim::Task<bool> LiveTarget::answer(sim::Message message) {
  const sim::StreamStatus status = co_await stream_->send(std::move(message));
  co_return status == sim::StreamStatus::Ok;
}

void LiveTarget::enter(MigrationPhase phase) {
  traces::ev::MigrationPhase event;
  event.job = job_;
  event.vm = config_.number;
  event.phase = phase;
  emit(event);
}

}  // namespace migration
