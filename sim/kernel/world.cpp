#include "sim/kernel/world.hpp"

#include <algorithm>
#include <utility>

#include "sim/kernel/processor_slot.hpp"
#include "sim/kernel/world_control.hpp"
#include "traces/digest.hpp"

namespace sim {

World::World(WorldConfig config, traces::Recorder& recorder)
    : config_(std::move(config)),
      recorder_(recorder),
      random_(config_.seed),
      control_(std::make_unique<Control>()),
      inviting_(!config_.buggify.empty() || config_.decisions.has_value()) {
  HVSIM_ASSERT(config_.processor_window > Duration{0}, "processors could never run ahead");
}

/// Tasks of all nodes go before objects of any node: a task may use what another node keeps.
World::~World() {
  for (const auto& node : nodes_) {
    node->alive_ = false;
    node->destroy_tasks();
  }
  for (const auto& node : nodes_) node->destroy_kept();
  for (const auto& slot : processors_) {
    if (slot->processor != nullptr) slot->processor->slot_ = nullptr;
  }
}

// ---------------------------------------------------------------- nodes

Node& World::add_node(std::string name, std::string kind) {
  const NodeId id{static_cast<std::uint32_t>(nodes_.size() + 1)};
  nodes_.push_back(std::unique_ptr<Node>(new Node(*this, id, std::move(name), std::move(kind))));
  Node& node = *nodes_.back();
  const bool is_new = nodes_by_name_.emplace(node.name(), &node).second;
  HVSIM_ASSERT(is_new, "two nodes of one name");
  emit(id, traces::ev::NodeAdded{.name = node.name(), .kind = node.kind()});
  return node;
}

Node& World::node(NodeId id) {
  HVSIM_ASSERT(id.value >= 1 && id.value <= nodes_.size(), "no such node");
  return *nodes_[id.value - 1];
}

Node* World::find_node(std::string_view name) {
  const auto found = nodes_by_name_.find(name);
  return found == nodes_by_name_.end() ? nullptr : found->second;
}

// ---------------------------------------------------------------- events

EventHandle World::schedule(const EventKey& key, Wakeable& target) {
  HVSIM_ASSERT(key.time >= now() && key.time < kNever, "an event outside the future");
  if (running_ != nullptr) lower_running_limit(key.time);
  return queue_.push(key, target);
}

bool World::run_until(Time limit) {
  while (!stopped_ && step(limit)) {
  }
  if (!stopped_ && limit != kNever) now_ = std::max(now_, limit);
  return !queue_.empty() || !released_.empty() ||
         std::any_of(runnable_.begin(), runnable_.end(), [](auto* slot) { return !slot->held(); });
}

void World::stop(std::string reason) {
  if (stopped_) return;
  stopped_ = true;
  stop_reason_ = std::move(reason);
  if (running_ != nullptr) lower_running_limit(now());
}

/// The next thing that happens at or before the limit; false when there is none.
bool World::step(Time limit) {
  if (!released_.empty()) {
    dispatch_released();
    return true;
  }
  if (!runnable_.empty() && run_slowest_processor(limit)) return true;
  if (queue_.empty() || queue_.next_time() > limit) return false;
  dispatch_next();
  return true;
}

void World::dispatch_next() {
  HVSIM_ASSERT(queue_.next_time() >= now_, "time ran backwards");
  now_ = queue_.next_time();
  if (paused_nodes_ != 0) {
    const NodeId id = queue_.next_node();
    if (id.value != 0 && node(id).paused()) {
      node(id).deferred_.push_back(queue_.park());
      return;
    }
  }
  ++dispatched_;
  queue_.pop().target->wake();
}

/// Events that waited for a node's pause to end, in their own order. They are past due.
void World::dispatch_released() {
  const EventHandle event = released_.front();
  released_.pop_front();
  Wakeable* const target = queue_.unpark(event);
  if (target == nullptr) return;
  ++dispatched_;
  target->wake();
}

// ---------------------------------------------------------------- processors

Processor::~Processor() {
  if (slot_ != nullptr) slot_->world.remove_processor(*this);
}

void World::add_processor(Processor& processor, Node& node, std::uint64_t order) {
  HVSIM_ASSERT(processor.slot_ == nullptr, "a processor was added twice");
  for (const auto& slot : processors_) {
    HVSIM_ASSERT(&slot->node != &node || slot->order != order, "two processors of one order");
  }
  processors_.push_back(std::make_unique<ProcessorSlot>(*this, &processor, node, order));
  processor.slot_ = processors_.back().get();
}

void World::remove_processor(Processor& processor) {
  ProcessorSlot* const slot = processor.slot_;
  HVSIM_ASSERT(slot != nullptr && &slot->world == this, "the processor is not in this world");
  set_runnable(processor, false);
  processor.slot_ = nullptr;
  if (running_ == &processor) {
    slot->processor = nullptr;  // run_processor holds on to the slot
    return;
  }
  std::erase_if(processors_, [slot](const auto& each) { return each.get() == slot; });
}

void World::set_runnable(Processor& processor, bool runnable) {
  ProcessorSlot* const slot = processor.slot_;
  HVSIM_ASSERT(slot != nullptr && &slot->world == this, "the processor is not in this world");
  if (slot->runnable == runnable) return;
  slot->runnable = runnable;
  if (!runnable) {
    std::erase(runnable_, slot);
    if (running_ == &processor) lower_running_limit(now());
    return;
  }
  runnable_.push_back(slot);
  if (running_ != nullptr && running_ != &processor) {
    // The newcomer may not fall behind by more than the window.
    const Time start = std::max(processor.local_time(), now());
    lower_running_limit(start + config_.processor_window);
  }
}

/// False when no processor is behind the next event and the limit.
bool World::run_slowest_processor(Time limit) {
  ProcessorSlot* slowest = nullptr;
  Time slowest_time = kNever;
  Time second_time = kNever;
  for (ProcessorSlot* const slot : runnable_) {
    if (slot->held()) continue;
    const Time time = slot->processor->local_time();
    if (slowest == nullptr || slot->precedes(time, *slowest, slowest_time)) {
      second_time = slowest_time;
      slowest_time = time;
      slowest = slot;
    } else {
      second_time = std::min(second_time, time);
    }
  }
  if (slowest == nullptr) return false;
  Time until = std::min(limit, queue_.next_time());
  if (slowest_time >= until) return false;
  if (second_time != kNever) until = std::min(until, second_time + config_.processor_window);
  run_processor(*slowest, until);
  return true;
}

void World::run_processor(ProcessorSlot& slot, Time limit) {
  Processor& processor = *slot.processor;
  const Time started = processor.local_time();
  HVSIM_ASSERT(started >= now_, "a processor runs in the past: it did not set its clock");
  HVSIM_ASSERT(started >= slot.seen, "a processor's clock ran backwards");
  {
    struct Running {
      World& world;
      ~Running() { world.running_ = nullptr; }
    };
    const Running running{*this};
    running_ = &processor;
    running_limit_ = limit;
    processor.run_to(limit);
  }
  if (slot.processor == nullptr) {
    std::erase_if(processors_, [&slot](const auto& each) { return each.get() == &slot; });
    return;
  }
  slot.seen = processor.local_time();
  HVSIM_ASSERT(slot.seen >= started, "a processor's clock ran backwards");
  HVSIM_ASSERT(!slot.runnable || slot.seen >= running_limit_, "a processor stopped too early");
}

/// Something came up in the middle of a processor's run.
void World::lower_running_limit(Time limit) {
  if (limit >= running_limit_) return;
  running_limit_ = limit;
  running_->lower_limit(limit);
}

// ---------------------------------------------------------------- choices and names

bool World::decide(Node& node, std::string_view stream, const Operation& operation, Chance chance) {
  const auto& [a, b, c, d] = operation;
  const bool happens = config_.decisions
                           ? config_.decisions->contains(DecisionView{stream, operation})
                           : random_.draw(stream, a, b, c, d).happens(chance);
  if (!happens) return false;
  traces::ev::DecisionTaken taken;
  taken.stream = stream;
  taken.a = a;
  taken.b = b;
  taken.c = c;
  taken.d = d;
  emit(node.id(), taken);
  return true;
}

void World::calm() {
  config_.decisions = DecisionSet{};
  inviting_ = false;
}

Draw World::amount(std::string_view stream, const Operation& operation) const {
  const auto& [a, b, c, d] = operation;
  return random_.draw(stream, a, b, c, ~d);  // no choice counts its parts from the far end
}

bool World::buggify_fires(Node& node, std::string_view point, const Operation& operation) {
  const auto& [a, b, c, d] = operation;
  if (config_.decisions) {
    if (!config_.decisions->contains(DecisionView{point, operation})) return false;
  } else {
    const auto found = config_.buggify.find(point);
    if (found == config_.buggify.end()) return false;
    if (!random_.draw(point, a, b, c, d).happens(found->second)) return false;
  }
  traces::ev::BuggifyFired fired;
  fired.point = point;
  fired.a = a;
  fired.b = b;
  fired.c = c;
  fired.d = d;
  emit(node.id(), fired);
  return true;
}

void World::sometimes(Node& node, std::string_view point) {
  if (reached_points_.find(point) != reached_points_.end()) return;
  reached_points_.emplace(point);
  emit(node.id(), traces::ev::SometimesReached{.point = point});
}

bool World::plant_fires(Node& node, std::string_view name) {
  if (config_.plants.find(name) == config_.plants.end()) return false;
  if (fired_plants_.find(name) == fired_plants_.end()) {
    fired_plants_.emplace(name);
    emit(node.id(), traces::ev::PlantFired{.plant = name});
  }
  return true;
}

/// For one name a bijection of the key: odd factors and shifted xors lose nothing.
std::uint64_t path_of(std::string_view name, std::uint64_t key) {
  std::uint64_t path = traces::hash64_of(name) + key * 0x9e37'79b9'7f4a'7c15;
  path = (path ^ path >> 32) * 0xd6e8'feb8'6659'fd93;
  path = (path ^ path >> 32) * 0xd6e8'feb8'6659'fd93;
  return path ^ path >> 32;
}

}  // namespace sim
