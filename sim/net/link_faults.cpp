#include "sim/net/link_faults.hpp"

#include <algorithm>
#include <bit>
#include <string>

#include "sim/net/frame_check.hpp"
#include "traces/assert.hpp"
#include "traces/events.hpp"

namespace sim::net {
namespace {

void report(World& world, const Node& sender, const Direction& direction, const Attempt& attempt,
            std::string_view fault, const std::string& what) {
  const std::string target = direction.link + " from " + direction.from->name();
  const std::string detail = "stream " + std::to_string(attempt.stream) + " message " +
                             std::to_string(attempt.message) + " attempt " +
                             std::to_string(attempt.number) + what;
  traces::ev::FaultFired event;
  event.fault = fault;
  event.target = target;
  event.detail = detail;
  world.emit(sender.id(), event);
}

std::string some_of(unsigned some, unsigned all) {
  return ": " + std::to_string(some) + " of " + std::to_string(all) + " chunks";
}

/// The operation of a choice about one chunk, or about the whole attempt.
Operation operation_of(const Attempt& attempt, std::uint64_t chunk = 0) {
  return {attempt.stream, attempt.message, attempt.number, chunk};
}

/// One choice per chunk, bit per chunk.
std::uint64_t choose_chunks(World& world, Node& sender, std::string_view stream,
                            const Attempt& attempt, Chance chance, unsigned chunks) {
  if (!world.may_happen(chance)) return 0;
  std::uint64_t chosen = 0;
  for (unsigned chunk = 0; chunk < chunks; ++chunk) {
    if (world.happens(sender, stream, operation_of(attempt, chunk), chance)) {
      chosen |= std::uint64_t{1} << chunk;
    }
  }
  return chosen;
}

}  // namespace

unsigned chunks_of(std::uint64_t bytes) {
  const std::uint64_t chunks = bytes / kChunkBytes + (bytes % kChunkBytes != 0 ? 1 : 0);
  return static_cast<unsigned>(std::clamp<std::uint64_t>(chunks, 1, kMaxChunkDraws));
}

std::uint64_t share_of(std::uint64_t bytes, unsigned some, unsigned chunks) {
  HVSIM_ASSERT(some <= chunks && chunks > 0, "a part is not more than the whole");
  return bytes / chunks * some + bytes % chunks * some / chunks;
}

Verdict judge(World& world, Node& sender, const Path& path, const Attempt& attempt,
              std::uint64_t bytes) {
  Verdict verdict;
  verdict.chunks = chunks_of(bytes);
  const auto choose = [&](std::string_view stream, Chance chance) {
    return choose_chunks(world, sender, stream, attempt, chance, verdict.chunks);
  };
  for (const Direction* direction : path.hops) {
    const LinkFaults& faults = direction->faults;
    if (const std::uint64_t lost = choose(direction->loss_draws, faults.loss)) {
      verdict.lost |= lost;
      const auto count = static_cast<unsigned>(std::popcount(lost));
      report(world, sender, *direction, attempt, "net.loss", some_of(count, verdict.chunks));
    }
    const std::uint64_t damaged = choose(direction->corruption_draws, faults.corruption);
    if (damaged != 0) {
      for (unsigned chunk = 0; chunk < verdict.chunks; ++chunk) {
        if ((damaged >> chunk & 1) == 0) continue;
        Draw where = world.amount(direction->corruption_draws, operation_of(attempt, chunk));
        HVSIM_ASSERT(check_fails(draw_damage(where)), "a short burst never passes the frame check");
      }
      verdict.lost |= damaged;
      const auto count = static_cast<unsigned>(std::popcount(damaged));
      report(world, sender, *direction, attempt, "net.corruption",
             some_of(count, verdict.chunks) + " fail their checksum and are dropped");
    }
    if (const std::uint64_t twice = choose(direction->duplication_draws, faults.duplication)) {
      const auto count = static_cast<unsigned>(std::popcount(twice));
      verdict.duplicated += count;
      report(world, sender, *direction, attempt, "net.duplication", some_of(count, verdict.chunks));
    }
    const std::string& reordering = direction->reordering_draws;
    if (world.happens(sender, reordering, operation_of(attempt), faults.reordering)) {
      Draw choice = world.amount(reordering, operation_of(attempt));
      const Duration late = choice.between(Duration{1}, kReorderingDelayMax);
      verdict.delay += late;
      report(world, sender, *direction, attempt, "net.reordering",
             ": late by " + std::to_string(late.ns) + " ns");
    }
  }
  return verdict;
}

bool acknowledgement_lost(World& world, Node& sender, const Path& path, const Attempt& attempt) {
  bool lost = false;
  const Operation operation = operation_of(attempt);
  for (const Direction* direction : path.hops) {
    const LinkFaults& faults = direction->faults;
    if (world.happens(sender, direction->ack_loss_draws, operation, faults.loss)) {
      lost = true;
      report(world, sender, *direction, attempt, "net.loss", ": acknowledgement");
    }
    if (world.happens(sender, direction->ack_corruption_draws, operation, faults.corruption)) {
      lost = true;
      report(world, sender, *direction, attempt, "net.corruption",
             ": acknowledgement fails its checksum and is dropped");
    }
  }
  return lost;
}

}  // namespace sim::net
