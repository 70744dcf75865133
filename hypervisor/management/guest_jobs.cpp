// The verbs that need the guest: integration services, and disks that come and go under it. Each
// has the VM to itself, as a migration has.
#include <algorithm>
#include <utility>

#include "hypervisor/management/host.hpp"
#include "hypervisor/vsp/key_value.hpp"
#include "hypervisor/vsp/shutdown.hpp"
#include "hypervisor/vsp/vss.hpp"
#include "traces/assert.hpp"

namespace management {

using traces::JobStatus;
using vsp::IcOutcome;

namespace {

/// From the guest's promise to its end.
constexpr sim::Duration kShutdownPatience{120'000'000'000};

JobResult failure(std::string why) { return {JobStatus::Failed, std::move(why)}; }

std::string hex(std::uint32_t number) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "0x00000000";
  for (std::size_t at = text.size(); number != 0; number >>= 4) text[--at] = kDigits[number & 15];
  return text;
}

/// Why a question to a guest did not end as it should.
JobResult no_answer(IcOutcome outcome, std::uint32_t status, const std::string& service) {
  switch (outcome) {
    case IcOutcome::Answered:
      return failure("the guest answers with " + hex(status));
    case IcOutcome::NotConnected:
      return failure("the guest does not use " + service);
    case IcOutcome::NotSupported:
      return failure("the guest's version of " + service + " cannot do it");
    case IcOutcome::Invalid:
      return failure("key or value is longer than " + service + " takes");
    case IcOutcome::TimedOut:
      return failure("the guest does not answer");
    case IcOutcome::Interrupted:
      return failure("the VM ended meanwhile");
  }
  return failure("unknown");
}

JobResult not_offered(const std::string& service) {
  return {JobStatus::Refused, "the VM is not offered " + service};
}

constexpr const char* kKeyValueService = "key-value pair exchange";
constexpr const char* kBackupService = "the backup service (VSS)";
constexpr const char* kShutdownService = "the shutdown service";

/// What became of a question about one pair.
JobResult pair_result(const vsp::KvpResult& answer) {
  if (answer.none()) return failure("there is no such key");
  if (!answer.ok()) return no_answer(answer.outcome, answer.status, kKeyValueService);
  return {};
}

sim::Task<JobResult> set_pair(vsp::KeyValue& component, vsp::KvpItem item) {
  const auto answer = co_await component.set(vsp::KvpPool::External, std::move(item));
  JobResult result;
  if (!answer.ok()) result = no_answer(answer.outcome, answer.status, kKeyValueService);
  co_return result;
}

JobResult value_of(const vsp::KvpResult& answer) {
  JobResult result = pair_result(answer);
  if (answer.item) result.detail = answer.item->value;
  return result;
}

sim::Task<JobResult> get_pair(vsp::KeyValue& component, std::string key) {
  const auto answer = co_await component.get(vsp::KvpPool::External, std::move(key));
  JobResult result = value_of(answer);
  co_return result;
}

sim::Task<JobResult> find_pair(vsp::KeyValue& component, std::string key) {
  const auto answer = co_await component.find(vsp::KvpPool::External, std::move(key));
  JobResult result = value_of(answer);
  co_return result;
}

sim::Task<JobResult> remove_pair(vsp::KeyValue& component, std::string key) {
  const auto answer = co_await component.remove(vsp::KvpPool::External, std::move(key));
  JobResult result = pair_result(answer);
  co_return result;
}

sim::Task<JobResult> list_pairs(vsp::KeyValue& component) {
  const vsp::KvpList list = co_await component.items(vsp::KvpPool::External);
  JobResult result;
  if (!list.end.none()) {
    result = no_answer(list.end.outcome, list.end.status, kKeyValueService);
    co_return result;
  }
  for (const vsp::KvpItem& item : list.items) {
    result.detail += (result.detail.empty() ? "" : ", ") + item.key;
  }
  co_return result;
}

}  // namespace

Host::Vm* Host::talk_to(std::uint32_t number, JobResult& why) {
  Vm* vm = find(number);
  why.status = JobStatus::Refused;
  if (vm == nullptr) {
    why.detail = "the VM is not on this host";
  } else if (vm->state != traces::VmState::Running) {
    why.detail = "the VM is not running";
  } else if (vm->busy) {
    why.detail = "another job works on the VM";
  } else {
    ++vm->talks;
    why = {};
    return vm;
  }
  return nullptr;
}

void Host::fall_silent(std::uint32_t number) {
  --find(number)->talks;
  turn_off_if_ended(number);
}

Host::Vm* Host::take(std::uint32_t number, JobResult& why) {
  Vm* vm = talk_to(number, why);
  if (vm == nullptr) return nullptr;
  if (--vm->talks != 0) {
    why = {JobStatus::Refused, "another job works on the VM"};
    return nullptr;
  }
  vm->busy = true;
  return vm;
}

void Host::let_go(std::uint32_t number) {
  find(number)->busy = false;
  turn_off_if_ended(number);
}

sim::Task<JobResult> Host::shutdown_vm(std::uint32_t number) {
  JobResult result;
  Vm* vm = take(number, result);
  if (vm == nullptr) co_return result;
  vsp::ShutdownComponent* component = vm->worker->shutdown();
  if (component == nullptr) {
    let_go(number);
    co_return not_offered(kShutdownService);
  }
  sim::Signal ended;
  vm->end = &ended;
  vsp::ShutdownRequest wanted;
  const vsp::IcReply reply = co_await component->request_shutdown(std::move(wanted));
  if (reply.ok()) {
    co_await ended.wait_until(node_.now() + kShutdownPatience);
    if (!ended.raised()) result = failure("the guest agreed and still runs");
  } else {
    result = no_answer(reply.outcome, reply.status, kShutdownService);
  }
  vm->end = nullptr;
  vm->busy = false;
  std::string reason = vm->worker->ended();
  if (reason.empty() && !reply.ok() && node_.world().plant(node_, "shutdown.forces")) {
    reason = "shutdown-vm";
  }
  if (!reason.empty()) co_await turn_off(number, std::move(reason));
  co_return result;
}

sim::Task<JobResult> Host::ask_key_values(std::uint32_t number, KeyValueQuestion question) {
  JobResult result;
  Vm* vm = talk_to(number, result);
  if (vm == nullptr) co_return result;
  vsp::KeyValue* component = vm->worker->key_value();
  if (component == nullptr) {
    result = not_offered(kKeyValueService);
  } else {
    result = co_await question(*component);
  }
  fall_silent(number);
  co_return result;
}

sim::Task<JobResult> Host::set_key_value(std::uint32_t number, std::string key, std::string value) {
  vsp::KvpItem item;
  item.key = std::move(key);
  item.value = std::move(value);
  return ask_key_values(number,
                        [item](vsp::KeyValue& component) { return set_pair(component, item); });
}

sim::Task<JobResult> Host::get_key_value(std::uint32_t number, std::string key) {
  const Vm* vm = find(number);
  const bool linux = vm != nullptr && vm->config.board == migration::Board::Pc;
  return ask_key_values(number, [key, linux](vsp::KeyValue& component) {
    return linux ? find_pair(component, key) : get_pair(component, key);
  });
}

sim::Task<JobResult> Host::remove_key_value(std::uint32_t number, std::string key) {
  return ask_key_values(number,
                        [key](vsp::KeyValue& component) { return remove_pair(component, key); });
}

sim::Task<JobResult> Host::list_key_values(std::uint32_t number) {
  return ask_key_values(number, list_pairs);
}

sim::Task<JobResult> Host::freeze_vm(std::uint32_t number) {
  JobResult result;
  Vm* vm = take(number, result);
  if (vm == nullptr) co_return result;
  vsp::Vss* component = vm->worker->vss();
  if (component == nullptr) {
    result = not_offered(kBackupService);
  } else if (component->frozen()) {
    result = {JobStatus::Refused, "the guest is frozen already"};
  } else {
    vsp::VssResult answer = co_await component->check_hot_backup();
    if (answer.ok()) answer = co_await component->freeze();
    if (!answer.ok()) result = no_answer(answer.outcome, answer.status, kBackupService);
  }
  let_go(number);
  co_return result;
}

sim::Task<JobResult> Host::thaw_vm(std::uint32_t number) {
  JobResult result;
  Vm* vm = take(number, result);
  if (vm == nullptr) co_return result;
  vsp::Vss* component = vm->worker->vss();
  if (component == nullptr) {
    result = not_offered(kBackupService);
  } else if (!component->frozen()) {
    result = {JobStatus::Refused, "the guest is not frozen"};
  } else {
    vsp::VssResult answer = co_await component->thaw();
    if (answer.ok()) answer = co_await component->complete_backup();
    if (!answer.ok()) result = no_answer(answer.outcome, answer.status, kBackupService);
  }
  let_go(number);
  co_return result;
}

sim::Task<JobResult> Host::add_disk(std::uint32_t number, std::string disk) {
  JobResult result;
  Vm* vm = take(number, result);
  if (vm == nullptr) co_return result;
  const auto& disks = vm->config.disks;
  if (std::find(disks.begin(), disks.end(), disk) != disks.end()) {
    result = {JobStatus::Refused, "the VM has that disk"};
  } else {
    switch (vm->worker->plug_disk(disk)) {
      case migration::WorkerProcess::Failure::None:
        vm->config = vm->worker->config();
        services_.environment.reconfigure(vm->config);
        break;
      case migration::WorkerProcess::Failure::NoDisk:
        result = failure("the disk is out of reach");
        break;
      case migration::WorkerProcess::Failure::BadState:
        result = failure("the controller serves no more disks");
        break;
      default:
        result = failure("the disk is in use");
        break;
    }
  }
  let_go(number);
  co_return result;
}

sim::Task<JobResult> Host::remove_disk(std::uint32_t number, std::string disk) {
  JobResult result;
  Vm* vm = take(number, result);
  if (vm == nullptr) co_return result;
  const bool removed = co_await vm->worker->unplug_disk(std::move(disk));
  if (removed) {
    vm->config = vm->worker->config();
    services_.environment.reconfigure(vm->config);
  } else {
    result = {JobStatus::Refused, "the VM has no such disk"};
  }
  let_go(number);
  co_return result;
}

}  // namespace management
