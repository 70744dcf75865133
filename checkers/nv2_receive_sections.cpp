// NV-2 (spec I.7, D.2): a section of the receive buffer is in at most one packet that the guest has
// not completed; each such packet is completed once. That packets of the guest are completed once
// is RB-6.
//
// Which sections a packet lends the VSP tells; whether the guest has given them back is known from
// the ring: a completion that was taken from it.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

constexpr std::uint16_t kTransferPages = 7;
constexpr std::uint16_t kReturn = 0xB;
constexpr std::uint32_t kRevokeBuffer = 103;

struct Channel {
  std::map<std::uint64_t, std::vector<std::uint32_t>> packets;  // sections by transaction
  std::map<std::uint32_t, std::uint64_t> lent;                  // transaction by section
};

struct Sections {
  void take_over(const Sections& source) { channels = source.channels; }
  std::map<std::uint32_t, Channel> channels;
};

class ReceiveSections final : public Property {
 public:
  ReceiveSections()
      : Property("NV-2", "a section of a receive buffer is in one outstanding packet at most",
                 {ev::NicLent::kType, ev::NicControl::kType, ev::RingConsumed::kType,
                  ev::RingProduced::kType, ev::VmbusChannel::kType, ev::PartitionState::kType,
                  ev::PartitionCall::kType, ev::VpState::kType, ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* lent = event.as<ev::NicLent>()) {
      lend(event, *lent);
    } else if (const auto* produced = event.as<ev::RingProduced>()) {
      if (produced->type == kTransferPages) {
        sections_.at(event, produced->partition)
            .channels[produced->relid]
            .packets[produced->transaction];
      }
    } else if (const auto* consumed = event.as<ev::RingConsumed>()) {
      if (consumed->type == kReturn) take_back(event, *consumed);
    } else if (const auto* control = event.as<ev::NicControl>()) {
      if (control->message == kRevokeBuffer) {
        sections_.at(event, control->partition).channels[control->relid].lent.clear();
      }
    } else if (const auto* channel = event.as<ev::VmbusChannel>()) {
      // A restored channel passes through closed as well.
      if (channel->to == traces::ChannelState::Closed &&
          channel->from != traces::ChannelState::Released) {
        sections_.at(event, channel->partition).channels.erase(channel->relid);
      }
    } else {
      sections_.follow(event);
    }
  }

 private:
  void lend(const traces::Event& event, const ev::NicLent& lent) {
    ++lent_;
    Channel& channel = sections_.at(event, lent.partition).channels[lent.relid];
    const auto packet = channel.packets.find(lent.transaction);
    if (packet == channel.packets.end()) {
      violate(event, "section " + std::to_string(lent.section) + " goes with transaction " +
                         std::to_string(lent.transaction) + ", which is not in the ring");
      return;
    }
    packet->second.push_back(lent.section);
    const auto [entry, fresh] = channel.lent.emplace(lent.section, lent.transaction);
    if (fresh) return;
    violate(event, "section " + std::to_string(lent.section) + " of VM " + std::to_string(lent.vm) +
                       " goes with transaction " + std::to_string(lent.transaction) +
                       " while it is with " + std::to_string(entry->second));
  }

  void take_back(const traces::Event& event, const ev::RingConsumed& consumed) {
    auto& channels = sections_.at(event, consumed.partition).channels;
    const auto channel = channels.find(consumed.relid);
    if (channel == channels.end()) return;
    const auto packet = channel->second.packets.find(consumed.transaction);
    // A completion of nothing is the guest's fault, and RB-6 knows.
    if (packet == channel->second.packets.end()) return;
    for (const std::uint32_t section : packet->second) {
      // Of a buffer that was revoked meanwhile another packet may have the section of that number.
      const auto lent = channel->second.lent.find(section);
      if (lent != channel->second.lent.end() && lent->second == consumed.transaction) {
        channel->second.lent.erase(lent);
      }
    }
    channel->second.packets.erase(packet);
  }

  bool needs_detail() const override { return true; }
  std::string measured() const override { return std::to_string(lent_) + " sections lent"; }

  PerPartition<Sections> sections_;
  std::uint64_t lent_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_nv2() { return std::make_unique<ReceiveSections>(); }

}  // namespace checkers
