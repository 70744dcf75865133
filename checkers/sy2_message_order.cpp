// SY-2 (spec I.3, B.7): for one port, VP and SINT messages are delivered in the order in which they
// were posted, and each at most once. The same holds for those from the guest to the parent.
#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <tuple>

#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;

struct Post {
  std::uint64_t sequence;
  std::uint32_t type;
  std::uint32_t size;
  std::uint64_t hash;
};

struct Flow {
  std::deque<Post> waiting;
  std::uint64_t posted = 0;     // number of the youngest post
  std::uint64_t delivered = 0;  // number of the youngest one delivered
  bool unseen = false;          // something was posted before the trace
};

struct Flows {
  void take_over(const Flows& source) { *this = source; }
  void begin_amid() { unseen = true; }
  std::map<std::tuple<bool, std::uint32_t, std::uint32_t, std::uint8_t>, Flow> flows;
  bool unseen = false;
};

class MessageOrder final : public Property {
 public:
  MessageOrder()
      : Property("SY-2", "messages of one port are delivered in order and at most once",
                 {ev::MessagePosted::kType, ev::MessageDelivered::kType, ev::PartitionState::kType,
                  ev::PartitionCall::kType, ev::VpState::kType, ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* posted = event.as<ev::MessagePosted>()) {
      post(event, *posted);
    } else if (const auto* delivered = event.as<ev::MessageDelivered>()) {
      if (delivered->sequence != 0) deliver(event, *delivered);  // 0: a timer's, from no port
    } else {
      flows_.follow(event);
    }
  }

 private:
  template <class Message>
  Flow& flow_of(const traces::Event& event, const Message& message) {
    Flows& known = flows_.at(event, message.partition);
    Flow first;
    first.unseen = known.unseen;
    return known.flows
        .try_emplace({message.to_guest, message.port, message.vp, message.sint}, first)
        .first->second;
  }

  template <class Message>
  static std::string name_of(const Message& message) {
    return std::string("message ") + std::to_string(message.sequence) +
           (message.to_guest ? " to SINT " + std::to_string(message.sint) + " of VP " +
                                   std::to_string(message.vp)
                             : std::string(" to the parent")) +
           " by port " + std::to_string(message.port);
  }

  void post(const traces::Event& event, const ev::MessagePosted& posted) {
    if (posted.status != 0) {
      ++refused_;
      return;
    }
    Flow& flow = flow_of(event, posted);
    const bool first_seen = flow.unseen && flow.posted == 0;
    if (posted.sequence != flow.posted + 1 && !first_seen) {
      violate(event, name_of(posted) + " was posted after number " + std::to_string(flow.posted));
    }
    flow.posted = posted.sequence;
    flow.waiting.push_back({posted.sequence, posted.type, posted.size, posted.hash});
  }

  void deliver(const traces::Event& event, const ev::MessageDelivered& delivered) {
    ++delivered_;
    Flow& flow = flow_of(event, delivered);
    const auto found =
        std::find_if(flow.waiting.begin(), flow.waiting.end(),
                     [&](const Post& each) { return each.sequence == delivered.sequence; });
    if (found == flow.waiting.end() && flow.unseen && delivered.sequence > flow.delivered) {
      flow.delivered = delivered.sequence;  // once, and in order, at least
      return;
    }
    if (found == flow.waiting.end()) {
      const bool again = delivered.sequence <= flow.posted;
      violate(event, name_of(delivered) + (again ? " is delivered again" : " was never posted"));
      return;
    }
    if (delivered.sequence < flow.delivered) {
      violate(event,
              name_of(delivered) + " is delivered after number " + std::to_string(flow.delivered));
    }
    if (found->type != delivered.type || found->size != delivered.size ||
        found->hash != delivered.hash) {
      violate(event, name_of(delivered) + " is not what was posted under this number");
    }
    flow.delivered = std::max(flow.delivered, delivered.sequence);
    flow.waiting.erase(found);
  }

  std::string measured() const override {
    return std::to_string(delivered_) + " messages, " + std::to_string(refused_) + " refused";
  }

  PerPartition<Flows> flows_;
  std::uint64_t delivered_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_sy2() { return std::make_unique<MessageOrder>(); }

}  // namespace checkers
