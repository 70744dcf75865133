// SY-4 (spec I.3, B.7): a message port has 16 buffers. A post is refused for want of a buffer when
// 16 messages wait, and only then.
#include <map>
#include <string>
#include <utility>

#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

constexpr std::uint64_t kBuffers = 16;
constexpr std::uint16_t kInsufficientBuffers = 0x13;

struct Buffers {
  void take_over(const Buffers& source) { *this = source; }
  void begin_amid() { unseen = true; }
  std::map<std::pair<bool, std::uint32_t>, std::uint64_t> waiting;  // to the guest, port
  bool unseen = false;  // messages may wait that were posted before the trace
};

class MessageBuffers final : public Property {
 public:
  MessageBuffers()
      : Property("SY-4", "a port holds 16 messages, and refuses for want of room only then",
                 {ev::MessagePosted::kType, ev::MessageDelivered::kType, ev::PartitionState::kType,
                  ev::PartitionCall::kType, ev::VpState::kType, ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* posted = event.as<ev::MessagePosted>()) {
      post(event, *posted);
    } else if (const auto* delivered = event.as<ev::MessageDelivered>()) {
      if (delivered->sequence == 0) return;  // a timer's, which has a buffer of its own
      std::uint64_t& waiting = waiting_at(event, *delivered);
      if (waiting > 0) --waiting;
    } else {
      ports_.follow(event);
    }
  }

 private:
  template <class Message>
  std::uint64_t& waiting_at(const traces::Event& event, const Message& message) {
    return ports_.at(event, message.partition).waiting[{message.to_guest, message.port}];
  }

  void post(const traces::Event& event, const ev::MessagePosted& posted) {
    std::uint64_t& waiting = waiting_at(event, posted);
    const std::string port = "port " + std::to_string(posted.port) +
                             (posted.to_guest ? " to the guest" : " to the parent");
    if (posted.status == kInsufficientBuffers) {
      ++refused_;
      if (waiting < kBuffers && !ports_.at(event, posted.partition).unseen) {
        violate(event, port + " has no buffer left though only " + std::to_string(waiting) +
                           " messages wait in it");
      }
    } else if (posted.status == 0) {
      if (waiting >= kBuffers) {
        violate(event, port + " takes a message though " + std::to_string(waiting) +
                           " wait in it already");
      }
      ++waiting;
      if (waiting > most_) most_ = waiting;
    }
  }

  std::string measured() const override {
    return "at most " + std::to_string(most_) + " waited, " + std::to_string(refused_) + " refused";
  }

  PerPartition<Buffers> ports_;
  std::uint64_t most_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_sy4() { return std::make_unique<MessageBuffers>(); }

}  // namespace checkers
