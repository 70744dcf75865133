#include "hypervisor/core/parent_queue.hpp"

#include <algorithm>
#include <utility>

#include "hypervisor/core/emit.hpp"
#include "hypervisor/core/msrs.hpp"
#include "hypervisor/core/plants.hpp"
#include "hypervisor/core/synic.hpp"
#include "traces/digest.hpp"

namespace hv {
namespace {

constexpr std::uint32_t kMaxConnection = 0x00FF'FFFF;  // ids have 24 bits (spec B.7)
constexpr std::size_t kPlantedLength = 192;

bool is_privileged(const Partition& partition, std::uint32_t privilege) {
  return (partition.config().privileges.hypercall & privilege) != 0;
}

}  // namespace

ParentQueue::ParentQueue(Partition& partition)
    : partition_(partition),
      message_alarm_(partition.node(), "hv.to-parent.message", partition.place(),
                     [this] { deliver_message(); }),
      signal_alarm_(partition.node(), "hv.to-parent.signal", partition.place(),
                    [this] { deliver_signal(); }) {}

Status ParentQueue::connect(ConnectionId id, MessagePort* messages, EventPort* events,
                            std::uint16_t flags) {
  if (id.value > kMaxConnection) return Status::InvalidConnectionId;
  const bool is_new =
      connections_.try_emplace(id.value, Connection{messages, events, flags}).second;
  return is_new ? Status::Success : Status::ObjectInUse;
}

void ParentQueue::disconnect(ConnectionId id) {
  connections_.erase(id.value);
  const auto names_it = [id](const auto& each) { return each.connection == id.value; };
  std::erase_if(state_.messages, names_it);
  std::erase_if(state_.signals, names_it);
  stop_clock();
  start_clock();
}

// ---------------------------------------------------------------- from the guest

Status ParentQueue::check_message(ConnectionId id, std::uint32_t type, std::size_t bytes) const {
  if (!is_privileged(partition_, privilege::kPostMessages)) return Status::AccessDenied;
  const auto found = connections_.find(id.value);
  if (found == connections_.end()) return Status::InvalidConnectionId;
  if (found->second.messages == nullptr) return Status::InvalidPortId;
  if (type == 0 || type >= kHypervisorMessage || bytes > kMaxPayload) {
    return Status::InvalidParameter;
  }
  const auto waiting =
      std::count_if(state_.messages.begin(), state_.messages.end(),
                    [id](const Message& each) { return each.connection == id.value; });
  return waiting >= kBuffersPerPort ? Status::InsufficientBuffers : Status::Success;
}

/// Never before what was sent earlier, though processors' clocks differ by the window.
std::int64_t ParentQueue::due_after(std::int64_t delay, std::int64_t last) const {
  return std::max(partition_.guest_ns(partition_.node().now()) + delay, last);
}

Status ParentQueue::post(ConnectionId id, std::uint32_t type, std::span<const std::byte> payload) {
  const Status status = check_message(id, type, payload.size());
  traces::ev::MessagePosted event;
  event.partition = partition_.id().value;
  event.port = id.value;
  event.type = type;
  event.size = static_cast<std::uint32_t>(payload.size());
  event.hash = traces::hash64_of(payload);
  event.status = static_cast<std::uint16_t>(status);
  if (status == Status::Success) event.sequence = ++state_.sequences[id.value];
  emit(partition_, event);
  if (status != Status::Success) return status;
  Message message{id.value, event.sequence, type, 0, {payload.begin(), payload.end()}};
  if (payload.size() > kPlantedLength && plant(partition_, plants::kPostCutsLongMessage)) {
    message.payload.resize(payload.size() - 8);
  }
  message.due = due_after(partition_.config().synic.message_delay.ns,
                          state_.messages.empty() ? 0 : state_.messages.back().due);
  state_.messages.push_back(std::move(message));
  if (state_.messages.size() == 1) arm_messages();
  return status;
}

Status ParentQueue::check_signal(ConnectionId id, std::uint16_t flag) const {
  if (!is_privileged(partition_, privilege::kSignalEvents)) return Status::AccessDenied;
  const auto found = connections_.find(id.value);
  if (found == connections_.end()) return Status::InvalidConnectionId;
  if (found->second.events == nullptr) return Status::InvalidPortId;
  return flag >= found->second.flags ? Status::InvalidParameter : Status::Success;
}

Status ParentQueue::signal(ConnectionId id, std::uint16_t flag) {
  const Status status = check_signal(id, flag);
  traces::ev::EventSignalled event;
  event.partition = partition_.id().value;
  event.connection = id.value;
  event.flag = flag;
  event.status = static_cast<std::uint16_t>(status);
  emit(partition_, event);
  if (status != Status::Success) return status;
  const std::int64_t last = state_.signals.empty() ? 0 : state_.signals.back().due;
  state_.signals.push_back(
      {id.value, flag, due_after(partition_.config().synic.signal_delay.ns, last)});
  if (state_.signals.size() == 1) arm_signals();
  return status;
}

// ---------------------------------------------------------------- to the parent

void ParentQueue::arm_messages() {
  if (state_.messages.empty()) return;
  message_alarm_.arm(partition_.world_time(state_.messages.front().due));
}

void ParentQueue::arm_signals() {
  if (state_.signals.empty()) return;
  signal_alarm_.arm(partition_.world_time(state_.signals.front().due));
}

/// One per event; the port is called last, since it may suspend the partition or disconnect.
void ParentQueue::deliver_message() {
  if (state_.messages.empty()) return;
  const Message message = std::move(state_.messages.front());
  state_.messages.pop_front();
  arm_messages();
  const auto found = connections_.find(message.connection);
  if (found == connections_.end() || found->second.messages == nullptr) return;
  traces::ev::MessageDelivered event;
  event.partition = partition_.id().value;
  event.port = message.connection;
  event.sequence = message.sequence;
  event.type = message.type;
  event.size = static_cast<std::uint32_t>(message.payload.size());
  event.hash = traces::hash64_of(message.payload);
  emit(partition_, event);
  found->second.messages->message(message.type, message.payload);
}

void ParentQueue::deliver_signal() {
  if (state_.signals.empty()) return;
  const Signal signal = state_.signals.front();
  state_.signals.pop_front();
  arm_signals();
  const auto found = connections_.find(signal.connection);
  if (found == connections_.end() || found->second.events == nullptr) return;
  found->second.events->signalled(signal.flag);
}

void ParentQueue::start_clock() {
  arm_messages();
  arm_signals();
}

void ParentQueue::stop_clock() {
  message_alarm_.disarm();
  signal_alarm_.disarm();
}

void ParentQueue::clear() {
  stop_clock();
  connections_.clear();
  state_ = {};
}

}  // namespace hv
