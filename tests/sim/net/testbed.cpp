#include "tests/sim/net/testbed.hpp"

#include <algorithm>
#include <utility>

namespace sim::testing {
namespace {

// Coroutines take pointers to what the test owns; see sim/kernel/task.hpp for why no lambda.

Task<> read_all(World* world, std::shared_ptr<Stream> stream, Story* story) {
  for (;;) {
    Stream::Received received = co_await stream->receive();
    if (received.status != StreamStatus::Ok) {
      story->receiver_ended = true;
      story->receiver_status = received.status;
      story->receiver_ended_at = world->now();
      break;
    }
    story->arrived.push_back({world->now(), received.message.kind, received.message.bytes});
  }
}

Task<> send_one(World* world, std::shared_ptr<Stream> stream, Story* story, std::uint32_t kind,
                std::uint64_t bytes) {
  Message message;
  message.kind = kind;
  message.bytes = bytes;
  const StreamStatus status = co_await stream->send(std::move(message));
  story->answered.push_back({world->now(), kind, status});
}

/// Tasks of one instant run in an order of their own; the first to run sends message 0.
Task<> send_next(World* world, std::shared_ptr<Stream> stream, Story* story,
                 std::shared_ptr<std::uint32_t> next, std::shared_ptr<const Plan> plan) {
  const std::uint32_t kind = (*next)++;
  co_await send_one(world, stream, story, kind, plan->sizes[kind]);
}

Task<> run_plan(Node* node, Network* network, NodeId to, std::shared_ptr<const Plan> plan,
                Story* story, std::uint64_t key) {
  World* const world = &node->world();
  co_await node->sleep(plan->start);
  std::string service = plan->service;
  std::shared_ptr<Stream> stream =
      co_await network->connect(*node, to, service, plan->give_up, plan->patience);
  if (!stream) {
    story->refused = true;
    story->connected_at = world->now();
    co_return;
  }
  story->connected = true;
  story->connected_at = world->now();
  const auto count = static_cast<std::uint32_t>(plan->sizes.size());
  const auto next = std::make_shared<std::uint32_t>(0);
  for (std::uint32_t kind = 0; kind < count; ++kind) {
    if (plan->concurrent) {
      node->spawn("send", key * 1'000'000 + kind, send_next(world, stream, story, next, plan));
      continue;
    }
    co_await send_one(world, stream, story, kind, plan->sizes[kind]);
    if (stream->status() != StreamStatus::Ok) break;
    if (plan->pause_between > Duration{}) co_await node->sleep(plan->pause_between);
  }
  if (plan->close) stream->close();
  if (plan->linger > Duration{}) co_await node->sleep(plan->linger);
}

Task<> act(Node* node, Duration when, std::shared_ptr<const std::function<void()>> action) {
  co_await node->sleep(when);
  (*action)();
}

}  // namespace

void EventLog::on_event(const traces::Event& event) {
  if (auto decision = decision_of(event)) decisions.insert(std::move(*decision));
  if (const auto* it = event.as<traces::ev::StreamClosed>()) {
    closed.push_back({event.time, event.node, std::string(it->reason)});
  } else if (const auto* it = event.as<traces::ev::StreamTransfer>()) {
    transfers.push_back({event.time, it->stream, it->bytes, it->took, it->retries});
  } else if (event.as<traces::ev::StreamOpened>() != nullptr) {
    opened.push_back(event.node);
  } else if (const auto* it = event.as<traces::ev::FaultFired>()) {
    faults.push_back(std::string(it->fault) + "|" + std::string(it->target) + "|" +
                     std::string(it->detail));
  } else if (const auto* it = event.as<traces::ev::LinkState>()) {
    link_states.push_back(std::string(it->link) + " " + std::string(it->from) + " " +
                          std::string(it->to) + (it->up ? " up" : " down"));
  }
}

bool Story::got(std::uint32_t kind) const {
  return std::any_of(arrived.begin(), arrived.end(),
                     [kind](const Arrived& each) { return each.kind == kind; });
}

namespace {

WorldConfig seeded(std::uint64_t seed, std::optional<DecisionSet> script) {
  WorldConfig config;
  config.seed = seed;
  config.decisions = std::move(script);
  return config;
}

}  // namespace

Testbed::Testbed(std::uint64_t seed, std::optional<DecisionSet> script)
    : world(seeded(seed, std::move(script)), recorder), network(std::make_unique<Network>(world)) {
  traces::EventSet all;
  all.set();
  recorder.attach(log, all);
  world.add_node("operator", "operator");
}

Testbed::~Testbed() = default;

Node& Testbed::node(const std::string& name, const std::string& kind) {
  Node* known = world.find_node(name);
  return known != nullptr ? *known : world.add_node(name, kind);
}

void Testbed::link(const std::string& name, const std::string& a, const std::string& b,
                   std::uint64_t bits_per_second, Duration latency, const std::string& over) {
  LinkConfig config;
  config.name = name;
  config.bits_per_second = bits_per_second;
  config.latency = latency;
  config.network = over;
  network->add_link(config, node(a), node(b));
}

void Testbed::serve(const std::string& name, Story& story, const std::string& service) {
  Node& where = node(name);
  network->listen(where, service, [&where, &story](std::shared_ptr<Stream> stream) {
    const std::uint64_t number = stream->number();
    where.spawn("server", number, read_all(&where.world(), std::move(stream), &story));
  });
}

void Testbed::client(const std::string& from, const std::string& to, const Plan& plan, Story& story,
                     std::uint64_t key) {
  Node& where = node(from);
  where.spawn(
      "client", key,
      run_plan(&where, network.get(), id(to), std::make_shared<const Plan>(plan), &story, key));
}

void Testbed::at(Duration when, std::function<void()> action) {
  Node& where = node("operator");
  where.spawn("action", actions_++,
              act(&where, when, std::make_shared<const std::function<void()>>(std::move(action))));
}

void Testbed::run(Duration limit) { world.run_until(Time{limit.ns}); }

}  // namespace sim::testing
