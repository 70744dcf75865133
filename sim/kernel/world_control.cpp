#include "sim/kernel/world_control.hpp"

#include <algorithm>
#include <utility>

#include "sim/kernel/processor_slot.hpp"

namespace sim {

World::Control::Request::Request(World& in_world, Fate which, Node& whom, std::string why)
    : world(in_world),
      fate(which),
      node(whom),
      reason(std::move(why)),
      sequence(in_world.control_->sequence++) {}

void World::Control::Request::wake() {
  const auto self = world.control_->pending.extract(sequence);  // lives until this returns
  switch (fate) {
    case Fate::kKill:
      return world.kill_now(node, reason);
    case Fate::kRestart:
      return world.restart_now(node);
    case Fate::kPause:
      return world.pause_now(node);
    case Fate::kResume:
      return world.resume_now(node);
  }
}

void World::request(Fate fate, Node& node, std::string reason) {
  auto request = std::make_unique<Control::Request>(*this, fate, node, std::move(reason));
  const std::uint32_t sequence = request->sequence;
  schedule({now(), NodeId{}, sequence, path_of("world.control", 0)}, *request);
  control_->pending.emplace(sequence, std::move(request));
}

void World::kill(Node& node, std::string reason) { request(Fate::kKill, node, std::move(reason)); }

void World::restart(Node& node) { request(Fate::kRestart, node, {}); }

void World::pause(Node& node) { request(Fate::kPause, node, {}); }

void World::resume(Node& node) { request(Fate::kResume, node, {}); }

void World::on_restart(Node& node, std::function<void()> boot) { node.boot_ = std::move(boot); }

void World::kill_now(Node& node, std::string_view reason) {
  if (!node.alive()) return;
  node.alive_ = false;
  emit(node.id(), traces::ev::NodeKilled{.reason = reason});
  for (const auto& slot : processors_) {
    if (&slot->node == &node) set_runnable(*slot->processor, false);
  }
  node.destroy_tasks();
  node.destroy_kept();
  node.disarm_timers();
  node.tell_fates(&NodeFate::node_killed);
  if (node.paused()) release_deferred(node);
}

void World::restart_now(Node& node) {
  if (node.alive()) return;
  ++node.generation_;
  node.alive_ = true;
  emit(node.id(), traces::ev::NodeRestarted{.generation = node.generation_});
  node.tell_fates(&NodeFate::node_restarted);
  if (node.boot_) node.boot_();
}

void World::pause_now(Node& node) {
  if (!node.alive() || node.paused()) return;
  node.paused_ = true;
  ++paused_nodes_;
  emit(node.id(), traces::ev::NodePaused{});
  node.tell_fates(&NodeFate::node_paused);
}

void World::resume_now(Node& node) {
  if (!node.paused()) return;
  emit(node.id(), traces::ev::NodeResumed{});
  release_deferred(node);
  node.tell_fates(&NodeFate::node_resumed);
}

/// After a kill only events that others scheduled on the node are left of these: tasks and timers
/// have withdrawn theirs.
void World::release_deferred(Node& node) {
  node.paused_ = false;
  --paused_nodes_;
  released_.insert(released_.end(), node.deferred_.begin(), node.deferred_.end());
  node.deferred_.clear();
}

}  // namespace sim
