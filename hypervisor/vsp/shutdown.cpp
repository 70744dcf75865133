#include "hypervisor/vsp/shutdown.hpp"

#include <algorithm>
#include <utility>

#include "hypervisor/vsp/utf16.hpp"

namespace vsp {
namespace {

constexpr icmsg::Version kShutdownFrameworks[] = {{3, 0}, {1, 0}};
constexpr icmsg::Version kRestartVersion{3, 1};
constexpr icmsg::Version kHibernateVersion{3, 2};
constexpr icmsg::Version kShutdownMessages[] = {kHibernateVersion, kRestartVersion, {3, 0}, {1, 0}};
constexpr IcKind kShutdownKind{
    traces::IcComponent::Shutdown,
    icmsg::Type::Shutdown,
    vmbus::kShutdownInterface,
    vmbus::kShutdownInstance,
    kShutdownFrameworks,
    kShutdownMessages,
    0x31444853,  // "SHD1"
};
constexpr std::int64_t kSecond = 1'000'000'000;

}  // namespace

ShutdownComponent::ShutdownComponent(hv::Partition& partition, const ShutdownConfig& config)
    : IcConversation(partition, config.vm, kShutdownKind), config_(config) {}

sim::Task<IcReply> ShutdownComponent::request_shutdown(ShutdownRequest wanted) {
  IcReply reply;
  const icmsg::Version needed = wanted.kind == ShutdownKind::Hibernate ? kHibernateVersion
                                : wanted.kind == ShutdownKind::Restart ? kRestartVersion
                                                                       : icmsg::Version{};
  if (ready() && message_version() < needed) {
    reply.outcome = IcOutcome::NotSupported;
    co_return reply;
  }
  icmsg::Shutdown message;
  const auto text = utf16_of(wanted.message);
  if (!text || text->size() > message.message.size() || wanted.grace.ns < 0 ||
      wanted.grace.ns / kSecond > INT32_MAX) {
    reply.outcome = IcOutcome::Invalid;
    co_return reply;
  }
  std::copy(text->begin(), text->end(), message.message.begin());
  message.reason = wanted.reason;
  message.timeout_seconds = static_cast<std::uint32_t>(wanted.grace.ns / kSecond);
  if (wanted.kind == ShutdownKind::Restart) message.flags |= icmsg::kShutdownRestart;
  if (wanted.kind == ShutdownKind::Hibernate) message.flags |= icmsg::kShutdownHibernate;
  if (wanted.force) message.flags |= icmsg::kShutdownForce;
  std::vector<std::byte> body;
  icmsg::append(body, message);
  reply = co_await ask(message.flags, std::move(body), config_.patience);
  co_return reply;
}

}  // namespace vsp
