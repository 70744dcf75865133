#include "hypervisor/vsp/vss.hpp"

#include <utility>

namespace vsp {
namespace {

using icmsg::VssOperation;

constexpr icmsg::Version kVssFrameworks[] = {{3, 0}};
constexpr icmsg::Version kVssMessages[] = {{5, 0}};
constexpr IcKind kVssKind{
    traces::IcComponent::Vss,
    icmsg::Type::Vss,
    vmbus::kVssInterface,
    vmbus::kVssInstance,
    kVssFrameworks,
    kVssMessages,
    0x31535356,  // "VSS1"
};

}  // namespace

Vss::Vss(hv::Partition& partition, const VssConfig& config)
    : IcConversation(partition, config.vm, kVssKind), config_(config) {}

sim::Task<VssResult> Vss::exchange(VssOperation operation, sim::Duration patience) {
  icmsg::Vss message;
  message.operation = operation;
  std::vector<std::byte> body;
  icmsg::append(body, message);
  const IcReply reply =
      co_await ask(static_cast<std::uint32_t>(operation), std::move(body), patience);
  VssResult result;
  result.outcome = reply.outcome;
  result.status = reply.status;
  std::span<const std::byte> rest(reply.body);
  icmsg::Vss answer;
  if (reply.ok() && icmsg::take(rest, answer)) result.flags = answer.flags;
  co_return result;
}

sim::Task<VssResult> Vss::check_hot_backup() {
  VssResult result = co_await exchange(VssOperation::HotBackup, config_.patience);
  co_return result;
}

sim::Task<VssResult> Vss::freeze() {
  VssResult result = co_await exchange(VssOperation::Freeze, config_.freeze_patience);
  co_return result;
}

sim::Task<VssResult> Vss::thaw() {
  VssResult result = co_await exchange(VssOperation::Thaw, config_.patience);
  co_return result;
}

sim::Task<VssResult> Vss::complete_backup() {
  VssResult result = co_await exchange(VssOperation::BackupComplete, config_.patience);
  co_return result;
}

void Vss::on_answered(std::uint32_t operation, const Answer& answer) {
  const auto which = static_cast<VssOperation>(operation);
  if (which == VssOperation::Freeze && answer.status == icmsg::kOk) frozen_ = true;
  // A thaw that the guest refuses finds it thawed already.
  if (which == VssOperation::Thaw) frozen_ = false;
}

void Vss::on_closed() {
  frozen_ = false;
  IcConversation::on_closed();
}

void Vss::save_state(traces::ByteWriter& out) const { out.put<std::uint8_t>(frozen_); }

bool Vss::restore_state(traces::ByteReader& in) {
  const auto frozen = in.get<std::uint8_t>();
  if (!in.ok() || frozen > 1) return false;
  frozen_ = frozen != 0;
  return true;
}

}  // namespace vsp
