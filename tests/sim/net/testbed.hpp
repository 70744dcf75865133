// A small world for network tests: named nodes, a network, a record of what its events said, and
// protocol tasks that send and receive numbered messages.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/kernel/world.hpp"
#include "sim/net/network.hpp"
#include "traces/events.hpp"
#include "traces/record.hpp"

namespace sim::testing {

/// Every event as one line: time, node, and what a test wants to look at.
class EventLog final : public traces::Observer {
 public:
  struct Closed {
    Time time;
    NodeId node;
    std::string reason;
  };
  struct Transfer {
    Time time;
    std::uint64_t stream;
    std::uint64_t bytes;
    Duration took;
    std::uint32_t retries;
  };
  void on_event(const traces::Event& event) override;

  std::vector<Closed> closed;
  std::vector<Transfer> transfers;
  std::vector<NodeId> opened;
  std::vector<std::string> faults;       ///< "fault|target|detail"
  std::vector<std::string> link_states;  ///< "link from to up"
  DecisionSet decisions;
};

/// What protocol tasks did and saw. Belongs to the test, so it outlives nodes.
struct Story {
  struct Arrived {
    Time time;
    std::uint32_t kind;
    std::uint64_t bytes;
  };
  struct Answered {
    Time time;
    std::uint32_t kind;
    StreamStatus status;
  };
  bool connected = false;
  bool refused = false;
  Time connected_at{};
  std::vector<Arrived> arrived;
  std::vector<Answered> answered;
  bool receiver_ended = false;
  StreamStatus receiver_status = StreamStatus::Ok;
  Time receiver_ended_at{};

  bool got(std::uint32_t kind) const;
};

/// What a client does after it has connected.
struct Plan {
  Duration start{};
  Duration give_up{5'000'000'000};
  Duration patience = kStreamPatience;
  std::vector<std::uint64_t> sizes;  ///< message n has kind n
  Duration pause_between{};
  bool concurrent = false;  ///< all messages at once, each in a task of its own
  bool close = false;
  Duration linger{};  ///< keeps the stream that long after the last answer
  std::string service = "echo";
};

class Testbed {
 public:
  explicit Testbed(std::uint64_t seed = 1, std::optional<DecisionSet> script = std::nullopt);
  ~Testbed();

  Node& node(const std::string& name, const std::string& kind = "host");
  void link(const std::string& name, const std::string& a, const std::string& b,
            std::uint64_t bits_per_second = 10'000'000'000, Duration latency = Duration{20'000},
            const std::string& over = "");
  /// Listens; each accepted stream is read until it ends.
  void serve(const std::string& name, Story& story, const std::string& service = "echo");
  void client(const std::string& from, const std::string& to, const Plan& plan, Story& story,
              std::uint64_t key = 0);
  NodeId id(const std::string& name) { return node(name).id(); }
  /// Calls `action` at an instant, as an event of the operator's node.
  void at(Duration when, std::function<void()> action);
  void run(Duration limit);

  traces::Recorder recorder;
  EventLog log;
  World world;
  std::unique_ptr<Network> network;

 private:
  std::uint64_t actions_ = 0;
};

}  // namespace sim::testing
