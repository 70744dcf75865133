// The world's own task: kills, restarts, pauses and resumes that wait for their turn. Inside the
// kernel only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "sim/kernel/world.hpp"

namespace sim {

struct World::Control {
  struct Request;
  /// By sequence number: of several at one instant, the first called is the first done.
  std::map<std::uint32_t, std::unique_ptr<Request>> pending;
  std::uint32_t sequence = 0;
};

struct World::Control::Request final : Wakeable {
  Request(World& in_world, Fate which, Node& whom, std::string why);
  void wake() override;

  World& world;
  Fate fate;
  Node& node;
  std::string reason;
  std::uint32_t sequence;
};

}  // namespace sim
